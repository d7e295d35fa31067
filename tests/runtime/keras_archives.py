"""Files of Keras for tests: those that it wrote, and such as are made here by hand."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

HERE = Path(__file__).parents[1] / "goldens" / "keras_files"
with np.load(HERE / "expected.npz") as stored:
    INDEX, VALUES = json.loads(str(stored["index"])), stored["values"]


def wanted(name: str, label: str) -> list[Any]:
    prefix = f"{name}/{label}/"
    keys = sorted((k for k in INDEX if k.startswith(prefix)), key=lambda k: int(k[len(prefix) :]))
    return [
        VALUES[start : start + int(np.prod(shape))].reshape(shape).astype(dtype)
        for dtype, shape, start in (INDEX[k] for k in keys)
    ]


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


def unpacked(folder: Path) -> Path:
    """A folder with the files as Keras wrote them; in the repository they are packed."""
    with zipfile.ZipFile(HERE / "plain.zip") as packed:
        packed.extractall(folder)
    return folder


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
