"""What the scripts that make golden values share: a book of cases, random arrays, derivatives by torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

HERE = Path(__file__).parent
RNG = np.random.default_rng(7)


class Book:
    """Cases and their arrays, on the way to a file."""

    def __init__(self) -> None:
        self.cases: list[dict[str, Any]] = []
        self.arrays: dict[str, np.ndarray] = {}

    def add(self, case: dict[str, Any], **arrays: Any) -> None:
        self.cases.append(case)
        for label, value in arrays.items():
            array = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
            wide = array.dtype == np.float64
            self.arrays[f"{case['name']}/{label}"] = array.astype("float32") if wide else array

    def write(self, name: str) -> None:
        path = HERE / f"keras_{name}.npz"
        index, offset = {}, 0
        for key, array in self.arrays.items():
            index[key] = [array.dtype.name, list(array.shape), offset]
            offset += array.size
        values = np.concatenate([a.astype("float32").ravel() for a in self.arrays.values()])
        np.savez_compressed(
            path, cases=json.dumps(self.cases), index=json.dumps(index), values=values
        )
        print(f"{path.name}: {len(self.cases)} cases, {path.stat().st_size} bytes")


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


def differentiated(function: Any, x: np.ndarray) -> tuple[Any, np.ndarray, Any]:
    """Result, cotangent and gradient."""
    leaf = torch.tensor(x, requires_grad=True)
    y = function(leaf)
    cotangent = normal(*y.shape)
    (y * torch.tensor(cotangent)).sum().backward()
    return y, cotangent, leaf.grad
