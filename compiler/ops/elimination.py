"""Systems of linear equations and triangular factors, by steps that a Scan repeats.

All work on batches of matrices, of sizes that need not be known, and differentiate to any order:
what the steps compute is differentiated, not a formula for the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import ShapeError
from .. import op
from ..casting import floating, pair
from ..ir import Like, Tensor, convert, retyped
from .control import scanned


def square_of(owner: str, x: Like) -> Tensor:
    """A float tensor of square matrices. Raises ``ShapeError`` where they are known not to be."""
    t = floating(x)
    sizes = t.shape[-2:]
    if t.ndim < 2 or (all(isinstance(d, int) for d in sizes) and sizes[0] != sizes[1]):
        raise ShapeError(f"{owner} takes square matrices in the last two axes; got {t.type}")
    return t


def count_of(x: Tensor, axis: int = -1) -> Any:
    """How many rows or columns there are: a number, or an int64 scalar."""
    size = x.shape[axis]
    axis %= x.ndim
    return size if isinstance(size, int) else op.Squeeze(op.Shape(x, start=axis, end=axis + 1), [0])


def numbers(count: Any) -> Tensor:
    """0, 1 ... as int64."""
    return op.Range(0, count, 1)


def unit(count: Any, like: Tensor) -> Tensor:
    """The unit matrix."""
    n = numbers(count)
    return op.Cast(op.Equal(n, op.Unsqueeze(n, [1])), to=like.dtype)


def swap(x: Tensor) -> Tensor:
    """Matrices transposed."""
    order = [*range(x.ndim)]
    order[-2:] = order[:-3:-1]
    return op.Transpose(x, perm=order)


def steps(
    body: Callable[..., list[Tensor]], states: list[Tensor], count: Any, reverse: bool = False
) -> tuple[list[Tensor], list[Tensor]]:
    """``body(k, *states)`` for each k below ``count``: next states, and what else it gives, stacked."""
    ends = len(states)

    def step(*flat: Tensor) -> list[Tensor]:
        return body(flat[ends], *flat[:ends])

    return scanned(step, states, [numbers(count)], reverse)


def pick(x: Tensor, k: Tensor, axis: int) -> Tensor:
    """Slice ``k`` along ``axis``, which stays with size 1."""
    return op.Gather(x, op.Unsqueeze(k, [0]), axis=axis)


def pivoted(m: Tensor, k: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rows exchanged so that the largest of column k at or below row k is in row k.

    Returns the matrices, row k of them, and where that was ([..., 1]).
    """
    column = op.Squeeze(pick(m, k, -1), [-1])
    size = op.Where(op.Less(rows, k), convert(-1.0, m.dtype), op.Abs(column))
    place = op.ArgMax(size, axis=-1, keepdims=1)
    chosen = op.Unsqueeze(op.Equal(rows, place), [-1])
    row_k = pick(m, k, -2)
    row_p = op.ReduceSum(op.Where(chosen, m, convert(0.0, m.dtype)), [-2], keepdims=1)
    here = op.Unsqueeze(op.Equal(rows, k), [-1])
    return op.Where(here, row_p, op.Where(chosen, row_k, m)), row_p, place


def solve(a: Like, b: Like) -> Tensor:
    """``x`` with ``a x = b``, for a vector or matrix ``b``: Gauss and Jordan, with pivots.

    A singular ``a`` gives infinities or NaN. As in NumPy 2, ``b`` is a vector where it has one axis.
    """
    left, right = pair(square_of("solve", a), floating(b))
    is_vector = right.ndim == 1 or right.ndim == left.ndim - 1
    if is_vector:
        right = op.Unsqueeze(right, [-1])
    size, width = left.shape[-1], right.shape[-1]
    if isinstance(right.shape[-2], int) and isinstance(size, int) and right.shape[-2] != size:
        raise ShapeError(f"solve: {left.type} and {right.type} do not fit")
    both = op.Concat(*_same_batch(left, right), axis=-1)
    count = count_of(left)
    rows = numbers(count)

    def step(k: Tensor, m: Tensor) -> list[Tensor]:
        m, row, _ = pivoted(m, k, rows)
        row = row / pick(row, k, -1)
        here = op.Unsqueeze(op.Equal(rows, k), [-1])
        return [op.Where(here, row, m - pick(m, k, -1) * row)]

    (done,), _ = steps(step, [both], count)
    far = np.iinfo(np.int64).max
    start = [count] if isinstance(count, int) else op.Unsqueeze(count, [0])
    found = op.Slice(done, start, [far], [-1])
    kind = both.type._replace(shape=(*both.shape[:-2], size, width))
    found = retyped(found, kind)
    return op.Squeeze(found, [-1]) if is_vector else found


