"""``split_dataset``: a data set in two parts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...compiler.ir import Array
from ...compiler.random import host_generator, next_seed
from ...errors import ArgumentError, DataError
from ..data import Dataset
from ..data.dataset import from_examples


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Dataset, Dataset]:
    """Two data sets of examples: the first ``left_size``, and the last ``right_size``.

    Args:
        dataset: an array, a list or tuple of arrays of one length, or a data set: ours or anything
            that gives examples when it is iterated. Of our batched ones the examples are split, and the
            parts are batched alike.
        left_size, right_size: a fraction of the examples, or how many; one of them may be missing.
        shuffle: shuffle the examples before.
        preferred_backend: there is one backend; must be None.

    Raises ``ArgumentError`` for sizes that do not fit, ``DataError`` for what is no data set.
    """
    if preferred_backend is not None:
        raise NotImplementedError("split_dataset has one backend: leave preferred_backend out")
    examples, batch = _examples(dataset)
    count = len(examples)
    left, right = _sizes(left_size, right_size, count)
    order: Array = np.arange(count)
    if shuffle:
        order = host_generator(next_seed() if seed is None else seed).permutation(count)
    parts = []
    for rows in (order[:left], order[count - right :]):
        part = from_examples(len(rows), _Picked(examples, rows.tolist()))
        parts.append(part if batch is None else part.batch(batch))
    return parts[0], parts[1]


class _Picked:
    """Some of the examples, by number."""

    def __init__(self, examples: Any, rows: list[int]) -> None:
        self._examples, self._rows = examples, rows

    def __call__(self, i: int) -> Any:
        return self._examples[self._rows[i]]


class _Zipped:
    """Examples of several arrays: tuples of their rows."""

    def __init__(self, arrays: list[Array]) -> None:
        self._arrays = arrays

    def __len__(self) -> int:
        return len(self._arrays[0])

    def __getitem__(self, i: int) -> tuple[Any, ...]:
        return tuple(a[i] for a in self._arrays)


def _examples(dataset: Any) -> tuple[Any, int | None]:
    """The examples by number, and the size of batches where they were batched."""
    if isinstance(dataset, Dataset):
        if dataset.batch_size is None:
            return list(dataset.iterate(0)), None
        return list(dataset.unbatch().iterate(0)), dataset.batch_size
    if isinstance(dataset, (list, tuple)):
        arrays = [np.asarray(a) for a in dataset]
        if not arrays or len({len(a) for a in arrays}) != 1:
            raise DataError("split_dataset takes arrays that are all of one length")
        return _Zipped(arrays), None
    if hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__"):
        return dataset, None
    if isinstance(dataset, Iterator) or hasattr(dataset, "__iter__"):
        return list(itertools.chain(dataset)), None
    raise DataError(f"split_dataset takes arrays or data sets; got a {type(dataset).__name__}")


def _sizes(left: float | None, right: float | None, count: int) -> tuple[int, int]:
    if left is None and right is None:
        raise ArgumentError("split_dataset needs left_size or right_size")
    found = []
    for label, size in (("left_size", left), ("right_size", right)):
        if size is not None and not isinstance(size, (int, float, np.integer)):
            raise ArgumentError(f"{label}={size!r}: expected a fraction, or a number of examples")
        if isinstance(size, float) and not 0 < size < 1:
            raise ArgumentError(f"{label}={size}: expected a fraction between 0 and 1")
        found.append(round(size * count) if isinstance(size, float) else size)
    a, b = found
    a = count - int(b) if a is None else int(a)  # type: ignore[arg-type]
    b = count - a if b is None else int(b)
    if min(a, b) < 1 or a + b > count:
        raise ArgumentError(
            f"left_size={left}, right_size={right}: of {count} examples, one part would be empty, or "
            "both together more than all"
        )
    return a, b
