"""Functions that work element by element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import dtypes, op
from ..casting import as_type, floating, pair
from ..ir import Like, Tensor, convert


def add(x1: Like, x2: Like) -> Tensor:
    """``x1 + x2``."""
    return op.Add(*pair(x1, x2))


def subtract(x1: Like, x2: Like) -> Tensor:
    """``x1 - x2``."""
    return op.Sub(*pair(x1, x2))


def multiply(x1: Like, x2: Like) -> Tensor:
    """``x1 * x2``."""
    return op.Mul(*pair(x1, x2))


def divide(x1: Like, x2: Like) -> Tensor:
    """``x1 / x2``, of integers too."""
    a, b = pair(x1, x2)
    return op.Div(floating(a), floating(b))


true_divide = divide


def divide_no_nan(x1: Like, x2: Like) -> Tensor:
    """``x1 / x2``, and 0 where ``x2`` is 0."""
    a, b = pair(floating(x1), floating(x2))
    zero = op.Cast(op.Equal(b, 0), to=b.dtype)
    return a * (1 - zero) / (b + zero)


def floor_divide(x1: Like, x2: Like) -> Tensor:
    """The largest whole number not above ``x1 / x2``."""
    a, b = pair(x1, x2)
    if dtypes.is_float(a.dtype):
        return op.Floor(op.Div(a, b))
    return op.Div(op.Sub(a, op.Mod(a, b)), b)


def mod(x1: Like, x2: Like) -> Tensor:
    """The remainder, with the sign of ``x2``."""
    a, b = pair(x1, x2)
    return a - b * op.Floor(a / b) if dtypes.is_float(a.dtype) else op.Mod(a, b)


def power(x1: Like, x2: Like) -> Tensor:
    """``x1 ** x2``."""
    return op.Pow(*pair(x1, x2))


def maximum(x1: Like, x2: Like) -> Tensor:
    """The larger of both."""
    return op.Max(*pair(x1, x2))


def minimum(x1: Like, x2: Like) -> Tensor:
    """The smaller of both."""
    return op.Min(*pair(x1, x2))


def clip(x: Like, x_min: Like, x_max: Like) -> Tensor:
    """``x`` cut to [x_min, x_max]; the bounds broadcast."""
    t, low = pair(x, x_min)
    t, high = pair(t, x_max)
    if low.ndim or high.ndim:
        return op.Min(op.Max(t, as_type(low, t.dtype)), high)
    return op.Clip(t, as_type(low, t.dtype), high)


def square(x: Like) -> Tensor:
    """``x * x``."""
    t = convert(x)
    return t * t


def negative(x: Like) -> Tensor:
    """``-x``."""
    return op.Neg(x)


def absolute(x: Like) -> Tensor:
    """``|x|``."""
    return op.Abs(x)


abs = fabs = absolute


def sign(x: Like) -> Tensor:
    """-1, 0 or 1."""
    return op.Sign(x)


def reciprocal(x: Like) -> Tensor:
    """``1 / x``."""
    return op.Reciprocal(floating(x))


def sqrt(x: Like) -> Tensor:
    """Square root."""
    return op.Sqrt(floating(x))


def rsqrt(x: Like) -> Tensor:
    """``1 / sqrt(x)``."""
    return op.Reciprocal(op.Sqrt(floating(x)))


def exp(x: Like) -> Tensor:
    """Exponential."""
    return op.Exp(floating(x))


def expm1(x: Like) -> Tensor:
    """``exp(x) - 1``, exact near 0 too."""
    t = floating(x)
    return (op.Exp(t) + 1) * op.Tanh(t * 0.5)


def log(x: Like) -> Tensor:
    """Natural logarithm."""
    return op.Log(floating(x))


def log1p(x: Like) -> Tensor:
    """``log(1 + x)``, exact near 0 too."""
    t = floating(x)
    small = op.Clip(t, convert(-0.5, t.dtype), convert(0.5, t.dtype))
    return op.Log((t + 1) / (small + 1)) + op.Atanh(small / (small + 2)) * 2


def log2(x: Like) -> Tensor:
    """Logarithm to base 2."""
    return op.Log(floating(x)) * (1 / np.log(2.0))


def log10(x: Like) -> Tensor:
    """Logarithm to base 10."""
    return op.Log(floating(x)) * (1 / np.log(10.0))


def logaddexp(x1: Like, x2: Like) -> Tensor:
    """``log(exp(x1) + exp(x2))``, stably."""
    a, b = pair(floating(x1), floating(x2))
    return op.Max(a, b) + op.Softplus(-op.Abs(a - b))


def floor(x: Like) -> Tensor:
    """The largest whole number not above ``x``."""
    return op.Floor(floating(x))


def ceil(x: Like) -> Tensor:
    """The smallest whole number not below ``x``."""
    return op.Ceil(floating(x))


def round(x: Like, decimals: int = 0) -> Tensor:
    """The nearest number with this many decimals; halves go to even. Integers stay what they are."""
    t = convert(x)
    if not dtypes.is_float(t.dtype) and decimals >= 0:
        return t
    scale = 10.0**decimals
    return op.Round(floating(t)) if decimals == 0 else op.Round(floating(t) * scale) / scale


def trunc(x: Like) -> Tensor:
    """``x`` without its fraction."""
    t = floating(x)
    return op.Sign(t) * op.Floor(op.Abs(t))


def erf(x: Like) -> Tensor:
    """The error function."""
    return op.Erf(floating(x))


def _unary(name: str, operator: str, doc: str) -> Any:
    def function(x: Like) -> Tensor:
        result: Tensor = getattr(op, operator)(floating(x))
        return result

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


sin = _unary("sin", "Sin", "Sine.")
cos = _unary("cos", "Cos", "Cosine.")
tan = _unary("tan", "Tan", "Tangent.")
arcsin = _unary("arcsin", "Asin", "Inverse sine.")
arccos = _unary("arccos", "Acos", "Inverse cosine.")
arctan = _unary("arctan", "Atan", "Inverse tangent.")
sinh = _unary("sinh", "Sinh", "Hyperbolic sine.")
cosh = _unary("cosh", "Cosh", "Hyperbolic cosine.")
arcsinh = _unary("arcsinh", "Asinh", "Inverse hyperbolic sine.")
arccosh = _unary("arccosh", "Acosh", "Inverse hyperbolic cosine.")
arctanh = _unary("arctanh", "Atanh", "Inverse hyperbolic tangent.")


def saturate_cast(x: Like, dtype: Any) -> Tensor:
    """``x`` in another element type; what does not fit becomes its largest or smallest value."""
    t, kind = convert(x), dtypes.as_dtype(dtype)
    if kind.kind in "iu" and t.dtype.itemsize >= kind.itemsize:
        limits = np.iinfo(kind)
        t = clip(t, float(limits.min), float(limits.max))
    return as_type(t, kind)


def exp2(x: Like) -> Tensor:
    """``2 ** x``."""
    return op.Exp(floating(x) * math.log(2.0))


def logaddexp2(x1: Like, x2: Like) -> Tensor:
    """``log2(2 ** x1 + 2 ** x2)``, stably."""
    a, b = pair(floating(x1), floating(x2))
    scale = math.log(2.0)
    return op.Max(a, b) + op.Softplus(op.Abs(a - b) * -scale) * (1 / scale)


def hypot(x1: Like, x2: Like) -> Tensor:
    """``sqrt(x1^2 + x2^2)``, without overflow on the way."""
    a, b = pair(floating(x1), floating(x2))
    a, b = op.Abs(a), op.Abs(b)
    large = op.Max(a, b)
    ratio = divide_no_nan(op.Min(a, b), large)
    return large * op.Sqrt(ratio * ratio + 1)


def cbrt(x: Like) -> Tensor:
    """The cube root, of negative numbers too."""
    t = floating(x)
    return op.Sign(t) * op.Pow(op.Abs(t), 1 / 3)


def fmod(x1: Like, x2: Like) -> Tensor:
    """The remainder, with the sign of ``x1``."""
    a, b = pair(x1, x2)
    return op.Mod(a, b, fmod=1)


def arctan2(x1: Like, x2: Like) -> Tensor:
    """The angle of the point (x2, x1), between -pi and pi."""
    y, x = pair(floating(x1), floating(x2))
    zero = op.Cast(op.Equal(x, 0), to=x.dtype)
    angle = op.Atan(y / (x + zero)) * (1 - zero) + op.Sign(y) * zero * (math.pi / 2)
    below = op.Cast(op.Less(x, 0), to=x.dtype)
    side = 1 - 2 * op.Cast(op.Less(y, 0), to=x.dtype)
    return angle + below * side * math.pi


def deg2rad(x: Like) -> Tensor:
    """Degrees as radians."""
    return floating(x) * (math.pi / 180)


def rad2deg(x: Like) -> Tensor:
    """Radians as degrees."""
    return floating(x) * (180 / math.pi)


def erfc(x: Like) -> Tensor:
    """``1 - erf(x)``."""
    return 1 - op.Erf(floating(x))


def heaviside(x1: Like, x2: Like) -> Tensor:
    """0 below 0, 1 above, ``x2`` at 0."""
    a, b = pair(floating(x1), floating(x2))
    above = op.Cast(op.Greater(a, 0), to=a.dtype)
    return above + op.Cast(op.Equal(a, 0), to=a.dtype) * b


def sinc(x: Like) -> Tensor:
    """``sin(pi x) / (pi x)``, 1 at 0."""
    t = floating(x) * math.pi
    zero = op.Cast(op.Equal(t, 0), to=t.dtype)
    return op.Sin(t) / (t + zero) + zero


def nan_to_num(
    x: Like, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """Numbers in place of NaN and infinities (the largest there are, unless told)."""
    t = floating(x)
    limits = np.finfo(np.float16 if t.dtype.itemsize == 2 else t.dtype)
    high = float(limits.max) if posinf is None else posinf
    low = float(limits.min) if neginf is None else neginf
    t = op.Where(op.IsNaN(t), convert(nan, t.dtype), t)
    t = op.Where(op.IsInf(t, detect_negative=0), convert(high, t.dtype), t)
    return op.Where(op.IsInf(t, detect_positive=0), convert(low, t.dtype), t)


def bitwise_and(x: Like, y: Like) -> Tensor:
    """Bits in both."""
    return op.BitwiseAnd(*pair(x, y))


def bitwise_or(x: Like, y: Like) -> Tensor:
    """Bits in at least one."""
    return op.BitwiseOr(*pair(x, y))


def bitwise_xor(x: Like, y: Like) -> Tensor:
    """Bits in exactly one."""
    return op.BitwiseXor(*pair(x, y))


def bitwise_not(x: Like) -> Tensor:
    """The other bits."""
    return op.BitwiseNot(x)


bitwise_invert = bitwise_not


__all__ = [
    "abs",
    "absolute",
    "add",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "cbrt",
    "ceil",
    "clip",
    "cos",
    "cosh",
    "deg2rad",
    "divide",
    "divide_no_nan",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "fabs",
    "floor",
    "floor_divide",
    "fmod",
    "heaviside",
    "hypot",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "nan_to_num",
    "negative",
    "power",
    "rad2deg",
    "reciprocal",
    "round",
    "rsqrt",
    "saturate_cast",
    "sign",
    "sin",
    "sinc",
    "sinh",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "true_divide",
    "trunc",
]  # fmt: skip
