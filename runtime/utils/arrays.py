"""Helpers for labels, norms and sequences in NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...compiler.ir import Array
from ...errors import ArgumentError


def to_categorical(x: Any, num_classes: int | None = None) -> Array:
    """One-hot rows (float64, as Keras') for class numbers; a trailing axis of one is dropped.

    Raises ``ArgumentError`` for negative numbers and for those not below ``num_classes``.
    """
    labels = np.asarray(x)
    if labels.dtype.kind not in "iub" and not np.array_equal(labels, np.floor(labels)):
        raise ArgumentError("to_categorical takes class numbers; got fractions")
    labels = labels.astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    classes = num_classes or int(labels.max(initial=-1)) + 1
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise ArgumentError(f"class {wrong} is out of range: expected 0 to {classes - 1}")
    return np.eye(classes)[labels]


def normalize(x: Any, axis: int = -1, order: float = 2) -> Array:
    """``x`` divided by its norm of this order along ``axis``; rows of zeros stay."""
    array = np.asarray(x)
    norm = np.linalg.norm(array, order, axis, keepdims=True)
    return array / np.where(norm == 0, 1, norm)


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> Array:
    """Sequences of different lengths as one array [number, maxlen, ...].

    Args:
        sequences: lists (or arrays [length, ...]).
        maxlen: default: the length of the longest one.
        padding: whether ``value`` is put before ("pre") or after ("post") the shorter ones.
        truncating: whether the longer ones lose their beginning ("pre") or their end ("post").

    Raises ``ArgumentError`` for what has no length, for elements of different shapes, and for a value
    that ``dtype`` does not hold.
    """
    for label, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise ArgumentError(f"{label}={given!r}: expected 'pre' or 'post'")
    if isinstance(value, str) and np.dtype(dtype).kind not in "OSU":
        raise ArgumentError(f"value={value!r} is no {dtype}: give dtype=object for text")
    try:
        lengths = [len(s) for s in sequences]
    except TypeError as error:
        raise ArgumentError(f"pad_sequences takes a list of sequences: {error}") from error
    longest = max(lengths, default=0) if maxlen is None else maxlen
    filled = next((s for s in sequences if len(s)), ())
    shape = np.asarray(filled, dtype).shape[1:]
    found = np.full((len(lengths), longest, *shape), value, dtype)
    for i, sequence in enumerate(sequences):
        if not len(sequence) or not longest:
            continue
        kept = np.asarray(sequence[-longest:] if truncating == "pre" else sequence[:longest], dtype)
        if kept.shape[1:] != shape:
            raise ArgumentError(
                f"sequence {i} has elements of shape {kept.shape[1:]}; those before have {shape}"
            )
        if padding == "pre":
            found[i, longest - len(kept) :] = kept
        else:
            found[i, : len(kept)] = kept
    return found


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """``(x, y, sample_weight)`` of what a step is given: ``x``, ``(x,)``, ``(x, y)`` or all three."""
    if not isinstance(data, (list, tuple)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ArgumentError(f"data is x, (x, y) or (x, y, sample_weight); got {len(data)} parts")
    x, y, sample_weight = (*data, None, None)[:3]
    return x, y, sample_weight


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The inverse of ``unpack_x_y_sample_weight``: no more parts than there are."""
    if y is None:
        return (x,) if isinstance(x, (list, tuple)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)
