"""Reductions over the rows of segments."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ShapeError
from .. import dtypes, op
from ..ir import Like, Tensor, constant, convert


def segment_sum(
    data: Like, segment_ids: Like, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The sum of the rows of each segment.

    A number that is no segment is left out. ``sorted`` only promises something. Without
    ``num_segments`` there are as many as the largest number says.
    """
    return _reduced("add", data, segment_ids, num_segments)


def segment_max(
    data: Like, segment_ids: Like, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The largest of the rows of each segment; -inf (or the smallest integer) of none."""
    return _reduced("max", data, segment_ids, num_segments)


def segment_min(
    data: Like, segment_ids: Like, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The smallest of the rows of each segment; inf (or the largest integer) of none."""
    return _reduced("min", data, segment_ids, num_segments)


def segment_prod(
    data: Like, segment_ids: Like, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The product of the rows of each segment; 1 of none."""
    return _reduced("mul", data, segment_ids, num_segments)


def _neutral(mode: str, kind: dtypes.DType) -> Any:
    if mode in ("add", "mul"):
        return int(mode == "mul")
    if dtypes.is_float(kind):
        return -np.inf if mode == "max" else np.inf
    limits = np.iinfo(kind)
    return limits.min if mode == "max" else limits.max


def _reduced(mode: str, data: Like, segment_ids: Like, num_segments: int | None) -> Tensor:
    rows = convert(data)
    index = op.Cast(segment_ids, to="int64")
    if index.ndim != 1 or not rows.ndim:
        raise ShapeError(f"segments are numbered by a vector; got {index.type} for {rows.type}")
    if num_segments is None:
        count: Any = op.Add(op.ReduceMax(index, None, keepdims=1), 1)
        count = op.Reshape(count, [1])
    else:
        count = constant(np.array([num_segments], np.int64))
    # one row more, for what belongs to no segment
    valid = op.And(op.GreaterOrEqual(index, 0), op.Less(index, count))
    place = op.Where(valid, index, count)
    more = op.Add(count, 1)
    full = op.Concat(more, op.Shape(rows, start=1), axis=0) if rows.ndim > 1 else more
    start = op.Expand(constant(_neutral(mode, rows.dtype), rows.dtype), full)
    found = op.ScatterND(start, op.Unsqueeze(place, [-1]), rows, reduction=mode)
    return op.Slice(found, [0], count if num_segments is None else [num_segments], [0])


__all__ = ["segment_max", "segment_min", "segment_prod", "segment_sum"]
