"""Rules for operators that work element by element."""

from __future__ import annotations

import math
from typing import Any

from .. import op
from ..autodiff import nondifferentiable, vjp
from ..ir import Tensor
from .common import mask, number_if_known, reshape_like

nondifferentiable(
    "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Xor", "Not", "IsInf",
    "IsNaN", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot", "BitShift", "ConvInteger",
    "MatMulInteger", "NonMaxSuppression", "StringConcat", "StringNormalizer", "StringSplit",
    "RegexFullMatch", "ImageDecoder", "Multinomial",
)  # fmt: skip
nondifferentiable("Ceil", "Floor", "Round", "Sign", reason="piecewise constant")
nondifferentiable(
    "QLinearConv", "QLinearMatMul", reason="rounds: piecewise constant in all of its inputs"
)
nondifferentiable(
    "MelWeightMatrix", reason="rounds the edges of its bands to bins: piecewise constant"
)
nondifferentiable("Bernoulli", reason="a draw of zeros and ones: piecewise constant in its input")
nondifferentiable(
    "RandomNormalLike", "RandomUniformLike",
    reason="depends on the shape of its input, not on its values",
)  # fmt: skip
nondifferentiable(
    "RandomNormal", "RandomUniform", "BlackmanWindow", "HammingWindow", "HannWindow",
    "TfIdfVectorizer", reason="has no floating-point input",
)  # fmt: skip


