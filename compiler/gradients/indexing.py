"""Rules for gathering and scattering."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import op
from ..autodiff import nondifferentiable, vjp, zeros_like
from ..ir import Tensor
from .common import mask, numbered, put_back

nondifferentiable("Unique")


@vjp("Gather")
def gather(dy: Tensor, y: Tensor, x: Tensor, indices: Tensor, *, axis: int) -> Any:
    """Add each picked slice back to where it came from (an embedding's gradient)."""
    axis %= x.ndim
    places = op.Unsqueeze(op.Cast(indices, to="int64"), [indices.ndim])
    if axis == 0:
        return op.ScatterND(zeros_like(x), places, dy, reduction="add"), None
    # bring the gathered axis to the front, scatter there, and bring it back
    picked = range(axis, axis + indices.ndim)
    others = [i for i in range(dy.ndim) if i not in picked]
    front = op.Transpose(dy, perm=[*picked, *others])
    perm = [axis, *(i for i in range(x.ndim) if i != axis)]
    base = op.Transpose(zeros_like(x), perm=perm)
    filled = op.ScatterND(base, places, front, reduction="add")
    return op.Transpose(filled, perm=[perm.index(i) for i in range(x.ndim)]), None


@vjp("GatherElements")
def gather_elements(dy: Tensor, y: Tensor, x: Tensor, indices: Tensor, *, axis: int) -> Any:
    return op.ScatterElements(zeros_like(x), indices, dy, axis=axis, reduction="add"), None


@vjp("GatherND")
def gather_nd(dy: Tensor, y: Tensor, x: Tensor, indices: Tensor, *, batch_dims: int) -> Any:
    if batch_dims:
        return put_back(dy, op.GatherND(numbered(x), indices, batch_dims=batch_dims), x), None
    return op.ScatterND(zeros_like(x), indices, dy, reduction="add"), None


@vjp("ScatterElements")
def scatter_elements(
    dy: Tensor, y: Tensor, x: Tensor, indices: Tensor, updates: Tensor, *, axis: int, reduction: str
) -> Any:
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
        # as for Div, a factor of zero has no finite answer here
        product = dy * y
        return product / x, gather(product) / updates
    hits = mask(op.Equal(x, y), dy)
    picked = mask(op.Equal(updates, gather(y)), dy)
    share = dy / scatter(hits, picked, "add")  # ties share evenly
    return hits * share, picked * gather(share)


@vjp("TopK")
def top_k(dys: Any, ys: Any, x: Tensor, k: Tensor, *, axis: int, largest: int, sorted: int) -> Any:
    return op.ScatterElements(zeros_like(x), ys[1], dys[0], axis=axis), None
