"""Rules for the standard's loss operators, by their bodies."""

from __future__ import annotations

from typing import Any

from .. import op
from ..ir import Tensor
from .common import mask
from .composed import composed


@composed("NegativeLogLikelihoodLoss")
def negative_log_likelihood(
    x: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str,
    ignore_index: int | None = None,
) -> Tensor:  # fmt: skip
    counted = None
    if ignore_index is not None:
        ignored = op.Equal(target, ignore_index)
        counted = mask(op.Not(ignored), x)
        target = op.Where(ignored, 0, target)
    losses = -op.Squeeze(op.GatherElements(x, op.Unsqueeze(target, [1]), axis=1), [1])
    factor = counted
    if weight is not None:
        shares = op.Gather(weight, target)
        factor = shares if counted is None else shares * counted
    if factor is not None:
        losses = losses * factor
    if reduction == "none":
        return losses
    if reduction == "sum":
        return op.ReduceSum(losses, keepdims=0)
    if factor is None:
        return op.ReduceMean(losses, keepdims=0)
    return op.ReduceSum(losses, keepdims=0) / op.ReduceSum(factor, keepdims=0)


@composed("SoftmaxCrossEntropyLoss")
def softmax_cross_entropy(
    x: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str,
    ignore_index: int | None = None,
) -> Any:  # fmt: skip
    logits = op.LogSoftmax(x, axis=1)
    loss = negative_log_likelihood(
        logits, target, weight, reduction=reduction, ignore_index=ignore_index
    )
    return loss, logits
