"""The loss functions: a value per example, the mean over the last axis."""

from __future__ import annotations

import math

from ...errors import ShapeError
from .. import op
from ..casting import floating
from ..config import register_own
from ..ir import Like, Tensor, convert
from .base import EPSILON, comparable


def _pair(y_true: Like, y_pred: Like) -> tuple[Tensor, Tensor]:
    return comparable(convert(y_true), floating(y_pred))


def _mean(x: Tensor) -> Tensor:
    return x if x.ndim == 0 else op.ReduceMean(x, [-1], keepdims=0)


def _sum(x: Tensor, axis: int = -1) -> Tensor:
    return op.ReduceSum(x, [axis], keepdims=0)


@register_own
def mean_squared_error(y_true: Like, y_pred: Like) -> Tensor:
    """``mean((y_true - y_pred)^2)``."""
    true, pred = _pair(y_true, y_pred)
    difference = true - pred
    return _mean(difference * difference)


@register_own
def mean_absolute_error(y_true: Like, y_pred: Like) -> Tensor:
    """``mean(|y_true - y_pred|)``."""
    true, pred = _pair(y_true, y_pred)
    return _mean(op.Abs(true - pred))


@register_own
def mean_absolute_percentage_error(y_true: Like, y_pred: Like) -> Tensor:
    """``100 * mean(|(y_true - y_pred) / y_true|)``."""
    true, pred = _pair(y_true, y_pred)
    return _mean(op.Abs((true - pred) / op.Max(op.Abs(true), EPSILON))) * 100.0


@register_own
def mean_squared_logarithmic_error(y_true: Like, y_pred: Like) -> Tensor:
    """``mean((log(1 + y_true) - log(1 + y_pred))^2)``."""
    true, pred = _pair(y_true, y_pred)
    difference = op.Log(op.Max(pred, EPSILON) + 1.0) - op.Log(op.Max(true, EPSILON) + 1.0)
    return _mean(difference * difference)


@register_own
def huber(y_true: Like, y_pred: Like, delta: float = 1.0) -> Tensor:
    """Squared below ``delta``, linear above (Huber 1964)."""
    true, pred = _pair(y_true, y_pred)
    error = op.Abs(true - pred)
    small = op.Min(error, float(delta))
    return _mean(small * (error - small * 0.5))


@register_own
def log_cosh(y_true: Like, y_pred: Like) -> Tensor:
    """``mean(log(cosh(y_pred - y_true)))``."""
    true, pred = _pair(y_true, y_pred)
    error = pred - true
    return _mean(error + op.Softplus(error * -2.0) - math.log(2.0))


