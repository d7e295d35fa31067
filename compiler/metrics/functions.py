"""Accuracies: 1 or 0 per example."""

from __future__ import annotations

from .. import op
from ..config import register_own
from ..ir import Like, Tensor, convert
from ..losses.base import comparable


@register_own
def accuracy(y_true: Like, y_pred: Like) -> Tensor:
    """Whether both are equal, the mean over the last axis."""
    true, pred = comparable(convert(y_true), convert(y_pred))
    return _mean(op.Cast(op.Equal(true, pred), to="float32"))


@register_own
def binary_accuracy(y_true: Like, y_pred: Like, threshold: float = 0.5) -> Tensor:
    """Whether the prediction lies on the target's side of ``threshold``."""
    true, pred = comparable(convert(y_true), convert(y_pred))
    decided = op.Cast(op.Greater(pred, threshold), to=pred.dtype)
    return _mean(op.Cast(op.Equal(true, decided), to="float32"))


@register_own
def categorical_accuracy(y_true: Like, y_pred: Like) -> Tensor:
    """Whether the largest prediction is where the largest target is."""
    true = op.ArgMax(y_true, axis=-1, keepdims=0)
    return op.Cast(op.Equal(true, op.ArgMax(y_pred, axis=-1, keepdims=0)), to="float32")


@register_own
def sparse_categorical_accuracy(y_true: Like, y_pred: Like) -> Tensor:
    """Whether the largest prediction is at the class number."""
    pred = convert(y_pred)
    labels = _labels(convert(y_true), pred)
    return op.Cast(op.Equal(labels, op.ArgMax(pred, axis=-1, keepdims=0)), to="float32")


@register_own
def top_k_categorical_accuracy(y_true: Like, y_pred: Like, k: int = 5) -> Tensor:
    """Whether the target class is among the ``k`` largest predictions."""
    return sparse_top_k_categorical_accuracy(op.ArgMax(y_true, axis=-1, keepdims=0), y_pred, k)


@register_own
def sparse_top_k_categorical_accuracy(y_true: Like, y_pred: Like, k: int = 5) -> Tensor:
    """Whether the class number is among the ``k`` largest predictions."""
    pred = convert(y_pred)
    labels = op.Unsqueeze(_labels(convert(y_true), pred), [-1])
    score = op.GatherElements(pred, labels, axis=-1)
    better = op.Cast(op.Greater(pred, score), to="float32")
    rank = op.ReduceSum(better, [-1], keepdims=0)
    return op.Cast(op.Less(rank, float(k)), to="float32")


def _labels(true: Tensor, pred: Tensor) -> Tensor:
    labels = op.Cast(true, to="int64")
    if labels.ndim == pred.ndim and labels.shape[-1] == 1:
        return op.Squeeze(labels, [-1])
    return labels


def _mean(x: Tensor) -> Tensor:
    return x if x.ndim == 0 else op.ReduceMean(x, [-1], keepdims=0)
