"""Arrays in memory as a source of batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ...compiler.ir import Array
from ...errors import ArgumentError
from .convert import SparseRows, check_lengths
from .structure import Batch, structure_of

Order = Callable[[int, int], Array]


class ArraySource:
    """Arrays in memory. Batches are gathered straight into the step's buffers; nothing is copied before.

    Args:
        weights: one array of sample weights, or several, nested like ``y``.
        order: number of a pass through the data and count -> permutation of the examples, or None to
            keep their order.
        steps: batches per epoch; a pass goes on in the next epoch where it stopped, as in Keras.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        weights: Any,
        batch_size: int,
        order: Order | None = None,
        steps: int | None = None,
    ) -> None:
        if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ArgumentError(f"batch_size={batch_size!r}: expected a number above 0")
        self.structure, self.arrays = structure_of(x, y, weights)
        self.count = check_lengths(self.arrays)
        self.batch_size = int(batch_size)
        self._batches = -(-self.count // self.batch_size)
        self.steps: int | None = self._batches if steps is None else min(steps, self._batches)
        self._order = order

    def example(self) -> Sequence[Array]:
        return [a.take(slice(0, 1)) if isinstance(a, SparseRows) else a[:1] for a in self.arrays]

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        passes, part = divmod(number, -(-self._batches // (self.steps or 1)))
        begin = part * (self.steps or 1)
        end = min(begin + (self.steps or 1), self._batches)
        order = None if self._order is None else self._order(passes, self.count)
        batch = _Rows(self.arrays, order)
        for i in range(begin + first, end):
            start = i * self.batch_size
            batch.move(start, min(start + self.batch_size, self.count))
            yield batch

    def resume(self, drawn: int) -> None:
        """Nothing: an epoch's batches depend on its number alone."""


class _Rows:
    """A range of (permuted) rows. One object serves a whole epoch."""

    def __init__(self, arrays: Sequence[Any], order: Array | None) -> None:
        self._arrays, self._order = arrays, order
        self._start = self._stop = 0

    def move(self, start: int, stop: int) -> None:
        self._start, self._stop = start, stop

    @property
    def size(self) -> int:
        return self._stop - self._start

    @property
    def shapes(self) -> Sequence[tuple[int, ...]]:
        return [(self.size, *a.shape[1:]) for a in self._arrays]

    def fill(self, buffers: Sequence[Array]) -> None:
        rows = None if self._order is None else self._order[self._start : self._stop]
        for array, buffer in zip(self._arrays, buffers, strict=True):
            if isinstance(array, SparseRows):
                part = slice(self._start, self._stop) if rows is None else rows
                np.copyto(buffer, array.take(part), casting="unsafe")
            elif rows is None:
                np.copyto(buffer, array[self._start : self._stop], casting="unsafe")
            elif array.dtype == buffer.dtype:
                # mode="clip" lets NumPy write to the buffer directly; the rows are valid anyway
                array.take(rows, 0, buffer, "clip")
            else:
                np.copyto(buffer, array[rows], casting="unsafe")
