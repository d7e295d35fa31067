"""Comparisons, truth values and choices."""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError
from .. import op
from ..casting import boolean, floating, pair
from ..ir import Like, Tensor
from .indexing import nonzero


def equal(x1: Like, x2: Like) -> Tensor:
    """``x1 == x2``, bool."""
    return op.Equal(*pair(x1, x2))


def not_equal(x1: Like, x2: Like) -> Tensor:
    """``x1 != x2``, bool."""
    return op.Not(op.Equal(*pair(x1, x2)))


def greater(x1: Like, x2: Like) -> Tensor:
    """``x1 > x2``, bool."""
    return op.Greater(*pair(x1, x2))


def greater_equal(x1: Like, x2: Like) -> Tensor:
    """``x1 >= x2``, bool."""
    return op.GreaterOrEqual(*pair(x1, x2))


def less(x1: Like, x2: Like) -> Tensor:
    """``x1 < x2``, bool."""
    return op.Less(*pair(x1, x2))


def less_equal(x1: Like, x2: Like) -> Tensor:
    """``x1 <= x2``, bool."""
    return op.LessOrEqual(*pair(x1, x2))


def logical_and(x1: Like, x2: Like) -> Tensor:
    """Both."""
    return op.And(boolean(x1), boolean(x2))


def logical_or(x1: Like, x2: Like) -> Tensor:
    """At least one."""
    return op.Or(boolean(x1), boolean(x2))


def logical_xor(x1: Like, x2: Like) -> Tensor:
    """Exactly one."""
    return op.Xor(boolean(x1), boolean(x2))


def logical_not(x: Like) -> Tensor:
    """Not."""
    return op.Not(boolean(x))


def isnan(x: Like) -> Tensor:
    """Whether an element is not a number."""
    return op.IsNaN(floating(x))


def isinf(x: Like) -> Tensor:
    """Whether an element is infinite."""
    return op.IsInf(floating(x))


def isfinite(x: Like) -> Tensor:
    """Whether an element is neither infinite nor NaN."""
    t = floating(x)
    return op.Not(op.Or(op.IsNaN(t), op.IsInf(t)))


def where(condition: Like, x1: Like | None = None, x2: Like | None = None) -> Any:
    """``x1`` where ``condition`` holds, else ``x2``; without both the places, as ``nonzero``."""
    if x1 is None and x2 is None:
        return nonzero(condition)
    if x1 is None or x2 is None:
        raise ArgumentError("wh.ops.where takes x1 and x2, or neither")
    return op.Where(boolean(condition), *pair(x1, x2))


def isposinf(x: Like) -> Tensor:
    """Whether an element is positive infinity."""
    return op.IsInf(floating(x), detect_negative=0)


def isneginf(x: Like) -> Tensor:
    """Whether an element is negative infinity."""
    return op.IsInf(floating(x), detect_positive=0)


def signbit(x: Like) -> Tensor:
    """Whether an element is below 0 (of -0.0: no)."""
    return op.Less(x, 0)


def isclose(
    x1: Like, x2: Like, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Whether ``|x1 - x2| <= atol + rtol * |x2|``; equal infinities are close."""
    a, b = pair(floating(x1), floating(x2))
    near = op.And(op.LessOrEqual(op.Abs(a - b), op.Abs(b) * rtol + atol), isfinite(b))
    near = op.Or(near, op.Equal(a, b))
    return op.Or(near, op.And(op.IsNaN(a), op.IsNaN(b))) if equal_nan else near


def allclose(
    x1: Like, x2: Like, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Whether all elements are close (``isclose``); a bool scalar."""
    near = op.Cast(isclose(x1, x2, rtol, atol, equal_nan), to="int32")
    return op.Cast(op.ReduceMin(near, keepdims=0), to="bool")


def isin(x1: Like, x2: Like, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether an element of ``x1`` is one of ``x2``; the flag only promises something."""
    a, b = pair(x1, x2)
    same = op.Cast(op.Equal(op.Unsqueeze(a, [-1]), op.Reshape(b, [-1])), to="int32")
    found = op.Cast(op.ReduceMax(same, [-1], keepdims=0), to="bool")
    return op.Not(found) if invert else found


__all__ = [
    "allclose", "equal", "greater", "greater_equal", "isclose", "isfinite", "isin", "isinf",
    "isnan", "isneginf", "isposinf", "less", "less_equal", "logical_and", "logical_not",
    "logical_or", "logical_xor", "not_equal", "signbit", "where",
]  # fmt: skip
