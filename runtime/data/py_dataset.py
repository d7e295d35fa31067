"""``PyDataset``: batches by number, made by threads or processes, in order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...compiler.ir import Array
from ...compiler.random import next_seed
from ...errors import ArgumentError, DataError
from .ahead import Processes, Threads, Workers, ordered
from .arrays import Order
from .iterables import Given, Unpacking
from .structure import Batch


class PyDataset:
    """Base of data sets that give whole batches by number, as ``keras.utils.PyDataset``.

    A subclass has ``__getitem__(index)``, which returns ``x``, ``(x, y)`` or ``(x, y,
    sample_weight)``, and ``__len__`` (or the property ``num_batches``; None for an endless set, which
    needs ``steps_per_epoch``). ``fit`` shuffles the order of the batches unless ``shuffle=False``.

    Args:
        workers: how many threads or processes make batches ahead; 0 makes them in ``fit``'s own
            thread, when they are needed.
        use_multiprocessing: processes in place of threads. Each epoch starts new ones, with the data
            set as it is after ``on_epoch_begin``.
        max_queue_size: how many batches may be ready, or in the making, ahead.

    Whatever the workers, batches come in the same order. Processes draw the same random numbers for
    the same batch of an epoch; threads that share a random generator do not.
    """

    _workers, _use_multiprocessing, _max_queue_size = 1, False, 10

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    @property
    def workers(self) -> int:
        return self._workers

    @workers.setter
    def workers(self, value: int) -> None:
        self._workers = _at_least("workers", value, 0)

    @property
    def use_multiprocessing(self) -> bool:
        return self._use_multiprocessing

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        self._use_multiprocessing = bool(value)

    @property
    def max_queue_size(self) -> int:
        return self._max_queue_size

    @max_queue_size.setter
    def max_queue_size(self, value: int) -> None:
        self._max_queue_size = _at_least("max_queue_size", value, 1)

    def __getitem__(self, index: int) -> Any:
        """The batch number ``index``."""
        raise NotImplementedError(f"{type(self).__name__} needs a method __getitem__(self, index)")

    def __iter__(self) -> Iterator[Any]:
        number = self.num_batches
        for index in itertools.count() if number is None else range(number):
            yield self[index]

    @property
    def num_batches(self) -> int | None:
        """How many batches there are; None where there is no end."""
        if not hasattr(self, "__len__"):
            raise NotImplementedError(
                f"{type(self).__name__} needs __len__, or a property num_batches"
            )
        return len(self)  # type: ignore[arg-type]  # pyright does not know hasattr

    def on_epoch_begin(self) -> None:
        """Called before an epoch's first batch is made."""

    def on_epoch_end(self) -> None:
        """Called when an epoch's last batch was used."""


def _at_least(label: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ArgumentError(f"{label}={value!r}: expected a whole number of at least {least}")
    return value


def is_py_dataset(value: Any) -> bool:
    """Whether it is a ``PyDataset``, ours or another's (Keras', also its older ``Sequence``)."""
    return hasattr(value, "__getitem__") and hasattr(value, "on_epoch_end")


class PyDatasetSource:
    """The batches of a ``PyDataset``, a pass per epoch.

    Args:
        steps: batches per epoch; a pass goes on in the next epoch where it stopped, as in Keras.
        order: number of a pass and count -> permutation of the batches, or None to keep their order.
    """

    def __init__(
        self,
        dataset: Any,
        steps: int | None = None,
        order: Order | None = None,
        *,
        inputs_only: bool = False,
        class_weight: Mapping[int, float] | None = None,
    ) -> None:
        self._dataset, self._order = dataset, order
        self._number = _number_of(dataset)
        if self._number is None and steps is None:
            raise ArgumentError("this PyDataset has no end: give steps_per_epoch (or steps)")
        if self._number == 0:
            raise DataError("the data is empty: the PyDataset has no batch")
        counts = [n for n in (steps, self._number) if n is not None]
        self.steps: int | None = min(counts)
        self._unpack = Unpacking(inputs_only, class_weight)
        self._first = self._unpack(dataset[0])
        self.structure = self._unpack.structure
        self._seed = next_seed() if _setting(dataset, "use_multiprocessing", False) else 0

    def example(self) -> Sequence[Array]:
        return self._first

    def resume(self, drawn: int) -> None:
        """Tell the data set of the epochs that are done, as it may change between them."""
        for _ in range(drawn // (self.steps or 1)):
            _tell(self._dataset, "on_epoch_begin")
            _tell(self._dataset, "on_epoch_end")

    def _indices(self, number: int) -> Sequence[int]:
        """The numbers of an epoch's batches, in order."""
        steps = self.steps or 1
        if self._number is None:
            return range(number * steps, (number + 1) * steps)
        passes, part = divmod(number, -(-self._number // steps))
        every: Sequence[int] = range(self._number)
        if self._order is not None:
            every = self._order(passes, self._number).tolist()
        return every[part * steps : (part + 1) * steps]

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        _tell(self._dataset, "on_epoch_begin")
        indices = self._indices(number)[first:]
        made = self._made(indices, number)
        given = 0
        try:
            for arrays in made:
                given += 1
                yield Given(arrays)
        finally:  # the loop may leave after the last batch without asking for one more
            made.close()
            if given == len(indices):
                _tell(self._dataset, "on_epoch_end")

    def _made(self, indices: Sequence[int], epoch: int) -> Any:
        workers = _setting(self._dataset, "workers", 1)
        depth = _setting(self._dataset, "max_queue_size", 10)

        def make(index: int) -> list[Array]:
            return self._unpack(self._dataset[index])

        if not workers:
            return (make(i) for i in indices)
        if not _setting(self._dataset, "use_multiprocessing", False):
            return ordered(lambda: Threads(make, workers), indices, depth)

        def processes() -> Workers:
            return Processes(self._dataset, workers, self._seed + epoch)

        items = ordered(processes, indices, depth)
        return _mapped(self._unpack, items)


def _mapped(function: Any, items: Any) -> Iterator[Any]:
    """``map`` that ends ``items`` when it is left."""
    try:
        for item in items:
            yield function(item)
    finally:
        items.close()


def _number_of(dataset: Any) -> int | None:
    number = dataset.num_batches if hasattr(dataset, "num_batches") else len(dataset)
    return None if number is None else int(number)


def _setting(dataset: Any, name: str, default: Any) -> Any:
    return getattr(dataset, name, default)


def _tell(dataset: Any, hook: str) -> None:
    getattr(dataset, hook, lambda: None)()
