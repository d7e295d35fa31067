"""Windows that fade a signal out at both ends."""

from __future__ import annotations

import math

from .. import op
from ..dtypes import FLOAT32, INT64
from ..ir import Like, Tensor, convert
from .special import i0


def _places(x: Like) -> tuple[Tensor, Tensor]:
    """0 to the size ``x`` - 1 as floats, and ``x`` - 1, or 1 where that is 0."""
    count = op.Cast(convert(x, INT64), to=INT64)
    count = op.Squeeze(count) if count.ndim else count
    numbers = op.Cast(op.Range(0, count, 1), to=FLOAT32)
    return numbers, op.Cast(op.Max(op.Sub(count, 1), 1), to=FLOAT32)


def _cosines(x: Like, *weights: float) -> Tensor:
    """``sum (-1)^k w_k cos(2 pi k n / (x - 1))``; 1 for a single place."""
    numbers, last = _places(x)
    single = op.Cast(op.Equal(op.Size(numbers), 1), to=FLOAT32)
    total: Tensor = numbers * 0.0 + weights[0]
    for k, weight in enumerate(weights[1:], 1):
        total = total + op.Cos(numbers / last * (2 * math.pi * k)) * ((-1) ** k * weight)
    return total * (1 - single) + single


def hanning(x: Like) -> Tensor:
    """Hann's window of size ``x``: 0.5 - 0.5 cos."""
    return _cosines(x, 0.5, 0.5)


def hamming(x: Like) -> Tensor:
    """Hamming's window of size ``x``: 0.54 - 0.46 cos."""
    return _cosines(x, 0.54, 0.46)


def blackman(x: Like) -> Tensor:
    """Blackman's window of size ``x``: 0.42 - 0.5 cos + 0.08 cos of twice that."""
    return _cosines(x, 0.42, 0.5, 0.08)


def bartlett(x: Like) -> Tensor:
    """The triangle of size ``x`` whose ends are 0."""
    numbers, last = _places(x)
    single = op.Cast(op.Equal(op.Size(numbers), 1), to=FLOAT32)
    return (1 - op.Abs(numbers * 2 / last - 1)) * (1 - single) + single


def kaiser(x: Like, beta: Like) -> Tensor:
    """Kaiser's window of size ``x``: ``i0(beta sqrt(1 - (2 n / (x - 1) - 1)^2)) / i0(beta)``."""
    numbers, last = _places(x)
    single = op.Cast(op.Equal(op.Size(numbers), 1), to=FLOAT32)
    width = op.Cast(convert(beta, FLOAT32), to=FLOAT32)
    place = (numbers * 2 / last - 1) * (1 - single)
    return i0(op.Sqrt(op.Max(1 - place * place, 0.0)) * width) / i0(width)


__all__ = ["bartlett", "blackman", "hamming", "hanning", "kaiser"]
