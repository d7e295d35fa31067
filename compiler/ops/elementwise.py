"""Functions that work element by element, comparisons included."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes, op
from ..ir import Like, Tensor, convert, stopped


def _float(x: Like) -> Tensor:
    """Integers become float32, as in Keras, where a function has no integer result."""
    t = convert(x)
    return t if dtypes.is_float(t.dtype) else op.Cast(t, to="float32")


def _pair(a: Like, b: Like) -> tuple[Tensor, Tensor]:
    """Both operands as tensors of one type; a Python number takes the other's."""
    weak_a, weak_b = (not hasattr(v, "dtype") and not hasattr(v, "value") for v in (a, b))
    x, y = convert(a), convert(b)
    if weak_b and not weak_a and not (x.dtype.kind in "iub" and y.dtype.kind == "f"):
        return x, convert(b, x.dtype)
    if weak_a and not weak_b and not (y.dtype.kind in "iub" and x.dtype.kind == "f"):
        return convert(a, y.dtype), y
    kind = _common(x.dtype, y.dtype)
    return (x if x.dtype == kind else op.Cast(x, to=kind)), (
        y if y.dtype == kind else op.Cast(y, to=kind)
    )


def _common(a: dtypes.DType, b: dtypes.DType) -> dtypes.DType:
    """Integers with floats give the float's type (never double, which NumPy would give)."""
    if a == b:
        return a
    floats = [d for d in (a, b) if dtypes.is_float(d)]
    return floats[0] if len(floats) == 1 else np.result_type(a, b)


def add(x1: Like, x2: Like) -> Tensor:
    """``x1 + x2``."""
    return op.Add(*_pair(x1, x2))


def subtract(x1: Like, x2: Like) -> Tensor:
    """``x1 - x2``."""
    return op.Sub(*_pair(x1, x2))


def multiply(x1: Like, x2: Like) -> Tensor:
    """``x1 * x2``."""
    return op.Mul(*_pair(x1, x2))


def divide(x1: Like, x2: Like) -> Tensor:
    """``x1 / x2``, of integers too."""
    a, b = _pair(x1, x2)
    return op.Div(_float(a), _float(b))


true_divide = divide


def divide_no_nan(x1: Like, x2: Like) -> Tensor:
    """``x1 / x2``, and 0 where ``x2`` is 0."""
    a, b = _pair(_float(x1), _float(x2))
    zero = op.Cast(op.Equal(b, 0), to=b.dtype)
    return a * (1 - zero) / (b + zero)


def floor_divide(x1: Like, x2: Like) -> Tensor:
    """The largest whole number not above ``x1 / x2``."""
    a, b = _pair(x1, x2)
    if dtypes.is_float(a.dtype):
        return op.Floor(op.Div(a, b))
    return op.Div(op.Sub(a, op.Mod(a, b)), b)


def mod(x1: Like, x2: Like) -> Tensor:
    """The remainder, with the sign of ``x2``."""
    a, b = _pair(x1, x2)
    return a - b * op.Floor(a / b) if dtypes.is_float(a.dtype) else op.Mod(a, b)


def power(x1: Like, x2: Like) -> Tensor:
    """``x1 ** x2``."""
    return op.Pow(*_pair(x1, x2))


def maximum(x1: Like, x2: Like) -> Tensor:
    """The larger of both."""
    return op.Max(*_pair(x1, x2))


def minimum(x1: Like, x2: Like) -> Tensor:
    """The smaller of both."""
    return op.Min(*_pair(x1, x2))


def clip(x: Like, x_min: Any, x_max: Any) -> Tensor:
    """``x`` cut to [x_min, x_max]."""
    t = convert(x)
    return op.Clip(t, convert(x_min, t.dtype), convert(x_max, t.dtype))


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


def sign(x: Like) -> Tensor:
    """-1, 0 or 1."""
    return op.Sign(x)


def reciprocal(x: Like) -> Tensor:
    """``1 / x``."""
    return op.Reciprocal(_float(x))


def sqrt(x: Like) -> Tensor:
    """Square root."""
    return op.Sqrt(_float(x))


def rsqrt(x: Like) -> Tensor:
    """``1 / sqrt(x)``."""
    return op.Reciprocal(op.Sqrt(_float(x)))


def exp(x: Like) -> Tensor:
    """Exponential."""
    return op.Exp(_float(x))


def expm1(x: Like) -> Tensor:
    """``exp(x) - 1``."""
    return op.Exp(_float(x)) - 1


def log(x: Like) -> Tensor:
    """Natural logarithm."""
    return op.Log(_float(x))


def log1p(x: Like) -> Tensor:
    """``log(1 + x)``."""
    return op.Log(_float(x) + 1)


