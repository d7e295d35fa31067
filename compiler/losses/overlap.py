"""Losses of segmentation: how much of two regions is common."""

from __future__ import annotations

from typing import Any

from .. import op
from ..casting import floating
from ..config import register_own
from ..ir import Like, Tensor, convert
from .base import AVERAGED, EPSILON, LossFunctionWrapper, comparable


def _sum(x: Tensor, axis: Any) -> Tensor:
    axes = (
        axis
        if axis is None
        else [int(a) for a in (axis if isinstance(axis, (list, tuple)) else [axis])]
    )
    result: Tensor = op.ReduceSum(x, axes, keepdims=0)
    return result


@register_own
def dice(y_true: Like, y_pred: Like, axis: Any = None) -> Tensor:
    """``1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred))`` over ``axis`` (None: over all)."""
    true, pred = comparable(convert(y_true), floating(y_pred))
    return 1.0 - 2.0 * _sum(true * pred, axis) / (_sum(true, axis) + _sum(pred, axis) + EPSILON)


@register_own
def tversky(
    y_true: Like, y_pred: Like, alpha: float = 0.5, beta: float = 0.5, axis: Any = None
) -> Tensor:
    """``1 - c / (c + alpha m + beta w)`` over ``axis`` (None: over all) (Salehi et al. 2017).

    c is what targets and predictions have in common, m what only the targets have, w what only the
    predictions have. (Keras' documentation names m and w the other way round; its values are these.)
    """
    true, pred = comparable(convert(y_true), floating(y_pred))
    common = _sum(true * pred, axis)
    missed, wrong = _sum((1.0 - pred) * true, axis), _sum(pred * (1.0 - true), axis)
    return 1.0 - common / (common + missed * alpha + wrong * beta + EPSILON)


class Dice(LossFunctionWrapper):
    """One minus the Dice coefficient of the whole batch, or of what ``axis`` spans."""

    def __init__(
        self,
        reduction: str | None = AVERAGED,
        name: str | None = "dice",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)
        self.axis = axis


class Tversky(LossFunctionWrapper):
    """One minus the Tversky index: Dice with a weight for each kind of error."""

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = AVERAGED,
        name: str | None = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
        self.alpha, self.beta, self.axis = alpha, beta, axis
