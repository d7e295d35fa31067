"""Normalisations."""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError
from .. import op
from ..casting import floating
from ..config import not_supported
from ..ir import Like, Tensor, convert
from .linalg import norm
from .reduction import axes_of


def normalize(x: Like, axis: int = -1, order: int = 2, epsilon: float | None = None) -> Tensor:
    """``x`` divided by its norm along ``axis``, which is at least ``epsilon`` (1e-7)."""
    t = floating(x)
    if not isinstance(order, int) or order < 1:
        raise ArgumentError(f"normalize(order={order!r}): expected a whole number above 0")
    t = op.Unsqueeze(t, [0]) if t.ndim == 0 else t
    smallest = 1e-7 if epsilon is None else epsilon
    if order == 2:
        square = op.ReduceSumSquare(t, [axis], keepdims=1)
        return t / op.Sqrt(op.Max(square, smallest * smallest))
    return t / op.Max(norm(t, order, axis, keepdims=True), smallest)


def batch_normalization(
    x: Like, mean: Like, variance: Like, axis: int, offset: Like | None = None,
    scale: Like | None = None, epsilon: float = 1e-3,
) -> Tensor:  # fmt: skip
    """``(x - mean) / sqrt(variance + epsilon) * scale + offset``, with vectors along ``axis``."""
    t = floating(x)
    column = [-1 if i == axis % t.ndim else 1 for i in range(t.ndim)]
    factor = op.Reciprocal(op.Sqrt(convert(variance) + epsilon))
    if scale is not None:
        factor = factor * convert(scale)
    shift = -(convert(mean) * factor)
    if offset is not None:
        shift = shift + convert(offset)
    return t * op.Reshape(factor, column) + op.Reshape(shift, column)


def layer_normalization(
    x: Like, gamma: Like | None = None, beta: Like | None = None, axis: Any = -1,
    epsilon: float | None = None, **kwargs: Any,
) -> Tensor:  # fmt: skip
    """Mean 0 and variance 1 over ``axis`` (one or several), then ``* gamma + beta``.

    Ba, Kiros and Hinton 2016. One LayerNormalization where the axes are the last ones and there is
    a ``gamma``. ``epsilon`` defaults to 1e-7.
    """
    not_supported("wh.ops.layer_normalization", **{k: (v, False) for k, v in kwargs.items()})
    t = floating(x)
    over = sorted(a % t.ndim for a in axes_of(axis) or [])
    small = 1e-7 if epsilon is None else epsilon
    first = over[0]
    if gamma is not None and over == [*range(first, t.ndim)]:
        shape = t.shape[first:]
        if convert(gamma).shape == shape and (beta is None or convert(beta).shape == shape):
            return op.LayerNormalization(t, gamma, beta, axis=first, epsilon=small)
    centred = t - op.ReduceMean(t, over, keepdims=1)
    variance = op.ReduceMean(centred * centred, over, keepdims=1)
    y = centred / op.Sqrt(variance + small)
    if gamma is not None:
        y = y * _over(gamma, t, over)
    return y if beta is None else y + _over(beta, t, over)


def _over(parameter: Like, x: Tensor, over: list[int]) -> Tensor:
    """A parameter with one entry per place of ``over`` made to broadcast to ``x``."""
    given = convert(parameter)
    if given.ndim != len(over):
        return given
    return op.Unsqueeze(given, [i for i in range(x.ndim) if i not in over])


def rms_normalization(
    x: Like, scale: Like | None = None, axis: Any = -1, epsilon: float | None = None
) -> Tensor:
    """``x`` divided by its root mean square over ``axis``, times ``scale`` (Zhang, Sennrich 2019)."""
    t = floating(x)
    over = sorted(a % t.ndim for a in axes_of(axis) or [])
    square = op.ReduceMean(t * t, over, keepdims=1)
    y = t / op.Sqrt(square + (1e-7 if epsilon is None else epsilon))
    return y if scale is None else y * _over(scale, t, over)


__all__ = [
    "batch_normalization", "layer_normalization", "normalize", "rms_normalization",
]  # fmt: skip
