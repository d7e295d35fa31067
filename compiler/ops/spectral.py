"""Fourier transforms. A complex tensor is a pair (real, imaginary) of tensors of one shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ...errors import ArgumentError, ShapeError
from .. import op
from ..casting import as_type, floating, pair
from ..ir import Like, Tensor, constant, convert

Complex: TypeAlias = "tuple[Tensor, Tensor]"


def _joined(owner: str, x: Any) -> Tensor:
    """[..., 2]: a pair as DFT takes it."""
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ArgumentError(f"{owner} takes a pair (real, imaginary) of tensors")
    real, imaginary = pair(floating(x[0]), floating(x[1]))
    return op.Concat(op.Unsqueeze(real, [-1]), op.Unsqueeze(imaginary, [-1]), axis=-1)


def _parts(x: Tensor) -> Complex:
    real, imaginary = op.Split(x, num_outputs=2, axis=-1)
    return op.Squeeze(real, [-1]), op.Squeeze(imaginary, [-1])


def _transformed(x: Tensor, axes: Sequence[int], inverse: int = 0) -> Tensor:
    for axis in axes:
        x = op.DFT(x, None, x.ndim - 1 + axis, inverse=inverse)
    return x


def fft(x: Any) -> Complex:
    """The transform of a pair along its last axis."""
    return _parts(_transformed(_joined("fft", x), [-1]))


def fft2(x: Any) -> Complex:
    """The transform of a pair along its last two axes."""
    return _parts(_transformed(_joined("fft2", x), [-1, -2]))


def ifft2(x: Any) -> Complex:
    """The inverse of ``fft2``."""
    return _parts(_transformed(_joined("ifft2", x), [-1, -2], inverse=1))


def rfft(x: Like, fft_length: int | None = None) -> Complex:
    """The first ``fft_length // 2 + 1`` terms of the transform of a real ``x`` along its last axis.

    ``x`` is cut, or filled up with zeros, to ``fft_length`` (its own size).
    """
    t = floating(x)
    return _parts(op.DFT(op.Unsqueeze(t, [-1]), fft_length, t.ndim - 1, onesided=1))


def irfft(x: Any, fft_length: int | None = None) -> Tensor:
    """The real tensor of size ``fft_length`` whose ``rfft`` is ``x``; by default 2 (size - 1)."""
    half = _joined("irfft", x)
    axis = half.ndim - 2
    bins = half.shape[axis]
    if fft_length is None:
        if not isinstance(bins, int):
            raise ShapeError(f"irfft needs fft_length where the size is dynamic; got {half.type}")
        fft_length = 2 * (bins - 1)
    wanted = fft_length // 2 + 1
    if bins != wanted:
        widths = [0] * (2 * half.ndim)
        widths[half.ndim + axis] = wanted
        half = op.Slice(op.Pad(half, widths), [0], [wanted], [axis])
    # the other half is the mirror image, conjugated. (A one-sided inverse DFT of ONNX Runtime, 1.32,
    # is not that of the standard.)
    count = fft_length - wanted
    full = half
    if count:
        mirror = op.Slice(half, [count], [0], [axis], [-1])
        sign = constant(np.array([1, -1], half.dtype))
        full = op.Concat(half, mirror * sign, axis=axis)
    return _parts(op.DFT(full, None, axis, inverse=1))[0]


def extract_sequences(x: Like, sequence_length: int, sequence_stride: int) -> Tensor:
    """Windows of the last axis, as [..., windows, sequence_length]; only whole ones."""
    t = convert(x)
    size = op.Squeeze(op.Shape(t, start=-1), [0])
    count = op.Add(op.Div(op.Sub(size, sequence_length), sequence_stride), 1)
    starts = op.Mul(op.Range(0, count, 1), sequence_stride)
    places = op.Add(op.Unsqueeze(starts, [1]), np.arange(sequence_length))
    return op.Gather(t, places, axis=t.ndim - 1)


def _window(owner: str, window: Any, length: int, fft_length: int, like: Tensor) -> Tensor:
    """The window of ``sequence_length`` in the middle of ``fft_length`` places."""
    if window is None:
        values: Any = np.ones(length, like.dtype)
    elif isinstance(window, str):
        weights = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46)}.get(window)
        if weights is None:
            raise ArgumentError(
                f"{owner}(window={window!r}): expected 'hann', 'hamming' or a tensor"
            )
        turns = 2 * np.pi * np.arange(length) / length  # periodic
        values = (weights[0] - weights[1] * np.cos(turns)).astype(like.dtype)
    else:
        values = as_type(convert(window), like.dtype)
        if values.shape != (length,):
            raise ShapeError(f"{owner}: a window of shape {values.shape} for length {length}")
    before = (fft_length - length) // 2
    return op.Pad(convert(values), [before, fft_length - length - before])


def _checked(owner: str, length: int, stride: int, fft_length: int) -> None:
    if not isinstance(stride, int) or stride < 1:
        raise ArgumentError(f"{owner}(sequence_stride={stride!r}): expected a number above 0")
    if fft_length < length:
        raise ArgumentError(
            f"{owner}: fft_length={fft_length} is less than sequence_length={length}"
        )


def stft(
    x: Like, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann",
    center: bool = True,
) -> Complex:  # fmt: skip
    """``rfft`` of windows of the last axis, ``sequence_stride`` apart: a pair [..., windows, bins].

    ``window`` is "hann", "hamming" (periodic), a vector or None. With ``center`` the signal is
    reflected at its ends, so that window t has its middle at t times the stride.
    """
    _checked("stft", sequence_length, sequence_stride, fft_length)
    t = floating(x)
    weights = _window("stft", window, sequence_length, fft_length, t)
    if center:
        widths = [0] * (2 * t.ndim)
        widths[t.ndim - 1] = widths[-1] = fft_length // 2
        t = op.Pad(t, widths, mode="reflect")
    return rfft(extract_sequences(t, fft_length, sequence_stride) * weights)


def istft(
    x: Any, sequence_length: int, sequence_stride: int, fft_length: int, length: int | None = None,
    window: Any = "hann", center: bool = True,
) -> Tensor:  # fmt: skip
    """The signal whose ``stft`` with the same arguments is ``x``, of ``length`` samples.

    Windows are added where they overlap, and divided by the sum of the squares of the windows: those
    that are there (where ``center`` and the window fills ``fft_length``), else as many as there are
    in the middle, which is how Keras does it.
    """
    _checked("istft", sequence_length, sequence_stride, fft_length)
    frames = irfft(x, fft_length)
    weights = (
        None if window is None else _window("istft", window, sequence_length, fft_length, frames)
    )
    exact = center and sequence_length == fft_length and weights is not None
    if weights is not None and not exact:
        frames = frames * (weights / _overlaps(weights, fft_length, sequence_stride))
    elif weights is not None:
        frames = frames * weights
    signal = _added(frames, fft_length, sequence_stride)
    start = fft_length // 2 if center else 0
    far = np.iinfo(np.int64).max
    end = start + length if length is not None else -start if start else far
    signal = op.Slice(signal, [start], [end], [-1])
    if weights is None or not exact:
        return signal
    ones = op.Expand(weights * weights, op.Shape(frames, start=-2))
    total = op.Slice(_added(ones, fft_length, sequence_stride), [start], [end], [-1])
    return signal / total


def _overlaps(weights: Tensor, size: int, stride: int) -> Tensor:
    """The sum of all squared windows that lie over a place of one of many."""
    count = -(-size // stride)
    padded = op.Pad(weights * weights, [0, count * stride - size])
    total = op.ReduceSum(op.Reshape(padded, [count, stride]), [0], keepdims=0)
    return op.Slice(op.Tile(total, [count]), [0], [size], [0])


def _added(frames: Tensor, size: int, stride: int) -> Tensor:
    """[..., windows, size] laid over each other and added: Col2Im in one dimension."""
    lead = op.Shape(frames, start=0, end=frames.ndim - 2)
    turned = op.Transpose(frames, perm=[*range(frames.ndim - 2), frames.ndim - 1, frames.ndim - 2])
    count = op.Shape(frames, start=-2, end=-1)
    length = op.Add(op.Mul(op.Sub(count, 1), stride), size)
    flat = op.Reshape(turned, op.Concat([-1, size], count, axis=0))
    signal = op.Col2Im(flat, length, [size], strides=[stride])
    return op.Reshape(signal, op.Concat(lead, [-1], axis=0))


__all__ = ["extract_sequences", "fft", "fft2", "ifft2", "irfft", "istft", "rfft", "stft"]
