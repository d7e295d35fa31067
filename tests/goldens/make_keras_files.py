"""Writes tests/goldens/keras_files: files of Keras itself, and what Keras computes with them.

    KERAS_BACKEND=torch PYTHONPATH=tests/goldens python tests/goldens/make_keras_files.py

in an environment with keras 3.15.1, torch and h5py. ``expected.npz`` has, for each file, the inputs, the
predictions and, where the model was compiled, the loss of the next three steps and the predictions after
them. The zip files are packed once more, with compression; ``plain.zip`` holds files as Keras wrote them.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

HERE = Path(__file__).parent / "keras_files"
RNG = np.random.default_rng(11)
BATCH = 6


def mlp() -> tuple[Any, Any]:
    start = keras.Input((5,))
    x = layers.Dense(4, activation="gelu", kernel_regularizer=keras.regularizers.L2(1e-3))(start)
    x = layers.LayerNormalization()(x)
    x = layers.Dropout(0.3, seed=1)(x)
    x = layers.Dense(3, bias_constraint=keras.constraints.MaxNorm(2.0))(x)
    return keras.Model(start, layers.Activation(keras.activations.softmax)(x)), normal(5)


def convnet() -> tuple[Any, Any]:
    model = keras.Sequential([
        keras.Input((6, 6, 2)), layers.Conv2D(3, 3, padding="same", use_bias=False),
        layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(), layers.SeparableConv2D(4, 2),
        layers.GlobalAveragePooling2D(), layers.Dense(3),
    ])  # fmt: skip
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02, amsgrad=True), loss, metrics=["accuracy"])
    return model, normal(6, 6, 2)


def branches() -> tuple[Any, Any]:
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    shared = layers.Dense(3, activation="tanh", name="twin")
    narrow = layers.Dense(3)(right)
    a, b = shared(left), shared(right)
    x = layers.Concatenate()([a, b * 2.0 + narrow, ops.maximum(a, narrow)[:, 1:]])
    x = ops.concatenate([x, ops.sum(x, axis=-1, keepdims=True)], axis=1)
    out = {"score": layers.Dense(1, name="score")(x), "distance": ops.square(a - b)}
    model = keras.Model([left, right], out)
    model.compile(
        keras.optimizers.SGD(0.001, momentum=0.9), {"score": "mse", "distance": "mae"},
        loss_weights={"score": 2.0, "distance": 0.5},
    )  # fmt: skip
    return model, [normal(4), normal(4)]


def recurrent() -> tuple[Any, Any]:
    start = keras.Input((None,), dtype="int32")
    x = layers.Embedding(7, 3, mask_zero=True)(start)
    x = layers.Bidirectional(layers.GRU(2, return_sequences=True))(x)
    x = layers.LSTM(3, return_sequences=True)(x)
    x = layers.RNN([layers.SimpleRNNCell(2), layers.GRUCell(2)])(x)
    model = keras.Model(start, layers.Dense(1, activation="sigmoid")(x))
    model.compile(keras.optimizers.RMSprop(0.01, momentum=0.5), "binary_crossentropy")
    tokens = RNG.integers(1, 7, (BATCH, 5)).astype("int32")
    tokens[1, 3:] = tokens[2, 1:] = 0
    return model, tokens


def transformer() -> tuple[Any, Any]:
    start = keras.Input((4, 6))
    attended = layers.MultiHeadAttention(2, 3)(start, start)
    x = layers.LayerNormalization(epsilon=1e-6)(start + attended)
    y = layers.Dense(6)(layers.Dense(5, activation="relu")(x))
    x = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(start, layers.Dense(2)(x)), normal(4, 6)


def nested() -> tuple[Any, Any]:
    inner_in = keras.Input((4,))
    inner = keras.Model(inner_in, layers.Dense(4, activation="elu")(inner_in), name="inner")
    head = keras.Sequential(
        [layers.Dense(2), layers.BatchNormalization(), layers.Dense(4)], name="head"
    )
    start = keras.Input((4,))
    model = keras.Model(start, inner(head(inner(start))))
    head.layers[0].trainable = False
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5, staircase=True)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=0.01, use_ema=True), "mse")
    return model, normal(4)


def features() -> tuple[Any, Any]:
    number, kind = keras.Input((2,), name="number"), keras.Input((1,), dtype="int32", name="kind")
    scale = layers.Normalization()
    scale.adapt(RNG.normal(3.0, 2.0, (50, 2)).astype("float32"))
    encoded = layers.CategoryEncoding(4, output_mode="one_hot")(kind)
    x = layers.Concatenate()([scale(number), encoded])
    model = keras.Model({"number": number, "kind": kind}, layers.Dense(1)(x))
    kinds = RNG.integers(0, 4, (BATCH, 1)).astype("int32")
    return model, {"number": normal(2), "kind": kinds}


class Block(layers.Layer):
    """A layer of a user's, as in tests/runtime/test_keras_files.py; in the file it has layers in it."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.wide, self.narrow = layers.Dense(units), layers.Dense(units, lora_rank=1)
        self.norms = [layers.LayerNormalization(), layers.UnitNormalization()]

    def build(self, shape: Any) -> None:
        self.narrow.build(shape)
        self.wide.build(shape)
        self.norms[0].build((*shape[:-1], self.units))
        self.scale = self.add_weight((self.units,), "ones", name="scale")
        self.built = True

    def call(self, x: Any) -> Any:
        return self.norms[1](self.norms[0](self.wide(x))) * self.scale + self.narrow(x)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


