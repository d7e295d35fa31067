"""Losses that let hard examples count for more, or noisy labels for less."""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError
from .. import op
from ..casting import floating
from ..config import register_own
from ..ir import Like, Tensor, convert
from .base import AVERAGED, EPSILON, LossFunctionWrapper, comparable
from .functions import binary_terms, class_numbers, smoothed


@register_own
def binary_focal_crossentropy(
    y_true: Like,
    y_pred: Like,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Binary crossentropy times ``(1 - p_t)^gamma``, the mean over ``axis`` (Lin et al. 2018).

    p_t is the probability given to the target. With ``apply_class_balancing`` class 1 weighs ``alpha``
    and class 0 ``1 - alpha``.
    """
    true, pred = comparable(convert(y_true), floating(y_pred))
    if label_smoothing:
        true = true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        pred = op.Sigmoid(pred)
    right = true * pred + (1.0 - true) * (1.0 - pred)
    values = op.Pow(1.0 - right, float(gamma)) * binary_terms(true, pred, False)
    if apply_class_balancing:
        values = (true * alpha + (1.0 - true) * (1.0 - alpha)) * values
    return op.ReduceMean(values, [axis], keepdims=0)


@register_own
def categorical_focal_crossentropy(
    y_true: Like,
    y_pred: Like,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """``-sum alpha (1 - p)^gamma y log p`` over ``axis`` (Lin et al. 2018).

    ``alpha`` is a number, or a list with one per class.
    """
    true, pred = comparable(convert(y_true), floating(y_pred))
    true = smoothed(true, label_smoothing)
    if from_logits:
        pred = op.Softmax(pred, axis=axis)
    p = op.Clip(pred / op.ReduceSum(pred, [axis], keepdims=1), EPSILON, 1.0 - EPSILON)
    weight = op.Pow(1.0 - p, float(gamma)) * convert(alpha, pred.dtype)
    return -op.ReduceSum(weight * true * op.Log(p), [axis], keepdims=0)


@register_own
def categorical_generalized_cross_entropy(y_true: Like, y_pred: Like, q: float) -> Tensor:
    """``(1 - p[y]^q) / q`` for class numbers ``y`` (Zhang and Sabuncu 2018).

    Between the mean absolute error (q = 1) and crossentropy (q towards 0). A label that is no class
    fails when it runs.
    """
    pred = floating(y_pred)
    labels = op.Unsqueeze(class_numbers(convert(y_true), pred), [-1])
    p = op.Squeeze(op.GatherElements(pred, labels, axis=-1), [-1])
    return (1.0 - op.Pow(p, float(q))) / float(q)


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """For independent yes/no targets, the rarer ones hard to learn."""

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = AVERAGED,
        name: str | None = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            binary_focal_crossentropy, reduction, name, dtype,
            apply_class_balancing=apply_class_balancing, alpha=alpha, gamma=gamma,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis
        self.apply_class_balancing, self.alpha, self.gamma = apply_class_balancing, alpha, gamma


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """For one-hot targets over classes of unequal size."""

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = AVERAGED,
        name: str | None = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            categorical_focal_crossentropy, reduction, name, dtype, alpha=alpha, gamma=gamma,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis
        self.alpha, self.gamma = alpha, gamma


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """For class numbers of which some are wrong. ``q`` lies between 0 and 1."""

    class_numbers = True

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = AVERAGED,
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        if not 0 < q < 1:
            raise ArgumentError(f"q={q}: expected a number between 0 and 1")
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)
        self.q = q
