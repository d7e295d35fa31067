"""Rules for normalisations."""

from __future__ import annotations

from typing import Any

from ...errors import GradientError
from .. import op
from ..autodiff import vjp
from ..ir import Tensor
from .common import reshape_like


@vjp("LayerNormalization")
def layer_normalization(
    dys: Any, ys: Any, x: Tensor, scale: Tensor, bias: Tensor | None = None, *, axis: int,
    epsilon: float, stash_type: int,
) -> Any:  # fmt: skip
    """Ba, Kiros and Hinton 2016. Mean and inverse deviation are taken from the node if it has them."""
    dys, ys = (dys, ys) if isinstance(ys, tuple) else ((dys,), (ys,))
    axes = [*range(axis % x.ndim, x.ndim)]
    mean = ys[1] if len(ys) > 1 else op.ReduceMean(x, axes, keepdims=1)
    centred = x - mean
    if len(ys) > 2:
        inverse = ys[2]
    else:
        inverse = op.Reciprocal(
            op.Sqrt(op.ReduceMean(centred * centred, axes, keepdims=1) + epsilon)
        )
    normal = centred * inverse
    dx = dscale = dbias = None
    if dys[0] is not None:
        lead = [*range(axis % x.ndim)]
        dscale = _sum_lead(dys[0] * normal, lead, scale)
        dbias = _sum_lead(dys[0], lead, bias) if bias is not None else None
        dnormal = dys[0] * scale
        projected = op.ReduceMean(dnormal * normal, axes, keepdims=1)
        dx = (dnormal - op.ReduceMean(dnormal, axes, keepdims=1) - normal * projected) * inverse
    for extra in _statistics(dys, normal, inverse, axes):
        dx = extra if dx is None else dx + extra
    return (dx, dscale) if bias is None else (dx, dscale, dbias)


def _statistics(dys: Any, normal: Tensor, inverse: Tensor, axes: list[int]) -> list[Tensor]:
    """What flows back through the outputs Mean and InvStdDev (second-order gradients use them)."""
    size = op.Cast(op.ReduceProd(op.Gather(op.Shape(normal), axes), keepdims=0), to=normal.dtype)
    parts = []
    if len(dys) > 1 and dys[1] is not None:
        parts.append(dys[1] / size + normal * 0)
    if len(dys) > 2 and dys[2] is not None:
        parts.append(-dys[2] * inverse * inverse * normal / size)
    return parts


def _sum_lead(dy: Tensor, lead: list[int], like: Tensor) -> Tensor:
    summed = op.ReduceSum(dy, lead, keepdims=0) if lead else dy
    if summed.ndim != like.ndim:
        raise GradientError("LayerNormalization has a gradient rule only for a scale of full rank")
    return reshape_like(summed, like)


@vjp("BatchNormalization")
def batch_normalization(
    dys: Any, ys: Any, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor, *,
    epsilon: float, momentum: float, training_mode: int,
) -> Any:  # fmt: skip
    """Inference mode: an affine map per channel (axis 1)."""
    if training_mode:
        raise GradientError(
            "BatchNormalization in training mode has no gradient rule: "
            "wh.layers.BatchNormalization computes the batch statistics from differentiable operators"
        )
    dy = dys[0] if isinstance(dys, tuple) else dys
    others = [0, *range(2, x.ndim)]
    column = [-1] + [1] * (x.ndim - 2)
    inverse = op.Reciprocal(op.Sqrt(var + epsilon))
    centred = x - op.Reshape(mean, column)
    dbias = op.ReduceSum(dy, others, keepdims=0)
    dscale = op.ReduceSum(dy * centred, others, keepdims=0) * inverse
    dmean = -dbias * scale * inverse
    dvar = dscale * scale * inverse * inverse * -0.5
    return dy * op.Reshape(scale * inverse, column), dscale, dbias, dmean, dvar
