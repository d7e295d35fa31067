"""``audio_dataset_from_directory``: wave files by the standard library, or by soundfile where it is."""

from __future__ import annotations

import math
import wave
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...compiler.ir import Array
from ...errors import ArgumentError, DatasetError
from ..data.dataset import Dataset
from ._files import Request, read
from .image import in_batches

_LOBES = 16  # of the sinc on each side, in resampling


def audio_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Sounds (``.wav``) in a folder with a folder per class, read when they are asked for.

    Elements are float32 sounds [batch, samples, channels] of -1 to 1, or (sounds, labels). The arguments
    are those of ``image_dataset_from_directory``, and:

    Args:
        sampling_rate: bring every sound to this rate (samples per second).
        output_sequence_length: cut, or fill up with zeros, to so many samples; default: to the longest
            sound of each batch.
        ragged: must be False.

    Raises ``ArgumentError`` for arguments that make no sense, ``DatasetError`` where there are no files
    or one cannot be read.
    """
    if ragged:
        raise NotImplementedError(
            "ragged=True is not supported: sounds are padded; batch_size=None gives them as they are"
        )
    if sampling_rate is not None and (not isinstance(sampling_rate, int) or sampling_rate < 1):
        raise ArgumentError(f"sampling_rate={sampling_rate!r}: expected a whole number above 0")

    def load(path: str) -> Array:
        sound, rate = read_wave(path)
        # Keras cuts before it resamples
        sound = _fitted(sound, output_sequence_length)
        if sampling_rate is not None and rate != sampling_rate:
            sound = resampled(sound, rate, sampling_rate)
        return sound

    def batched(dataset: Dataset) -> Dataset:
        if batch_size is None or output_sequence_length is not None:
            return in_batches(dataset, batch_size)
        return dataset.padded_batch(batch_size)

    request = Request(
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split,
        subset, follow_links, verbose, (".wav",),
    )  # fmt: skip
    found = read(request, load, batched, threads=2)
    return tuple(found) if isinstance(found, list) else found


def _fitted(sound: Array, length: int | None) -> Array:
    if length is None:
        return sound
    missing = max(length - len(sound), 0)
    return np.pad(sound[:length], ((0, missing), (0, 0)))


def read_wave(path: str) -> tuple[Array, int]:
    """A wave file: float32 [samples, channels] of -1 to 1, and samples per second.

    The standard library reads integers of 8 to 32 bits; for others soundfile is used where it is
    installed. Raises ``DatasetError`` for what cannot be read.
    """
    try:
        with wave.open(path, "rb") as file:
            width, channels = file.getsampwidth(), file.getnchannels()
            data, rate = file.readframes(file.getnframes()), file.getframerate()
    except (wave.Error, EOFError) as error:
        return _by_soundfile(path, error)
    return _integers(data, width).reshape(-1, channels), rate


def _integers(data: bytes, width: int) -> Array:
    """PCM samples as float32: divided by their largest magnitude."""
    if width == 1:  # the only unsigned ones
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
    if width == 3:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return (wide.view("<i4")[:, 0].astype(np.float64) / 2**31).astype(np.float32)
    scaled = np.frombuffer(data, f"<i{width}") / 2.0 ** (8 * width - 1)
    return scaled.astype(np.float32)


def _by_soundfile(path: str, error: Exception) -> tuple[Array, int]:
    try:
        import soundfile  # type: ignore[import-not-found]  # noqa: PLC0415  # optional
    except ImportError:
        raise DatasetError(
            f"{path}: {error}. The standard library reads wave files of integers only; install "
            "soundfile for the others"
        ) from error
    try:
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except RuntimeError as other:
        raise DatasetError(f"{path} cannot be read: {other}") from other
    return sound, int(rate)


def resampled(sound: Array, rate: int, wanted: int) -> Array:
    """``sound`` [samples, channels] at another rate: a windowed sinc, low-pass where the rate falls.

    Each phase of the ratio has its own filter (Hann window, 16 zero crossings on each side), so that
    the work grows with the number of samples alone.
    """
    common = math.gcd(rate, wanted)
    up, down = wanted // common, rate // common
    cutoff = min(1.0, wanted / rate)
    reach = math.ceil(_LOBES / cutoff)
    count = -(-len(sound) * up // down)
    found = np.zeros((count, sound.shape[1]), np.float32)
    extended = np.pad(sound, ((reach, reach + 1), (0, 0)))
    offsets = np.arange(-reach, reach + 1)
    for phase in range(min(up, count)):
        positions = np.arange(phase, count, up) * down
        begin, fraction = positions // up, (positions[0] % up) / up
        distance = offsets - fraction
        window = 0.5 * (1 + np.cos(np.pi * np.clip(distance / reach, -1, 1)))
        taps = cutoff * np.sinc(cutoff * distance) * window
        rows = begin[:, None] + offsets + reach
        found[phase::up] = np.einsum("nkc,k->nc", extended[rows], taps)
    return found
