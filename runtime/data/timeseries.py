"""``timeseries_dataset_from_array``: windows that slide over a series."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...compiler.ir import Array
from ...compiler.random import host_generator
from ...errors import ArgumentError
from .convert import as_array
from .dataset import Dataset


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Dataset:
    """Windows [batch, sequence_length, ...] of a series [steps, ...], cut out when they are asked for.

    Args:
        targets: ``targets[i]`` belongs to the window that begins at step i; None for windows alone.
        sequence_stride: steps from one window's begin to the next one's.
        sampling_rate: steps from one element of a window to the next.
        batch_size: None for single windows.
        shuffle: another order in each pass, from ``seed``.
        start_index, end_index: use the steps from the one up to (not including) the other.
        format: "tf", which here means this package's own ``Dataset``.

    Raises ``ArgumentError`` for numbers that do not fit the series.
    """
    if format != "tf":
        raise NotImplementedError(f"format={format!r} is not supported: the data set is our own")
    series = as_array(data, "data")
    _check(len(series), start_index, end_index, sampling_rate, sequence_stride, sequence_length)
    begin, end = start_index or 0, len(series) if end_index is None else end_index
    count = end - begin - (sequence_length - 1) * sampling_rate
    part, wanted = series[begin:end], None
    if targets is not None:
        wanted = as_array(targets, "targets")
        count = min(count, len(wanted))
        wanted = wanted[begin:end]
    starts = np.arange(0, count, sequence_stride)
    if shuffle:
        seed = int(np.random.randint(10**6)) if seed is None else seed
        np.random.RandomState(seed).shuffle(starts)
    offsets = np.arange(sequence_length) * sampling_rate

    def windows(rows: Array) -> Any:
        found = part[rows[..., None] + offsets]
        return found if wanted is None else (found, wanted[rows])

    def make(number: int) -> Iterator[Any]:
        order = starts
        if shuffle:
            order = starts[host_generator(seed or 0, number).permutation(len(starts))]
        for i in range(0, len(order), batch_size or 1):
            yield windows(order[i : i + batch_size] if batch_size else order[i])

    size = -(-len(starts) // batch_size) if batch_size else len(starts)
    return Dataset(make, size, batch_size=batch_size)


def _check(
    steps: int, begin: int | None, end: int | None, rate: int, stride: int, length: int
) -> None:
    if begin is not None and not 0 <= begin < steps:
        raise ArgumentError(f"start_index={begin}: expected 0 to below the series' length {steps}")
    if end is not None and not (begin or 0) < end < steps:
        raise ArgumentError(
            f"end_index={end}: expected more than start_index, and less than the series' length {steps}"
        )
    for label, value in (("sampling_rate", rate), ("sequence_stride", stride)):
        if not 0 < value < steps:
            raise ArgumentError(f"{label}={value}: expected 1 to below the series' length {steps}")
    if length < 1:
        raise ArgumentError(f"sequence_length={length}: expected a number above 0")
