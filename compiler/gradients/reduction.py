"""Rules for reductions and cumulative sums."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import op
from ..autodiff import nondifferentiable, vjp
from ..ir import Tensor, value_if_known
from .common import expand_like, kept, mask, reduced_axes

nondifferentiable("ArgMax", "ArgMin")


def _both(dx: Tensor, axes: Tensor | None) -> Any:
    return dx if axes is None else (dx, None)


@vjp("ReduceSum")
def reduce_sum(
    dy: Tensor, y: Tensor, x: Tensor, axes: Tensor | None = None, *, keepdims: int,
    noop_with_empty_axes: int,
) -> Any:  # fmt: skip
    """``dy`` to all that were summed."""
    if not reduced_axes(x, axes, noop_with_empty_axes):
        return _both(dy, axes)
    return _both(expand_like(kept(dy, x, axes, keepdims), x), axes)


@vjp("ReduceMean")
def reduce_mean(
    dy: Tensor, y: Tensor, x: Tensor, axes: Tensor | None = None, *, keepdims: int,
    noop_with_empty_axes: int,
) -> Any:  # fmt: skip
    """``dy`` / n to all n that were reduced."""
    if not reduced_axes(x, axes, noop_with_empty_axes):
        return _both(dy, axes)
    return _both(expand_like(kept(dy / _count(x, y, axes), x, axes, keepdims), x), axes)


def _count(x: Tensor, y: Tensor, axes: Tensor | None) -> Any:
    """How many elements went into each mean."""
    which = value_if_known(axes) if axes is not None else np.arange(x.ndim)
    if which is None:  # found while it runs; as floats: an empty batch must not divide by 0
        sizes = [op.Cast(op.Size(t), to=np.float32) for t in (x, y)]
        return op.Cast(sizes[0] / sizes[1], to=x.dtype)
    reduced = [x.shape[a] for a in (which.tolist() or range(x.ndim))]
    if all(isinstance(d, int) for d in reduced):
        return float(math.prod(reduced))  # type: ignore[arg-type]
    if len(reduced) == x.ndim:
        return op.Cast(op.Size(x), to=x.dtype)
    return op.Cast(op.ReduceProd(op.Gather(op.Shape(x), which), keepdims=0), to=x.dtype)


@vjp("ReduceMax", "ReduceMin")
def reduce_extremum(
    dy: Tensor, y: Tensor, x: Tensor, axes: Tensor | None = None, *, keepdims: int,
    noop_with_empty_axes: int,
) -> Any:  # fmt: skip
    """Ties share the gradient evenly."""
    if not reduced_axes(x, axes, noop_with_empty_axes):
        return _both(dy, axes)
    hits = mask(op.Equal(x, kept(y, x, axes, keepdims)), dy)
    count = op.ReduceSum(hits, axes, keepdims=1, noop_with_empty_axes=noop_with_empty_axes)
    return _both(hits * (kept(dy, x, axes, keepdims) / count), axes)


@vjp("ReduceProd")
def reduce_prod(
    dy: Tensor, y: Tensor, x: Tensor, axes: Tensor | None = None, *, keepdims: int,
    noop_with_empty_axes: int,
) -> Any:  # fmt: skip
    """``dy`` times the product of the others, also where there are zeros.

    Second derivatives are right where at most one factor is zero; with two, that between them is
    missing.
    """
    if not reduced_axes(x, axes, noop_with_empty_axes):
        return _both(dy, axes)
    zero = mask(op.Equal(x, 0), x)
    filled = x * (1 - zero) + zero
    noop = noop_with_empty_axes
    zeros = op.ReduceSum(zero, axes, keepdims=1, noop_with_empty_axes=noop)
    rest = op.ReduceProd(filled, axes, keepdims=1, noop_with_empty_axes=noop)
    others = kept(y, x, axes, keepdims) / filled * (1 - zero)
    alone = zero * (rest * mask(op.Equal(zeros, 1), x))
    return _both(kept(dy, x, axes, keepdims) * (others + alone), axes)


@vjp("ReduceL1")
def reduce_l1(
    dy: Tensor, y: Tensor, x: Tensor, axes: Tensor | None = None, *, keepdims: int,
    noop_with_empty_axes: int,
) -> Any:  # fmt: skip
    """``dy`` sign(x): 0 at 0."""
    if not reduced_axes(x, axes, noop_with_empty_axes):
        return _both(dy * op.Sign(x), axes)
    return _both(op.Sign(x) * kept(dy, x, axes, keepdims), axes)


@vjp("ReduceL2")
def reduce_l2(
    dy: Tensor, y: Tensor, x: Tensor, axes: Tensor | None = None, *, keepdims: int,
    noop_with_empty_axes: int,
) -> Any:  # fmt: skip
    """``dy`` x / norm; zero at the origin, where the norm has no gradient (the usual subgradient)."""
    if not reduced_axes(x, axes, noop_with_empty_axes):
        return _both(dy * op.Sign(x), axes)
    norm = kept(y, x, axes, keepdims)
    safe = norm + mask(op.Equal(norm, 0), norm)
    return _both(x * (kept(dy, x, axes, keepdims) / safe), axes)


@vjp("ReduceSumSquare")
def reduce_sum_square(
    dy: Tensor, y: Tensor, x: Tensor, axes: Tensor | None = None, *, keepdims: int,
    noop_with_empty_axes: int,
) -> Any:  # fmt: skip
    """``dy`` 2 x."""
    if not reduced_axes(x, axes, noop_with_empty_axes):
        return _both(dy * x * 2, axes)
    return _both(x * (kept(dy, x, axes, keepdims) * 2), axes)


@vjp("ReduceLogSum")
def reduce_log_sum(
    dy: Tensor, y: Tensor, x: Tensor, axes: Tensor | None = None, *, keepdims: int,
    noop_with_empty_axes: int,
) -> Any:  # fmt: skip
    """``dy`` / sum."""
    if not reduced_axes(x, axes, noop_with_empty_axes):
        return _both(dy / x, axes)
    scaled = kept(dy, x, axes, keepdims) / op.Exp(kept(y, x, axes, keepdims))
    return _both(expand_like(scaled, x), axes)


@vjp("ReduceLogSumExp")
def reduce_log_sum_exp(
    dy: Tensor, y: Tensor, x: Tensor, axes: Tensor | None = None, *, keepdims: int,
    noop_with_empty_axes: int,
) -> Any:  # fmt: skip
    """``dy`` softmax(x)."""
    if not reduced_axes(x, axes, noop_with_empty_axes):
        return _both(dy, axes)
    weights = op.Exp(x - kept(y, x, axes, keepdims))
    return _both(weights * kept(dy, x, axes, keepdims), axes)


@vjp("CumSum")
def cumsum(dy: Tensor, y: Tensor, x: Tensor, axis: Tensor, *, exclusive: int, reverse: int) -> Any:
    """The cumulative sum of dy from the other end."""
    return op.CumSum(dy, axis, exclusive=exclusive, reverse=1 - reverse), None
