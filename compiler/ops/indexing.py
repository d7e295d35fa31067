"""Picking, placing and ordering elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ArgumentError
from .. import dtypes, op
from ..casting import as_type, floating, pair
from ..config import not_supported
from ..ir import Like, Tensor, constant, convert
from .shapes import target_shape


def take(x: Like, indices: Like, axis: int | None = None) -> Tensor:
    """Slices by index along ``axis`` (of the flat tensor without one); negative from the end."""
    t = op.Reshape(x, [-1]) if axis is None else convert(x)
    return op.Gather(t, index_of(indices), axis=axis or 0)


def take_along_axis(x: Like, indices: Like, axis: int | None = None) -> Tensor:
    """One element per index, along ``axis``."""
    t = op.Reshape(x, [-1]) if axis is None else convert(x)
    return op.GatherElements(t, index_of(indices), axis=axis or 0)


def index_of(indices: Like) -> Tensor:
    """Indices as an integer tensor."""
    t = convert(indices)
    return t if t.dtype.name in ("int32", "int64") else op.Cast(t, to="int64")


def one_hot(
    x: Like, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Tensor:
    """A 1 at each index, 0 elsewhere; an index out of range gives zeros."""
    not_supported("wh.ops.one_hot", sparse=(sparse, False))
    index = index_of(x)
    place = axis % (index.ndim + 1)
    classes = np.arange(num_classes, dtype=index.dtype)
    column = classes.reshape([-1] + [1] * (index.ndim - place))
    return op.Cast(
        op.Equal(op.Unsqueeze(index, [place]), constant(column)),
        to=dtypes.as_dtype(dtype or "float32"),
    )


def top_k(x: Like, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The ``k`` largest elements of the last axis, and where they are (int64)."""
    values, indices = op.TopK(x, [k], axis=-1, sorted=sorted, outputs=2)
    return values, indices


def sort(x: Like, axis: int | None = -1) -> Tensor:
    """Ascending along ``axis`` (the flat tensor without one)."""
    return _sorted(x, axis)[0]


def argsort(x: Like, axis: int | None = -1) -> Tensor:
    """The indices that sort along ``axis``."""
    return _sorted(x, axis)[1]


def _sorted(x: Like, axis: int | None) -> tuple[Tensor, Tensor]:
    t = op.Reshape(x, [-1]) if axis is None else convert(x)
    along = 0 if axis is None else axis % t.ndim
    extent = t.shape[along]
    count = [extent] if isinstance(extent, int) else op.Shape(t, start=along, end=along + 1)
    values, indices = op.TopK(t, count, axis=along, largest=0, outputs=2)
    return values, indices


def multi_hot(
    inputs: Like, num_classes: int | None = None, axis: int = -1, dtype: Any = None,
    sparse: bool = False, **kwargs: Any,
) -> Tensor:  # fmt: skip
    """A 1 at each index of the first axis behind the batch, 0 elsewhere."""
    if kwargs:
        raise TypeError(f"multi_hot has no arguments {sorted(kwargs)}")
    if num_classes is None:
        raise ArgumentError("multi_hot needs num_classes")
    encoded = one_hot(inputs, num_classes, axis, dtype, sparse)
    return op.ReduceMax(encoded, [min(convert(inputs).ndim - 1, 1)], keepdims=0)


def in_top_k(targets: Like, predictions: Like, k: int) -> Tensor:
    """Whether the prediction for the target is among the ``k`` largest of its row, ties included."""
    scores = floating(predictions)
    chosen = op.GatherElements(scores, op.Unsqueeze(index_of(targets), [-1]), axis=-1)
    better = op.Cast(op.Greater(scores, chosen), to="float32")
    return op.Less(op.ReduceSum(better, [-1], keepdims=0), float(k))


def slice(inputs: Like, start_indices: Any, shape: Any) -> Tensor:
    """The part of this ``shape`` that begins at ``start_indices``; either may hold tensors."""
    t = convert(inputs)
    starts, sizes = target_shape(start_indices), target_shape(shape)
    if isinstance(starts, list) and isinstance(sizes, list):
        ends: Any = [a + b for a, b in zip(starts, sizes, strict=True)]
    else:
        ends = op.Add(convert(starts), convert(sizes))
    return op.Slice(t, starts, ends, [*range(t.ndim)])


def slice_update(inputs: Like, start_indices: Any, updates: Like) -> Tensor:
    """``inputs`` with ``updates`` written at ``start_indices``."""
    t = convert(inputs)
    new = as_type(convert(updates), t.dtype)
    starts = convert(target_shape(start_indices), dtypes.INT64)
    after = op.Sub(op.Sub(op.Shape(t), starts), op.Shape(new))
    widths = op.Concat(starts, after, axis=0)
    inside = op.Cast(op.Expand(convert(1), op.Shape(new)), to="int32")
    return op.Where(op.Cast(op.Pad(inside, widths), to="bool"), op.Pad(new, widths), t)


def scatter(indices: Like, values: Like, shape: Any) -> Tensor:
    """Zeros of this ``shape`` with ``values`` added at ``indices`` [..., rank indexed]."""
    new = convert(values)
    zeros = op.Expand(convert(0, new.dtype), target_shape(shape))
    return op.ScatterND(zeros, op.Cast(indices, to="int64"), new, reduction="add")


def scatter_update(
    inputs: Like, indices: Like, updates: Like, reduction: str | None = None
) -> Tensor:
    """``inputs`` with ``updates`` at ``indices``; ``reduction`` is None, add, mul, max or min."""
    modes = {None: "none", "add": "add", "mul": "mul", "max": "max", "min": "min"}
    if reduction not in modes:
        raise ArgumentError(f"scatter_update(reduction={reduction!r}): expected one of {[*modes]}")
    t = convert(inputs)
    new = as_type(convert(updates), t.dtype)
    return op.ScatterND(t, op.Cast(indices, to="int64"), new, reduction=modes[reduction])


def searchsorted(sorted_sequence: Like, values: Like, side: str = "left") -> Tensor:
    """How many elements of the ascending vector lie before each value."""
    if side not in ("left", "right"):
        raise ArgumentError(f"searchsorted(side={side!r}): expected 'left' or 'right'")
    sequence, wanted = pair(sorted_sequence, values)
    compare = op.Less if side == "left" else op.LessOrEqual
    before = op.Cast(compare(sequence, op.Unsqueeze(wanted, [-1])), to="int32")
    return op.ReduceSum(before, [-1], keepdims=0)


def nonzero(x: Like) -> tuple[Tensor, ...]:
    """Where elements are not 0: one vector of indices per axis."""
    t = convert(x)
    places = op.NonZero(t)
    return tuple(places[axis] for axis in range(t.ndim))


__all__ = [
    "argsort", "in_top_k", "multi_hot", "nonzero", "one_hot", "scatter",
    "scatter_update", "searchsorted", "slice", "slice_update", "sort", "take",
    "take_along_axis", "top_k",
]  # fmt: skip
