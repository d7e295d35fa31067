"""Accuracies: 1 or 0 per example (or per element)."""

from __future__ import annotations

from .. import op
from ..config import register_own
from ..ir import Like, Tensor, convert
from ..losses.base import comparable
from ..losses.functions import class_numbers


@register_own
def accuracy(y_true: Like, y_pred: Like) -> Tensor:
    """Whether both are equal, element by element."""
    return _hits(*comparable(convert(y_true), convert(y_pred)))


@register_own
def binary_accuracy(y_true: Like, y_pred: Like, threshold: float = 0.5) -> Tensor:
    """Whether the prediction lies above ``threshold`` just where the target is 1, per element."""
    true, pred = comparable(convert(y_true), convert(y_pred))
    return _hits(true, op.Cast(op.Greater(pred, threshold), to=pred.dtype))


@register_own
def categorical_accuracy(y_true: Like, y_pred: Like) -> Tensor:
    """Whether the largest prediction is where the largest target is, per row."""
    return _hits(_best(convert(y_true)), _best(convert(y_pred)))


@register_own
def sparse_categorical_accuracy(y_true: Like, y_pred: Like) -> Tensor:
    """Whether the largest prediction is at the class number, per row."""
    pred = convert(y_pred)
    return _hits(class_numbers(convert(y_true), pred), _best(pred))


@register_own
def top_k_categorical_accuracy(y_true: Like, y_pred: Like, k: int = 5) -> Tensor:
    """Whether the target class is among the ``k`` largest predictions, ties included."""
    return sparse_top_k_categorical_accuracy(_best(convert(y_true)), y_pred, k)


@register_own
def sparse_top_k_categorical_accuracy(
    y_true: Like, y_pred: Like, k: int = 5, from_sorted_ids: bool = False
) -> Tensor:
    """Whether the class number is among the ``k`` largest predictions, ties included.

    With ``from_sorted_ids`` the predictions are class numbers, the best first.
    """
    pred = convert(y_pred)
    labels = op.Unsqueeze(class_numbers(convert(y_true), pred), [-1])
    if from_sorted_ids:
        found = op.Equal(op.Cast(pred[..., :k], to="int64"), labels)
        return op.ReduceMax(op.Cast(found, to="float32"), [-1], keepdims=0)
    score = op.GatherElements(pred, labels, axis=-1)
    better = op.Cast(op.Greater(pred, score), to="float32")
    rank = op.ReduceSum(better, [-1], keepdims=0)
    return op.Cast(op.Less(rank, float(k)), to="float32")


def _best(x: Tensor) -> Tensor:
    return op.ArgMax(x, axis=-1, keepdims=0)


def _hits(true: Tensor, pred: Tensor) -> Tensor:
    return op.Cast(op.Equal(true, pred), to="float32")
