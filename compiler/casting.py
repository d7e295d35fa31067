"""Element types of operands: what a number, an integer tensor and a float tensor give together."""

from __future__ import annotations

import numpy as np

from . import dtypes, op
from .dtypes import common
from .ir import Like, Operators, Tensor, convert


def as_type(x: Tensor, dtype: dtypes.DType) -> Tensor:
    """``x`` with this element type."""
    return x if x.dtype == dtype else op.Cast(x, to=dtype)


def floating(x: Like) -> Tensor:
    """Integers and bools become float32, as in Keras, where a function has no integer result."""
    t = convert(x)
    return t if dtypes.is_float(t.dtype) else op.Cast(t, to=dtypes.FLOAT32)


def boolean(x: Like) -> Tensor:
    """Whether an element is not 0."""
    return as_type(convert(x), dtypes.BOOL)


def pair(a: Like, b: Like) -> tuple[Tensor, Tensor]:
    """Both operands as tensors of one type; a Python number takes the other's."""
    if _weak(b) and not _weak(a):
        x = convert(a)
        return _with_number(x, b)
    if _weak(a) and not _weak(b):
        y, x = _with_number(convert(b), a)
        return x, y
    x, y = convert(a), convert(b)
    kind = common(x.dtype, y.dtype)
    return as_type(x, kind), as_type(y, kind)


def _weak(value: Like) -> bool:
    return not isinstance(value, (Operators, np.ndarray, np.generic))


def _with_number(x: Tensor, number: Like) -> tuple[Tensor, Tensor]:
    """A fraction, or any number beside bools, decides the type; else the tensor does."""
    y = convert(number)
    if dtypes.is_float(y.dtype) and not dtypes.is_float(x.dtype):
        return as_type(x, y.dtype), y
    if x.dtype == dtypes.BOOL and y.dtype != dtypes.BOOL:
        return as_type(x, y.dtype), y
    return x, convert(number, x.dtype)


__all__ = ["as_type", "boolean", "common", "floating", "pair"]
