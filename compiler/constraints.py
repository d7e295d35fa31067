"""Projections that are applied to a weight after each update, as in Keras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from . import config, naming, op
from .config import custom_object_scope
from .ir import Like, Tensor, convert

_EPSILON = 1e-7
Axis: TypeAlias = int | Sequence[int] | None


class Constraint(config.Configurable):
    """Base: ``constraint(w)`` gives the tensor that the weight becomes."""

    def __call__(self, w: Like) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, w)")


def _norm(w: Tensor, axis: Axis) -> Tensor:
    if axis is None:
        return op.ReduceL2(w, keepdims=1)
    return op.ReduceL2(w, [axis] if isinstance(axis, int) else list(axis), keepdims=1)


class MaxNorm(Constraint):
    """Scale down where the norm along ``axis`` exceeds ``max_value``."""

    def __init__(self, max_value: float = 2, axis: Axis = 0) -> None:
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Like) -> Tensor:
        x = convert(w)
        norm = _norm(x, self.axis)
        wanted = op.Clip(norm, 0.0, float(self.max_value))
        return x * (wanted / (norm + _EPSILON))


class NonNeg(Constraint):
    """Negative elements become 0."""

    def __call__(self, w: Like) -> Tensor:
        return op.Relu(w)


class UnitNorm(Constraint):
    """Norm 1 along ``axis``."""

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = axis

    def __call__(self, w: Like) -> Tensor:
        x = convert(w)
        return x / (_norm(x, self.axis) + _EPSILON)


class MinMaxNorm(Constraint):
    """The norm along ``axis`` is drawn into [min_value, max_value] at ``rate``."""

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0
    ) -> None:
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Like) -> Tensor:
        x = convert(w)
        norm = _norm(x, self.axis)
        wanted = op.Clip(norm, float(self.min_value), float(self.max_value))
        target = wanted * self.rate + norm * (1 - self.rate)
        return x * (target / (norm + _EPSILON))


_NAMES: dict[str, type[Constraint]] = {
    "max_norm": MaxNorm, "non_neg": NonNeg, "unit_norm": UnitNorm, "min_max_norm": MinMaxNorm,
}  # fmt: skip
_NAMES |= {c.__name__: c for c in _NAMES.values()}


def get(identifier: Any) -> Any:
    """A constraint for a name, an instance, a class, a saved dict, a function, or None."""
    if isinstance(identifier, Mapping):
        identifier = naming.qualified("constraints", identifier, __all__)
    return config.resolved("constraint", identifier, _NAMES)


def serialize(constraint: Any) -> dict[str, Any]:
    """The constraint's name and arguments as JSON can hold them."""
    return config.serialize(constraint)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The inverse of ``serialize``; plain names, too."""
    with custom_object_scope(custom_objects or {}):
        return get(config)


# Keras has each class by a second name
max_norm = MaxNorm
non_neg = NonNeg
unit_norm = UnitNorm
min_max_norm = MinMaxNorm

__all__ = [
    "Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "deserialize", "get", "max_norm",
    "min_max_norm", "non_neg", "serialize", "unit_norm",
]  # fmt: skip
