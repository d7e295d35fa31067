"""Losses of metric learning: embeddings of one class together, of others apart."""

from __future__ import annotations

from typing import Any

from .. import op
from ..casting import as_type, floating
from ..config import register_own
from ..ir import Like, Tensor, constant, convert
from .base import AVERAGED, LossFunctionWrapper

_NEVER = -1e30  # the exponent of what does not count; the gradient of an infinite one would be NaN


@register_own
def circle(
    y_true: Like,
    y_pred: Like,
    ref_labels: Like | None = None,
    ref_embeddings: Like | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Tensor:
    """Circle loss of embeddings (Sun et al. 2020), a value per example.

    Args:
        y_true: class numbers [batch] or [batch, 1].
        y_pred: embeddings [batch, size] of length one.
        ref_labels, ref_embeddings: what to compare with; the batch itself by default.
        remove_diagonal: whether an example is no pair with itself.
        gamma: scale of the similarities.
        margin: how far classes are to be apart.

    The mask of the result leaves out examples whose loss is 0, such as those without a partner.
    """
    pred = floating(y_pred)
    others = pred if ref_embeddings is None else as_type(convert(ref_embeddings), pred.dtype)
    labels = _numbers(y_true)
    same = op.Equal(
        op.Unsqueeze(labels, [1]),
        op.Unsqueeze(labels if ref_labels is None else _numbers(ref_labels), [0]),
    )
    distance = op.Relu(1.0 - op.MatMul(pred, op.Transpose(others, perm=(1, 0))))
    apart = op.Not(same)
    if remove_diagonal:
        itself = op.EyeLike(op.Cast(same, to=pred.dtype))
        same = op.And(same, op.Equal(itself, constant(0, pred.dtype)))
    near = op.Relu(margin + distance) * (margin - distance) * -float(gamma)
    far = op.Relu(1.0 + margin - distance) * (1.0 - margin - distance) * float(gamma)
    never = constant(_NEVER, pred.dtype)
    total = op.ReduceLogSumExp(op.Where(same, near, never), [1], keepdims=0)
    total = total + op.ReduceLogSumExp(op.Where(apart, far, never), [1], keepdims=0)
    loss: Tensor = op.Softplus(total)
    return loss.with_mask(op.Greater(loss, 0.0))


def _numbers(labels: Like) -> Tensor:
    flat: Tensor = op.Reshape(op.Cast(convert(labels), to="int64"), [-1])
    return flat


class Circle(LossFunctionWrapper):
    """Pulls embeddings of one class together and pushes others apart, by pairs within the batch."""

    class_numbers = True

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = AVERAGED,
        name: str | None = "circle",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            circle, reduction, name, dtype, gamma=gamma, margin=margin,
            remove_diagonal=remove_diagonal,
        )  # fmt: skip
        self.gamma, self.margin, self.remove_diagonal = gamma, margin, remove_diagonal