def _same_batch(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both with the axes before the last two that they have together."""
    if a.shape[:-2] == b.shape[:-2] and None not in a.shape[:-2]:
        return a, b
    zero = convert(0.0, a.dtype)
    first = op.ReduceSum(a * zero, [-2, -1], keepdims=1)
    second = op.ReduceSum(b * zero, [-2, -1], keepdims=1)
    return a + second, b + first


def inv(x: Like) -> Tensor:
    """The inverse matrix; infinities or NaN where there is none."""
    t = square_of("inv", x)
    zeros = op.Expand(convert(0.0, t.dtype), op.Shape(t))
    return retyped(solve(t, zeros + unit(count_of(t), t)), t.type)


def solve_triangular(a: Like, b: Like, lower: bool = False) -> Tensor:
    """``x`` with ``a x = b`` where ``a`` is triangular (upper, unless ``lower``); the rest is not read."""
    left, right = pair(square_of("solve_triangular", a), floating(b))
    is_vector = right.ndim == 1 or right.ndim == left.ndim - 1
    right = op.Unsqueeze(right, [-1]) if is_vector else right
    left, right = _same_batch(op.Trilu(left, upper=int(not lower)), right)
    count = count_of(left)
    rows = numbers(count)

    def step(k: Tensor, rest: Tensor) -> list[Tensor]:
        column, here = pick(left, k, -1), op.Unsqueeze(op.Equal(rows, k), [-1])
        row = pick(rest, k, -2) / pick(column, k, -2)
        return [op.Where(here, row, rest - op.Where(here, convert(0.0, left.dtype), column) * row)]

    (found,), _ = steps(step, [right], count, reverse=not lower)
    found = retyped(found, right.type)
    return op.Squeeze(found, [-1]) if is_vector else found


def cholesky(x: Like, upper: bool = False) -> Tensor:
    """The lower triangular L with ``L L^T = x`` (or its transpose), for symmetric positive x.

    NaN where ``x`` is not positive definite. The gradient is symmetric.
    """
    t = square_of("cholesky", x)
    t = (t + swap(t)) * 0.5
    count = count_of(t)
    rows = numbers(count)

    def step(k: Tensor, done: Tensor) -> list[Tensor]:
        before = op.MatMul(done, swap(pick(done, k, -2)))
        column = op.Squeeze(pick(t, k, -1) - before, [-1])
        column = column / op.Sqrt(pick(column, k, -1))
        column = op.Where(op.Less(rows, k), convert(0.0, t.dtype), column)
        here = op.Cast(op.Equal(rows, k), to=t.dtype)
        return [done + op.Unsqueeze(column, [-1]) * here]

    zeros = op.Expand(convert(0.0, t.dtype), op.Shape(t))
    (lower,), _ = steps(step, [zeros], count)
    lower = retyped(lower, t.type)
    return swap(lower) if upper else lower


def cholesky_inverse(x: Like, upper: bool = False) -> Tensor:
    """The inverse of ``L L^T`` for the lower triangular ``x`` (of ``U^T U`` if ``upper``)."""
    t = square_of("cholesky_inverse", x)
    zeros = op.Expand(convert(0.0, t.dtype), op.Shape(t))
    root = solve_triangular(t, zeros + unit(count_of(t), t), lower=not upper)
    return op.MatMul(root, swap(root)) if upper else op.MatMul(swap(root), root)


def lu_factor(x: Like) -> tuple[Tensor, Tensor]:
    """L (without its ones) and U in one matrix, and for each row the one it changed places with."""
    t = square_of("lu_factor", x)
    rows = numbers(count_of(t))

    def step(k: Tensor, m: Tensor) -> list[Tensor]:
        m, row, place = pivoted(m, k, rows)
        column = pick(m, k, -1) / pick(row, k, -1)
        below = op.Unsqueeze(op.Greater(rows, k), [-1])
        right = op.Greater(rows, k)
        rest = m - column * row
        stored = op.Where(op.Equal(rows, k), column, op.Where(right, rest, m))
        return [op.Where(below, stored, m), op.Squeeze(place, [-1])]

    (done,), (places,) = steps(step, [t], count_of(t))
    order = [*range(1, places.ndim), 0]
    return retyped(done, t.type), op.Cast(op.Transpose(places, perm=order), to="int32")


def slogdet(x: Like) -> tuple[Tensor, Tensor]:
    """The sign of the determinant, and the logarithm of its absolute value."""
    t = square_of("slogdet", x)
    rows = numbers(count_of(t))

    def step(k: Tensor, m: Tensor) -> list[Tensor]:
        m, row, place = pivoted(m, k, rows)
        pivot = pick(row, k, -1)
        below = op.Unsqueeze(op.Greater(rows, k), [-1])
        factor = op.Where(below, pick(m, k, -1) / pivot, convert(0.0, t.dtype))
        kept = op.Cast(op.Equal(place, k), to=t.dtype) * 2 - 1
        flat = op.Squeeze(pivot, [-1, -2])
        return [m - factor * row, op.Sign(flat) * op.Squeeze(kept, [-1]), op.Log(op.Abs(flat))]

    _, (signs, sizes) = steps(step, [t], count_of(t))
    return op.ReduceProd(signs, [0], keepdims=0), op.ReduceSum(sizes, [0], keepdims=0)


def logdet(x: Like) -> Tensor:
    """The logarithm of the determinant of symmetric positive matrices."""
    t = square_of("logdet", x)
    root = cholesky(t)
    here = unit(count_of(t), t)
    diagonal = op.ReduceSum(root * here, [-1], keepdims=0)
    return op.ReduceSum(op.Log(diagonal), [-1], keepdims=0) * 2


def det(x: Like) -> Tensor:
    """The determinant (one Det node)."""
    return op.Det(square_of("det", x))


def matrix_power(x: Like, n: int) -> Tensor:
    """``x`` multiplied by itself ``n`` times; of the inverse for a negative ``n``."""
    t = square_of("matrix_power", x)
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise TypeError(f"matrix_power(n={n!r}): expected a whole number")
    base = inv(t) if n < 0 else t
    result: Tensor | None = None
    left = abs(int(n))
    while left:
        if left & 1:
            result = base if result is None else op.MatMul(result, base)
        left >>= 1
        base = op.MatMul(base, base) if left else base
    if result is None:
        return op.Expand(convert(0.0, t.dtype), op.Shape(t)) + unit(count_of(t), t)
    return result


def qr(x: Like, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """Orthogonal Q and upper triangular R with ``Q R = x``, by Householder's reflections.

    Signs are those of LAPACK. ``mode`` is "reduced" or "complete".
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr(mode={mode!r}): expected 'reduced' or 'complete'")
    t = floating(x)
    if t.ndim < 2:
        raise ShapeError(f"qr takes matrices in the last two axes; got {t.type}")
    height, width = count_of(t, -2), count_of(t, -1)
    known = isinstance(height, int) and isinstance(width, int)
    short = min(height, width) if known else op.Min(height, width)
    rows = numbers(height)
    zero, one = convert(0.0, t.dtype), convert(1.0, t.dtype)

    def step(k: Tensor, q: Tensor, r: Tensor) -> list[Tensor]:
        column = op.Squeeze(pick(r, k, -1), [-1])
        tail = op.Where(op.Greater(rows, k), column, zero)
        first = pick(column, k, -1)
        rest = op.ReduceSum(tail * tail, [-1], keepdims=1)
        some = op.Greater(rest, zero)
        length = op.Sqrt(op.Where(some, first * first + rest, one))
        moved = first + op.Where(op.Less(first, zero), -length, length)
        mirror = op.Where(op.Equal(rows, k), moved, tail)
        factor = op.Where(some, 2 / (op.Where(some, moved * moved + rest, one)), zero)
        column_v = op.Unsqueeze(mirror, [-1])
        row_v = op.Unsqueeze(mirror * factor, [-2])
        return [
            q - op.MatMul(op.MatMul(q, column_v), row_v),
            r - op.MatMul(column_v, op.MatMul(row_v, r)),
        ]

    one_batch = op.ReduceSum(t * zero, [-2, -1], keepdims=1)
    (q, r), _ = steps(step, [one_batch + unit(height, t), t], short)
    r = op.Trilu(r, upper=1)
    if mode == "reduced":
        stop = [short] if isinstance(short, int) else op.Unsqueeze(short, [0])
        q, r = op.Slice(q, [0], stop, [-1]), op.Slice(r, [0], stop, [-2])
    return q, r


__all__ = [
    "cholesky", "cholesky_inverse", "det", "inv", "logdet", "lu_factor", "matrix_power", "qr",
    "slogdet", "solve", "solve_triangular",
]  # fmt: skip
