"""Projections that are applied to a weight after each update, as in Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import config, op
from .ir import Like, Tensor, convert

_EPSILON = 1e-7


class Constraint(config.Configurable):
    """Base: ``constraint(w)`` gives the tensor that the weight becomes."""

    def __call__(self, w: Like) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, w)")


def _norm(w: Tensor, axis: Any) -> Tensor:
    axes = [axis] if isinstance(axis, int) else list(axis)
    result: Tensor = op.ReduceL2(w, axes, keepdims=1)
    return result


class MaxNorm(Constraint):
    """Scale down where the norm along ``axis`` exceeds ``max_value``."""

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Like) -> Tensor:
        x = convert(w)
        norm = _norm(x, self.axis)
        wanted = op.Clip(norm, 0.0, float(self.max_value))
        return x * (wanted / (norm + _EPSILON))


class NonNeg(Constraint):
    """Negative elements become 0."""

    def __call__(self, w: Like) -> Tensor:
        result: Tensor = op.Relu(w)
        return result


class UnitNorm(Constraint):
    """Norm 1 along ``axis``."""

    def __init__(self, axis: Any = 0) -> None:
        self.axis = axis

    def __call__(self, w: Like) -> Tensor:
        x = convert(w)
        return x / (_norm(x, self.axis) + _EPSILON)


class MinMaxNorm(Constraint):
    """The norm along ``axis`` is drawn into [min_value, max_value] at ``rate``."""

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0
    ) -> None:
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Like) -> Tensor:
        x = convert(w)
        norm = _norm(x, self.axis)
        wanted = op.Clip(norm, float(self.min_value), float(self.max_value))
        target = wanted * self.rate + norm * (1 - self.rate)
        return x * (target / (norm + _EPSILON))


_NAMES: dict[str, Callable[[], Any]] = {
    "max_norm": MaxNorm, "MaxNorm": MaxNorm, "non_neg": NonNeg, "NonNeg": NonNeg,
    "unit_norm": UnitNorm, "UnitNorm": UnitNorm, "min_max_norm": MinMaxNorm,
    "MinMaxNorm": MinMaxNorm,
}  # fmt: skip


def get(identifier: Any) -> Any:
    """A constraint for a name, an instance, a class, a function, or None."""
    if identifier is None:
        return None
    if isinstance(identifier, str):
        return config.lookup("constraint", identifier, _NAMES)()
    if isinstance(identifier, dict):
        return config.deserialize(identifier)
    return identifier() if isinstance(identifier, type) else identifier


__all__ = ["Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "get"]
