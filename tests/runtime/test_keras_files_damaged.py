"""Files of Keras that are damaged, or mean harm: an error that says so, and never half a model."""

from __future__ import annotations

import json
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, FileFormatError

from .keras_archives import (
    BIAS,
    FULL,
    KERNEL,
    RNG,
    check,
    dense,
    entry,
    sequential,
    unpacked,
    weights,
    written,
)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("plain"))


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
    "group in itself": (sequential(dense()), {**FULL, "x": loop}, {}, "lies in itself"),
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
    with pytest.raises(FileFormatError, match="0 values for layer"):
        model.load_weights(plain / "branches.weights.h5")
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
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"pip install 'waterhorse\[keras\]'"):
        wh.models.load_model(plain / "stored.keras")
