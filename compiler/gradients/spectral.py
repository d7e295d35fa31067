"""Rules for Fourier transforms: linear, so that the gradient is the adjoint.

A complex number is a pair on the last axis, and the adjoint is that of real numbers: with F the
symmetric matrix of the transform, ``y = F x`` is pulled back by the conjugate of F, which is n times
the inverse transform. No one-sided inverse is written: ONNX Runtime (1.32) disagrees with the
reference where its length and its number of bins do not belong together. And ``axis`` is always
given: where it is there but empty, ONNX Runtime ends the process.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from ...errors import GradientError
from .. import op
from ..autodiff import vjp
from ..ir import Tensor, value_if_known
from .common import padded
from .composed import composed

Size: TypeAlias = "int | Tensor"  # a number, or an int64 scalar where it is found while it runs


@vjp("DFT")
def dft(
    dy: Tensor, y: Tensor, x: Tensor, dft_length: Tensor | None = None,
    axis: Tensor | None = None, *, inverse: int, onesided: int,
) -> Any:  # fmt: skip
    """The transform in the other direction, scaled: n DFT^-1(dy), or DFT(dy) / n for an inverse.

    Raises ``GradientError`` where ``axis`` is no constant.
    """
    where = _axis(axis, x)
    n = _length(y, where)
    if onesided and inverse:
        dx = _half(dy, n, where)
        found = _length(dx, where)
    elif onesided:
        found = _length(x, where) if dft_length is None else _number(dft_length)
        # the half that did not come out is zero: a length of ``found`` pads
        dx = _scaled(_parts(op.DFT(dy, found, where, inverse=1), x), found, 0)
    else:
        found = n
        dx = _scaled(_parts(op.DFT(dy, None, where, inverse=1 - inverse), x), n, inverse)
    if dft_length is not None or (onesided and inverse):
        dx = _resized(dx, found, _length(x, where), where)
    return (dx, *[None] * (2 if axis is not None else 1 if dft_length is not None else 0))


def _axis(axis: Tensor | None, x: Tensor) -> int:
    known = value_if_known(axis) if axis is not None else np.array(-2)
    if known is None:
        raise GradientError("DFT has a gradient rule only where its axis is a constant")
    return int(known.item()) % x.ndim


def _number(length: Tensor) -> Size:
    known = value_if_known(length)
    return int(known.item()) if known is not None else op.Cast(op.Squeeze(length), to=np.int64)


def _length(x: Tensor, axis: int) -> Size:
    size = x.shape[axis]
    return size if isinstance(size, int) else op.Squeeze(op.Shape(x, start=axis, end=axis + 1))


def _half(dy: Tensor, n: Size, axis: int) -> Tensor:
    """Adjoint of the real inverse of a half spectrum: all bins but 0 and n/2 stand for two."""
    bins = op.DFT(dy, None, axis, onesided=1)
    index = op.Range(0, op.Add(op.Div(n, 2), 1), 1)
    once = op.Or(op.Equal(index, 0), op.Equal(index * 2, n))
    weights = op.Reshape(2 - op.Cast(once, to=np.int64), [-1] + [1] * (dy.ndim - axis - 1))
    return _scaled(bins * op.Cast(weights, to=dy.dtype), n, 1)


def _scaled(x: Tensor, n: Size, inverse: int) -> Tensor:
    factor = op.Cast(n, to=x.dtype) if isinstance(n, Tensor) else float(n)
    return x / factor if inverse else x * factor


def _parts(full: Tensor, x: Tensor) -> Tensor:
    """The real parts alone where ``x`` is real."""
    if x.shape[-1] == 2:
        return full
    last = [1] if x.shape[-1] == 1 else op.Shape(x, start=-1)
    return op.Slice(full, [0], last, [-1])


def _resized(x: Tensor, found: Size, wanted: Size, axis: int) -> Tensor:
    """``x`` cut, or filled with zeros, to the size ``wanted``."""
    if isinstance(found, int) and isinstance(wanted, int):
        if found > wanted:
            return op.Slice(x, [0], [wanted], [axis])
        pads = [0] * (2 * x.ndim)
        pads[x.ndim + axis] = wanted - found
        return op.Pad(x, pads) if wanted > found else x
    size = op.Reshape(wanted, [1])
    cut = op.Slice(x, [0], size, [axis])
    after = op.Concat([0], op.Max(size - op.Reshape(found, [1]), 0), axis=0)
    return padded(cut, after, op.Reshape(axis, [1]))


@composed("STFT")
def stft(
    signal: Tensor, frame_step: Tensor, window: Tensor | None = None,
    frame_length: Tensor | None = None, *, onesided: int,
) -> Tensor:  # fmt: skip
    """As gathered frames, times the window, transformed; overlapping frames add up."""
    step, total = _number(frame_step), _length(signal, 1)
    if frame_length is not None:
        size = _number(frame_length)
    else:
        size = _length(window, 0) if window is not None else total
    count = op.Add(op.Div(op.Sub(total, size), step), 1)
    starts = op.Mul(op.Range(0, count, 1), step)
    frames = op.Gather(signal, op.Unsqueeze(starts, [1]) + op.Range(0, size, 1), axis=1)
    if window is not None:
        frames = frames * op.Unsqueeze(window, [1])
    if not onesided or signal.shape[-1] == 1:
        return op.DFT(frames, None, 2, onesided=onesided)
    # a complex signal (or one that may be): DFT refuses to be one-sided, STFT does not
    half = op.Add(op.Div(size, 2), 1)
    return op.Slice(op.DFT(frames, None, 2), [0], op.Reshape(half, [1]), [2])
