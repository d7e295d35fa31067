"""Reductions that leave NaN out."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes, op
from ..casting import floating, pair
from ..ir import Like, Tensor, convert
from . import reduction
from .products import cumprod
from .reduction import axes_of


def _replaced(x: Like, value: float) -> Tensor:
    t = convert(x)
    return op.Where(op.IsNaN(t), convert(value, t.dtype), t) if dtypes.is_float(t.dtype) else t


def _counted(t: Tensor, axis: Any, keepdims: bool) -> Tensor:
    there = op.Cast(op.Not(op.IsNaN(t)), to=t.dtype)
    return op.ReduceSum(there, axes_of(axis), keepdims=keepdims)


def nansum(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The sum of what is not NaN."""
    return reduction.sum(_replaced(x, 0.0), axis, keepdims)


def nanprod(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The product of what is not NaN."""
    return reduction.prod(_replaced(x, 1.0), axis, keepdims)


def nanmax(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest element that is not NaN; NaN where all are."""
    return _extreme(x, axis, keepdims, -np.inf)


def nanmin(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The smallest element that is not NaN; NaN where all are."""
    return _extreme(x, axis, keepdims, np.inf)


def _extreme(x: Like, axis: Any, keepdims: bool, neutral: float) -> Tensor:
    t = convert(x)
    found = (reduction.max if neutral < 0 else reduction.min)(_replaced(t, neutral), axis, keepdims)
    if not dtypes.is_float(t.dtype):
        return found
    none = op.Equal(_counted(t, axis, keepdims), 0.0)
    return op.Where(none, convert(np.nan, t.dtype), found)


def nanmean(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The mean of what is not NaN; NaN where all are."""
    t = floating(x)
    return nansum(t, axis, keepdims) / _counted(t, axis, keepdims)


def nanvar(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The variance (of the population) of what is not NaN."""
    t = floating(x)
    centred = _replaced(t - nanmean(t, axis, keepdims=True), 0.0)
    return reduction.sum(centred * centred, axis, keepdims) / _counted(t, axis, keepdims)


def nanstd(x: Like, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The standard deviation (of the population) of what is not NaN."""
    return op.Sqrt(nanvar(x, axis, keepdims))


def nanargmax(x: Like, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the largest element that is not NaN is; -1 where all are (int64)."""
    return _place(reduction.argmax, x, axis, keepdims, -np.inf)


def nanargmin(x: Like, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the smallest element that is not NaN is; -1 where all are (int64)."""
    return _place(reduction.argmin, x, axis, keepdims, np.inf)


def _place(find: Any, x: Like, axis: int | None, keepdims: bool, neutral: float) -> Tensor:
    t = convert(x)
    found: Tensor = find(_replaced(t, neutral), axis, keepdims)
    if not dtypes.is_float(t.dtype):
        return found
    return op.Where(op.Equal(_counted(t, axis, keepdims), 0.0), -1, found)


def nancumsum(x: Like, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The running sum, NaN counted as 0."""
    return reduction.cumsum(_replaced(x, 0.0), axis, dtype)


def nancumprod(x: Like, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The running product, NaN counted as 1."""
    return cumprod(_replaced(x, 1.0), axis, dtype)


def fmax(x1: Like, x2: Like) -> Tensor:
    """The larger of both; the other one where one is NaN."""
    return _other(x1, x2, op.Max)


def fmin(x1: Like, x2: Like) -> Tensor:
    """The smaller of both; the other one where one is NaN."""
    return _other(x1, x2, op.Min)


def _other(x1: Like, x2: Like, choose: Any) -> Tensor:
    a, b = pair(x1, x2)
    if not dtypes.is_float(a.dtype):
        result: Tensor = choose(a, b)
        return result
    first, second = op.IsNaN(a), op.IsNaN(b)
    left, right = op.Where(first, b, a), op.Where(second, a, b)
    return choose(left, right)


__all__ = [
    "fmax", "fmin", "nanargmax", "nanargmin", "nancumprod", "nancumsum", "nanmax", "nanmean",
    "nanmin", "nanprod", "nanstd", "nansum", "nanvar",
]  # fmt: skip
