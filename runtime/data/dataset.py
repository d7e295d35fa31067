"""``Dataset``: elements that are made when they are asked for, pass after pass, with a few transformations.

What ``image_dataset_from_directory`` and its kin return. The methods have the names and the meaning of
``tf.data.Dataset``'s, as Keras programs use them.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ...compiler import tree
from ...compiler.ir import Array
from ...compiler.program import TensorSpec
from ...compiler.random import host_generator, next_seed
from ...errors import ArgumentError, DataError
from .ahead import Threads, ordered, prefetched

AUTOTUNE = -1


class Dataset:
    """Elements (arrays, or tuples and dicts of them) of any number of passes.

    Each ``iter`` begins the next pass; ``fit`` takes a pass per epoch. What is random depends on a seed
    and the pass's number alone, so that a resumed run sees what the interrupted one would have seen.

    Args:
        make: number of a pass -> its elements.
        size: how many elements a pass has, where that is known.

    Attributes:
        class_names: the names of the classes, for a set that was read from a folder.
        file_paths: its files, in the order before shuffling by pass.
        batch_size: how many examples an element has, where they were batched.
        passes: how many passes were begun.
    """

    def __init__(
        self,
        make: Callable[[int], Iterator[Any]],
        size: int | None = None,
        *,
        class_names: list[str] | None = None,
        file_paths: list[str] | None = None,
        batch_size: int | None = None,
    ) -> None:
        self._make, self._size, self.batch_size = make, size, batch_size
        self.class_names, self.file_paths = class_names, file_paths
        self.passes = 0

    # -- going through ----------------------------------------------------------------------

    def iterate(self, number: int) -> Iterator[Any]:
        """The elements of pass ``number`` (from 0)."""
        return self._make(number)

    def __iter__(self) -> Iterator[Any]:
        self.passes += 1
        return self.iterate(self.passes - 1)

    def __len__(self) -> int:
        if self._size is None:
            raise TypeError("how many elements this data set has is not known, or it has no end")
        return self._size

    def __bool__(self) -> bool:
        return True

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The next pass; elements are NumPy arrays anyway."""
        return iter(self)

    @property
    def element_spec(self) -> Any:
        """Types of the first element, nested like it; shapes are those of that element."""
        first = next(self.iterate(0), None)
        if first is None:
            raise DataError("the data set is empty: its elements have no types")
        return tree.map_leaves(lambda a: TensorSpec(np.shape(a), np.asarray(a).dtype), first)

    def _then(self, make: Callable[[int], Iterator[Any]], size: int | None) -> Dataset:
        return Dataset(
            make, size, class_names=self.class_names, file_paths=self.file_paths,
            batch_size=self.batch_size,
        )  # fmt: skip

    # -- element by element -------------------------------------------------------------------

    def map(
        self, map_func: Callable[..., Any], num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
    ) -> Dataset:  # fmt: skip
        """``map_func`` of each element; a tuple's parts are its arguments.

        Args:
            num_parallel_calls: so many threads call it (-1: one per CPU core), the results in order.
            deterministic: order is always kept; False is refused.
        """
        if deterministic is False:
            raise NotImplementedError(
                "map keeps the order of the elements: leave deterministic out"
            )

        def call(element: Any) -> Any:
            found = map_func(*element) if type(element) is tuple else map_func(element)
            return tree.map_leaves(_plain, found)

        def make(number: int) -> Iterator[Any]:
            return in_parallel(call, self.iterate(number), num_parallel_calls)

        return self._then(make, self._size)

    def filter(self, predicate: Callable[..., Any]) -> Dataset:
        """The elements of which ``predicate`` is true."""

        def make(number: int) -> Iterator[Any]:
            for element in self.iterate(number):
                if predicate(*element) if type(element) is tuple else predicate(element):
                    yield element

        return self._then(make, None)

    def take(self, count: int) -> Dataset:
        """The first ``count`` elements of each pass (-1: all)."""
        if count == -1:
            return self
        size = count if self._size is None else min(count, self._size)
        return self._then(lambda n: itertools.islice(self.iterate(n), count), size)

    def skip(self, count: int) -> Dataset:
        """All but the first ``count`` elements of each pass."""
        size = None if self._size is None else max(self._size - count, 0)
        return self._then(lambda n: itertools.islice(self.iterate(n), count, None), size)

    def repeat(self, count: int | None = None) -> Dataset:
        """``count`` passes one after the other as one; without end for None or -1."""
        if count in (None, -1):
            return self._then(lambda n: _chained(self, itertools.count(n)), None)
        times = int(count or 0)
        size = None if self._size is None else self._size * times
        return self._then(lambda n: _chained(self, range(n * times, (n + 1) * times)), size)

    def shuffle(
        self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool = True
    ) -> Dataset:
        """Each element drawn from ``buffer_size`` of the next ones.

        Without ``seed``, one is drawn once from the global seed.
        """
        if buffer_size < 1:
            raise ArgumentError(f"buffer_size={buffer_size}: expected a number above 0")
        key = next_seed() if seed is None else seed

        def make(number: int) -> Iterator[Any]:
            random = host_generator(key, number if reshuffle_each_iteration else 0)
            source = self.iterate(number)
            pool = list(itertools.islice(source, buffer_size))
            for element in source:
                i = int(random.integers(len(pool)))
                pool[i], drawn = element, pool[i]
                yield drawn
            for i in random.permutation(len(pool)):
                yield pool[i]

        return self._then(make, self._size)

    def cache(self, filename: str = "") -> Dataset:
        """Keep the elements of the first complete pass in memory, and give those from then on."""
        if filename:
            raise NotImplementedError("cache keeps elements in memory: leave filename out")
        kept: list[Any] = []
        complete = False

        def make(number: int) -> Iterator[Any]:
            nonlocal complete
            if complete:
                yield from kept
                return
            found = []
            for element in self.iterate(number):
                found.append(element)
                yield element
            kept[:], complete = found, True

        return self._then(make, self._size)

    def prefetch(self, buffer_size: int) -> Dataset:
        """Elements are made by a thread, up to ``buffer_size`` ahead (-1: two)."""
        depth = 2 if buffer_size == AUTOTUNE else buffer_size
        return self._then(lambda n: prefetched(self.iterate(n), depth), self._size)

    # -- batches --------------------------------------------------------------------------------

    def batch(self, batch_size: int, drop_remainder: bool = False) -> Dataset:
        """``batch_size`` elements stacked; the last ones may be fewer."""
        return self._batched(batch_size, drop_remainder, _stacked)

    def padded_batch(self, batch_size: int, drop_remainder: bool = False) -> Dataset:
        """As ``batch``, for elements that differ in length: padded with zeros at the ends."""
        return self._batched(batch_size, drop_remainder, _padded)

    def _batched(
        self, batch_size: int, drop_remainder: bool, join: Callable[[Sequence[Any]], Array]
    ) -> Dataset:
        if isinstance(batch_size, bool) or int(batch_size) < 1:
            raise ArgumentError(f"batch_size={batch_size!r}: expected a number above 0")

        def make(number: int) -> Iterator[Any]:
            source = self.iterate(number)
            while group := list(itertools.islice(source, batch_size)):
                if len(group) == batch_size or not drop_remainder:
                    yield tree.map_leaves(lambda *a: join(a), *group)

        size = self._size
        if size is not None:
            size = size // batch_size if drop_remainder else -(-size // batch_size)
        found = self._then(make, size)
        found.batch_size = batch_size
        return found

    def unbatch(self) -> Dataset:
        """The rows of the elements, one by one."""

        def make(number: int) -> Iterator[Any]:
            for element in self.iterate(number):
                leaves, nested = tree.flatten(element)
                for row in zip(*leaves, strict=True):
                    yield tree.unflatten(nested, row)

        found = self._then(make, None)
        found.batch_size = None
        return found


