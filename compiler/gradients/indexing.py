"""Rules for gathering and scattering."""

from __future__ import annotations

from typing import Any

from ...errors import GradientError
from .. import op
from ..autodiff import nondifferentiable, vjp, zeros_like
from ..ir import Tensor

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
        raise GradientError(f"GatherND has no gradient rule for batch_dims={batch_dims}")
    return op.ScatterND(zeros_like(x), indices, dy, reduction="add"), None


def _only_sum(name: str, reduction: str) -> None:
    if reduction not in ("none", "add"):
        raise GradientError(f"{name} has no gradient rule for reduction {reduction!r}")


@vjp("ScatterElements")
def scatter_elements(
    dy: Tensor, y: Tensor, x: Tensor, indices: Tensor, updates: Tensor, *, axis: int, reduction: str
) -> Any:
    _only_sum("ScatterElements", reduction)
    picked = op.GatherElements(dy, indices, axis=axis)
    if reduction == "add":
        return dy, None, picked
    return op.ScatterElements(dy, indices, zeros_like(updates), axis=axis), None, picked


@vjp("ScatterND")
def scatter_nd(
    dy: Tensor, y: Tensor, x: Tensor, indices: Tensor, updates: Tensor, *, reduction: str
) -> Any:
    _only_sum("ScatterND", reduction)
    picked = op.GatherND(dy, indices)
    if reduction == "add":
        return dy, None, picked
    return op.ScatterND(dy, indices, zeros_like(updates)), None, picked


@vjp("TopK")
def top_k(dys: Any, ys: Any, x: Tensor, k: Tensor, *, axis: int, largest: int, sorted: int) -> Any:
    return op.ScatterElements(zeros_like(x), ys[1], dys[0], axis=axis), None
