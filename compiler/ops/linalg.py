"""Products of vectors, matrices and tensors."""

from __future__ import annotations

import math
from typing import Any

from .. import op
from ..ir import Like, Tensor, convert
from .elementwise import _float, _pair


def matmul(x1: Like, x2: Like) -> Tensor:
    """The matrix product over the last two axes, the others broadcast."""
    return op.MatMul(*_pair(x1, x2))


def dot(x1: Like, x2: Like) -> Tensor:
    """The sum over the last axis of ``x1`` and the second last of ``x2``."""
    a, b = _pair(x1, x2)
    if a.ndim == 0 or b.ndim == 0:
        return op.Mul(a, b)
    if b.ndim <= 2:
        return op.MatMul(a, b)
    return tensordot(a, b, ([a.ndim - 1], [b.ndim - 2]))


def outer(x1: Like, x2: Like) -> Tensor:
    """Each element of ``x1`` times each of ``x2``."""
    a, b = _pair(x1, x2)
    return op.Mul(op.Reshape(a, [-1, 1]), op.Reshape(b, [1, -1]))


def einsum(subscripts: str, *operands: Like) -> Tensor:
    """Einstein's sum convention."""
    return op.Einsum(*operands, equation=subscripts)


def tensordot(x1: Like, x2: Like, axes: Any = 2) -> Tensor:
    """The sum over pairs of axes (or the last of one with the first of the other)."""
    a, b = _pair(x1, x2)
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
    return op.Reshape(product, op.Concat(*parts, axis=0)) if parts else op.Reshape(product, [])


def _known(x: Tensor, axis: int) -> int:
    extent = x.shape[axis]
    if not isinstance(extent, int):
        raise ValueError(f"tensordot sums over axis {axis} of {x.type}, whose size is dynamic")
    return extent


def normalize(x: Like, axis: int = -1, order: int = 2, epsilon: float = 1e-12) -> Tensor:
    """Norm 1 along ``axis``."""
    t = _float(x)
    if order != 2:
        raise NotImplementedError("normalize supports order=2 only")
    square = op.ReduceSumSquare(t, [axis], keepdims=1)
    return t / op.Sqrt(op.Max(square, epsilon))


def moments(x: Like, axes: Any, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """Mean and variance over ``axes``."""
    t = convert(x)
    over = [axes] if isinstance(axes, int) else list(axes)
    mean = op.ReduceMean(t, over, keepdims=1)
    centred = t - mean
    variance = op.ReduceMean(centred * centred, over, keepdims=keepdims)
    return (mean if keepdims else op.Squeeze(mean, over)), variance


__all__ = [
    "dot",
    "einsum",
    "matmul",
    "moments",
    "normalize",
    "outer",
    "tensordot",
]