def from_examples(
    count: int,
    load: Callable[[int], Any],
    shuffle_seed: int | None = None,
    threads: int | None = None,
    **about: Any,
) -> Dataset:
    """A data set of ``load(0)``, ``load(1)`` ..., in another order in each pass with ``shuffle_seed``."""

    def make(number: int) -> Iterator[Any]:
        order: Any = range(count)
        if shuffle_seed is not None:
            order = host_generator(shuffle_seed, number).permutation(count).tolist()
        return in_parallel(load, iter(order), threads)

    return Dataset(make, count, **about)


def in_parallel(
    function: Callable[[Any], Any], items: Iterator[Any], threads: int | None
) -> Iterator[Any]:
    """``function`` of each item, by so many threads (-1: one per CPU core), in order."""
    number = (os.cpu_count() or 1) if threads == AUTOTUNE else threads or 1
    if number <= 1:
        return map(function, items)
    return ordered(lambda: Threads(function, number), items, 2 * number)


def _plain(value: Any) -> Any:
    """NumPy's array of our own tensors (a layer or an op was called), or the value as it is."""
    return np.asarray(value) if hasattr(value, "__array__") else value


def _chained(dataset: Dataset, numbers: Any) -> Iterator[Any]:
    for number in numbers:
        empty = True
        for element in dataset.iterate(number):
            empty = False
            yield element
        if empty:
            return


def _stacked(values: Sequence[Any]) -> Array:
    if isinstance(values[0], str):
        return np.array(values, object)
    arrays = [np.asarray(v) for v in values]
    if len({a.shape for a in arrays}) > 1:
        shapes = ", ".join(str(s) for s in sorted({a.shape for a in arrays}))
        raise DataError(
            f"elements of shapes {shapes} make no batch: padded_batch pads them, map can cut them"
        )
    return np.stack(arrays)


def _padded(values: Sequence[Any]) -> Array:
    arrays = [np.asarray(v) for v in values]
    shape = [max(sizes) for sizes in zip(*(a.shape for a in arrays), strict=True)]
    found = np.zeros((len(arrays), *shape), arrays[0].dtype)
    for i, array in enumerate(arrays):
        corner: list[Any] = [slice(0, n) for n in array.shape]
        found[(i, *corner)] = array
    return found