class Tower(keras.Model):
    """A model that is neither functional nor Sequential."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stack = [Block(3), Block(2)]
        self.attend = layers.GroupQueryAttention(2, 4, 2)
        self.heads = {"top": layers.Dense(2)}

    def call(self, x: Any) -> Any:
        for block in self.stack:
            x = block(x)
        return self.heads["top"](self.attend(x, x))

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


def subclassed() -> tuple[Any, Any]:
    model, x = Tower(), normal(3, 4)
    model(x)
    return model, x


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=(BATCH, *shape)).astype("float32")


def filled(model: Any) -> None:
    """Weights that no initializer gives, so that nothing can be right by chance."""
    for weight in model.weights:
        kept = "variance" in weight.name or "mean" in weight.name or "count" in weight.name
        if not kept:
            weight.assign(RNG.normal(0.0, 0.5, weight.shape))


def targets(model: Any, x: Any) -> Any:
    predicted = model.predict(x, verbose=0)
    if isinstance(predicted, dict):
        return {k: RNG.normal(size=v.shape).astype("float32") for k, v in predicted.items()}
    if predicted.shape[-1:] == (3,):
        return RNG.integers(0, 3, BATCH).astype("int32")
    return RNG.uniform(size=predicted.shape).astype("float32")


def leaves(value: Any) -> list[np.ndarray]:
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in leaves(value[key])]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves(item)]
    return [np.asarray(value)]


def repacked(source: Path, target: Path) -> None:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.namelist():
            stamp = zipfile.ZipInfo(item, (1980, 1, 1, 0, 0, 0))
            new.writestr(stamp, old.read(item), zipfile.ZIP_DEFLATED, 9)


def write(name: str, make: Any, arrays: dict[str, np.ndarray], folder: Path) -> None:
    keras.utils.clear_session()
    keras.utils.set_random_seed(3)
    model, x = make()
    filled(model)
    compiled = getattr(model, "optimizer", None) is not None
    y = targets(model, x)
    if compiled:
        for _ in range(2):
            model.train_on_batch(x, y)
    model.save(str(folder / "x.keras"))
    repacked(folder / "x.keras", HERE / f"{name}.keras")
    record(arrays, name, x=x, y=y, predicted=model.predict(x, verbose=0))
    if compiled:
        losses = [np.ravel(model.train_on_batch(x, y))[0] for _ in range(3)]
        record(arrays, name, loss=np.array(losses), after=model.predict(x, verbose=0))


def record(arrays: dict[str, np.ndarray], name: str, **groups: Any) -> None:
    for label, value in groups.items():
        for i, item in enumerate(leaves(value)):
            kept = item.astype("float32") if item.dtype == "float64" else item
            arrays[f"{name}/{label}/{i}"] = kept


def plain(arrays: dict[str, np.ndarray], folder: Path) -> None:
    """Files as they are: a zip, a folder, weights alone (also in parts), the old form, pickled weights."""
    target = folder / "plain"
    target.mkdir()

    def make(name: str, function: Any) -> Any:
        keras.utils.clear_session()
        keras.utils.set_random_seed(5)
        model, x = function()
        filled(model)
        record(arrays, name, x=x, predicted=model.predict(x, verbose=0))
        return model, x

    make("stored", mlp)[0].save(str(target / "stored.keras"))
    make("unzipped", features)[0].save(str(target / "unzipped"), zipped=False)
    model, _ = make("weights", branches)
    model.save_weights(str(target / "branches.weights.h5"))
    model.save_weights(str(target / "parts.weights.json"), max_shard_size=1e-7)
    model, x = make("old", convnet)
    y = targets(model, x)
    model.train_on_batch(x, y)
    record(arrays, "old", y=y, predicted=model.predict(x, verbose=0))
    model.save(str(target / "convnet.h5"))
    record(
        arrays, "old", loss=np.array([np.ravel(model.train_on_batch(x, y))[0] for _ in range(3)])
    )
    with open(target / "pickled.keras", "wb") as file:
        keras.src.saving.saving_lib._save_model_to_fileobj(make("npz", mlp)[0], file, "npz")
    with zipfile.ZipFile(HERE / "plain.zip", "w", zipfile.ZIP_LZMA) as packed:
        for path in sorted(p for p in target.rglob("*") if p.is_file()):
            stamp = zipfile.ZipInfo(path.relative_to(target).as_posix(), (1980, 1, 1, 0, 0, 0))
            packed.writestr(stamp, path.read_bytes(), zipfile.ZIP_LZMA)


def optimizers() -> dict[str, Any]:
    """Names and shapes of the variables of all optimizers, in the order in which files have them."""
    found = {}
    some = {"clipnorm": 1.0, "use_ema": True, "gradient_accumulation_steps": 2}
    more: dict[str, dict[str, Any]] = {
        "SGD": {"momentum": 0.9}, "Adam": {"amsgrad": True, **some},
        "RMSprop": {"momentum": 0.5, "centered": True, **some}, "Adafactor": some,
    }  # fmt: skip
    for name in ("SGD", "Adam", "AdamW", "Nadam", "Adamax", "Adafactor", "RMSprop", "Muon", "Ftrl", "Lion",
                 "Lamb", "ScheduleFreeAdamW", "Adagrad", "Adadelta"):  # fmt: skip
        optimizer = getattr(keras.optimizers, name)(0.1, **more.get(name, {}))
        optimizer.build([
            keras.Variable(np.zeros((2, 3), "float32"), name="a"),
            keras.Variable(np.zeros(3, "float32"), name="b"),
        ])  # fmt: skip
        rows = [[v.name, list(v.shape)] for v in optimizer.variables]
        found[name] = {"options": more.get(name, {}), "variables": rows}
    return found


def main() -> None:
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir()
    arrays: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as folder:
        for make in (mlp, convnet, branches, recurrent, transformer, nested, features, subclassed):
            write(make.__name__, make, arrays, Path(folder))
        plain(arrays, Path(folder))
    index, offset = {}, 0
    for key, array in arrays.items():
        index[key] = [array.dtype.name, list(array.shape), offset]
        offset += array.size
    values = np.concatenate([a.astype("float32").ravel() for a in arrays.values()])
    (HERE / "optimizers.json").write_text(json.dumps(optimizers(), indent=0) + "\n")
    np.savez_compressed(HERE / "expected.npz", index=json.dumps(index), values=values)
    total = sum(p.stat().st_size for p in HERE.rglob("*") if p.is_file())
    print(f"{total} bytes in {HERE}")


if __name__ == "__main__":
    main()
