"""Helpers for data in NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiler.ir import Array
from ..compiler.random import host_generator, next_seed
from ..errors import ArgumentError


def to_categorical(x: Any, num_classes: int | None = None) -> Array:
    """One-hot rows (float32) for class numbers; a trailing axis of one is dropped.

    Raises ``ArgumentError`` for negative numbers and for those not below ``num_classes``.
    """
    labels = np.asarray(x)
    if labels.dtype.kind not in "iub" and not np.array_equal(labels, np.floor(labels)):
        raise ArgumentError("to_categorical takes class numbers; got fractions")
    labels = labels.astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    classes = int(labels.max(initial=-1)) + 1 if num_classes is None else num_classes
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise ArgumentError(f"class {wrong} is out of range: expected 0 to {classes - 1}")
    return np.eye(classes, dtype=np.float32)[labels]


def normalize(x: Any, axis: int = -1, order: int = 2) -> Array:
    """``x`` divided by its norm of this order along ``axis``; rows of zeros stay."""
    array = np.asarray(x)
    norm = np.linalg.norm(array, order, axis, keepdims=True)
    return array / np.where(norm == 0, 1, norm)


def split_dataset(
    dataset: Any, left_size: float, shuffle: bool = False, seed: int | None = None
) -> tuple[Any, Any]:
    """Arrays (one, or a tuple of equally long ones) in two parts.

    ``left_size`` is a fraction, or a number of examples.
    """
    parts = dataset if isinstance(dataset, tuple) else (dataset,)
    arrays = [np.asarray(a) for a in parts]
    count = len(arrays[0])
    if any(len(a) != count for a in arrays):
        raise ArgumentError("split_dataset takes arrays of the same length")
    cut = round(count * left_size) if isinstance(left_size, float) else int(left_size)
    if not 0 < cut < count:
        raise ArgumentError(f"left_size={left_size} of {count} examples leaves one part empty")
    order = np.arange(count)
    if shuffle:
        order = host_generator(next_seed() if seed is None else seed).permutation(count)
    found = [tuple(a[which] for a in arrays) for which in (order[:cut], order[cut:])]
    left, right = found if isinstance(dataset, tuple) else [f[0] for f in found]
    return left, right
