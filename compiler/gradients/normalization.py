"""Rules for normalisations."""

from __future__ import annotations

from typing import Any

from .. import op
from ..autodiff import unbroadcast, vjp
from ..ir import Tensor
from .common import expand_like, mask, numbers, padded, shape_of
from .composed import composed


@vjp("LayerNormalization")
def layer_normalization(
    dys: Any, ys: Any, x: Tensor, scale: Tensor, bias: Tensor | None = None, *, axis: int,
    epsilon: float, stash_type: int,
) -> Any:  # fmt: skip
    """Ba, Kiros and Hinton 2016. Mean and inverse deviation are taken from the node if it has them."""
    dys, ys = (dys, ys) if isinstance(ys, tuple) else ((dys,), (ys,))
    axes = [*range(axis % x.ndim, x.ndim)]
    mean = op.Cast(ys[1], to=x.dtype) if len(ys) > 1 else op.ReduceMean(x, axes, keepdims=1)
    centred = x - mean
    if len(ys) > 2:
        inverse = op.Cast(ys[2], to=x.dtype)
    else:
        inverse = op.Reciprocal(
            op.Sqrt(op.ReduceMean(centred * centred, axes, keepdims=1) + epsilon)
        )
    normal = centred * inverse
    dx = dscale = dbias = None
    if dys[0] is not None:
        dscale = unbroadcast(dys[0] * normal, scale)
        dbias = unbroadcast(dys[0], bias) if bias is not None else None
        dnormal = dys[0] * scale
        projected = op.ReduceMean(dnormal * normal, axes, keepdims=1)
        dx = (dnormal - op.ReduceMean(dnormal, axes, keepdims=1) - normal * projected) * inverse
    for extra in _statistics(dys, x, normal, inverse, axes):
        dx = extra if dx is None else dx + extra
    return (dx, dscale) if bias is None else (dx, dscale, dbias)


def _statistics(
    dys: Any, x: Tensor, normal: Tensor, inverse: Tensor, axes: list[int]
) -> list[Tensor]:
    """What flows back through the outputs Mean and InvStdDev (second-order gradients use them)."""
    size = op.Cast(op.ReduceProd(op.Gather(shape_of(x), axes), keepdims=0), to=x.dtype)
    parts = []
    if len(dys) > 1 and dys[1] is not None:
        parts.append(expand_like(op.Cast(dys[1], to=x.dtype) / size, x))
    if len(dys) > 2 and dys[2] is not None:
        dinverse = op.Cast(dys[2], to=x.dtype)
        parts.append(-dinverse * inverse * inverse * normal / size)
    return parts


def _column(vector: Tensor, x: Tensor) -> Tensor:
    """One number per channel (axis 1) so that it broadcasts against ``x``."""
    return op.Reshape(vector, [-1] + [1] * (x.ndim - 2))


def _standardised(x: Tensor, axes: list[int], epsilon: float) -> Tensor:
    centred = x - op.ReduceMean(x, axes, keepdims=1)
    return centred / op.Sqrt(op.ReduceMean(centred * centred, axes, keepdims=1) + epsilon)


@composed("BatchNormalization")
def batch_normalization(
    x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor, *, epsilon: float,
    momentum: float, training_mode: int,
) -> Any:  # fmt: skip
    """Ioffe and Szegedy 2015; the running variance is the population's, as the standard has it."""
    if not training_mode:
        factor = scale / op.Sqrt(var + epsilon)
        return (x - _column(mean, x)) * _column(factor, x) + _column(bias, x)
    axes = [0, *range(2, x.ndim)]
    batch_mean = op.ReduceMean(x, axes, keepdims=0)
    centred = x - _column(batch_mean, x)
    batch_var = op.ReduceMean(centred * centred, axes, keepdims=0)
    normal = centred / _column(op.Sqrt(batch_var + epsilon), x)
    return (
        normal * _column(scale, x) + _column(bias, x),
        mean * momentum + batch_mean * (1 - momentum),
        var * momentum + batch_var * (1 - momentum),
    )


@composed("InstanceNormalization")
def instance_normalization(x: Tensor, scale: Tensor, bias: Tensor, *, epsilon: float) -> Tensor:
    normal = _standardised(x, [*range(2, x.ndim)], epsilon)
    return normal * _column(scale, x) + _column(bias, x)


@composed("GroupNormalization")
def group_normalization(
    x: Tensor, scale: Tensor, bias: Tensor, *, epsilon: float, num_groups: int, stash_type: int
) -> Tensor:
    """Wu and He 2018."""
    grouped = _standardised(op.Reshape(x, [0, num_groups, -1]), [2], epsilon)
    return op.Reshape(grouped, shape_of(x)) * _column(scale, x) + _column(bias, x)


@composed("MeanVarianceNormalization")
def mean_variance_normalization(x: Tensor, *, axes: Any) -> Tensor:
    mean = op.ReduceMean(x, axes, keepdims=1)
    variance = op.ReduceMean(x * x, axes, keepdims=1) - mean * mean
    return (x - mean) / (op.Sqrt(variance) + 1e-9)


@composed("LpNormalization")
def lp_normalization(x: Tensor, *, axis: int, p: int) -> Tensor:
    norm = (op.ReduceL1 if p == 1 else op.ReduceL2)(x, [axis], keepdims=1)
    return x / (norm + mask(op.Equal(norm, 0), x))


@composed("LRN")
def local_response_normalization(
    x: Tensor, *, alpha: float, beta: float, bias: float, size: int
) -> Tensor:
    """Krizhevsky, Sutskever and Hinton 2012: by the squares of ``size`` neighbouring channels."""
    before = (size - 1) // 2
    wide = padded(x * x, numbers([before, size - 1 - before]), numbers([1]))
    channels = op.Shape(x, start=1, end=2)
    squares = op.Sum(*(op.Slice(wide, [i], channels + i, [1]) for i in range(size)))
    return x / op.Pow(squares * (alpha / size) + bias, beta)
