"""Files of Keras itself: ``tests/goldens/make_keras_files.py`` wrote them, and what Keras computes with them."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, FileFormatError

h5py = pytest.importorskip("h5py")
HERE = Path(__file__).parents[1] / "goldens" / "keras_files"
EXPECTED = np.load(HERE / "expected.npz")


def wanted(name: str, label: str) -> list[Any]:
    prefix = f"{name}/{label}/"
    keys = sorted(
        (k for k in EXPECTED if k.startswith(prefix)), key=lambda k: int(k[len(prefix) :])
    )
    return [EXPECTED[k] for k in keys]


def nested(items: list[Any], names: tuple[str, ...] = ()) -> Any:
    """Arrays as the model takes them; dicts are stored in the order of their keys."""
    if names:
        return dict(zip(names, items, strict=True))
    return items[0] if len(items) == 1 else items


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in leaves(value[key])]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves(item)]
    return [np.asarray(value)]


def check(found: Any, expected: list[Any], rtol: float = 1e-5, atol: float = 1e-6) -> None:
    for a, b in zip(leaves(found), expected, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files as Keras wrote them; in the repository they are packed."""
    folder = tmp_path_factory.mktemp("plain")
    with zipfile.ZipFile(HERE / "plain.zip") as packed:
        packed.extractall(folder)
    return folder


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


@pytest.mark.parametrize("file", ["convnet.h5", "convnet.weights.h5"])
def test_weights_old_and_new(plain: Path, file: str) -> None:
    model = convnet()
    model.load_weights(plain / file)
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


# -- classes and functions of one's own ---------------------------------------------------------


