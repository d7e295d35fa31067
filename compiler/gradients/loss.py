"""Rules for the standard's loss operators.

Both are a weighted sum of what stands at the targets; the targets that are ignored weigh nothing. With
reduction "mean" the sum is divided by the weights that counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .. import op
from ..autodiff import vjp, zeros_like
from ..ir import Tensor
from .common import expand_like, mask


@dataclass(frozen=True)
class Targets:
    """Class numbers (0 for those to be ignored), and what each of them counts (None: one)."""

    classes: Tensor
    counted: Tensor | None
    factor: Tensor | None
    total: Any  # of the factors: a number where it is known


@vjp("NegativeLogLikelihoodLoss")
def negative_log_likelihood(
    dy: Tensor, y: Tensor, x: Tensor, target: Tensor, weight: Tensor | None = None, *,
    reduction: str, ignore_index: int | None = None,
) -> Any:  # fmt: skip
    """-dy at the targets, by weight; the targets that are ignored get none."""
    targets = _targets(x, target, weight, ignore_index)
    each = _each(dy, targets, reduction)
    dx = _subtracted(zeros_like(x), each, targets)
    if weight is None:
        return dx, None
    return dx, None, _by_weight(dy, y, x, weight, targets, reduction)


@vjp("SoftmaxCrossEntropyLoss")
def softmax_cross_entropy(
    dys: Any, ys: Any, x: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str,
    ignore_index: int | None = None,
) -> Any:  # fmt: skip
    """``dy`` (softmax(x) - one at the target), by weight; the targets that are ignored get none."""
    dys, ys = (dys, ys) if isinstance(dys, tuple) else ((dys,), (ys,))
    dy, dlogits = dys[0], dys[1] if len(dys) > 1 else None
    likely = op.Exp(ys[1]) if len(ys) > 1 else op.Softmax(x, axis=1)
    dx = dweight = None
    if dy is not None:
        targets = _targets(x, target, weight, ignore_index)
        each = _each(dy, targets, reduction)
        spread = op.Unsqueeze(each, [1]) if each.ndim else each
        dx = _subtracted(likely * spread, each, targets)
        if weight is not None:
            logits = ys[1] if len(ys) > 1 else op.LogSoftmax(x, axis=1)
            dweight = _by_weight(dy, ys[0], logits, weight, targets, reduction)
    if dlogits is not None:
        extra = dlogits - likely * op.ReduceSum(dlogits, [1], keepdims=1)
        dx = extra if dx is None else dx + extra
    return (dx, None) if weight is None else (dx, None, dweight)


def _targets(
    x: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None
) -> Targets:  # fmt: skip
    counted = None
    if ignore_index is not None:
        ignored = op.Equal(target, ignore_index)
        counted = mask(op.Not(ignored), x)
        target = op.Where(ignored, 0, target)
    factor = counted
    if weight is not None:
        shares = op.Gather(weight, target)
        factor = shares if counted is None else shares * counted
    if factor is not None:
        return Targets(target, counted, factor, op.ReduceSum(factor, keepdims=0))
    if all(isinstance(d, int) for d in target.shape):
        return Targets(target, None, None, float(math.prod(target.shape)))  # type: ignore[arg-type]
    return Targets(target, None, None, op.Cast(op.Size(target), to=x.dtype))


def _each(dy: Tensor, targets: Targets, reduction: str) -> Tensor:
    """What each target's loss is multiplied with: a scalar, or one number for each target."""
    share = dy / targets.total if reduction == "mean" else dy
    return share if targets.factor is None else share * targets.factor


def _subtracted(base: Tensor, each: Tensor, targets: Targets) -> Tensor:
    """``base`` less ``each`` at the classes (axis 1)."""
    places = op.Unsqueeze(targets.classes, [1])
    updates = op.Unsqueeze(expand_like(-each, targets.classes), [1])
    return op.ScatterElements(base, places, updates, axis=1, reduction="add")


def _by_weight(
    dy: Tensor, y: Tensor, logits: Tensor, weight: Tensor, targets: Targets, reduction: str
) -> Tensor:
    """Each class gets the losses of its targets; of a mean, what they differ from it."""
    places = op.Unsqueeze(targets.classes, [1])
    losses = -op.Squeeze(op.GatherElements(logits, places, axis=1), [1])
    each = dy * (losses - y) / targets.total if reduction == "mean" else dy * losses
    each = each if targets.counted is None else each * targets.counted
    flat = op.Reshape(targets.classes, [-1])
    return op.ScatterElements(zeros_like(weight), flat, op.Reshape(each, [-1]), reduction="add")
