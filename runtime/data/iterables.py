"""Anything that gives batches when it is iterated, as a source of batches."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...compiler import tree
from ...compiler.ir import Array
from ...errors import DataError
from .ahead import prefetched
from .convert import check_lengths, to_arrays
from .dataset import Dataset
from .structure import NO_TARGETS, Batch, Structure, structure_of
from .weights import combined

AHEAD = 4  # batches that are made while the model computes; few, for they may be large
_END: Any = object()


@dataclass(frozen=True, slots=True)
class Given:
    """A batch that an iterable has given."""

    arrays: Sequence[Array]

    @property
    def size(self) -> int:
        return len(self.arrays[0])

    @property
    def shapes(self) -> Sequence[tuple[int, ...]]:
        return [a.shape for a in self.arrays]

    def fill(self, buffers: Sequence[Array]) -> None:
        for array, buffer in zip(self.arrays, buffers, strict=True):
            np.copyto(buffer, array, casting="unsafe")


class Unpacking:
    """Turns what users give as one batch into flat arrays, all batches nested like the first.

    Args:
        inputs_only: leave out targets and weights (for ``predict``).
        class_weight: a weight per class number, which becomes sample weights.
    """

    def __init__(self, inputs_only: bool, class_weight: Mapping[int, float] | None) -> None:
        self._inputs_only, self._class_weight = inputs_only, class_weight
        self._structure: Structure | None = None

    @property
    def structure(self) -> Structure:
        if self._structure is None:
            raise DataError("the data has given no batch yet")
        return self._structure

    def __call__(self, item: Any) -> list[Array]:
        """Raises ``DataError`` where it is no batch, or nested differently from the first."""
        parts = tuple(item) if isinstance(item, (tuple, list)) else (item,)
        if not 1 <= len(parts) <= 3:
            raise DataError(
                f"a batch is x, (x, y) or (x, y, sample_weight); got {len(parts)} parts"
            )
        x, y, weight = (*parts, None, None)[:3]
        if self._inputs_only:
            y = weight = None
        x = to_arrays(x, "x")
        y = None if y is None else to_arrays(y, "y")
        weight = None if weight is None else to_arrays(weight, "sample_weight")
        if not self._inputs_only:
            weight = combined(weight, y, self._class_weight)
        structure, flat = structure_of(x, y, weight)
        check_lengths(flat)
        if self._structure is None:
            self._structure = structure
        elif structure != self._structure:
            before, now = _described(self._structure), _described(structure)
            raise DataError(f"a batch is nested like {now}; the first one was {before}")
        return flat


def _described(structure: Structure) -> str:
    parts = [structure.x] if structure.y == NO_TARGETS else [structure.x, structure.y]
    words = [tree.describe(p) for p in parts]
    return f"({', '.join([*words, *(['weights'] if structure.weighted else [])])})"


class _Stream:
    """Items of one pass through an iterable after the other; of an iterator there is but one pass."""

    def __init__(self, batches: Any) -> None:
        self._batches = batches
        self._base = batches.passes if isinstance(batches, Dataset) else 0
        self._pass = 0
        self._items = self._begun()
        self.single = self._items is batches
        self._untouched = True
        self._next: list[Any] = []

    def _begun(self) -> Iterator[Any]:
        if isinstance(self._batches, Dataset):
            return self._batches.iterate(self._base + self._pass)
        return iter(self._batches)

    def peek(self) -> Any:
        """The next item, which stays; where a pass is over, that of the next one. Or ``_END``."""
        if not self._next:
            self._next = list(itertools.islice(self._items, 1))
        if not self._next and not self.single:
            self._pass += 1
            self._items = self._begun()
            self._next = list(itertools.islice(self._items, 1))
        return self._next[0] if self._next else _END

    def restart(self, number: int) -> None:
        """Begin with pass ``number``; other iterables than ours do not know which one it is."""
        same = number == self._pass or not isinstance(self._batches, Dataset)
        if self.single or (self._untouched and same):
            return
        self._pass, self._next = number, []
        self._items = self._begun()
        self._untouched = True

    def take(self, count: int | None) -> Iterator[Any]:
        """Up to so many items of this pass."""
        if isinstance(self._batches, Dataset):
            self._batches.passes = max(self._batches.passes, self._base + self._pass + 1)
        self._untouched = False
        return itertools.islice(self, count)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self._next.pop() if self._next else next(self._items)

    def skip(self, count: int) -> int:
        """Leave out so many items, of several passes if need be; how many there were."""
        left = count
        while left and self.peek() is not _END:
            left -= sum(1 for _ in self.take(left))
        return count - left


class IterableSource:
    """Anything that gives ``x``, ``(x, y)`` or ``(x, y, sample_weight)`` batches when iterated.

    What can be iterated again and again (a torch ``DataLoader``, a ``tf.data.Dataset``, our
    ``Dataset``) is gone through once per epoch. With ``steps``, an epoch is that many batches, and the
    next one goes on from there; so does a generator. A thread makes batches ahead; it draws no more of
    them than an epoch has, where that is known.
    """

    def __init__(
        self,
        batches: Iterable[Any],
        steps: int | None = None,
        *,
        inputs_only: bool = False,
        class_weight: Mapping[int, float] | None = None,
    ) -> None:
        self._stream = _Stream(batches)
        self._goes_on = self._stream.single or steps is not None
        self.steps = steps if steps is not None else _length(batches)
        first = self._stream.peek()
        if first is _END:
            raise DataError("the data is empty: it gave no batch at all")
        self._unpack = Unpacking(inputs_only, class_weight)
        self._first = self._unpack(first)
        self.structure = self._unpack.structure

    def example(self) -> Sequence[Array]:
        return self._first

    def resume(self, drawn: int) -> None:
        """Leave out what was drawn: a generator gives the same batches again."""
        if self._goes_on:
            self._drop(drawn)

    def _drop(self, count: int) -> None:
        found = self._stream.skip(count)
        if found < count:
            raise DataError(
                f"the interrupted run had drawn {count} batches, this data has {found} only"
            )

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        if not self._goes_on or number == first == 0:
            self._stream.restart(number)
        if not self._goes_on:
            self._drop(first)
        wanted = None if self.steps is None else self.steps - first
        if wanted == 0:
            return
        if self._goes_on and self._stream.peek() is _END and not first:
            raise DataError(
                "the data ran out: give steps_per_epoch, or an iterable that can be gone through "
                "once per epoch"
            )
        made = map(self._unpack, self._stream.take(wanted))
        for arrays in prefetched(made, AHEAD):
            yield Given(arrays)


def _length(batches: Any) -> int | None:
    """How many batches there are, where the iterable knows (those of unknown length raise)."""
    try:
        return len(batches)
    except TypeError:
        return None
