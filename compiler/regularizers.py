"""Penalties on weights and activities, as in Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import config, op
from .ir import Like, Tensor


class Regularizer(config.Configurable):
    """Base: ``regularizer(x)`` gives a scalar tensor."""

    def __call__(self, x: Like) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, x)")


class L1(Regularizer):
    """``l1 * sum |x|``."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = l1

    def __call__(self, x: Like) -> Tensor:
        result: Tensor = op.ReduceSum(op.Abs(x), keepdims=0) * self.l1
        return result


class L2(Regularizer):
    """``l2 * sum x^2``."""

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = l2

    def __call__(self, x: Like) -> Tensor:
        result: Tensor = op.ReduceSumSquare(x, keepdims=0) * self.l2
        return result


class L1L2(Regularizer):
    """``l1 * sum |x| + l2 * sum x^2``."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = l1 or 0.0, l2 or 0.0

    def __call__(self, x: Like) -> Tensor:
        return L1(self.l1)(x) + L2(self.l2)(x)


_NAMES: dict[str, Callable[[], Any]] = {
    "l1": L1, "L1": L1, "l2": L2, "L2": L2, "l1_l2": lambda: L1L2(0.01, 0.01), "L1L2": L1L2,
}  # fmt: skip


def get(identifier: Any) -> Any:
    """A regularizer for a name, an instance, a class, a function, or None."""
    if identifier is None:
        return None
    if isinstance(identifier, str):
        return config.lookup("regularizer", identifier, _NAMES)()
    if isinstance(identifier, dict):
        return config.deserialize(identifier)
    return identifier() if isinstance(identifier, type) else identifier


__all__ = ["L1", "L1L2", "L2", "Regularizer", "get"]
