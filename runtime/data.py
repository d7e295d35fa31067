"""What ``fit``, ``evaluate`` and ``predict`` are fed: arrays without copies, or any iterable of batches."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..compiler import tree
from ..compiler.ir import Array, Operators
from ..errors import ArgumentError, DataError


@dataclass(frozen=True, slots=True)
class Structure:
    """How a batch is nested: x, y (or None) and whether there are sample weights."""

    x: Any
    y: Any
    weighted: bool


class Batch(Protocol):
    """One batch: its size, the shapes of its arrays, and a way to put them into buffers."""

    @property
    def size(self) -> int: ...
    @property
    def shapes(self) -> Sequence[tuple[int, ...]]: ...
    def fill(self, buffers: Sequence[Array]) -> None:
        """Copy x, y and weights, flat, into ``buffers``."""
        ...


class Source(Protocol):
    """A data set: its structure, one example batch for tracing, and batches per epoch."""

    structure: Structure
    steps: int | None

    def example(self) -> Sequence[Array]:
        """Flat arrays with the dtypes and shapes (but for the batch dim) of all batches."""
        ...

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """The batches of epoch ``number`` from batch ``first`` on."""
        ...

    def resume(self, drawn: int) -> None:
        """Leave out what an interrupted run has drawn, where the data itself moves on."""
        ...


def as_array(value: Any, what: str) -> Array:
    """An array for what a user may give: arrays, lists, tensors, data frames, series."""
    if isinstance(value, np.ndarray):
        found = value
    elif isinstance(value, Operators) or hasattr(value, "__array__"):
        found = np.asarray(value)
    elif hasattr(value, "toarray"):  # a SciPy sparse matrix
        found = np.asarray(value.toarray())
    else:
        try:
            found = np.asarray(value)
        except ValueError as error:
            raise DataError(f"{what} is no rectangular array: {error}") from error
    if found.dtype == object:
        raise DataError(f"{what} holds objects (dtype object); expected numbers of one type")
    if found.ndim == 0:
        raise DataError(f"{what} is a single number; expected one entry per example")
    return found


def _is_list_of_numbers(value: Any) -> bool:
    first = value[0] if value else None
    return isinstance(first, (int, float, complex, str, list, tuple)) and not hasattr(
        first, "shape"
    )


def to_arrays(value: Any, what: str) -> Any:
    """Every leaf of ``value`` as an array; a list of numbers (or of lists of them) is one array."""
    if isinstance(value, Mapping):
        return {k: to_arrays(v, f"{what}[{k!r}]") for k, v in value.items()}
    if isinstance(value, (list, tuple)) and not _is_list_of_numbers(value):
        return type(value)(to_arrays(v, f"{what}[{i}]") for i, v in enumerate(value))
    return as_array(value, what)


class ArraySource:
    """Arrays in memory. Batches are gathered straight into the step's buffers; nothing is copied before.

    Args:
        order: epoch number -> permutation of the examples, or None to keep their order.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        weights: Array | None,
        batch_size: int,
        order: Callable[[int, int], Array] | None = None,
    ) -> None:
        if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ArgumentError(f"batch_size={batch_size!r}: expected a number above 0")
        self.arrays: list[Array] = [*tree.leaves(x), *([] if y is None else tree.leaves(y))]
        if weights is not None:
            self.arrays.append(weights)
        self.count = check_lengths(self.arrays)
        self.batch_size = int(batch_size)
        self.structure = Structure(
            tree.flatten(x)[1], NO_TARGETS if y is None else tree.flatten(y)[1], weights is not None
        )
        self.steps: int | None = -(-self.count // self.batch_size)
        self._order = order

    def example(self) -> Sequence[Array]:
        return [a[:1] for a in self.arrays]

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        order = None if self._order is None else self._order(number, self.count)
        batch = _Rows(self.arrays, order)
        for start in range(first * self.batch_size, self.count, self.batch_size):
            batch.move(start, min(start + self.batch_size, self.count))
            yield batch

    def resume(self, drawn: int) -> None:
        """Nothing: an epoch's batches depend on its number alone."""


NO_TARGETS: Any = ("no targets",)


def check_lengths(arrays: Sequence[Array]) -> int:
    """The common number of examples. Raises ``DataError`` where it differs or is 0."""
    counts = {len(a) for a in arrays}
    if len(counts) > 1:
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise DataError(f"all arrays must have the same number of examples; got shapes {shapes}")
    count = counts.pop() if counts else 0
    if count == 0:
        raise DataError("the data is empty: there is not one example to work on")
    return count


class _Rows:
    """A range of (permuted) rows. One object serves a whole epoch."""

    def __init__(self, arrays: Sequence[Array], order: Array | None) -> None:
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
            if rows is None:
                np.copyto(buffer, array[self._start : self._stop], casting="unsafe")
            elif array.dtype == buffer.dtype:
                # mode="clip" lets NumPy write to the buffer directly; the rows are valid anyway
                array.take(rows, 0, buffer, "clip")
            else:
                np.copyto(buffer, array[rows], casting="unsafe")


@dataclass(frozen=True, slots=True)
class _Given:
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


class IterableSource:
    """Anything that gives ``x``, ``(x, y)`` or ``(x, y, sample_weight)`` batches when iterated.

    Something with ``__len__`` and ``__getitem__`` (a ``PyDataset``, a torch ``DataLoader`` by its
    iterator) is gone through once per epoch; a generator goes on where it was.
    """

    def __init__(
        self, batches: Iterable[Any], steps: int | None, with_targets: bool = True
    ) -> None:
        self._batches = batches
        self._with_targets = with_targets
        self._endless = iter(batches) is batches
        size = len(batches) if hasattr(batches, "__len__") else None  # type: ignore[arg-type]
        self.steps = steps if steps is not None else size
        self._iterator: Iterator[Any] = iter(batches)
        first = next(self._iterator, None)
        if first is None:
            raise DataError("the data is empty: it gave no batch at all")
        self.structure, self._first = self._split(first)
        if self._endless:
            self._iterator = itertools.chain([first], self._iterator)

    def _split(self, item: Any) -> tuple[Structure, list[Array]]:
        parts = tuple(item) if isinstance(item, (tuple, list)) and self._with_targets else (item,)
        if not 1 <= len(parts) <= 3:
            raise DataError(
                f"a batch is x, (x, y) or (x, y, sample_weight); got {len(parts)} parts"
            )
        x = to_arrays(parts[0], "x")
        y = to_arrays(parts[1], "y") if len(parts) > 1 and parts[1] is not None else None
        w = as_array(parts[2], "sample_weight") if len(parts) > 2 and parts[2] is not None else None
        flat = [*tree.leaves(x), *([] if y is None else tree.leaves(y))]
        flat += [] if w is None else [w]
        check_lengths(flat)
        target = NO_TARGETS if y is None else tree.flatten(y)[1]
        return Structure(tree.flatten(x)[1], target, w is not None), flat

    def example(self) -> Sequence[Array]:
        return self._first

    def resume(self, drawn: int) -> None:
        """A generator gives the same batches again: those that were drawn are left out."""
        if self._endless:
            self._drop(self._iterator, drawn)

    @staticmethod
    def _drop(source: Iterator[Any], count: int) -> None:
        found = sum(1 for _ in itertools.islice(source, count))
        if found < count:
            raise DataError(
                f"the interrupted run had drawn {count} batches, this data has {found} only"
            )

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        source = self._iterator if self._endless else iter(self._batches)
        if not self._endless:
            self._drop(source, first)
        taken = source if self.steps is None else itertools.islice(source, self.steps - first)
        seen = first
        for item in taken:
            structure, arrays = self._split(item)
            if structure != self.structure:
                raise DataError("a batch is nested differently from the first one")
            seen += 1
            yield _Given(arrays)
        if not seen:
            raise DataError(
                "the data ran out: give steps_per_epoch, or an iterable that can be gone through "
                "once per epoch"
            )


def is_arrays(x: Any) -> bool:
    """Whether ``x`` is data in memory, in contrast to something that gives batches."""
    if isinstance(x, (np.ndarray, Operators, Mapping, list, tuple)) or hasattr(x, "toarray"):
        return True
    return hasattr(x, "__array__")


def class_weights(y: Any, table: Mapping[int, float]) -> Array:
    """A weight per example from its class (integers, or one-hot rows)."""
    labels = tree.leaves(y)
    if len(labels) != 1:
        raise ArgumentError("class_weight works with a single target")
    classes = labels[0]
    if classes.ndim > 1 and classes.shape[-1] > 1:
        classes = classes.argmax(-1)
    classes = classes.reshape(len(classes)).astype(np.int64)
    missing = sorted(set(np.unique(classes).tolist()) - {int(k) for k in table})
    size = int(max(classes.max(initial=0), *(int(k) for k in table))) + 1
    weights = np.ones(size, np.float32)
    for key, weight in table.items():
        weights[int(key)] = weight
    if any(m < 0 for m in missing):
        raise DataError(f"class_weight: labels {missing} are no classes")
    return weights[classes]
