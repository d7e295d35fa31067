"""Rules for reductions and cumulative sums."""

from __future__ import annotations

from typing import Any

from .. import op
from ..autodiff import nondifferentiable, vjp
from ..ir import Tensor
from .common import expand_like, kept, mask, reduced_axes

nondifferentiable("ArgMax", "ArgMin")


def _both(dx: Tensor, axes: Tensor | None) -> Any:
    return dx if axes is None else (dx, None)


@vjp("ReduceSum")
def reduce_sum(
    dy: Tensor, y: Tensor, x: Tensor, axes: Tensor | None = None, *, keepdims: int,
    noop_with_empty_axes: int,
) -> Any:  # fmt: skip
    if not reduced_axes(x, axes, noop_with_empty_axes):
        return _both(dy, axes)
    return _both(expand_like(kept(dy, x, axes, keepdims), x), axes)


@vjp("ReduceMean")
def reduce_mean(
    dy: Tensor, y: Tensor, x: Tensor, axes: Tensor | None = None, *, keepdims: int,
    noop_with_empty_axes: int,
) -> Any:  # fmt: skip
    if not reduced_axes(x, axes, noop_with_empty_axes):
        return _both(dy, axes)
    count = op.Cast(op.Div(op.Size(x), op.Size(y)), to=x.dtype)
    sizes = [*x.shape, *y.shape]
    if all(isinstance(d, int) for d in sizes):
        count = _static_ratio(x, y)
    return _both(expand_like(kept(dy / count, x, axes, keepdims), x), axes)


def _static_ratio(x: Tensor, y: Tensor) -> Any:
    ratio = 1.0
    for d in x.shape:
        ratio *= d  # type: ignore[operator]  # known to be numbers
    for d in y.shape:
        ratio /= d  # type: ignore[operator]
    return ratio


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
    """The product of the others, also where there are zeros."""
    if not reduced_axes(x, axes, noop_with_empty_axes):
        return _both(dy, axes)
    zero = mask(op.Equal(x, 0), x)
    noop = noop_with_empty_axes
    zeros = op.ReduceSum(zero, axes, keepdims=1, noop_with_empty_axes=noop)
    filled = x + zero
    product = op.ReduceProd(filled, axes, keepdims=1, noop_with_empty_axes=noop)
    without = mask(op.Equal(zeros, 0), x) / filled + zero * mask(op.Equal(zeros, 1), x)
    return _both(kept(dy, x, axes, keepdims) * product * without, axes)


@vjp("ReduceL1")
def reduce_l1(
    dy: Tensor, y: Tensor, x: Tensor, axes: Tensor | None = None, *, keepdims: int,
    noop_with_empty_axes: int,
) -> Any:  # fmt: skip
    if not reduced_axes(x, axes, noop_with_empty_axes):
        return _both(dy * op.Sign(x), axes)
    return _both(op.Sign(x) * kept(dy, x, axes, keepdims), axes)


@vjp("ReduceL2")
def reduce_l2(
    dy: Tensor, y: Tensor, x: Tensor, axes: Tensor | None = None, *, keepdims: int,
    noop_with_empty_axes: int,
) -> Any:  # fmt: skip
    """Zero at the origin, where the norm has no gradient (the usual subgradient)."""
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
    if not reduced_axes(x, axes, noop_with_empty_axes):
        return _both(dy * x * 2, axes)
    return _both(x * (kept(dy, x, axes, keepdims) * 2), axes)


@vjp("ReduceLogSum")
def reduce_log_sum(
    dy: Tensor, y: Tensor, x: Tensor, axes: Tensor | None = None, *, keepdims: int,
    noop_with_empty_axes: int,
) -> Any:  # fmt: skip
    if not reduced_axes(x, axes, noop_with_empty_axes):
        return _both(dy / x, axes)
    scaled = kept(dy, x, axes, keepdims) / op.Exp(kept(y, x, axes, keepdims))
    return _both(expand_like(scaled, x), axes)


@vjp("ReduceLogSumExp")
def reduce_log_sum_exp(
    dy: Tensor, y: Tensor, x: Tensor, axes: Tensor | None = None, *, keepdims: int,
    noop_with_empty_axes: int,
) -> Any:  # fmt: skip
    if not reduced_axes(x, axes, noop_with_empty_axes):
        return _both(dy, axes)
    weights = op.Exp(x - kept(y, x, axes, keepdims))
    return _both(weights * kept(dy, x, axes, keepdims), axes)


@vjp("CumSum")
def cumsum(dy: Tensor, y: Tensor, x: Tensor, axis: Tensor, *, exclusive: int, reverse: int) -> Any:
    return op.CumSum(dy, axis, exclusive=exclusive, reverse=1 - reverse), None
