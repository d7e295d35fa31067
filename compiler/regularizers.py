"""Penalties on weights and activities, as in Keras."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError
from . import config, naming, op
from .config import custom_object_scope
from .ir import Like, Tensor, constant, convert


class Regularizer(config.Configurable):
    """Base: ``regularizer(x)`` gives a scalar tensor."""

    def __call__(self, x: Like) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, x)")


def _factor(name: str, value: float | None, default: float) -> float:
    number = default if value is None else value
    if not isinstance(number, (int, float, np.number)) or not (0 <= number < math.inf):
        raise ArgumentError(f"{name}={value!r}: expected a finite number of at least 0")
    return float(number)


def _absolute(x: Like) -> Tensor:
    return op.ReduceSum(op.Abs(x), keepdims=0)


class L1(Regularizer):
    """``l1 * sum |x|``."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _factor("l1", l1, 0.01)

    def __call__(self, x: Like) -> Tensor:
        return _absolute(x) * self.l1


class L2(Regularizer):
    """``l2 * sum x^2``."""

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _factor("l2", l2, 0.01)

    def __call__(self, x: Like) -> Tensor:
        return op.ReduceSumSquare(x, keepdims=0) * self.l2


class L1L2(Regularizer):
    """``l1 * sum |x| + l2 * sum x^2``."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = _factor("l1", l1, 0.0), _factor("l2", l2, 0.0)

    def __call__(self, x: Like) -> Tensor:
        tensor = convert(x)
        parts = []
        if self.l1:
            parts.append(_absolute(tensor) * self.l1)
        if self.l2:
            parts.append(op.ReduceSumSquare(tensor, keepdims=0) * self.l2)
        return sum(parts[1:], parts[0]) if parts else constant(0, tensor.dtype)


class OrthogonalRegularizer(Regularizer):
    """``factor`` times the mean ``|cos|`` of the angles between all rows (or columns) of a matrix."""

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ArgumentError(f"OrthogonalRegularizer(mode={mode!r}): expected rows or columns")
        self.factor, self.mode = _factor("factor", factor, 0.01), mode

    def __call__(self, x: Like) -> Tensor:
        matrix = convert(x)
        if matrix.ndim != 2:
            raise ShapeError(f"OrthogonalRegularizer needs a matrix; got shape {matrix.shape}")
        rows = matrix if self.mode == "rows" else op.Transpose(matrix)
        size = rows.shape[0]
        if not isinstance(size, int):
            raise ShapeError(f"OrthogonalRegularizer: the shape {matrix.shape} must be numbers")
        if size < 2:
            return constant(0, matrix.dtype)
        # an upper bound of 1e12 on the inverse: a row of zeros stays one
        squares = op.ReduceSumSquare(rows, [1], keepdims=1)
        unit = rows / op.Sqrt(op.Max(squares, constant(1e-12, matrix.dtype)))
        cosines = unit @ op.Transpose(unit) * constant(1 - np.eye(size), matrix.dtype)
        return _absolute(cosines) * (self.factor / (size * (size - 1)))


_NAMES: dict[str, type[Regularizer]] = {
    "l1": L1, "l2": L2, "l1_l2": L1L2, "l1l2": L1L2,
    "orthogonal_regularizer": OrthogonalRegularizer,
}  # fmt: skip
_NAMES |= {c.__name__: c for c in _NAMES.values()}


def get(identifier: Any) -> Any:
    """A regularizer for a name, an instance, a class, a saved dict, a function, or None."""
    if isinstance(identifier, Mapping):
        identifier = naming.qualified("regularizers", identifier, __all__)
    return config.resolved("regularizer", identifier, _NAMES)


def serialize(regularizer: Any) -> dict[str, Any]:
    """The regularizer's name and arguments as JSON can hold them."""
    return config.serialize(regularizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The inverse of ``serialize``; plain names, too."""
    with custom_object_scope(custom_objects or {}):
        return get(config)


# Keras has each class by a second name
l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer

__all__ = [
    "L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer", "deserialize", "get", "l1", "l1_l2",
    "l2", "orthogonal_regularizer", "serialize",
]  # fmt: skip
