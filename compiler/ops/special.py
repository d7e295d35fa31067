"""Special functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dtypes, op
from ..casting import as_type, floating
from ..ir import Like, Tensor, convert
from .custom import custom_gradient

# Giles 2010, "Approximating the erfinv function", highest power first
_CENTRE = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
    -0.00125372503, -0.00417768164, 0.246640727, 1.50140941,
)  # fmt: skip
_TAIL = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
    -0.0076224613, 0.00943887047, 1.00167406, 2.83297682,
)  # fmt: skip
# Abramowitz and Stegun 1964, 9.8.1 and 9.8.2, highest power first
_I0_SMALL = (0.0045813, 0.0360768, 0.2659732, 1.2067492, 3.0899424, 3.5156229, 1.0)
_I0_LARGE = (
    0.00392377, -0.01647633, 0.02635537, -0.02057706, 0.00916281, -0.00157565, 0.00225319,
    0.01328592, 0.39894228,
)  # fmt: skip


def _polynomial(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    total: Tensor = x * coefficients[0] + coefficients[1]
    for c in coefficients[2:]:
        total = total * x + c
    return total


def erfinv(x: Like) -> Tensor:
    """The inverse of ``erf``: infinite at -1 and 1, NaN beyond.

    Giles 2010, improved by a step of Newton's method.
    """
    found: Tensor = _erfinv(floating(x))
    return found


@custom_gradient
def _erfinv(x: Tensor) -> Any:
    inside = op.Less(op.Abs(x), 1.0)
    t = op.Where(inside, x, convert(0.0, x.dtype))
    w = -op.Log((1 - t) * (1 + t))
    near = _polynomial(w - 2.5, _CENTRE)
    far = _polynomial(op.Sqrt(op.Max(w, 5.0)) - 3.0, _TAIL)
    y = op.Where(op.Less(w, 5.0), near, far) * t
    # where erf is flat in single precision a step would only add noise
    slope = op.Exp(y * y) * (math.sqrt(math.pi) / 2)
    y = y - (op.Erf(y) - t) * slope * op.Cast(op.Less(w, 2.0), to=x.dtype)
    edge = op.Where(op.Equal(op.Abs(x), 1.0), op.Sign(x) * np.inf, convert(np.nan, x.dtype))

    def gradient(x: Tensor, upstream: Tensor) -> Tensor:
        z = _erfinv(x)
        return upstream * op.Exp(z * z) * (math.sqrt(math.pi) / 2)

    return op.Where(inside, y, edge), gradient


def i0(x: Like) -> Tensor:
    """The modified Bessel function of order 0 (relative error below 2e-7)."""
    t = op.Abs(floating(x))
    small = op.Min(t, 3.75) / 3.75
    inner = _polynomial(small * small, _I0_SMALL)
    large = op.Max(t, 3.75)
    outer = op.Exp(large) / op.Sqrt(large) * _polynomial(3.75 / large, _I0_LARGE)
    return op.Where(op.Less(t, 3.75), inner, outer)


def isreal(x: Like) -> Tensor:
    """True everywhere: there are no complex tensors."""
    return op.Expand(convert(True), op.Shape(x))


def real(x: Like) -> Tensor:
    """``x``: there are no complex tensors (functions of these take pairs)."""
    return convert(x)


def imag(x: Like) -> Tensor:
    """Zeros: there are no complex tensors (functions of these take pairs)."""
    t = convert(x)
    return op.Expand(convert(0, t.dtype), op.Shape(t))


def conjugate(x: Like) -> Tensor:
    """``x``: there are no complex tensors (functions of these take pairs)."""
    return convert(x)


conj = conjugate


def angle(x: Like) -> Tensor:
    """The angle of a real number in the complex plane: 0, or pi where it is negative."""
    t = floating(x)
    turned = op.Where(op.Less(t, 0.0), convert(math.pi, t.dtype), convert(0.0, t.dtype))
    return op.Where(op.IsNaN(t), t, turned)


def view_as_real(x: Any) -> Tensor:
    """A pair (real, imaginary) as one tensor with both on a last axis; a real ``x`` beside zeros."""
    parts = x if isinstance(x, (tuple, list)) and len(x) == 2 else (x, imag(x))
    first, second = (floating(p) for p in parts)
    return op.Concat(
        op.Unsqueeze(first, [-1]), op.Unsqueeze(as_type(second, first.dtype), [-1]), axis=-1
    )


def view(x: Like, dtype: Any = None) -> Tensor:
    """The same bits as another element type.

    Raises ``NotImplementedError`` for another type of a symbolic tensor: ONNX cannot look at bits.
    """
    t = convert(x)
    kind = t.dtype if dtype is None else dtypes.as_dtype(dtype)
    if kind == t.dtype:
        return t
    if not t.node.concrete:
        raise NotImplementedError(
            "view needs a value to look at the bits of, outside of functions: use wh.ops.cast"
        )
    return convert(np.ascontiguousarray(t.numpy()).view(kind))


__all__ = [
    "angle", "conj", "conjugate", "erfinv", "i0", "imag", "isreal", "real", "view",
    "view_as_real",
]  # fmt: skip
