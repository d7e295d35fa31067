"""Bounds on gradients: by element, by norm, by the norm of all together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from ...errors import ArgumentError
from .. import op
from ..ir import Tensor, apply
from .arguments import at_least

Clipper: TypeAlias = Callable[[list[Tensor]], list[Tensor]]


def clipper(
    clipnorm: float | None, clipvalue: float | None, global_clipnorm: float | None
) -> Clipper:
    """What an optimizer does to its gradients. 0 means no bound, as in Keras."""
    limits = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
    given = {k: v for k, v in limits.items() if v is not None}
    if len(given) > 1:
        raise ArgumentError(f"only one of {', '.join(limits)} can be given; got {given}")
    for name, limit in given.items():
        at_least(name, limit, 0)
        if limit > 0:
            return partial(_BOUNDS[name], limit=limit)
    return lambda gradients: gradients


def by_value(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """Each element within +- limit."""
    return [op.Clip(g, -float(limit), float(limit)) for g in gradients]


def by_norm(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """Each tensor scaled down to at most this Euclidean norm."""
    return [_bounded(g, op.ReduceL2(g, keepdims=0), limit) for g in gradients]


def by_global_norm(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """All tensors scaled down alike, so that the norm of all their elements is at most this.

    Pascanu et al. 2013.
    """
    squares = [op.ReduceSumSquare(g, keepdims=0) for g in gradients]
    norm = op.Sqrt(squares[0] if len(squares) == 1 else apply("Sum", *squares))
    return [_bounded(g, norm, limit) for g in gradients]


def _bounded(gradient: Tensor, norm: Tensor, limit: float) -> Tensor:
    return gradient * (float(limit) / op.Max(norm, float(limit)))


_BOUNDS = {"clipnorm": by_norm, "clipvalue": by_value, "global_clipnorm": by_global_norm}
