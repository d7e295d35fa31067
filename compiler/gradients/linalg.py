"""Rules for matrix products and determinants. Those of Einsum are in ``einsum.py``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import GradientError
from .. import op
from ..autodiff import vjp
from ..ir import Tensor, constant, retyped
from .common import swap_last


@vjp("MatMul", broadcasts=True)
def matmul(dy: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Any:
    """``dy`` B^T and A^T dy."""
    if a.ndim == 1 and b.ndim == 1:
        return dy * b, dy * a
    if b.ndim == 1:
        column = op.Unsqueeze(dy, [-1])
        return column * b, _contract_all(a, column)
    if a.ndim == 1:
        row = op.Unsqueeze(dy, [-2])
        da = op.MatMul(row, swap_last(b))
        return op.Squeeze(da, [-2]), op.Unsqueeze(a, [-1]) * row
    if b.ndim == 2:
        return _times_weight(dy, b), _weight_gradient(a, dy)
    return op.MatMul(dy, swap_last(b)), op.MatMul(swap_last(a), dy)


def _contract_all(a: Tensor, column: Tensor) -> Tensor:
    """The gradient of a vector ``b`` in ``a @ b``: sum of the rows of ``a``, weighted."""
    return op.ReduceSum(a * column, [*range(a.ndim - 1)], keepdims=0)


def _times_weight(dy: Tensor, weight: Tensor) -> Tensor:
    if dy.ndim == 2:
        return op.Gemm(dy, weight, transB=1)
    return op.MatMul(dy, op.Transpose(weight, perm=(1, 0)))


def _weight_gradient(a: Tensor, dy: Tensor) -> Tensor:
    """One product with transposed A over all rows; batched MatMul and a sum take 2.4 times as long."""
    return op.Gemm(_rows(a), _rows(dy), transA=1)


def _rows(x: Tensor) -> Tensor:
    """All axes but the last as one."""
    if x.ndim == 2:
        return x
    if isinstance(x.shape[-1], int):
        return op.Reshape(x, [-1, x.shape[-1]])
    return op.Flatten(x, axis=-1)


@vjp("Gemm", broadcasts=True)
def gemm(
    dy: Tensor, y: Tensor, a: Tensor, b: Tensor, c: Tensor | None = None, *, alpha: float,
    beta: float, transA: int, transB: int,
) -> Any:  # fmt: skip
    """``dy`` B^T, A^T dy and dy, transposed and scaled as the operands are."""
    if transA:
        da = op.Gemm(b, dy, alpha=alpha, transA=transB, transB=1)
    else:
        da = op.Gemm(dy, b, alpha=alpha, transB=1 - transB)
    if transB:
        db = op.Gemm(dy, a, alpha=alpha, transA=1, transB=transA)
    else:
        db = op.Gemm(a, dy, alpha=alpha, transA=1 - transA)
    if c is None:
        return da, db
    return da, db, dy if beta == 1.0 else dy * beta


LARGEST = 64  # the minors of an n x n matrix take n^4 numbers


@vjp("Det")
def det(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` times the cofactors, each the determinant of a minor: right for singular matrices too.

    n^2 determinants of size n - 1, by one Det node. Raises ``GradientError`` where n is known to be
    more than 64: the minors would fill the memory.
    """
    size = next((d for d in x.shape[-2:] if isinstance(d, int)), None)
    if size is not None and size > LARGEST:
        raise GradientError(
            f"Det has a gradient rule for matrices up to {LARGEST} x {LARGEST}, not {x.type}"
        )
    if size == 1:
        return op.Unsqueeze(dy, [-1, -2])
    count: Any = op.Shape(x, start=-1) if size is None else size
    others = _others(count)
    minors = op.Gather(op.Gather(x, others, axis=-1), others, axis=-3)
    lead = x.ndim - 2  # now (..., row, others, column, others)
    minors = op.Transpose(minors, perm=[*range(lead), lead, lead + 2, lead + 1, lead + 3])
    cofactors = op.Det(minors) * _signs(count, x)
    return op.Unsqueeze(dy, [-1, -2]) * retyped(cofactors, x.type)


def _others(count: Any) -> Tensor:
    """Row i of ``count`` rows: all numbers below ``count`` but i."""
    if isinstance(count, int):
        table = np.array([[j for j in range(count) if j != i] for i in range(count)], np.int64)
        return constant(table.reshape(count, count - 1))
    numbers = op.Range(0, op.Squeeze(count), 1)
    short = op.Range(0, op.Squeeze(count) - 1, 1)
    return short + op.Cast(op.GreaterOrEqual(short, op.Unsqueeze(numbers, [1])), to=np.int64)


def _signs(count: Any, x: Tensor) -> Tensor:
    """1 and -1 like the fields of a chessboard."""
    if isinstance(count, int):
        return constant((-1.0) ** np.add.outer(np.arange(count), np.arange(count)), x.dtype)
    numbers = op.Range(0, op.Squeeze(count), 1)
    odd = op.Mod(op.Unsqueeze(numbers, [1]) + numbers, 2)
    return op.Cast(1 - odd * 2, to=x.dtype)
