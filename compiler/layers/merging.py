"""Layers that make one tensor of several."""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError, ShapeError
from .. import op
from ..ir import Tensor
from .base import Layer

__all__ = ["Add", "Concatenate", "add", "concatenate"]


class Merge(Layer):
    """Base of the layers that take a list of tensors."""

    def call(self, inputs: Any) -> Tensor:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ArgumentError(f"layer {self.name!r} merges a list of at least two tensors")
        return self.merge(list(inputs))

    def merge(self, inputs: list[Tensor]) -> Tensor:
        """Combine the tensors. Subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} must define merge(self, inputs)")


class Add(Merge):
    """The sum of tensors of one shape (or shapes that broadcast)."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        total = inputs[0]
        for x in inputs[1:]:
            total = total + x
        return total


class Concatenate(Merge):
    """Tensors put one behind the other along ``axis``."""

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def merge(self, inputs: list[Tensor]) -> Tensor:
        ranks = {x.ndim for x in inputs}
        if len(ranks) > 1:
            raise ShapeError(
                f"layer {self.name!r} concatenates tensors of one rank; got "
                + ", ".join(str(x.type) for x in inputs)
            )
        result: Tensor = op.Concat(*inputs, axis=self.axis)
        return result


def add(inputs: list[Tensor], **kwargs: Any) -> Tensor:
    """``Add`` as a function."""
    result: Tensor = Add(**kwargs)(inputs)
    return result


def concatenate(inputs: list[Tensor], axis: int = -1, **kwargs: Any) -> Tensor:
    """``Concatenate`` as a function."""
    result: Tensor = Concatenate(axis=axis, **kwargs)(inputs)
    return result
