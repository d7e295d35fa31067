"""Rules for operators that work element by element."""

from __future__ import annotations

import math
from typing import Any

from .. import op
from ..autodiff import nondifferentiable, vjp
from ..ir import Tensor
from .common import mask

nondifferentiable(
    "Ceil", "Floor", "Round", "Sign", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual",
    "And", "Or", "Xor", "Not", "IsInf", "IsNaN", "BitwiseAnd", "BitwiseOr", "BitwiseXor",
    "BitwiseNot", "BitShift", "RandomNormalLike", "RandomUniformLike", "RandomNormal",
    "RandomUniform", "Bernoulli", "Multinomial", "BlackmanWindow", "HammingWindow", "HannWindow",
    "MelWeightMatrix", "NonMaxSuppression", "ConvInteger", "MatMulInteger", "QLinearConv",
    "QLinearMatMul", "StringConcat", "StringNormalizer", "StringSplit", "RegexFullMatch",
    "TfIdfVectorizer", "ImageDecoder",
)  # fmt: skip


@vjp("Identity")
def identity(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy


@vjp("Cast")
def cast(dy: Tensor, y: Tensor, x: Tensor, *, to: int, saturate: int) -> Tensor:
    return dy


@vjp("CastLike")
def cast_like(dy: Tensor, y: Tensor, x: Tensor, other: Tensor, *, saturate: int) -> Any:
    return dy, None


@vjp("Neg")
def neg(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return -dy


@vjp("Abs")
def absolute(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy * op.Sign(x)


@vjp("Add", broadcasts=True)
def add(dy: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Any:
    return dy, dy


@vjp("Sub", broadcasts=True)
def sub(dy: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Any:
    return dy, -dy


@vjp("Mul", broadcasts=True)
def mul(dy: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Any:
    return dy * b, dy * a


@vjp("Div", broadcasts=True)
def div(dy: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Any:
    da = dy / b
    return da, -(da * y)


@vjp("Pow", broadcasts=True)
def power(dy: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Any:
    exponent = op.Cast(b, to=a.dtype) if b.dtype != a.dtype else b
    da = dy * exponent * op.Pow(a, exponent - 1)
    safe = a + mask(op.Equal(a, 0), a)  # log 0 would turn 0 * log 0 into NaN
    return da, dy * y * op.Log(safe)


@vjp("Mod", broadcasts=True)
def mod(dy: Tensor, y: Tensor, a: Tensor, b: Tensor, *, fmod: int) -> Any:
    quotient = a / b
    towards_zero = op.Sign(quotient) * op.Floor(op.Abs(quotient))
    return dy, -dy * (towards_zero if fmod else op.Floor(quotient))


@vjp("Sum", broadcasts=True)
def total(dy: Tensor, y: Tensor, *xs: Tensor) -> Any:
    return (dy,) * len(xs)


@vjp("Mean", broadcasts=True)
def mean(dy: Tensor, y: Tensor, *xs: Tensor) -> Any:
    return (dy / len(xs),) * len(xs)


@vjp("Max", "Min", broadcasts=True)
def extremum(dy: Tensor, y: Tensor, *xs: Tensor) -> Any:
    """Ties share the gradient evenly, as in torch and JAX."""
    hits = [mask(op.Equal(x, y), dy) for x in xs]
    share = dy / op.Sum(*hits) if len(xs) > 1 else dy
    return tuple(share * hit for hit in hits)


@vjp("Where", broadcasts=True)
def where(dy: Tensor, y: Tensor, condition: Tensor, a: Tensor, b: Tensor) -> Any:
    chosen = mask(condition, dy)
    return None, dy * chosen, dy * (1 - chosen)


@vjp("Clip")
def clip(dy: Tensor, y: Tensor, x: Tensor, low: Any = None, high: Any = None) -> Any:
    """The bounds themselves count as inside, as in torch."""
    inside = dy * mask(op.Equal(x, y), dy)
    below = above = None
    if low is not None:
        below = op.ReduceSum(dy * mask(op.Less(x, low), dy), keepdims=0)
    if high is not None:
        above = op.ReduceSum(dy * mask(op.Greater(x, high), dy), keepdims=0)
    given = 3 if high is not None else 2 if low is not None else 1
    return (inside, below, above)[:given]


@vjp("Reciprocal")
def reciprocal(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return -dy * y * y


@vjp("Sqrt")
def sqrt(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy * 0.5 / y


@vjp("Exp")
def exp(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy * y


@vjp("Log")
def log(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy / x


@vjp("Erf")
def erf(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy * op.Exp(-(x * x)) * (2 / math.sqrt(math.pi))


@vjp("Sin")
def sin(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy * op.Cos(x)


@vjp("Cos")
def cos(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return -dy * op.Sin(x)


@vjp("Tan")
def tan(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy * (y * y + 1)


@vjp("Asin")
def asin(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy / op.Sqrt(1 - x * x)


@vjp("Acos")
def acos(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return -dy / op.Sqrt(1 - x * x)


@vjp("Atan")
def atan(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy / (x * x + 1)


@vjp("Sinh")
def sinh(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy * op.Cosh(x)


@vjp("Cosh")
def cosh(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy * op.Sinh(x)


@vjp("Asinh")
def asinh(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy / op.Sqrt(x * x + 1)


@vjp("Acosh")
def acosh(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy / (op.Sqrt(x - 1) * op.Sqrt(x + 1))


@vjp("Atanh")
def atanh(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy / (1 - x * x)