class Scaled(wh.Model):
    """Not functional: its layers are attributes, also in a list."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.blocks = [wh.layers.Dense(units), wh.layers.Dense(units, activation="relu")]
        self.top = wh.layers.Dense(1)

    def call(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        return self.top(x)

    def get_config(self) -> dict[str, Any]:
        return {"units": self.units, "name": self.name}


def doubled(x: Any) -> Any:
    return x * 2


def entry(
    kind: str, config: dict[str, Any], module: str = "keras.layers", **more: Any
) -> dict[str, Any]:
    return {"module": module, "class_name": kind, "config": config, "registered_name": None, **more}


def sequential(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    start = entry("InputLayer", {"batch_shape": [None, 3], "dtype": "float32", "name": "x"})
    return entry("Sequential", {"name": "s", "layers": [start, *items]}, "keras", **more)


def dense(**config: Any) -> dict[str, Any]:
    return entry("Dense", {"name": "d", "units": 2, **config})


RNG = np.random.default_rng(0)
KERNEL, BIAS = RNG.normal(size=(3, 2)).astype("f4"), RNG.normal(size=2).astype("f4")
FULL = {"layers/dense/vars/0": KERNEL, "layers/dense/vars/1": BIAS}


def weights(arrays: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for key, value in arrays.items():
            if callable(value):
                value(file, key)
            else:
                file[key] = value
    return buffer.getvalue()


def written(
    folder: Path, config: Any, arrays: dict[str, Any], members: dict[str, Any] | None = None
) -> Path:
    """A file of Keras with a given configuration and weights, and other or further members."""
    path = folder / "made.keras"
    parts = {
        "metadata.json": b"{}",
        "config.json": json.dumps(config).encode() if not isinstance(config, bytes) else config,
        "model.weights.h5": weights(arrays),
        **(members or {}),
    }
    with zipfile.ZipFile(path, "w") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, content in parts.items():
            if content is not None:
                file.writestr(name, content)
    return path


def test_subclass(tmp_path: Path) -> None:
    config = entry(
        "Scaled", {"units": 2, "name": "mine"}, "somewhere", registered_name="Scaled",
        build_config={"input_shape": [None, 3]},
    )  # fmt: skip
    arrays = {f"blocks/{k}/vars/{i}": RNG.normal(size=s).astype("f4")
              for k, shapes in (("dense", [(3, 2), 2]), ("dense_1", [(2, 2), 2]))
              for i, s in enumerate(shapes)}  # fmt: skip
    arrays |= {"top/vars/0": np.ones((2, 1), "f4"), "top/vars/1": np.zeros(1, "f4")}
    path = written(tmp_path, config, arrays)
    with pytest.raises(FileFormatError, match=r"custom_objects=\{'Scaled': \.\.\.\}"):
        wh.models.load_model(path)
    model = wh.models.load_model(path, custom_objects={"Scaled": Scaled})
    x = RNG.normal(size=(4, 3)).astype("f4")
    hidden = x @ arrays["blocks/dense/vars/0"] + arrays["blocks/dense/vars/1"]
    hidden = np.maximum(
        hidden @ arrays["blocks/dense_1/vars/0"] + arrays["blocks/dense_1/vars/1"], 0
    )
    check(model.predict(x, verbose=0), [hidden.sum(1, keepdims=True)])


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


# -- files that are damaged or mean harm ----------------------------------------------------------


def lambda_layer(function: dict[str, Any]) -> dict[str, Any]:
    return sequential(entry("Lambda", {"name": "l", "function": function}))


def external(file: Any, key: str) -> None:
    file[key.rsplit("/", 1)[0] + "/1"] = BIAS
    file[key] = h5py.ExternalLink("/etc/hostname", "/x")


def soft(file: Any, key: str) -> None:
    file["elsewhere"] = KERNEL
    file[key] = h5py.SoftLink("/elsewhere")


def outside(file: Any, key: str) -> None:
    file.create_dataset(key, (3, 2), "f4", external=[("/etc/passwd", 0, 24)])


def pickled(file: Any, key: str) -> None:
    file.create_dataset(key, (3, 2), h5py.string_dtype(), data=[["a", "b"]] * 3)


def bomb(file: Any, key: str) -> None:
    file.create_dataset(key, (1 << 20, 1 << 20), "f4", chunks=(1024, 1024), compression="gzip")


def loop(file: Any, key: str) -> None:
    group = file.require_group("layers")
    group["self"] = group


CODE = {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}}
NODE = {"class_name": "__keras_tensor__",
        "config": {"shape": [None, 2], "dtype": "float32", "keras_history": ["d", 0, 0]}}  # fmt: skip
CIRCLE = entry(
    "Functional",
    {
        "name": "f",
        "layers": [
            entry(
                "InputLayer", {"batch_shape": [None, 2], "name": "x"}, name="x", inbound_nodes=[]
            ),
            {**dense(), "name": "d", "inbound_nodes": [{"args": [NODE], "kwargs": {}}]},
        ],
        "input_layers": ["x", 0, 0],
        "output_layers": ["d", 0, 0],
    },
    "keras.src.models.functional",
)

BAD: dict[str, tuple[Any, dict[str, Any], dict[str, Any], str]] = {
    "code of a lambda": (lambda_layer(CODE), {}, {}, "lambda, which is never run"),
    "function of a module": (
        lambda_layer({"module": "os", "class_name": "function", "config": "system",
                      "registered_name": "system"}), {}, {}, "uses the function 'system'"),
    "builtin": (
        lambda_layer({"module": "builtins", "class_name": "function", "config": "eval",
                      "registered_name": "eval"}), {}, {}, "uses the function 'eval'"),
    "class of a module": (
        sequential(entry("Popen", {"name": "p"}, "subprocess")), FULL, {}, "class 'Popen' of subprocess"),
    "unknown layer": (sequential(entry("Denser", {"name": "p"})), {}, {}, "keras.layers.Denser"),
    "typespec": (sequential(entry("__typespec__", {})), {}, {}, "__typespec__"),
    "torch module": (
        sequential(entry("TorchModuleWrapper", {"name": "p", "module": "gASV"})), {}, {},
        "TorchModuleWrapper"),
    "unknown argument": (sequential(dense(sparkle=3)), FULL, {}, "sparkle"),
    "bad argument": (sequential(dense(units=-2)), FULL, {}, "units"),
    "no model": (dense(), {}, {}, "describes a Dense, no model"),
    "no class": ({"layers": []}, {}, {}, "describes no model"),
    "no configuration": (entry("Sequential", "x"), {}, {}, "the configuration 'x'"),  # type: ignore[arg-type]
    "list": ([1, 2], {}, {}, "describes no model"),
    "cyclic graph": (CIRCLE, {}, {}, "'d' is applied to tensors that the model does not have"),
    "no JSON": (b"{", {}, {}, "its text is damaged"),
    "no text": (b"\xff\xfe{", {}, {}, "its text is damaged"),
    "deep JSON": (b"[" * 100_000, {}, {}, "nested too deeply"),
    "config missing": (sequential(dense()), FULL, {"config.json": None}, "has no config.json"),
    "weights missing": (sequential(dense()), FULL, {"model.weights.h5": None}, "has no model.weights"),
    "weights no HDF5": (sequential(dense()), {}, {"model.weights.h5": b"x" * 99}, "is damaged"),
    "weights cut off": (
        sequential(dense()), {}, {"model.weights.h5": weights(FULL)[:1500]}, "is damaged"),
    "half of the weights": (
        sequential(dense()), {"layers/dense/vars/0": KERNEL}, {}, "1 values for layer 'd'"),
    "no weights": (sequential(dense()), {}, {}, "0 values for layer 'd'"),
    "too many weights": (
        sequential(dense()), {**FULL, "layers/dense_1/vars/0": BIAS}, {}, "model has no place"),
    "other shape": (
        sequential(dense()), {**FULL, "layers/dense/vars/1": KERNEL}, {}, r"shape \(3, 2\)"),
    "external link": (sequential(dense()), {"layers/dense/vars/0": external}, {}, "is a link"),
    "soft link": (sequential(dense()), {**FULL, "layers/dense/vars/0": soft}, {}, "is a link"),
    "data in another file": (
        sequential(dense()), {**FULL, "layers/dense/vars/0": outside}, {}, "in another file"),
    "strings for numbers": (
        sequential(dense()), {**FULL, "layers/dense/vars/0": pickled}, {}, "no numbers"),
    "huge data set": (sequential(dense()), {**FULL, "layers/dense/vars/0": bomb}, {}, "the model needs"),
    "group in itself": (sequential(dense()), {**FULL, "x": loop}, {}, "nested too deeply"),
    "climbing name": (sequential(dense()), FULL, {"assets/../../x": b""}, "refused"),
    "absolute name": (sequential(dense()), FULL, {"/etc/x": b""}, "refused"),
    "drive": (sequential(dense()), FULL, {"C:x": b""}, "refused"),
    "stray vocabulary": (
        sequential(dense()), FULL, {"assets/layers/string_lookup/vocabulary.txt": b"a"},
        "has a vocabulary for layers/string_lookup"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_files(tmp_path: Path, name: str) -> None:
    config, arrays, members, message = BAD[name]
    path = written(tmp_path, config, arrays, members)
    with pytest.raises(FileFormatError, match=message):
        wh.models.load_model(path)


def test_a_sound_file_of_that_kind(tmp_path: Path) -> None:
    """What the table above damages can be read."""
    model = wh.models.load_model(written(tmp_path, sequential(dense()), FULL))
    x = RNG.normal(size=(4, 3)).astype("f4")
    check(model.predict(x, verbose=0), [x @ KERNEL + BIAS])


def test_pickled_weights_are_refused(plain: Path) -> None:
    with pytest.raises(FileFormatError, match="pickled Python objects"):
        wh.models.load_model(plain / "pickled.keras")


def test_zip_bombs(tmp_path: Path) -> None:
    good = {"config.json": json.dumps(sequential(dense())), "metadata.json": "{}"}
    cases: list[tuple[str, Callable[[zipfile.ZipFile], None]]] = [
        (
            "the model's weights take 32: refused",
            lambda z: z.writestr("model.weights.h5", bytes(1 << 28)),
        ),
        ("unpacks from", lambda z: z.writestr("assets/x/vocabulary.txt", bytes(1 << 27))),
        ("there are two members", lambda z: z.writestr("config.json", "{}")),
    ]
    for message, add in cases:
        path = tmp_path / "bomb.keras"
        with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            warnings.simplefilter("ignore")  # about the second member
            for name, content in good.items():
                file.writestr(name, content)
            add(file)
        with pytest.raises(FileFormatError, match=message):
            wh.models.load_model(path)


def test_weights_larger_than_the_model(tmp_path: Path) -> None:
    path = written(tmp_path, sequential(dense()), {**FULL, "more": np.zeros(1 << 25, "f4")})
    with pytest.raises(FileFormatError, match="the model's weights take 32"):
        wh.models.load_model(path)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_cut_off(plain: Path, tmp_path: Path, part: float) -> None:
    for name in ("stored.keras", "convnet.h5"):
        content = (plain / name).read_bytes()
        path = tmp_path / name
        path.write_bytes(content[: int(len(content) * part)])
        with pytest.raises(FileFormatError):
            wh.models.load_model(path)


def test_changed_bytes(plain: Path, tmp_path: Path) -> None:
    """Whatever byte is wrong: the model is right, or there is an error of ours."""
    content = (plain / "stored.keras").read_bytes()
    path = tmp_path / "x.keras"
    for place in np.random.default_rng(1).integers(0, len(content), 60):
        changed = bytearray(content)
        changed[place] ^= 0xFF
        path.write_bytes(changed)
        try:
            model = wh.models.load_model(path)
        except (FileFormatError, NotImplementedError):
            continue
        assert model.count_params() == 47


def test_all_or_nothing(plain: Path) -> None:
    model = wh.Sequential(
        [wh.Input((6, 6, 2)), wh.layers.Conv2D(3, 3, padding="same", use_bias=False)]
    )
    before = model.get_weights()
    with pytest.raises(FileFormatError, match="the model has"):
        model.load_weights(plain / "convnet.h5")
    with pytest.raises(FileFormatError, match="no place"):
        model.load_weights(plain / "convnet.weights.h5")
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_skip_mismatch(tmp_path: Path) -> None:
    path = tmp_path / "x.weights.h5"
    path.write_bytes(weights({**FULL, "layers/dense/vars/1": np.zeros(9, "f4")}))
    model = wh.Sequential([wh.Input((3,)), wh.layers.Dense(2, bias_initializer="ones")])
    with pytest.raises(FileFormatError, match=r"shape \(9,\)"):
        model.load_weights(path)
    with pytest.warns(UserWarning, match="keep their values"):
        model.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(model.get_weights()[0], KERNEL)
    np.testing.assert_array_equal(model.get_weights()[1], np.ones(2))


def test_wrong_paths(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="no file"):
        wh.models.load_model(tmp_path / "nothing.keras")
    with pytest.raises(FileFormatError, match="load_weights"):
        wh.models.load_model(plain / "parts.weights.json")
    with pytest.raises(FileFormatError, match="holds no model"):
        wh.models.load_model(plain / "branches.weights.h5")
    with pytest.raises(FileFormatError, match="no model that Keras saved"):
        wh.models.load_model(tmp_path)


def test_without_h5py(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(ImportError, match=r"pip install 'waterhorse\[keras\]'"):
        wh.models.load_model(plain / "stored.keras")
