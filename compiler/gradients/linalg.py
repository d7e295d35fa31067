"""Rules for matrix products."""

from __future__ import annotations

from typing import Any

from ...errors import GradientError
from .. import op
from ..autodiff import vjp
from ..ir import Tensor
from .common import expand_like, swap_last


@vjp("MatMul", broadcasts=True)
def matmul(dy: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Any:
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


@vjp("Einsum", broadcasts=True)
def einsum(dy: Tensor, y: Tensor, *xs: Tensor, equation: str) -> Any:
    """Each operand's gradient is the product of ``dy`` and the other operands, summed to its letters."""
    terms, out = _parsed(equation)
    grads = []
    for k, (x, term) in enumerate(zip(xs, terms, strict=True)):
        others = [(t, o) for i, (t, o) in enumerate(zip(terms, xs, strict=True)) if i != k]
        there = out + "".join(t for t, _ in others)
        kept = "".join(letter for letter in term if letter in there)
        left = ",".join([out, *(t for t, _ in others)])
        dx = op.Einsum(dy, *(o for _, o in others), equation=f"{left}->{kept}")
        if kept != term:  # what was summed away alone
            alone = [i for i, letter in enumerate(term) if letter not in there]
            dx = expand_like(op.Unsqueeze(dx, alone), x)
        grads.append(dx)
    return tuple(grads)


def _parsed(equation: str) -> tuple[list[str], str]:
    left, arrow, out = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    letters = "".join(terms)
    if not arrow:
        out = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    if "." in equation or any(len(set(t)) < len(t) for t in [*terms, out]):
        raise GradientError(
            f"Einsum has no gradient rule for an ellipsis or repeated letters: {equation!r}"
        )
    return terms, out
