"""Files of Keras itself: ``tests/goldens/make_keras_files.py`` wrote them, and what Keras computes with them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import FileFormatError
from waterhorse.runtime.keras_files.optimizer import in_order

from .keras_archives import (
    BIAS,
    FULL,
    HERE,
    KERNEL,
    RNG,
    check,
    dense,
    entry,
    sequential,
    unpacked,
    wanted,
    written,
)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("plain"))


def nested(items: list[Any], names: tuple[str, ...] = ()) -> Any:
    """Arrays as the model takes them; dicts are stored in the order of their keys."""
    if names:
        return dict(zip(names, items, strict=True))
    return items[0] if len(items) == 1 else items


INPUTS = {"features": ("kind", "number"), "unzipped": ("kind", "number")}
TARGETS = {"branches": ("distance", "score")}


@pytest.mark.parametrize(
    "name", ["mlp", "convnet", "branches", "recurrent", "transformer", "nested", "features"]
)
def test_model(name: str) -> None:
    model = wh.models.load_model(HERE / f"{name}.keras")
    x = nested(wanted(name, "x"), INPUTS.get(name, ()))
    check(model.predict(x, verbose=0), wanted(name, "predicted"))


@pytest.mark.parametrize("name", ["convnet", "branches", "recurrent", "nested"])
def test_training_goes_on(name: str) -> None:
    """The optimizer's state, schedule, losses and their weights are those of the file."""
    model = wh.models.load_model(HERE / f"{name}.keras")
    x = nested(wanted(name, "x"))
    y = nested(wanted(name, "y"), TARGETS.get(name, ()))
    losses = [np.ravel(model.train_on_batch(x, y))[0] for _ in range(3)]
    check(np.array(losses), wanted(name, "loss"))
    # Adam divides by roots of squared gradients, which are small here: so are errors in them
    check(model.predict(x, verbose=0), wanted(name, "after"), rtol=1e-5, atol=1e-5)


def test_what_compile_says() -> None:
    model = wh.models.load_model(HERE / "nested.keras")
    optimizer = model.optimizer
    assert isinstance(optimizer, wh.optimizers.AdamW)
    assert optimizer.get_config()["weight_decay"] == 0.01
    assert int(optimizer.iterations.numpy()) == 2
    assert [v.trainable for v in model.get_layer("head").layers[0].variables] == [False, False]
    model = wh.models.load_model(HERE / "nested.keras", compile=False)
    assert model.optimizer is None


ORDERS = json.loads((HERE / "optimizers.json").read_text())


@pytest.mark.parametrize("name", ORDERS)
def test_order_of_optimizer_state(name: str) -> None:
    """Which of our variables is at which place in the file. Keras' names are not quite ours."""
    case = ORDERS[name]
    optimizer = getattr(wh.optimizers, name)(0.1, **case["options"])
    variables = [wh.Variable(np.zeros(s, "f4"), name=n) for n, s in (("a", (2, 3)), ("b", (3,)))]
    order = in_order(optimizer, variables)
    assert len(order) == len(case["variables"])
    other = {"iteration": "iterations", "variable": "u_product", "a_velocity": None}
    for variable, (label, shape) in zip(order, case["variables"], strict=True):
        if variable is None:  # what Keras' Adafactor keeps and does not use
            assert name == "Adafactor"
            continue
        assert list(variable.shape) == shape
        parts = variable.path.split("/")[1:]
        if parts[-1] in ("rows", "columns"):
            parts.pop()
        assert "_".join(parts) == (other.get(label) or label)
    assert {id(v) for v in order if v is not None} == {id(v) for v in optimizer.variables}


@pytest.mark.parametrize(("name", "file"), [("stored", "stored.keras"), ("unzipped", "unzipped")])
def test_other_containers(plain: Path, name: str, file: str) -> None:
    model = wh.models.load_model(plain / file)
    x = nested(wanted(name, "x"), INPUTS.get(name, ()))
    check(model.predict(x, verbose=0), wanted(name, "predicted"))


@pytest.mark.parametrize(
    "file", ["branches.weights.h5", "parts.weights.json", pytest.param("x.keras", id="of a model")]
)
def test_weights(plain: Path, file: str) -> None:
    """A model of this program's own, whose layers are named otherwise, takes the weights."""
    model = branches()
    if file == "x.keras":
        name, path = "branches", HERE / "branches.keras"
    else:
        name, path = "weights", plain / file
    model.load_weights(path)
    check(model.predict(wanted(name, "x"), verbose=0), wanted(name, "predicted"))


def branches() -> Any:
    """As in the script, by the same lines but for the names."""
    layers = wh.layers
    left, right = wh.Input((4,), name="a"), wh.Input((4,), name="b")
    shared = layers.Dense(3, activation="tanh", name="one")
    narrow = layers.Dense(3, name="two")(right)
    a, b = shared(left), shared(right)
    x = layers.Concatenate()([a, b * 2.0 + narrow, wh.ops.maximum(a, narrow)[:, 1:]])
    x = wh.ops.concatenate([x, wh.ops.sum(x, axis=-1, keepdims=True)], axis=1)
    score = layers.Dense(1, name="three")(x)
    return wh.Model([left, right], {"distance": wh.ops.square(a - b), "score": score})


