"""Running and outer products, divisors, powers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError
from .. import dtypes, op
from ..casting import as_type, floating, pair
from ..ir import Like, Tensor, constant, convert
from .control import associative_scan, while_loop
from .creation import diag, linspace


def cumprod(x: Like, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The running product along ``axis`` (of the flat tensor without one)."""
    t = convert(x)
    kind = dtypes.as_dtype("int32") if t.dtype == dtypes.BOOL else t.dtype
    t = as_type(t, kind if dtype is None else dtypes.as_dtype(dtype))
    t = op.Reshape(t, [-1]) if axis is None else t
    found: Tensor = associative_scan(op.Mul, t, axis=axis or 0)
    return found


def kron(x1: Like, x2: Like) -> Tensor:
    """Kronecker's product: each element of ``x1`` times all of ``x2``, laid out as blocks."""
    a, b = pair(x1, x2)
    rank = max(a.ndim, b.ndim)
    a, b = (op.Unsqueeze(t, [*range(rank - t.ndim)]) if t.ndim < rank else t for t in (a, b))
    outer = op.Unsqueeze(a, [2 * i + 1 for i in range(rank)])
    inner = op.Unsqueeze(b, [2 * i for i in range(rank)])
    return op.Reshape(op.Mul(outer, inner), op.Mul(op.Shape(a), op.Shape(b)))


def gcd(x1: Like, x2: Like) -> Tensor:
    """The greatest common divisor (Euclid)."""
    a, b = _integers("gcd", x1, x2)
    zero = op.Mul(op.Add(a, b), 0)
    start = (op.Add(op.Abs(a), zero), op.Add(op.Abs(b), zero))

    def step(p: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
        done = op.Equal(q, 0)
        return op.Where(done, p, q), op.Where(done, q, op.Mod(p, op.Where(done, 1, q)))

    found: Tensor = while_loop(lambda _, q: op.ReduceMax(q, None, keepdims=0), step, start)[0]
    return found


def lcm(x1: Like, x2: Like) -> Tensor:
    """The least common multiple; 0 where one is 0."""
    a, b = _integers("lcm", x1, x2)
    divisor = gcd(a, b)
    return op.Abs(op.Mul(op.Div(a, op.Max(divisor, 1)), b))


def _integers(owner: str, x1: Like, x2: Like) -> tuple[Tensor, Tensor]:
    a, b = pair(x1, x2)
    if a.dtype.kind not in "iu":
        raise ArgumentError(f"{owner} takes integers; got {a.type}")
    return a, b


def ldexp(x1: Like, x2: Like) -> Tensor:
    """``x1 * 2 ** x2`` for integers ``x2``."""
    x, exponent = floating(x1), convert(x2)
    if exponent.dtype.kind not in "iu":
        raise ArgumentError(f"ldexp takes whole exponents; got {exponent.type}")
    half = op.Div(exponent, 2)  # in two steps: 2 ** x2 itself may be too large
    first, second = (op.Pow(convert(2.0, x.dtype), op.Cast(e, to=x.dtype))
                     for e in (half, op.Sub(exponent, half)))  # fmt: skip
    return x * first * second


def vander(x: Like, N: int | None = None, increasing: bool = False) -> Tensor:  # noqa: N803
    """The powers of the elements of a vector as rows, from the highest unless ``increasing``."""
    t = convert(x)
    if t.ndim != 1:
        raise ShapeError(f"vander takes a vector; got {t.type}")
    count = t.shape[0] if N is None else N
    if not isinstance(count, int):
        raise ShapeError(f"vander needs N for a vector of unknown size; got {t.type}")
    powers = np.arange(count) if increasing else np.arange(count)[::-1]
    return op.Pow(op.Unsqueeze(t, [1]), constant(powers.astype(t.dtype)))


def diagflat(x: Like, k: int = 0) -> Tensor:
    """A matrix with all elements of ``x`` on a diagonal."""
    return diag(op.Reshape(x, [-1]), k)


def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Tensor:
    """``num`` numbers from ``start`` to ``stop``, of which each is the same multiple of the last."""
    first, last = pair(floating(start), floating(stop))
    exponents = linspace(op.Log(op.Abs(first)), op.Log(op.Abs(last)), num, endpoint, axis=axis)
    sign = op.Sign(first)
    sign = op.Unsqueeze(sign, [axis]) if sign.ndim else sign
    found = op.Exp(exponents) * sign
    return found if dtype is None else as_type(found, dtypes.as_dtype(dtype))


def bitwise_left_shift(x: Like, y: Like) -> Tensor:
    """Bits moved to the left by ``y``."""
    a, b = _integers("bitwise_left_shift", x, y)
    # ONNX shifts unsigned numbers; two's complement has the same bits
    wide = op.BitShift(op.Cast(a, to="uint64"), op.Cast(b, to="uint64"), direction="LEFT")
    return op.Cast(wide, to=a.dtype)


def bitwise_right_shift(x: Like, y: Like) -> Tensor:
    """Bits moved to the right by ``y``; the sign stays."""
    a, b = _integers("bitwise_right_shift", x, y)
    wide = op.Cast(a, to="int64")
    flip = op.Cast(op.Less(wide, 0), to="int64")
    # of a negative number the complement, which is none: ~(~x >> y)
    bare = op.Sub(op.Mul(wide, op.Sub(1, op.Mul(flip, 2))), flip)
    moved = op.Cast(
        op.BitShift(op.Cast(bare, to="uint64"), op.Cast(b, to="uint64"), direction="RIGHT"),
        to="int64",
    )
    return op.Cast(op.Sub(op.Mul(moved, op.Sub(1, op.Mul(flip, 2))), flip), to=a.dtype)


left_shift, right_shift = bitwise_left_shift, bitwise_right_shift


__all__ = [
    "bitwise_left_shift", "bitwise_right_shift", "cumprod", "diagflat", "gcd", "geomspace", "kron",
    "lcm", "ldexp", "left_shift", "right_shift", "vander",
]  # fmt: skip
