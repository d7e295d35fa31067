"""Rules for normalisations."""

from __future__ import annotations

import math
from typing import Any

from .. import dtypes, op
from ..autodiff import unbroadcast, vjp
from ..ir import Tensor
from .common import expand_like, mask, numbers, padded, reshape_like, widened
from .composed import composed


@vjp("LayerNormalization")
def layer_normalization(
    dys: Any, ys: Any, x: Tensor, scale: Tensor, bias: Tensor | None = None, *, axis: int,
    epsilon: float, stash_type: int,
) -> Any:  # fmt: skip
    """Ba, Kiros and Hinton 2016: with the mean and the inverse deviation that the node computes.

    For 16-bit floats the work is done in float32, as ``stash_type`` has it by default.
    """
    dys, ys = (dys, ys) if isinstance(dys, tuple) else ((dys,), (ys,))
    axes = [*range(axis % x.ndim, x.ndim)]
    if x.dtype == dtypes.FLOAT32 and len(ys) < 3:  # the node computes them anyway
        ys = op.LayerNormalization(
            x, scale, bias, axis=axis, epsilon=epsilon, stash_type=stash_type, outputs=3
        )
    x, scale = widened(x), widened(scale)
    normal, inverse = _standardised(x, axes, epsilon, *ys[1:])
    dx = dscale = dbias = None
    if dys[0] is not None:
        dy = widened(dys[0])
        dscale = unbroadcast(dy * normal, scale)
        dbias = unbroadcast(dy, widened(bias)) if bias is not None else None
        dx = _pulled(dy * scale, normal, inverse, axes)
    for extra in _statistics(dys, x, normal, inverse, axes):
        dx = extra if dx is None else dx + extra
    return (dx, dscale) if bias is None else (dx, dscale, dbias)