def log2(x: Like) -> Tensor:
    """Logarithm to base 2."""
    return op.Log(_float(x)) * (1 / np.log(2.0))


def log10(x: Like) -> Tensor:
    """Logarithm to base 10."""
    return op.Log(_float(x)) * (1 / np.log(10.0))


def logaddexp(x1: Like, x2: Like) -> Tensor:
    """``log(exp(x1) + exp(x2))``, stably."""
    a, b = _pair(_float(x1), _float(x2))
    return op.Max(a, b) + op.Softplus(-op.Abs(a - b))


def floor(x: Like) -> Tensor:
    """The largest whole number not above ``x``."""
    return op.Floor(_float(x))


def ceil(x: Like) -> Tensor:
    """The smallest whole number not below ``x``."""
    return op.Ceil(_float(x))


def round(x: Like, decimals: int = 0) -> Tensor:
    """The nearest number with this many decimals; halves go to even."""
    scale = 10.0**decimals
    return op.Round(_float(x)) if decimals == 0 else op.Round(_float(x) * scale) / scale


def trunc(x: Like) -> Tensor:
    """``x`` without its fraction."""
    t = _float(x)
    return op.Sign(t) * op.Floor(op.Abs(t))


def erf(x: Like) -> Tensor:
    """The error function."""
    return op.Erf(_float(x))


def _unary(name: str, operator: str, doc: str) -> Any:
    def function(x: Like) -> Tensor:
        result: Tensor = getattr(op, operator)(_float(x))
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


def equal(x1: Like, x2: Like) -> Tensor:
    """``x1 == x2``, bool."""
    return op.Equal(*_pair(x1, x2))


def not_equal(x1: Like, x2: Like) -> Tensor:
    """``x1 != x2``, bool."""
    return op.Not(op.Equal(*_pair(x1, x2)))


def greater(x1: Like, x2: Like) -> Tensor:
    """``x1 > x2``, bool."""
    return op.Greater(*_pair(x1, x2))


def greater_equal(x1: Like, x2: Like) -> Tensor:
    """``x1 >= x2``, bool."""
    return op.GreaterOrEqual(*_pair(x1, x2))


def less(x1: Like, x2: Like) -> Tensor:
    """``x1 < x2``, bool."""
    return op.Less(*_pair(x1, x2))


def less_equal(x1: Like, x2: Like) -> Tensor:
    """``x1 <= x2``, bool."""
    return op.LessOrEqual(*_pair(x1, x2))


def _bool(x: Like) -> Tensor:
    t = convert(x)
    return t if t.dtype == np.bool_ else op.Cast(t, to="bool")


def logical_and(x1: Like, x2: Like) -> Tensor:
    """Both."""
    return op.And(_bool(x1), _bool(x2))


def logical_or(x1: Like, x2: Like) -> Tensor:
    """At least one."""
    return op.Or(_bool(x1), _bool(x2))


def logical_xor(x1: Like, x2: Like) -> Tensor:
    """Exactly one."""
    return op.Xor(_bool(x1), _bool(x2))


def logical_not(x: Like) -> Tensor:
    """Not."""
    return op.Not(_bool(x))


def isnan(x: Like) -> Tensor:
    """Whether an element is not a number."""
    return op.IsNaN(_float(x))


def isinf(x: Like) -> Tensor:
    """Whether an element is infinite."""
    return op.IsInf(_float(x))


def isfinite(x: Like) -> Tensor:
    """Whether an element is neither infinite nor NaN."""
    t = _float(x)
    return op.Not(op.Or(op.IsNaN(t), op.IsInf(t)))


def where(condition: Like, x1: Like, x2: Like) -> Tensor:
    """``x1`` where ``condition`` holds, else ``x2``."""
    return op.Where(_bool(condition), *_pair(x1, x2))


def cast(x: Like, dtype: Any) -> Tensor:
    """``x`` in another element type."""
    return op.Cast(x, to=dtypes.as_dtype(dtype))


def stop_gradient(variable: Like) -> Tensor:
    """``variable``, through which no gradient flows."""
    return stopped(convert(variable))


__all__ = [
    "absolute",
    "add",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "cast",
    "ceil",
    "clip",
    "cos",
    "cosh",
    "divide",
    "divide_no_nan",
    "equal",
    "erf",
    "exp",
    "expm1",
    "floor",
    "floor_divide",
    "greater",
    "greater_equal",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "negative",
    "not_equal",
    "power",
    "reciprocal",
    "round",
    "rsqrt",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "stop_gradient",
    "subtract",
    "tan",
    "true_divide",
    "trunc",
    "where",
]
