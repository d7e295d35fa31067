"""Cells on top of each other, and what one does with a cell of which nothing is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....errors import ArgumentError
from ... import dtypes
from ...ir import Tensor
from ..arguments import signature
from ..base import Layer
from ..core import built
from .cell import zeros

__all__ = ["StackedRNNCells"]


class StackedRNNCells(Layer):
    """Several cells as one: each takes the output of the one before it. States are a list per cell."""

    def __init__(self, cells: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for cell in cells:
            if not hasattr(cell, "call") or not hasattr(cell, "state_size"):
                raise ArgumentError(
                    f"StackedRNNCells takes cells, which have call(inputs, states) and state_size; got "
                    f"{cell!r}"
                )
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        return [c.state_size for c in self.cells]

    @property
    def output_size(self) -> int:
        return output_size_of(self.cells[-1])

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """The initial states of each cell."""
        return [initial_state_of(c, batch_size, self.compute_dtype) for c in self.cells]

    def build(self, input_shape: Any) -> None:
        for cell in self.cells:
            build_cell(cell, input_shape)
            input_shape = (input_shape[0], output_size_of(cell))

    def call(self, inputs: Tensor, states: Any, training: bool = False) -> Any:
        new = []
        for cell, own in zip(self.cells, states, strict=True):
            nested = isinstance(own, (list, tuple))
            inputs, after = stepped(cell, inputs, list(own) if nested else [own], training)
            new.append(list(after) if nested else after[0])
        return inputs, new


def cells_of(cell: Any) -> list[Any]:
    """The cells of a stack; of any other cell none."""
    return list(cell.cells) if isinstance(cell, StackedRNNCells) else []


def output_size_of(cell: Any) -> int:
    """``output_size`` of a cell, or the size of its first state."""
    found = getattr(cell, "output_size", None)
    size = cell.state_size if found is None else found
    return int(size[0] if isinstance(size, (list, tuple)) else size)


def initial_state_of(cell: Any, batch_size: Any, dtype: dtypes.DType) -> Any:
    """What the cell's ``get_initial_state`` gives, or zeros."""
    if hasattr(cell, "get_initial_state"):
        return cell.get_initial_state(batch_size=batch_size)
    size = cell.state_size
    if isinstance(size, (list, tuple)):
        return [zeros((batch_size, d), dtype) for d in size]
    return zeros((batch_size, size), dtype)


def build_cell(cell: Any, shape: Any) -> None:
    """Build a cell that is a layer for the shape of one step."""
    if isinstance(cell, Layer):
        built(cell, shape)


def stepped(cell: Any, inputs: Tensor, states: Any, training: bool) -> tuple[Any, Any]:
    """One step of any cell: the output, and the new states as a list."""
    options = {}
    if isinstance(cell, Layer) and "training" in signature(type(cell).call).parameters:
        options["training"] = training
    step: Any = cell if callable(cell) else cell.call
    output, after = step(inputs, states, **options)
    return output, after if isinstance(after, (list, tuple)) else [after]
