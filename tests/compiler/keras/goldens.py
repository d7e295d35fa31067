"""Reads what ``tests/goldens/make_keras_goldens.py`` wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
FOLDER = Path(__file__).parents[2] / "goldens"


class Case:
    """One golden case: ``call``, ``kwargs`` and what else it says, and its arrays by ``[label]``."""

    def __init__(self, facts: dict[str, Any], index: dict[str, Any], values: Array) -> None:
        self.facts = facts
        self.name: str = facts["name"]
        self.call: str = facts["call"]
        self.kwargs: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in facts["kwargs"].items()
        }
        self._index, self._values = index, values

    def __getitem__(self, label: str) -> Array:
        return unpacked(self._index[f"{self.name}/{label}"], self._values)

    def has(self, label: str) -> bool:
        return f"{self.name}/{label}" in self._index

    def __repr__(self) -> str:
        return "-".join([self.name, *(f"{k}={v}" for k, v in self.kwargs.items())])


def unpacked(entry: Any, values: Array) -> Array:
    dtype, shape, offset = entry
    return values[offset : offset + int(np.prod(shape))].reshape(shape).astype(dtype)


def load(name: str) -> list[Case]:
    with np.load(FOLDER / f"keras_{name}.npz") as file:
        index, values = json.loads(str(file["index"])), file["values"]
        return [Case(facts, index, values) for facts in json.loads(str(file["cases"]))]


def load_array(name: str, key: str) -> Array:
    """An array that is not of one case only."""
    with np.load(FOLDER / f"keras_{name}.npz") as file:
        return unpacked(json.loads(str(file["index"]))[key], file["values"])


def close(found: Any, wanted: Array, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    """Equal shapes and values; ``atol`` is for what should be 0."""
    array = np.asarray(found)
    assert array.shape == wanted.shape
    np.testing.assert_allclose(array, wanted, rtol=rtol, atol=atol)
