"""Products of vectors, matrices and tensors."""

from __future__ import annotations

import math
from typing import Any

from ...errors import ShapeError
from .. import op
from ..casting import floating, pair
from ..ir import Like, Tensor
from .decompositions import schatten
from .reduction import axes_of


def matmul(x1: Like, x2: Like) -> Tensor:
    """The matrix product over the last two axes, the others broadcast."""
    return op.MatMul(*pair(x1, x2))


def dot(x1: Like, x2: Like) -> Tensor:
    """The sum over the last axis of ``x1`` and the second last of ``x2``."""
    a, b = pair(x1, x2)
    if a.ndim == 0 or b.ndim == 0:
        return op.Mul(a, b)
    if b.ndim <= 2:
        return op.MatMul(a, b)
    return tensordot(a, b, ([a.ndim - 1], [b.ndim - 2]))


def outer(x1: Like, x2: Like) -> Tensor:
    """Each element of ``x1`` times each of ``x2``."""
    a, b = pair(x1, x2)
    return op.Mul(op.Reshape(a, [-1, 1]), op.Reshape(b, [1, -1]))


def einsum(subscripts: str, *operands: Like, **kwargs: Any) -> Tensor:
    """Einstein's sum convention. Keras hands options on to its backend; here there are none."""
    if kwargs:
        raise TypeError(f"einsum has no arguments {sorted(kwargs)}")
    return op.Einsum(*operands, equation=subscripts)


def tensordot(x1: Like, x2: Like, axes: Any = 2) -> Tensor:
    """The sum over pairs of axes (or the last of one with the first of the other)."""
    a, b = pair(x1, x2)
    if isinstance(axes, int):
        left, right = [*range(a.ndim - axes, a.ndim)], [*range(axes)]
    else:
        left, right = ([v] if isinstance(v, int) else list(v) for v in axes)
    left, right = [i % a.ndim for i in left], [i % b.ndim for i in right]
    keep_a = [i for i in range(a.ndim) if i not in left]
    keep_b = [i for i in range(b.ndim) if i not in right]
    contracted = math.prod(_known(a, i) for i in left)
    rows = op.Reshape(op.Transpose(a, perm=keep_a + left), [-1, contracted])
    columns = op.Reshape(op.Transpose(b, perm=right + keep_b), [contracted, -1])
    product = op.MatMul(rows, columns)
    parts = [op.Shape(a)[i : i + 1] for i in keep_a] + [op.Shape(b)[i : i + 1] for i in keep_b]
    return op.Reshape(product, op.Concat(*parts, axis=0)) if parts else op.Squeeze(product, [0, 1])


def _known(x: Tensor, axis: int) -> int:
    extent = x.shape[axis]
    if not isinstance(extent, int):
        raise ShapeError(f"tensordot sums over axis {axis} of {x.type}, whose size is dynamic")
    return extent


def norm(x: Like, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """A norm of vectors (one axis) or matrices (two axes, or a matrix without ``axis``).

    ``ord`` is None (Euclidean / Frobenius), a number, inf, -inf or "fro", or of matrices 2, -2 or "nuc":
    by their singular values.
    """
    t, over = floating(x), axes_of(axis)
    if ord is None or (ord == "fro" and (over is None or len(over) == 2)):
        return op.ReduceL2(t, over, keepdims=keepdims)
    over = [*range(t.ndim)] if over is None else [a % t.ndim for a in over]
    if len(over) == 1:
        return _vector_norm(t, ord, over, keepdims)
    if len(over) == 2 and ord in (2, -2, "nuc"):
        lead = [i for i in range(t.ndim) if i not in over]
        found = schatten(op.Transpose(t, perm=lead + over), ord)
        return op.Unsqueeze(found, sorted(over)) if keepdims else found
    if len(over) != 2 or ord not in (1, -1, math.inf, -math.inf):
        raise NotImplementedError(f"norm(ord={ord!r}) over axes {over} is not supported")
    summed, kept = over if abs(ord) == 1 else over[::-1]
    sums = op.ReduceSum(op.Abs(t), [summed], keepdims=1)
    extreme = op.ReduceMax if ord > 0 else op.ReduceMin
    result = extreme(sums, [kept], keepdims=1)
    return result if keepdims else op.Squeeze(result, over)


def _vector_norm(t: Tensor, ord: Any, over: list[int], keepdims: bool) -> Tensor:
    if ord == 2:
        return op.ReduceL2(t, over, keepdims=keepdims)
    size = op.Abs(t)
    if ord == 1:
        return op.ReduceSum(size, over, keepdims=keepdims)
    if ord in (math.inf, -math.inf):
        extreme = op.ReduceMax if ord > 0 else op.ReduceMin
        return extreme(size, over, keepdims=keepdims)
    if ord == 0:
        counted = op.Cast(op.Greater(size, 0), to=t.dtype)
        return op.ReduceSum(counted, over, keepdims=keepdims)
    if isinstance(ord, (int, float)):
        total = op.ReduceSum(op.Pow(size, float(ord)), over, keepdims=keepdims)
        return op.Pow(total, 1.0 / ord)
    raise NotImplementedError(f"norm(ord={ord!r}) of vectors is not supported")


def inner(x1: Like, x2: Like) -> Tensor:
    """The sum over the last axis of both."""
    a, b = pair(x1, x2)
    if a.ndim == 0 or b.ndim == 0:
        return op.Mul(a, b)
    return tensordot(a, b, ([a.ndim - 1], [b.ndim - 1]))


def vdot(x1: Like, x2: Like) -> Tensor:
    """The sum of the products of all elements."""
    a, b = pair(x1, x2)
    return op.MatMul(op.Reshape(a, [-1]), op.Reshape(b, [-1]))


def cross(
    x1: Like, x2: Like, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Tensor:
    """The vector product of vectors of three."""
    if axis is None and not axisa == axisb == axisc:
        raise NotImplementedError("cross takes one axis for all: use wh.ops.moveaxis first")
    a, b = pair(x1, x2)
    along = axisa if axis is None else axis
    next_one, one_before = [1, 2, 0], [2, 0, 1]
    left = op.Mul(op.Gather(a, next_one, axis=along), op.Gather(b, one_before, axis=along))
    right = op.Mul(op.Gather(a, one_before, axis=along), op.Gather(b, next_one, axis=along))
    return op.Sub(left, right)


__all__ = [
    "cross", "dot", "einsum", "inner", "matmul", "norm", "outer", "tensordot", "vdot",
]  # fmt: skip
