"""Counts, quantiles and correlations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError
from .. import op
from ..casting import as_type, common, floating, pair
from ..config import not_supported
from ..ir import Like, Tensor, constant, convert
from .creation import linspace
from .indexing import searchsorted
from .reduction import axes_of

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def quantile(
    x: Like, q: Like, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """What a share ``q`` (0 to 1; a number, or several: a first axis) of the elements lies below.

    ``method``, between two elements: "linear", "lower", "higher", "midpoint" or "nearest". NaN where
    there is a NaN.
    """
    return _quantile("quantile", x, floating(q), axis, method, keepdims, skip=False)


def percentile(
    x: Like, q: Like, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """``quantile`` with ``q`` from 0 to 100."""
    return _quantile("percentile", x, floating(q) / 100.0, axis, method, keepdims, skip=False)


def median(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The middle element, or the mean of both middle ones."""
    return _quantile("median", x, convert(0.5), axis, "linear", keepdims, skip=False)


def nanquantile(
    x: Like, q: Like, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """``quantile`` of what is not NaN."""
    return _quantile("nanquantile", x, floating(q), axis, method, keepdims, skip=True)


def nanpercentile(
    x: Like, q: Like, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """``percentile`` of what is not NaN."""
    return _quantile("nanpercentile", x, floating(q) / 100.0, axis, method, keepdims, skip=True)


def nanmedian(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The median of what is not NaN."""
    return _quantile("nanmedian", x, convert(0.5), axis, "linear", keepdims, skip=True)


def _quantile(
    owner: str, x: Like, q: Tensor, axis: Any, method: str, keepdims: bool, skip: bool
) -> Tensor:
    if method not in _METHODS:
        raise ArgumentError(f"{owner}(method={method!r}): expected one of {[*_METHODS]}")
    if q.ndim > 1:
        raise ShapeError(f"{owner} takes a number or a vector of shares; got {q.type}")
    t = floating(x)
    over = [*range(t.ndim)] if axis is None else [a % t.ndim for a in axes_of(axis) or []]
    rest = [i for i in range(t.ndim) if i not in over]
    flat = op.Transpose(t, perm=rest + over)
    if len(over) != 1:
        flat = op.Reshape(flat, op.Concat(op.Shape(flat, start=0, end=len(rest)), [-1], axis=0))
    missing = op.IsNaN(flat)
    count = op.ReduceSum(op.Cast(op.Not(missing), to=t.dtype), [-1], keepdims=1)
    values = op.Where(missing, convert(np.inf, t.dtype), flat)
    ordered, _ = op.TopK(values, op.Shape(values, start=-1), axis=-1, largest=0, outputs=2)
    found = _between(ordered, op.Reshape(as_type(q, t.dtype), [-1]), count, method)
    size = op.Cast(op.Shape(flat, start=-1), to=t.dtype)
    bad = op.Equal(count, 0.0) if skip else op.Less(count, size)
    found = op.Where(bad, convert(np.nan, t.dtype), found)
    rank = len(rest)
    first = [rank, *range(rank)]
    found = op.Transpose(found, perm=first) if q.ndim else op.Squeeze(found, [-1])
    return op.Unsqueeze(found, [a + q.ndim for a in over]) if keepdims and over else found


def _between(ordered: Tensor, q: Tensor, count: Tensor, method: str) -> Tensor:
    """[..., shares] of ascending [..., elements], of which the first ``count`` [..., 1] are there."""
    place = op.Max(q * (count - 1), 0.0)
    if method == "nearest":
        return op.GatherElements(ordered, op.Cast(op.Round(place), to="int64"), axis=-1)
    low, high = op.Floor(place), op.Ceil(place)
    below = op.GatherElements(ordered, op.Cast(low, to="int64"), axis=-1)
    if method == "lower":
        return below
    above = op.GatherElements(ordered, op.Cast(high, to="int64"), axis=-1)
    if method == "higher":
        return above
    weight = convert(0.5, ordered.dtype) if method == "midpoint" else place - low
    return below + (above - below) * weight


def bincount(
    x: Like, weights: Like | None = None, minlength: int = 0, sparse: bool = False
) -> Tensor:
    """How often each number 0, 1 ... is in ``x`` (a vector, or rows of a matrix), or their weights."""
    not_supported("wh.ops.bincount", sparse=(sparse, False))
    index = op.Cast(x, to="int64")
    if index.ndim not in (1, 2):
        raise ShapeError(f"bincount takes a vector or a matrix of numbers; got {index.type}")
    if weights is None:
        new = op.Cast(op.Expand(convert(1), op.Shape(index)), to="int32")
        kind = new.dtype
    else:
        new = convert(weights)
        kind = common(convert(x).dtype, new.dtype)
    # a number more at the end: the largest of nothing is none
    largest = op.ReduceMax(op.Concat(op.Reshape(index, [-1]), [-1], axis=0), None, keepdims=1)
    length = op.Max(op.Add(largest, 1), constant(np.array([minlength], np.int64)))
    flat, shape = index, length
    if index.ndim == 2:
        rows = op.Shape(index, start=0, end=1)
        numbers = op.Range(0, op.Squeeze(rows, [0]), 1)
        flat = op.Add(op.Mul(op.Unsqueeze(numbers, [1]), length), index)
        shape = op.Concat(rows, length, axis=0)
    zeros = op.Expand(convert(0, new.dtype), op.ReduceProd(shape, keepdims=1))
    places = op.Unsqueeze(op.Reshape(flat, [-1]), [-1])
    found = op.ScatterND(zeros, places, op.Reshape(new, [-1]), reduction="add")
    return as_type(op.Reshape(found, shape), kind)


def digitize(x: Like, bins: Like) -> Tensor:
    """Which interval between ascending ``bins`` each element is in: 0 below the first (int32)."""
    return searchsorted(bins, x, side="right")


def histogram(
    x: Like, bins: int = 10, range: tuple[float, float] | None = None
) -> tuple[Tensor, Tensor]:
    """How many elements of a vector lie in each of ``bins`` intervals, and their edges.

    ``range`` is that of the elements unless told; what lies outside is not counted. The last interval
    includes its end.
    """
    t = floating(x)
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 1:
        raise ArgumentError(f"histogram(bins={bins!r}): expected a whole number above 0")
    if t.ndim != 1:
        raise ShapeError(f"histogram takes a vector; got {t.type}")
    if range is None:
        low, high = op.ReduceMin(t, None, keepdims=0), op.ReduceMax(t, None, keepdims=0)
    else:
        if len(range) != 2 or range[1] < range[0]:
            raise ArgumentError(f"histogram(range={range!r}): expected (smallest, largest)")
        low, high = (convert(float(v), t.dtype) for v in range)
    apart = op.Cast(op.Equal(low, high), to=t.dtype) * 0.5
    low, high = low - apart, high + apart
    edges = linspace(low, high, bins + 1)
    inner = op.Slice(edges, [1], [bins], [0])
    place = op.Cast(searchsorted(inner, t, side="right"), to="int64")
    inside = op.Cast(op.And(op.GreaterOrEqual(t, low), op.LessOrEqual(t, high)), to=t.dtype)
    zeros = constant(np.zeros(bins, t.dtype))
    return op.ScatterND(zeros, op.Unsqueeze(place, [-1]), inside, reduction="add"), edges


def corrcoef(x: Like) -> Tensor:
    """Pearson's correlations of the rows of a matrix (1 of a single vector)."""
    t = floating(x)
    if t.ndim not in (1, 2):
        raise ShapeError(f"corrcoef takes a vector or a matrix; got {t.type}")
    rows = op.Unsqueeze(t, [0]) if t.ndim == 1 else t
    centred = rows - op.ReduceMean(rows, [-1], keepdims=1)
    length = op.ReduceL2(centred, [-1], keepdims=1)
    unit = centred / length
    found = op.Clip(op.MatMul(unit, op.Transpose(unit, perm=(1, 0))), -1.0, 1.0)
    return op.Squeeze(found, [0, 1]) if t.ndim == 1 else found


def correlate(x1: Like, x2: Like, mode: str = "valid") -> Tensor:
    """``sum_n x1[n + k] x2[n]`` of vectors, for "valid" (all of both), "same" or "full" shifts k."""
    if mode not in ("valid", "same", "full"):
        raise ArgumentError(f"correlate(mode={mode!r}): expected 'valid', 'same' or 'full'")
    a, b = pair(floating(x1), floating(x2))
    if a.ndim != 1 or b.ndim != 1:
        raise ShapeError(f"correlate takes two vectors; got {a.type} and {b.type}")
    sizes = a.shape[0], b.shape[0]
    first, second = sizes
    if not isinstance(second, int) or (mode != "full" and not isinstance(first, int)):
        raise ShapeError(f"correlate needs vectors of known size; got {a.type} and {b.type}")
    pads = [second - 1, second - 1]
    signal, kernel = (op.Reshape(v, [1, 1, -1]) for v in (a, b))
    full = op.Reshape(op.Conv(signal, kernel, pads=pads, kernel_shape=[second]), [-1])
    if mode == "full" or not isinstance(first, int):
        return full
    length = max(first, second) - min(first, second) + 1 if mode == "valid" else first
    start = (first + second - 1 - length) // 2
    return op.Slice(full, [start], [start + length], [0])


def trapezoid(y: Like, x: Like | None = None, dx: Like = 1.0, axis: int = -1) -> Tensor:
    """The integral of ``y`` along ``axis`` by trapezoids, at places ``x`` or ``dx`` apart."""
    t = floating(y)
    far = np.iinfo(np.int64).max
    if x is None:
        width: Tensor = as_type(convert(dx, t.dtype), t.dtype)
    else:
        places = as_type(convert(x), t.dtype)
        last = axis if places.ndim == t.ndim else 0
        width = op.Slice(places, [1], [far], [last]) - op.Slice(places, [0], [-1], [last])
        if places.ndim == 1:
            width = op.Reshape(width, [-1 if i == axis % t.ndim else 1 for i in range_of(t)])
    both = op.Slice(t, [1], [far], [axis]) + op.Slice(t, [0], [-1], [axis])
    return op.ReduceSum(both * width, [axis], keepdims=0) * 0.5


def range_of(x: Tensor) -> list[int]:
    """The axes of ``x``."""
    return list(np.arange(x.ndim))


def cdist(x: Like, y: Like) -> Tensor:
    """Euclidean distances between all rows of ``x`` [..., n, d] and ``y`` [..., m, d]."""
    a, b = pair(floating(x), floating(y))
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-1]:
        raise ShapeError(f"cdist takes [..., n, d] and [..., m, d]; got {a.type} and {b.type}")
    apart = op.Unsqueeze(a, [-2]) - op.Unsqueeze(b, [-3])
    return op.Sqrt(op.ReduceSumSquare(apart, [-1], keepdims=0))


def psnr(x1: Like, x2: Like, max_val: Like) -> Tensor:
    """The ratio of peak signal to noise in decibels, of all elements at once."""
    a, b = pair(floating(x1), floating(x2))
    if a.ndim != b.ndim:
        raise ShapeError(f"psnr takes tensors of one shape; got {a.type} and {b.type}")
    error = op.ReduceMean((a - b) * (a - b), None, keepdims=0)
    peak = as_type(convert(max_val, a.dtype), a.dtype)
    return (op.Log(peak) * 20 - op.Log(error) * 10) * (1 / math.log(10.0))


__all__ = [
    "bincount", "cdist", "corrcoef", "correlate", "digitize", "histogram", "median", "nanmedian",
    "nanpercentile", "nanquantile", "percentile", "psnr", "quantile", "trapezoid",
]  # fmt: skip
