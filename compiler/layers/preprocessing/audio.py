"""Spectrograms of sound."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ....errors import ArgumentError
from ... import initializers, op, windows
from ...dtypes import TensorType
from ...ir import Array, Tensor, apply, retyped
from ...ops import arctan2
from ..base import Layer
from ..core import known_size
from ..input_spec import InputSpec

__all__ = ["MelSpectrogram", "STFTSpectrogram"]

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
_EPSILON = 1e-7


class STFTSpectrogram(Layer):
    """The short-time Fourier transform of a signal, as a convolution whose kernels may be trained.

    Args:
        mode: "log" or "magnitude" (of the transform), "psd" (squared, both sides), "real", "imag", "angle",
            or "stft" (real and imaginary parts side by side).
        frame_length, frame_step: length and distance of the frames (by default half the length).
        fft_length: gives ``fft_length // 2 + 1`` frequencies; by default the next power of two.
        window: a name, an array [frame_length], or None; ``periodic``, ``scaling``: see
            ``wh.initializers.STFT``.
        padding: "valid" or "same".
        expand_dims: keep channels and frequencies apart.
        data_format: "channels_last" (default) or "channels_first".

    Input [batch, time, channels], output [batch, frames, channels * frequencies]; with ``expand_dims``
    [batch, frames, frequencies, channels]. Channels first: input [batch, channels, time], output [batch,
    channels * frequencies, frames], or [batch, channels, frames, frequencies]. Weights: real_kernel and
    imag_kernel [frame_length, 1, frequencies], those that the mode needs.
    """

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if mode not in _MODES:
            raise ArgumentError(f"STFTSpectrogram(mode={mode!r}): expected one of {list(_MODES)}")
        if frame_step is not None and not 1 <= frame_step <= frame_length:
            raise ArgumentError(
                f"STFTSpectrogram(frame_step={frame_step}): expected 1 to frame_length={frame_length}"
            )
        if fft_length is not None and fft_length < frame_length:
            raise ArgumentError(
                f"STFTSpectrogram(fft_length={fft_length}): at least frame_length={frame_length}"
            )
        if fft_length is not None and fft_length & -fft_length != fft_length:
            warnings.warn(f"fft_length={fft_length} is no power of two", stacklevel=2)
        self.mode, self.expand_dims = mode, expand_dims
        self.frame_length = frame_length
        self.frame_step = frame_step or frame_length // 2
        self.fft_length = fft_length or 2 ** math.ceil(math.log2(frame_length))
        self.padding = windows.check_padding("STFTSpectrogram", padding)
        self.channels_first = windows.is_channels_first("STFTSpectrogram", data_format)
        self._kernels = {
            side: initializers.STFT(side, window, scaling, periodic) for side in ("real", "imag")
        }
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Any) -> None:
        axis = 1 if self.channels_first else 2
        self.channels = known_size(self.name, input_shape[axis], "the number of channels")
        shape = (self.frame_length, 1, self.fft_length // 2 + 1)
        sides = {"real": ["real"], "imag": ["imag"]}.get(self.mode, ["real", "imag"])
        self.kernels = {
            side: self.add_weight(shape, self._kernels[side], name=f"{side}_kernel")
            for side in sides
        }

    def call(self, inputs: Tensor) -> Tensor:
        x = inputs if self.channels_first else op.Transpose(inputs, perm=[0, 2, 1])
        sides = {side: self._transformed(x, kernel) for side, kernel in self.kernels.items()}
        if self.mode in sides:
            return self._arranged(sides[self.mode])
        real, imag = sides["real"], sides["imag"]
        if self.mode == "angle":
            return self._arranged(arctan2(imag, real))
        if self.mode == "stft":
            return self._arranged(op.Concat(real, imag, axis=2))
        power = real * real + imag * imag
        if (
            self.mode == "psd"
        ):  # what is on the other side, too: all but the first and last frequency
            twice = np.full((self.fft_length // 2 + 1, 1), 2.0, self.compute_dtype)
            twice[[0, -1]] = 1
            return self._arranged(power * twice)
        least = np.asarray(_EPSILON, self.compute_dtype)
        size = self._arranged(op.Sqrt(op.Max(power, least)))
        return size if self.mode == "magnitude" else op.Log(op.Max(size, least))

    def _transformed(self, x: Tensor, kernel: Any) -> Tensor:
        """[batch, channels, time] as [batch, channels, frequencies, frames]."""
        time = x.shape[2]
        flat = op.Reshape(x, op.Concat(np.array([-1, 1]), op.Shape(x, start=2), axis=0))
        options = windows.padding_attributes(
            "STFTSpectrogram", self.padding, [time], [self.frame_length], [self.frame_step]
        )
        found = op.Conv(flat, op.Transpose(kernel, perm=[2, 1, 0]), strides=[self.frame_step],
                        **options)  # fmt: skip
        shape = op.Concat(op.Shape(x, end=2), op.Shape(found, start=1), axis=0)
        result: Tensor = op.Reshape(found, shape)
        return result

    def _arranged(self, x: Tensor) -> Tensor:
        """[batch, channels, frequencies, frames] as ``data_format`` and ``expand_dims`` say."""
        if self.expand_dims:
            order = [0, 1, 3, 2] if self.channels_first else [0, 3, 2, 1]
            apart: Tensor = op.Transpose(x, perm=order)
            return apart
        width = self.channels * (self.fft_length // 2 + 1) * (2 if self.mode == "stft" else 1)
        merged = op.Reshape(x, np.array([0, width, -1]))
        return merged if self.channels_first else op.Transpose(merged, perm=[0, 2, 1])


class MelSpectrogram(Layer):
    """Power in bands of the mel scale over time, of a signal [time] or [batch, time].

    Args:
        fft_length, sequence_stride: length and distance of the frames.
        sequence_length: length of the window (by default the frame's), in the middle of each frame.
        window: "hann", "hamming" (both periodic), an array [sequence_length], or None.
        sampling_rate, min_freq, max_freq: in Hz; ``max_freq`` is half the rate by default.
        num_mel_bins: how many bands (triangles of height 1 on the scale ``2595 log10(1 + f / 700)``).
        power_to_db: give ``10 log10(max(x, min_power) / ref_power)``, at most ``top_db`` below the largest
            (of the whole batch, as in Keras).
        mag_exp: power of the magnitude: 1 or 2.

    The signal is mirrored at its ends, by half a frame. Output [batch, num_mel_bins, frames] (or without
    batch). Must be longer than half a frame.
    """

    _casts_integers = True

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fft_length, self.sequence_stride = fft_length, sequence_stride
        self.sequence_length = sequence_length or fft_length
        if self.fft_length < self.sequence_length:
            raise ArgumentError(
                f"MelSpectrogram(fft_length={fft_length}): at least sequence_length="
                f"{self.sequence_length}"
            )
        self.window = _window(window, self.sequence_length, fft_length)
        self.power_to_db, self.top_db = power_to_db, top_db
        self.mag_exp, self.min_power, self.ref_power = mag_exp, min_power, ref_power
        self.bands = mel_bands(
            num_mel_bins, fft_length // 2 + 1, sampling_rate, min_freq,
            max_freq or int(sampling_rate / 2),
        )  # fmt: skip

    def call(self, inputs: Tensor) -> Tensor:
        signal = op.Reshape(inputs, op.Concat([-1], op.Shape(inputs, start=-1), axis=0))
        half = self.fft_length // 2
        padded = op.Unsqueeze(op.Pad(signal, [0, half, 0, half], mode="reflect"), [2])
        spectrum = op.STFT(
            padded, np.int64(self.sequence_stride), self.window.astype(inputs.dtype),
            np.int64(self.fft_length), onesided=1,
        )  # fmt: skip
        power = op.ReduceSum(spectrum * spectrum, [3], keepdims=0)
        if self.mag_exp != 2:
            power = power ** (self.mag_exp / 2)
        bands = op.MatMul(power, self.bands.astype(inputs.dtype))
        if self.power_to_db:
            bands = self._decibels(bands)
        bands = op.Transpose(bands, perm=[0, 2, 1])
        leading = op.Shape(inputs, end=-1)
        result = op.Reshape(bands, op.Concat(leading, op.Shape(bands, start=1), axis=0))
        known = (*inputs.shape[:-1], *bands.shape[1:])  # the bands, whatever the time
        return retyped(result, TensorType(result.dtype, known))

    def _decibels(self, power: Tensor) -> Tensor:
        scale = 10 / math.log(10)
        reference = 10 * math.log10(max(abs(self.ref_power), self.min_power))
        least = np.asarray(self.min_power, power.dtype)
        found = op.Log(op.Max(power, least)) * scale - reference
        lowest = op.ReduceMax(found, keepdims=0) - self.top_db
        result: Tensor = apply("Max", found, lowest)
        return result


def _window(window: Any, length: int, frame: int) -> Array:
    """The window [frame]: zeros on both sides where it is shorter."""
    angle = 2 * np.pi * np.arange(length) / length
    if isinstance(window, str):
        known = {"hann": 0.5, "hamming": 0.54}
        if window not in known:
            raise ArgumentError(
                f"MelSpectrogram(window={window!r}): expected 'hann', 'hamming', an array or None"
            )
        values = known[window] - (1 - known[window]) * np.cos(angle)
    else:
        values = np.ones(length) if window is None else np.asarray(window, np.float64)
    if values.shape != (length,):
        raise ArgumentError(f"MelSpectrogram: a window of shape {values.shape}, not ({length},)")
    before = (frame - length) // 2
    return np.pad(values, (before, frame - length - before))


def mel_bands(count: int, bins: int, rate: float, lowest: float, highest: float) -> Array:
    """Weights [bins, count] of frequencies in bands: triangles on the mel scale (of HTK).

    ``bins`` frequencies lie evenly from 0 to half the rate; the first is in no band.
    """
    edges = np.linspace(_mel(lowest), _mel(highest), count + 2)
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]
    found = _mel(np.linspace(0, rate / 2, bins))[:, None]
    rising, falling = (found - left) / (middle - left), (right - found) / (right - middle)
    bands = np.maximum(0, np.minimum(rising, falling))
    bands[0] = 0
    return bands


def _mel(hertz: Any) -> Any:
    return 1127.0 * np.log1p(np.asarray(hertz, np.float64) / 700)
