"""Reductions over axes: ``axis`` is a number, several, or None for all."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes, op
from ..ir import Like, Tensor, convert
from .elementwise import _bool, _float


def _axes(axis: Any) -> list[int] | None:
    if axis is None:
        return None
    return [int(axis)] if isinstance(axis, (int, np.integer)) else [int(a) for a in axis]


def sum(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The sum; of bools, their number."""
    t = convert(x)
    t = op.Cast(t, to="int32") if t.dtype == np.bool_ else t
    return op.ReduceSum(t, _axes(axis), keepdims=keepdims)


def mean(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The mean, of integers too."""
    return op.ReduceMean(_float(x), _axes(axis), keepdims=keepdims)


def max(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest element."""
    return op.ReduceMax(x, _axes(axis), keepdims=keepdims)


def min(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The smallest element."""
    return op.ReduceMin(x, _axes(axis), keepdims=keepdims)


amax, amin = max, min


def prod(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The product."""
    return op.ReduceProd(x, _axes(axis), keepdims=keepdims)


def var(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The variance (of the population)."""
    t = _float(x)
    centred = t - op.ReduceMean(t, _axes(axis), keepdims=1)
    return op.ReduceMean(centred * centred, _axes(axis), keepdims=keepdims)


def std(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The standard deviation (of the population)."""
    return op.Sqrt(var(x, axis, keepdims))


def logsumexp(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """``log(sum(exp(x)))``, stably."""
    return op.ReduceLogSumExp(_float(x), _axes(axis), keepdims=keepdims)


def any(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether some element is true."""
    numbers = op.Cast(_bool(x), to="int32")
    return op.Cast(op.ReduceMax(numbers, _axes(axis), keepdims=keepdims), to="bool")


def all(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether all elements are true."""
    numbers = op.Cast(_bool(x), to="int32")
    return op.Cast(op.ReduceMin(numbers, _axes(axis), keepdims=keepdims), to="bool")


def count_nonzero(x: Like, axis: Any = None) -> Tensor:
    """The number of elements that are not 0."""
    return op.ReduceSum(op.Cast(_bool(x), to="int32"), _axes(axis), keepdims=0)


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
    t = convert(x) if dtype is None else op.Cast(x, to=dtypes.as_dtype(dtype))
    return op.CumSum(op.Reshape(t, [-1]) if axis is None else t, axis or 0)


def norm(x: Like, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The Euclidean norm, or that of order 1, 2 or infinity."""
    t = _float(x)
    if ord in (None, 2, "fro"):
        return op.ReduceL2(t, _axes(axis), keepdims=keepdims)
    if ord == 1:
        return op.ReduceL1(t, _axes(axis), keepdims=keepdims)
    if ord == np.inf:
        return op.ReduceMax(op.Abs(t), _axes(axis), keepdims=keepdims)
    raise NotImplementedError(f"norm of order {ord!r} is not supported; use 1, 2 or inf")


__all__ = [
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "count_nonzero",
    "cumsum",
    "logsumexp",
    "max",
    "mean",
    "min",
    "norm",
    "prod",
    "std",
    "sum",
    "var",
]
