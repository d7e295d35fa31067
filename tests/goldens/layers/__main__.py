"""Outputs, gradients and weights of all layer cases, computed by Keras on torch.

    pip install keras==3.15.1 torch==2.13.0
    KERAS_BACKEND=torch python -m tests.goldens.layers [AREA ...]

Writes ``tests/goldens/keras_layers_<area>.npz``. Not run by the tests, which only read what it wrote.
"""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"
sys.path.insert(0, str(Path(__file__).parents[1]))

import keras
import numpy as np
import torch
from book import Book

from .cases import AREAS, Case, cases


def tensor(array: np.ndarray, grad: bool) -> torch.Tensor:
    found = torch.tensor(array)
    return found.requires_grad_(True) if grad and array.dtype == np.float32 else found


def called(case: Case, layer: Any, inputs: list[torch.Tensor]) -> list[Any]:
    """The layer's outputs, flat."""
    for i, mask in case.mask_arrays().items():
        keras.src.backend.set_keras_mask(inputs[i], torch.tensor(mask))
    options = {
        k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in case.options().items()
    }
    if "training" in inspect.signature(layer.call).parameters:
        options["training"] = case.training
    args = [inputs] if case.form == "list" else inputs
    return keras.tree.flatten(layer(*args, **options))


def add(book: Book, case: Case) -> None:
    layer = case.made(keras.layers)
    called(case, layer, [tensor(a, False) for a in case.arrays()])
    for i, w in enumerate(layer.weights):
        w.assign(case.weight(i, w.path, w.shape))
    if hasattr(layer, "reset_state") and getattr(layer, "stateful", False):
        layer.reset_state()
    inputs = [tensor(a, case.gradients) for a in case.arrays()]
    outputs = called(case, layer, inputs)
    arrays: dict[str, Any] = {}
    total: Any = 0.0
    for i, y in enumerate(outputs):
        arrays[f"output_{i}"] = y
        mask = keras.src.backend.get_keras_mask(y)
        if mask is not None:
            arrays[f"mask_{i}"] = mask
        if y.dtype.is_floating_point and y.requires_grad:
            total = total + (y * torch.tensor(case.cotangent(i, y.shape))).sum()
    if layer.losses:
        arrays["losses"] = sum(layer.losses)
    if case.gradients:
        weights = list(layer.trainable_weights)
        if isinstance(total, torch.Tensor):
            total.backward()
        for i, x in enumerate(inputs):
            if x.requires_grad:
                arrays[f"grad_input_{i}"] = torch.zeros_like(x) if x.grad is None else x.grad
        for i, w in enumerate(weights):
            grad = w.value.grad
            arrays[f"grad_weight_{i}"] = torch.zeros_like(w.value) if grad is None else grad
    known = {id(w) for w in layer.trainable_weights}
    for i, w in enumerate(layer.weights):
        if id(w) not in known:
            arrays[f"after_{i}"] = w.value
    facts = [[w.name, list(w.shape), id(w) in known] for w in layer.weights]
    book.add(
        {
            "name": case.name,
            "call": case.layer,
            "kwargs": {},
            "weights": facts,
            "outputs": len(outputs),
        },
        **{k: v.detach() if isinstance(v, torch.Tensor) else v for k, v in arrays.items()},
    )


if __name__ == "__main__":
    for area in sys.argv[1:] or AREAS:
        page = Book()
        for item in cases(area):
            try:
                add(page, item)
            except Exception as error:
                raise SystemExit(f"{area}: {item.name}: {type(error).__name__}: {error}") from error
        page.write(f"layers_{area}")
