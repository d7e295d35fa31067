"""Rules for gathering and scattering."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import op
from ..autodiff import vjp, zeros_like
from ..ir import Tensor, TensorType, constant, retyped
from .common import expand_like, mask, numbered, put_back


@vjp("Gather")
def gather(dy: Tensor, y: Tensor, x: Tensor, indices: Tensor, *, axis: int) -> Any:
    """Add each picked slice back to where it came from (an embedding's gradient)."""
    return add_slices(dy, x, indices, axis % x.ndim), None


def add_slices(dy: Tensor, x: Tensor, indices: Tensor, axis: int) -> Tensor:
    """Zeros like ``x``, to which the slices ``dy`` are added at ``indices`` of ``axis``."""
    places = op.Unsqueeze(op.Cast(indices, to="int64"), [indices.ndim])
    if axis == 0:
        return op.ScatterND(zeros_like(x), places, dy, reduction="add")
    # bring the gathered axis to the front, scatter there, and bring it back
    picked = range(axis, axis + indices.ndim)
    others = [i for i in range(dy.ndim) if i not in picked]
    front = op.Transpose(dy, perm=[*picked, *others])
    perm = [axis, *(i for i in range(x.ndim) if i != axis)]
    base = op.Transpose(zeros_like(x), perm=perm)
    filled = op.ScatterND(base, places, front, reduction="add")
    return op.Transpose(filled, perm=[perm.index(i) for i in range(x.ndim)])


@vjp("Unique")
def unique(dys: Any, ys: Any, x: Tensor, *, axis: Any = None, sorted: int) -> Tensor:
    """To the first occurrence of each: the values are gathered, the choice is constant."""
    dy = dys[0] if isinstance(dys, tuple) else dys
    outputs = ys if isinstance(ys, tuple) else op.Unique(x, axis=axis, sorted=sorted, outputs=2)
    first = outputs[1]
    return put_back(dy, first, x) if axis is None else add_slices(dy, x, first, axis % x.ndim)


@vjp("GatherElements")
def gather_elements(dy: Tensor, y: Tensor, x: Tensor, indices: Tensor, *, axis: int) -> Any:
    """Add each picked element back to where it came from."""
    return op.ScatterElements(zeros_like(x), indices, dy, axis=axis, reduction="add"), None


@vjp("GatherND")
def gather_nd(dy: Tensor, y: Tensor, x: Tensor, indices: Tensor, *, batch_dims: int) -> Any:
    """Add each picked slice back to where it came from."""
    if batch_dims:
        return put_back(dy, op.GatherND(numbered(x), indices, batch_dims=batch_dims), x), None
    return op.ScatterND(zeros_like(x), indices, dy, reduction="add"), None


@vjp("ScatterElements")
def scatter_elements(
    dy: Tensor, y: Tensor, x: Tensor, indices: Tensor, updates: Tensor, *, axis: int, reduction: str
) -> Any:
    """What was written gets its part of dy, what was overwritten none; ties of max and min share.

    With reduction "none" the standard leaves repeated indices undefined, and so does this.
    """

    def gather(t: Tensor) -> Tensor:
        return op.GatherElements(t, indices, axis=axis)

    def scatter(t: Tensor, u: Tensor, how: str) -> Tensor:
        return op.ScatterElements(t, indices, u, axis=axis, reduction=how)

    dx, du = _scattered(dy, y, x, updates, reduction, gather, scatter)
    return dx, None, du


@vjp("ScatterND")
def scatter_nd(
    dy: Tensor, y: Tensor, x: Tensor, indices: Tensor, updates: Tensor, *, reduction: str
) -> Any:
    """As for ScatterElements."""
    depth = x.ndim - updates.ndim + indices.ndim - 1  # of the indices: how many axes they address
    indices = retyped(indices, TensorType(indices.dtype, (*indices.shape[:-1], depth)))

    def gather(t: Tensor) -> Tensor:
        return op.GatherND(t, indices)

    def scatter(t: Tensor, u: Tensor, how: str) -> Tensor:
        return op.ScatterND(t, indices, u, reduction=how)

    dx, du = _scattered(dy, y, x, updates, reduction, gather, scatter)
    return dx, None, du


def _scattered(
    dy: Tensor, y: Tensor, x: Tensor, updates: Tensor, reduction: str,
    gather: Callable[[Tensor], Tensor], scatter: Callable[[Tensor, Tensor, str], Tensor],
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Gradients of the target and of the updates, whichever way they are addressed."""
    if reduction == "add":
        return dy, gather(dy)
    if reduction == "none":
        return scatter(dy, zeros_like(updates), "none"), gather(dy)
    if reduction == "mul":
        return _multiplied(dy, y, x, updates, gather, scatter)
    hits = mask(op.Equal(x, y), dy)
    picked = mask(op.Equal(updates, gather(y)), dy)
    share = dy / scatter(hits, picked, "add")  # ties share evenly
    return hits * share, picked * gather(share)


def _multiplied(
    dy: Tensor, y: Tensor, x: Tensor, updates: Tensor,
    gather: Callable[[Tensor], Tensor], scatter: Callable[[Tensor, Tensor, str], Tensor],
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Each factor's gradient is the product of the others, also where factors are zero.

    As for ReduceProd, the second derivative between two factors that are both zero is missing.
    """
    ones = expand_like(constant(1, x.dtype), x)
    dx = dy * scatter(ones, updates, "mul")
    zero = mask(op.Equal(updates, 0), updates)
    filled = updates * (1 - zero) + zero
    zeros = gather(scatter(zeros_like(x), zero, "add"))
    others = gather(dy * y) / filled * (1 - zero)
    alone = zero * mask(op.Equal(zeros, 1), updates) * gather(dy * scatter(x, filled, "mul"))
    return dx, others + alone


@vjp("TopK")
def top_k(dys: Any, ys: Any, x: Tensor, k: Tensor, *, axis: int, largest: int, sorted: int) -> Any:
    """Back to where the values were; of equal values, to those that were taken."""
    return op.ScatterElements(zeros_like(x), ys[1], dys[0], axis=axis), None