def convnet() -> Any:
    layers = wh.layers
    return wh.Sequential([
        wh.Input((6, 6, 2)), layers.Conv2D(3, 3, padding="same", use_bias=False),
        layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(), layers.SeparableConv2D(4, 2),
        layers.GlobalAveragePooling2D(), layers.Dense(3),
    ])  # fmt: skip


def test_weights_of_the_old_form(plain: Path) -> None:
    model = convnet()
    model.load_weights(plain / "convnet.h5")
    check(model.predict(wanted("old", "x")[0], verbose=0), wanted("old", "predicted"))


def test_old_model(plain: Path) -> None:
    model = wh.models.load_model(plain / "convnet.h5")
    x, y = wanted("old", "x")[0], wanted("old", "y")[0]
    check(model.predict(x, verbose=0), wanted("old", "predicted"))
    check(np.array([model.train_on_batch(x, y)[0] for _ in range(3)]), wanted("old", "loss"))


def test_a_loaded_model_is_a_model(tmp_path: Path) -> None:
    """It can be saved, exported and trained from scratch like any other."""
    model = wh.models.load_model(HERE / "transformer.keras")
    x, expected = wanted("transformer", "x")[0], wanted("transformer", "predicted")
    model.save(tmp_path / "own.wh")
    check(wh.models.load_model(tmp_path / "own.wh").predict(x, verbose=0), expected)
    model.export(tmp_path / "own.onnx")
    check(wh.load_onnx(tmp_path / "own.onnx").predict(x, verbose=0), expected)


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What docs/from_keras.md shows can be run."""
    text = (HERE.parents[2] / "docs" / "from_keras.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 3
    shutil.copy(HERE / "mlp.keras", tmp_path / "model.keras")
    monkeypatch.chdir(tmp_path)
    exec("\n".join(blocks), {})


# -- classes and functions of one's own ---------------------------------------------------------


class Block(wh.Layer):
    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        layers = wh.layers
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


class Tower(wh.Model):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stack = [Block(3), Block(2)]
        self.attend = wh.layers.GroupQueryAttention(2, 4, 2)
        self.heads = {"top": wh.layers.Dense(2)}

    def call(self, x: Any) -> Any:
        for block in self.stack:
            x = block(x)
        return self.heads["top"](self.attend(x, x))

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


def doubled(x: Any) -> Any:
    return x * 2


def test_subclass() -> None:
    path, (x,) = HERE / "subclassed.keras", wanted("subclassed", "x")
    with pytest.raises(FileFormatError, match=r"custom_objects=\{'Tower': \.\.\.\}"):
        wh.models.load_model(path)
    model = wh.models.load_model(path, custom_objects={"Tower": Tower, "Block": Block})
    check(model.predict(x, verbose=0), wanted("subclassed", "predicted"))
    model = Tower()
    model(x)
    model.load_weights(path)
    check(model.predict(x, verbose=0), wanted("subclassed", "predicted"))


def test_named_function(tmp_path: Path) -> None:
    function = {"module": "builtins", "class_name": "function", "config": "doubled",
                "registered_name": "function"}  # fmt: skip
    path = written(tmp_path, sequential(dense(activation=function)), FULL)
    with pytest.raises(FileFormatError, match="uses the function 'doubled'"):
        wh.models.load_model(path)
    model = wh.models.load_model(path, custom_objects={"doubled": doubled})
    x = RNG.normal(size=(4, 3)).astype("f4")
    check(model.predict(x, verbose=0), [2 * (x @ KERNEL + BIAS)])


def test_vocabulary(tmp_path: Path) -> None:
    start = entry("InputLayer", {"batch_shape": [None], "dtype": "string", "name": "x"})
    text = entry("TextVectorization", {"name": "t", "output_mode": "int", "vocabulary": None,
                                       "vocabulary_size": None})  # fmt: skip
    config = entry("Sequential", {"name": "s", "layers": [start, text]}, "keras")
    asset = "assets/layers/text_vectorization/_lookup_layer/vocabulary.txt"
    path = written(tmp_path, config, {}, {asset: b"\n[UNK]\nhippo\nwater"})
    model = wh.models.load_model(path)
    assert model.layers[0].get_vocabulary() == ["", "[UNK]", "hippo", "water"]
    found = model.predict(np.array(["Water hippo!", "sea"]), verbose=0)
    assert found.tolist() == [[3, 2], [1, 0]]


def test_bfloat16_and_random_state(tmp_path: Path) -> None:
    drop = entry("Dropout", {"name": "drop", "rate": 0.5, "seed": 3})
    kind = wh.Variable(np.zeros(1, "f4"), dtype="bfloat16").dtype
    narrow = KERNEL.astype(kind)

    def marked(file: Any, key: str) -> None:
        file[key] = narrow.view("V2")
        file[key].attrs["dtype"] = "bfloat16"

    state = {"layers/dropout/seed_generator/vars/0": np.array([7, 9], "uint32")}
    half = {**FULL, "layers/dense/vars/0": marked, **state}
    model = wh.models.load_model(written(tmp_path, sequential(dense(), drop), half))
    np.testing.assert_array_equal(model.get_weights()[0], narrow.astype("f4"))
    assert model.layers[1].seed_generator.state.numpy().tolist() == [7, 9]