@register_own
def binary_crossentropy(
    y_true: Like,
    y_pred: Like,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """``-y log p - (1 - y) log(1 - p)``, the mean over ``axis``."""
    true, pred = _pair(y_true, y_pred)
    if label_smoothing:
        true = true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    values = binary_terms(true, pred, from_logits)
    return values if values.ndim == 0 else op.ReduceMean(values, [axis], keepdims=0)


def binary_terms(true: Tensor, pred: Tensor, from_logits: bool) -> Tensor:
    """Binary crossentropy element by element."""
    if from_logits:
        # log(1 + e^x) never overflows in this form, and its gradient is right at 0 too
        return true * op.Softplus(-pred) + (1.0 - true) * op.Softplus(pred)
    p = op.Clip(pred, EPSILON, 1.0 - EPSILON)
    return -(true * op.Log(p) + (1.0 - true) * op.Log(1.0 - p))


@register_own
def categorical_crossentropy(
    y_true: Like,
    y_pred: Like,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """``-sum y log p`` over ``axis``; without ``from_logits`` p is divided by its sum first."""
    true, pred = _pair(y_true, y_pred)
    true = smoothed(true, label_smoothing)
    return -_sum(true * log_probabilities(pred, from_logits, axis), axis)


def smoothed(true: Tensor, label_smoothing: float) -> Tensor:
    """One-hot rows moved towards the uniform distribution."""
    if not label_smoothing:
        return true
    classes = true.shape[-1]
    if not isinstance(classes, int):
        raise ShapeError("label_smoothing needs a known number of classes")
    return true * (1.0 - label_smoothing) + label_smoothing / classes


def log_probabilities(pred: Tensor, from_logits: bool, axis: int = -1) -> Tensor:
    """Log probabilities from logits, or from (renormalised, clipped) probabilities."""
    if from_logits:
        return op.LogSoftmax(pred, axis=axis)
    normalised = pred / op.ReduceSum(pred, [axis], keepdims=1)
    return op.Log(op.Clip(normalised, EPSILON, 1.0 - EPSILON))


@register_own
def sparse_categorical_crossentropy(
    y_true: Like,
    y_pred: Like,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """``-log p[y]`` for class numbers ``y``; 0 for ``ignore_class``.

    ``y`` has the shape of the predictions without ``axis`` (or with a 1 there). A label that is no
    class fails when it runs, with its value. The mask of the result says which rows are of another
    class than ``ignore_class``.
    """
    pred = floating(y_pred)
    labels = class_numbers(convert(y_true), pred, axis)
    valid = None
    if ignore_class is not None:
        valid = op.Not(op.Equal(labels, ignore_class))
        labels = labels * op.Cast(valid, to="int64")
        # a row that does not count adds nothing to the gradient either, even where it is infinite
        pred = op.Where(op.Unsqueeze(valid, [axis]), pred, convert(1.0, pred.dtype))
    logs = log_probabilities(pred, from_logits, axis)
    picked = op.GatherElements(logs, op.Unsqueeze(labels, [axis]), axis=axis)
    loss = -op.Squeeze(picked, [axis])
    kept: Tensor = op.Where(valid, loss, convert(0.0, loss.dtype)) if valid is not None else loss
    return kept.with_mask(valid)


def class_numbers(labels: Tensor, pred: Tensor, axis: int = -1) -> Tensor:
    """Labels as int64, one rank below the predictions."""
    labels = op.Cast(labels, to="int64")
    if labels.ndim == pred.ndim and labels.shape[axis] == 1:
        labels = op.Squeeze(labels, [axis])
    if labels.ndim != pred.ndim - 1:
        raise ShapeError(
            f"class numbers {labels.type} do not fit predictions {pred.type}: expected one number "
            "per row (for one-hot rows use categorical_crossentropy)"
        )
    return labels


@register_own
def kl_divergence(y_true: Like, y_pred: Like) -> Tensor:
    """``sum y_true * log(y_true / y_pred)``."""
    true, pred = _pair(y_true, y_pred)
    true, pred = op.Clip(true, EPSILON, 1.0), op.Clip(pred, EPSILON, 1.0)
    return _sum(true * op.Log(true / pred))


@register_own
def poisson(y_true: Like, y_pred: Like) -> Tensor:
    """``mean(y_pred - y_true * log(y_pred))``."""
    true, pred = _pair(y_true, y_pred)
    return _mean(pred - true * op.Log(pred + EPSILON))


def _signs(true: Tensor) -> Tensor:
    """Labels 0 and 1 become -1 and 1; others are taken as they are."""
    binary = op.ReduceMin(
        op.Cast(op.Or(op.Equal(true, 0), op.Equal(true, 1)), to=true.dtype), keepdims=0
    )
    return binary * (true * 2.0 - 1.0) + (1.0 - binary) * true


@register_own
def hinge(y_true: Like, y_pred: Like) -> Tensor:
    """``mean(max(1 - y_true * y_pred, 0))`` with labels -1 and 1 (or 0 and 1)."""
    true, pred = _pair(y_true, y_pred)
    return _mean(op.Relu(1.0 - _signs(true) * pred))


@register_own
def squared_hinge(y_true: Like, y_pred: Like) -> Tensor:
    """The square of ``hinge``, element by element."""
    true, pred = _pair(y_true, y_pred)
    margin = op.Relu(1.0 - _signs(true) * pred)
    return _mean(margin * margin)


@register_own
def categorical_hinge(y_true: Like, y_pred: Like) -> Tensor:
    """``max(neg - pos + 1, 0)``: the best wrong score against the right one."""
    true, pred = _pair(y_true, y_pred)
    right = _sum(true * pred)
    wrong = op.ReduceMax((1.0 - true) * pred, [-1], keepdims=0)
    return op.Relu(wrong - right + 1.0)


@register_own
def cosine_similarity(y_true: Like, y_pred: Like, axis: int = -1) -> Tensor:
    """Minus the cosine of the angle along ``axis``: -1 for parallel vectors."""
    return -cosine(y_true, y_pred, axis)


def cosine(y_true: Like, y_pred: Like, axis: int = -1) -> Tensor:
    """The cosine of the angle between the vectors along ``axis``."""
    true, pred = _pair(y_true, y_pred)
    return _sum(_unit(true, axis) * _unit(pred, axis), axis)


def _unit(x: Tensor, axis: int) -> Tensor:
    square = op.ReduceSumSquare(x, [axis], keepdims=1)
    return x / op.Sqrt(op.Max(square, EPSILON * EPSILON))
