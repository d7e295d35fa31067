"""Ops against Keras: values and gradients, at the prompt and with a dynamic first dim."""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np
import pytest

import waterhorse as wh

from .cases_ops import OpCase
from .cases_ops_plain import CASES
from .goldens import FOLDER, Array, unpacked

with np.load(FOLDER / "keras_operations.npz") as file:
    NAMES, INDEX, VALUES = (json.loads(str(file["names"])), json.loads(str(file["index"])),
                            file["values"])  # fmt: skip


def stored(number: int, kind: str) -> list[Array]:
    found = []
    while f"{number}/{kind}{len(found)}" in INDEX:
        found.append(unpacked(INDEX[f"{number}/{kind}{len(found)}"], VALUES))
    return found


def function(call: str) -> Any:
    found: Any = wh.ops
    for part in call.split("."):
        found = getattr(found, part)
    return found


def flat(tree: Any) -> list[Any]:
    return [x for t in tree for x in flat(t)] if isinstance(tree, (list, tuple)) else [tree]


def called(line: OpCase, inputs: Any) -> list[Any]:
    f = function(line.call)
    return flat(f(list(inputs), **line.kwargs) if line.unpacked else f(*inputs, **line.kwargs))


def close(found: Any, wanted: Array, rtol: float) -> None:
    array = np.asarray(found)
    assert array.shape == wanted.shape
    assert {array.dtype.kind, wanted.dtype.kind} <= {
        "i",
        "u",
    } or array.dtype.kind == wanted.dtype.kind
    # what should be 0 is compared on the scale of the largest element
    finite = np.abs(wanted[np.isfinite(wanted)]) if wanted.dtype.kind == "f" else wanted
    scale = max(1.0, float(finite.max())) if finite.size else 1.0
    np.testing.assert_allclose(array, wanted, rtol=rtol, atol=rtol * 0.1 * scale)


@pytest.mark.parametrize("number", range(len(CASES)), ids=[repr(c) for c in CASES])
def test_values_and_gradients_equal_keras(number: int) -> None:
    line = CASES[number]
    assert NAMES[number] == repr(line), "run tests/goldens/make_ops_goldens.py again"
    wanted = stored(number, "y")
    for found, y in zip(called(line, line.inputs), wanted, strict=True):
        close(found, y, line.rtol)
    arrays = [x for x in line.inputs if isinstance(x, np.ndarray)]
    specs = [
        wh.TensorSpec((None, *x.shape[1:]) if i == 0 and line.dynamic else x.shape, x.dtype)
        for i, x in enumerate(arrays)
    ]
    rng = np.random.default_rng(zlib.crc32(repr(line).encode()))
    weights = [rng.normal(size=y.shape).astype("float32") for y in wanted]

    @wh.function(input_signature=specs)
    def step(*xs: Any) -> Any:
        given = iter(xs)
        ys = called(line, [next(given) if isinstance(x, np.ndarray) else x for x in line.inputs])
        if not line.wrt:
            return ys, []
        terms = [wh.ops.sum(y * w) for y, w in zip(ys, weights, strict=True) if y.dtype.kind == "f"]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return ys, wh.grad(total, list(xs[: line.wrt]))

    ys, grads = step(*arrays)
    for found, y in zip(ys, wanted, strict=True):
        close(found, y, line.rtol)
    for found, dx in zip(grads, stored(number, "dx"), strict=True):
        close(found, dx, line.rtol * 5)