def _standardised(
    x: Tensor, axes: list[int], epsilon: float, mean: Tensor | None = None,
    inverse: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """``x`` with mean 0 and variance 1 over ``axes``; and the inverse deviation, with its axes kept."""
    mean = op.ReduceMean(x, axes, keepdims=1) if mean is None else op.Cast(mean, to=x.dtype)
    centred = x - mean
    if inverse is None:
        variance = op.ReduceMean(centred * centred, axes, keepdims=1)
        inverse = op.Reciprocal(op.Sqrt(variance + epsilon))
    else:
        inverse = op.Cast(inverse, to=x.dtype)
    return centred * inverse, inverse


def _pulled(dnormal: Tensor, normal: Tensor, inverse: Tensor, axes: list[int]) -> Tensor:
    """The gradient of ``x`` from that of its standardised form."""
    projected = op.ReduceMean(dnormal * normal, axes, keepdims=1)
    return (dnormal - op.ReduceMean(dnormal, axes, keepdims=1) - normal * projected) * inverse


def _statistics(
    dys: Any, x: Tensor, normal: Tensor, inverse: Tensor, axes: list[int]
) -> list[Tensor]:
    """What flows back through the outputs Mean and InvStdDev (second-order gradients use them)."""
    size = _size(x, axes)
    parts = []
    if len(dys) > 1 and dys[1] is not None:
        parts.append(expand_like(op.Cast(dys[1], to=x.dtype) / size, x))
    if len(dys) > 2 and dys[2] is not None:
        dinverse = op.Cast(dys[2], to=x.dtype)
        parts.append(-dinverse * inverse * inverse * normal / size)
    return parts


def _size(x: Tensor, axes: list[int]) -> Any:
    """How many elements ``axes`` span: a number where it is known."""
    dims = [x.shape[a] for a in axes]
    if all(isinstance(d, int) for d in dims):
        return float(math.prod(dims))  # type: ignore[arg-type]
    return op.Cast(op.ReduceProd(op.Gather(op.Shape(x), axes), keepdims=0), to=x.dtype)


def _column(vector: Tensor, x: Tensor) -> Tensor:
    """One number per channel (axis 1) so that it broadcasts against ``x``."""
    return op.Reshape(vector, [-1] + [1] * (x.ndim - 2)) if x.ndim > 2 else vector


@vjp("BatchNormalization")
def batch_normalization(
    dys: Any, ys: Any, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor, *,
    epsilon: float, momentum: float, training_mode: int,
) -> Any:  # fmt: skip
    """Ioffe and Szegedy 2015; the running variance is the population's, as the standard has it."""
    dys = dys if isinstance(dys, tuple) else (dys,)
    dy = widened(dys[0]) if dys[0] is not None else None
    x, scale, mean, var = (widened(t) for t in (x, scale, mean, var))
    if not training_mode:
        return _by_moving_statistics(dy, x, scale, mean, var, epsilon)
    axes = [0, *range(2, x.ndim)]
    normal, inverse = _standardised(x, axes, epsilon)
    size = _size(x, axes)
    dx = dscale = dbias = None
    if dy is not None:
        total = op.ReduceSum(dy, axes, keepdims=1)
        projected = op.ReduceSum(dy * normal, axes, keepdims=1)
        dx = dy - total / size - normal * (projected / size)
        dx = dx * (inverse * _column(scale, x))
        dscale, dbias = op.Reshape(projected, [-1]), op.Reshape(total, [-1])
    running = [None if d is None else widened(d) for d in (*dys[1:], None, None)[:2]]
    for extra in _to_moving_statistics(running, x, axes, (1 - momentum) / size):
        dx = extra if dx is None else dx + extra
    return dx, dscale, dbias, *(None if d is None else d * momentum for d in running)


def _to_moving_statistics(
    running: list[Tensor | None], x: Tensor, axes: list[int], share: Any
) -> list[Tensor]:
    """What flows back to ``x`` through the moving mean and the moving variance."""
    mean, var = running
    parts = []
    if mean is not None:
        parts.append(expand_like(_column(mean, x) * share, x))
    if var is not None:
        parts.append(_column(var, x) * (share * 2) * (x - op.ReduceMean(x, axes, keepdims=1)))
    return parts


def _by_moving_statistics(
    dy: Any, x: Tensor, scale: Tensor, mean: Tensor, var: Tensor, epsilon: float
) -> Any:
    """Inference: an affine map of each channel."""
    axes = [0, *range(2, x.ndim)]
    deviation = op.Sqrt(var + epsilon)
    factor = scale / deviation
    dbias = op.ReduceSum(dy, axes, keepdims=0)
    dscale = op.ReduceSum(dy * (x - _column(mean, x)), axes, keepdims=0) / deviation
    dvar = dscale * factor / deviation * -0.5
    return dy * _column(factor, x), dscale, dbias, -dbias * factor, dvar


@vjp("InstanceNormalization")
def instance_normalization(
    dy: Tensor, y: Tensor, x: Tensor, scale: Tensor, bias: Tensor, *, epsilon: float
) -> Any:
    """Ulyanov, Vedaldi and Lempitsky 2016: as for LayerNormalization, of each channel alone."""
    axes, dy, x = [*range(2, x.ndim)], widened(dy), widened(x)
    normal, inverse = _standardised(x, axes, epsilon)
    dx = _pulled(dy * _column(widened(scale), x), normal, inverse, axes)
    return dx, *_by_channel(dy, normal)


def _by_channel(dy: Tensor, normal: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of a scale and a bias per channel."""
    axes = [0, *range(2, dy.ndim)]
    return op.ReduceSum(dy * normal, axes, keepdims=0), op.ReduceSum(dy, axes, keepdims=0)


@vjp("GroupNormalization")
def group_normalization(
    dy: Tensor, y: Tensor, x: Tensor, scale: Tensor, bias: Tensor, *, epsilon: float,
    num_groups: int, stash_type: int,
) -> Any:  # fmt: skip
    """Wu and He 2018: as for LayerNormalization, of each group; 16-bit floats in float32."""
    dy, x, groups = widened(dy), widened(x), [0, num_groups, -1]
    normal, inverse = _standardised(op.Reshape(x, groups), [2], epsilon)
    dnormal = op.Reshape(dy * _column(widened(scale), x), groups)
    dx = reshape_like(_pulled(dnormal, normal, inverse, [2]), x)
    return dx, *_by_channel(dy, reshape_like(normal, x))


@composed("MeanVarianceNormalization")
def mean_variance_normalization(x: Tensor, *, axes: Any) -> Tensor:
    """By the body; zero where all values are equal, and no gradient exists."""
    centred = x - op.ReduceMean(x, axes, keepdims=1)
    variance = op.ReduceMean(centred * centred, axes, keepdims=1)
    flat = mask(op.Equal(variance, 0), x)
    return centred * ((1 - flat) / (op.Sqrt(variance + flat) + 1e-9))


@composed("LpNormalization")
def lp_normalization(x: Tensor, *, axis: int, p: int) -> Tensor:
    """By the body; zero where the norm is zero, and so, by definition, the result."""
    norm = (op.ReduceL1 if p == 1 else op.ReduceL2)(x, [axis], keepdims=1)
    zero = mask(op.Equal(norm, 0), x)
    return x * ((1 - zero) / (norm + zero))


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
