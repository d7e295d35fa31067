"""Reductions over axes: ``axis`` is a number, several, or None for all."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes, op
from ..casting import as_type, boolean, floating
from ..config import not_supported
from ..ir import Like, Tensor, convert


def axes_of(axis: Any) -> list[int] | None:
    """A list of axes; None for all."""
    if axis is None:
        return None
    return [int(axis)] if isinstance(axis, (int, np.integer)) else [int(a) for a in axis]


def sum(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The sum; of bools, their number."""
    return op.ReduceSum(_summable(x), axes_of(axis), keepdims=keepdims)


def _summable(x: Like) -> Tensor:
    """Bools and small integers as int32, so that sums have room."""
    t = convert(x)
    return op.Cast(t, to="int32") if t.dtype.kind in "biu" and t.dtype.itemsize < 4 else t


def mean(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The mean, of integers too."""
    return op.ReduceMean(floating(x), axes_of(axis), keepdims=keepdims)


def max(x: Like, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """The largest element (or ``initial``)."""
    y = op.ReduceMax(x, axes_of(axis), keepdims=keepdims)
    return y if initial is None else op.Max(y, convert(initial, y.dtype))


def min(x: Like, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """The smallest element (or ``initial``)."""
    y = op.ReduceMin(x, axes_of(axis), keepdims=keepdims)
    return y if initial is None else op.Min(y, convert(initial, y.dtype))


def amax(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest element."""
    return max(x, axis, keepdims)


def amin(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The smallest element."""
    return min(x, axis, keepdims)


def prod(x: Like, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Tensor:
    """The product."""
    t = _summable(x) if dtype is None else op.Cast(x, to=dtypes.as_dtype(dtype))
    return op.ReduceProd(t, axes_of(axis), keepdims=keepdims)


def var(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The variance (of the population)."""
    t = floating(x)
    centred = t - op.ReduceMean(t, axes_of(axis), keepdims=1)
    return op.ReduceMean(centred * centred, axes_of(axis), keepdims=keepdims)


def std(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The standard deviation (of the population)."""
    return op.Sqrt(var(x, axis, keepdims))


def logsumexp(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """``log(sum(exp(x)))``, stably."""
    return op.ReduceLogSumExp(floating(x), axes_of(axis), keepdims=keepdims)


def any(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether some element is true."""
    numbers = op.Cast(boolean(x), to="int32")
    return op.Cast(op.ReduceMax(numbers, axes_of(axis), keepdims=keepdims), to="bool")


def all(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether all elements are true."""
    numbers = op.Cast(boolean(x), to="int32")
    return op.Cast(op.ReduceMin(numbers, axes_of(axis), keepdims=keepdims), to="bool")


def count_nonzero(x: Like, axis: Any = None) -> Tensor:
    """The number of elements that are not 0."""
    return op.ReduceSum(op.Cast(boolean(x), to="int32"), axes_of(axis), keepdims=0)


def argmax(x: Like, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the largest element is (int64); over the flat tensor without an axis."""
    return _arg(op.ArgMax, x, axis, keepdims)


def argmin(x: Like, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the smallest element is (int64)."""
    return _arg(op.ArgMin, x, axis, keepdims)


def _arg(operator: Any, x: Like, axis: int | None, keepdims: bool) -> Tensor:
    t = convert(x)
    if axis is not None:
        result: Tensor = operator(t, axis=axis, keepdims=keepdims)
        return result
    flat = operator(op.Reshape(t, [-1]), axis=0, keepdims=0)
    return op.Reshape(flat, [1] * t.ndim) if keepdims else flat


def cumsum(x: Like, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The running sum along ``axis`` (of the flat tensor without one)."""
    t = _summable(x) if dtype is None else op.Cast(x, to=dtypes.as_dtype(dtype))
    return op.CumSum(op.Reshape(t, [-1]) if axis is None else t, axis or 0)


def ptp(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest element minus the smallest."""
    return max(x, axis, keepdims) - min(x, axis, keepdims)


def average(x: Like, axis: Any = None, weights: Like | None = None) -> Tensor:
    """The mean, weighted by ``weights`` (of the shape of ``x``, or a vector for one axis)."""
    t = floating(x)
    if weights is None:
        return mean(t, axis)
    weight = as_type(convert(weights), t.dtype)
    if weight.ndim == 1 and t.ndim > 1 and isinstance(axis, int):
        weight = op.Reshape(weight, [-1 if i == axis % t.ndim else 1 for i in range(t.ndim)])
    weight = op.Expand(weight, op.Shape(t))
    return sum(t * weight, axis) / sum(weight, axis)


def diff(a: Like, n: int = 1, axis: int = -1) -> Tensor:
    """Each element minus the one before, ``n`` times."""
    t = convert(a)
    for _ in range(n):
        later = op.Slice(t, [1], [np.iinfo(np.int64).max], [axis])
        t = later - op.Slice(t, [0], [-1], [axis])
    return t


def moments(
    x: Like, axes: Any, keepdims: bool = False, synchronized: bool = False
) -> tuple[Tensor, Tensor]:
    """Mean and variance (of the population) over ``axes``."""
    not_supported("wh.ops.moments", synchronized=(synchronized, False))
    t, over = floating(x), axes_of(axes)
    middle = op.ReduceMean(t, over, keepdims=1)
    centred = t - middle
    variance = op.ReduceMean(centred * centred, over, keepdims=keepdims)
    return (middle if keepdims else op.Squeeze(middle, over)), variance


__all__ = [
    "all", "amax", "amin", "any", "argmax", "argmin", "average", "count_nonzero",
    "cumsum", "diff", "logsumexp", "max", "mean", "min", "moments", "prod", "ptp",
    "std", "sum", "var",
]  # fmt: skip