@vjp("Identity")
def identity(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy``."""
    return dy


@vjp("Cast")
def cast(dy: Tensor, y: Tensor, x: Tensor, *, to: int, saturate: int) -> Tensor:
    """To the type of the input. What passes through integers stops there."""
    return dy


@vjp("CastLike")
def cast_like(dy: Tensor, y: Tensor, x: Tensor, other: Tensor, *, saturate: int) -> Any:
    """To the type of the input; none for the tensor that gives the type."""
    return dy, None


@vjp("Neg")
def neg(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """-dy."""
    return -dy


@vjp("Abs")
def absolute(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` sign(x): 0 at 0."""
    return dy * op.Sign(x)


@vjp("Add", broadcasts=True)
def add(dy: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Any:
    """``dy`` to both."""
    return dy, dy


@vjp("Sub", broadcasts=True)
def sub(dy: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Any:
    """``dy`` and -dy."""
    return dy, -dy


@vjp("Mul", broadcasts=True)
def mul(dy: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Any:
    """``dy`` b and dy a."""
    if a.key == b.key:
        return dy * 2 * a, None  # a square: a seed that is a number takes up the 2
    return dy * b, dy * a


@vjp("Div", broadcasts=True)
def div(dy: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Any:
    """``dy`` / b and -dy a / b^2."""
    da = dy / b
    return da, -(da * y)


@vjp("Pow", broadcasts=True)
def power(dy: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Any:
    """Of a^b: dy b a^(b - 1), 0 where b is 0; dy y log a, 0 where a is 0, NaN where it is negative."""
    exponent = op.Cast(b, to=a.dtype) if b.dtype != a.dtype else b
    safe = a + mask(op.Equal(a, 0), a)  # log 0 would turn 0 * log 0 into NaN
    db = dy * y * op.Log(safe)
    known = number_if_known(b)
    if known is not None and known != 0:
        return dy * known * (a if known == 2 else op.Pow(a, known - 1)), db
    # a^-1 is infinite at 0, and times an exponent of 0 it would be NaN
    below = exponent - 1 + mask(op.Equal(exponent, 0), a)
    return dy * exponent * op.Pow(a, below), db


@vjp("Mod", broadcasts=True)
def mod(dy: Tensor, y: Tensor, a: Tensor, b: Tensor, *, fmod: int) -> Any:
    """The remainder a - n b, with n constant; that of C where ``fmod``, else Python's."""
    return dy, -dy * op.Round((a - y) / b)  # a - y is n b: a / b itself may round to the next n


@vjp("Sum", broadcasts=True)
def total(dy: Tensor, y: Tensor, *xs: Tensor) -> Any:
    """``dy`` to all."""
    return (dy,) * len(xs)


@vjp("Mean", broadcasts=True)
def mean(dy: Tensor, y: Tensor, *xs: Tensor) -> Any:
    """``dy`` / n to all."""
    return (dy / len(xs),) * len(xs)


@vjp("Max", "Min", broadcasts=True)
def extremum(dy: Tensor, y: Tensor, *xs: Tensor) -> Any:
    """Ties share the gradient evenly, as in torch and JAX."""
    hits = [mask(op.Equal(x, y), dy) for x in xs]
    share = dy / op.Sum(*hits) if len(xs) > 1 else dy
    return tuple(share * hit for hit in hits)


@vjp("Where", broadcasts=True)
def where(dy: Tensor, y: Tensor, condition: Tensor, a: Tensor, b: Tensor) -> Any:
    """``dy`` times the condition, and times its opposite.

    A NaN in the branch not taken stays there: it is no factor. But a product with zero is not zero for
    a ``dy`` that is infinite or NaN, nor in the rules of what computed the branch, as everywhere
    (``log(where(x > 0, x, 1))`` is safe, ``where(x > 0, log(x), 0)`` is not).
    """
    chosen = mask(condition, dy)
    return None, dy * chosen, dy * (1 - chosen)


@vjp("Clip")
def clip(dy: Tensor, y: Tensor, x: Tensor, low: Any = None, high: Any = None) -> Any:
    """The bounds themselves count as inside, as in torch. Where they cross, the upper one wins."""
    inside = mask(op.Equal(x, y), dy)
    dx, below, above = dy * inside, None, None
    outside = 1 - inside
    if low is not None and high is not None:
        under = mask(op.And(op.Less(x, low), op.LessOrEqual(low, high)), dy)
        below = reshape_like(op.ReduceSum(dy * under, keepdims=0), low)
        above = reshape_like(op.ReduceSum(dy * (outside - under), keepdims=0), high)
    elif low is not None:
        below = reshape_like(op.ReduceSum(dy * outside, keepdims=0), low)
    elif high is not None:
        above = reshape_like(op.ReduceSum(dy * outside, keepdims=0), high)
    given = 3 if high is not None else 2 if low is not None else 1
    return (dx, below, above)[:given]


@vjp("Reciprocal")
def reciprocal(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """-dy / x^2."""
    return -dy * y * y


@vjp("Sqrt")
def sqrt(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` / (2 sqrt x): infinite at 0."""
    return dy * 0.5 / y


@vjp("Exp")
def exp(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` exp x."""
    return dy * y


@vjp("Log")
def log(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` / x."""
    return dy / x


@vjp("Erf")
def erf(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` 2 exp(-x^2) / sqrt pi."""
    return dy * op.Exp(-(x * x)) * (2 / math.sqrt(math.pi))


@vjp("Sin")
def sin(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` cos x."""
    return dy * op.Cos(x)


@vjp("Cos")
def cos(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """-dy sin x."""
    return -dy * op.Sin(x)


@vjp("Tan")
def tan(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` (1 + tan^2 x)."""
    return dy * (y * y + 1)


@vjp("Asin")
def asin(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` / sqrt(1 - x^2)."""
    return dy / op.Sqrt(1 - x * x)


@vjp("Acos")
def acos(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """-dy / sqrt(1 - x^2)."""
    return -dy / op.Sqrt(1 - x * x)


@vjp("Atan")
def atan(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` / (1 + x^2)."""
    return dy / (x * x + 1)


@vjp("Sinh")
def sinh(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` cosh x."""
    return dy * op.Cosh(x)


@vjp("Cosh")
def cosh(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` sinh x."""
    return dy * op.Sinh(x)


@vjp("Asinh")
def asinh(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` / sqrt(x^2 + 1)."""
    return dy / op.Sqrt(x * x + 1)


@vjp("Acosh")
def acosh(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` / sqrt(x^2 - 1)."""
    return dy / (op.Sqrt(x - 1) * op.Sqrt(x + 1))


@vjp("Atanh")
def atanh(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` / (1 - x^2)."""
    return dy / (1 - x * x)
