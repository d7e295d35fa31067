"""What a training loop asks of its data: how a batch is nested, batches, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ...compiler import tree
from ...compiler.ir import Array

NO_TARGETS: Any = ("no targets",)


@dataclass(frozen=True, slots=True)
class Structure:
    """How a batch is nested.

    Attributes:
        x: the structure of the inputs, as ``tree.flatten`` gives it.
        y: that of the targets, or ``NO_TARGETS``.
        weighted: False without sample weights, True with one array of them, else their structure
            (a dict or a list: an array per output).
    """

    x: Any
    y: Any
    weighted: Any = False

    @property
    def weight_count(self) -> int:
        """How many arrays of sample weights there are."""
        return len(tree.leaves(self.weights(iter(range(1 << 30))))) if self.weighted else 0

    def weights(self, feed: Iterator[Any]) -> Any:
        """The sample weights, nested, from the flat values that ``feed`` gives next; None without."""
        if not self.weighted:
            return None
        return tree.unflatten(None if self.weighted is True else self.weighted, feed)


def structure_of(x: Any, y: Any, weights: Any) -> tuple[Structure, list[Any]]:
    """The structure of a batch or a data set, and its arrays flat: x, y, sample weights."""
    flat, of_x = tree.flatten(x)
    of_y, of_weights = NO_TARGETS, False
    if y is not None:
        leaves, of_y = tree.flatten(y)
        flat = [*flat, *leaves]
    if weights is not None:
        leaves, nested = tree.flatten(weights)
        flat = [*flat, *leaves]
        of_weights = True if nested is None else nested
    return Structure(of_x, of_y, of_weights), flat


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
