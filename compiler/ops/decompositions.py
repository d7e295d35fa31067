"""Eigenvalues and singular values by Jacobi's rotations, and what follows from them.

n / 2 disjoint pairs of rows are turned at once, in the order of a round-robin tournament (Brent and
Luk 1985); ``_SWEEPS`` tournaments are enough for float32 and float64 (convergence is quadratic). The
work is that of a Scan with n steps per tournament: for matrices of tens of rows, not thousands.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import ShapeError
from .. import op
from ..casting import as_type, floating, pair
from ..ir import Like, Tensor, constant, convert, retyped
from .control import scanned
from .custom import custom_gradient
from .elimination import count_of, qr, square_of, swap, unit

_SWEEPS = 12


def _tournament(count: int) -> np.ndarray[Any, Any]:
    """[rounds, count]: whom each one meets; itself where it rests."""
    even = count + count % 2
    ring = list(range(even))
    rounds = []
    for _ in range(max(even - 1, 1)):
        partner = np.arange(count)
        for a, b in zip(ring[: even // 2], reversed(ring[even // 2 :]), strict=True):
            if a < count and b < count:
                partner[a], partner[b] = b, a
        rounds.append(partner)
        ring = [ring[0], ring[-1], *ring[1:-1]]
    return np.array(rounds * _SWEEPS, np.int64)


def _turn(own: Tensor, other: Tensor, between: Tensor, partner: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the angle that makes ``between`` 0, as each of a pair sees it."""
    zero, one = convert(0.0, own.dtype), convert(1.0, own.dtype)
    numbers = op.Range(0, op.Squeeze(op.Shape(partner), [0]), 1)
    idle = op.Or(op.Equal(numbers, partner), op.Equal(between, zero))
    slope = (other - own) / (op.Where(idle, one, between) * 2)
    side = op.Where(op.Less(numbers, partner), one, -one)
    side = op.Where(op.Equal(slope, zero), side, op.Sign(slope))
    size = op.Abs(slope)
    # of a huge slope the square would be infinite: its tangent is 1 / (2 slope)
    near = op.Less(size, 1e9)
    root = op.Where(near, op.Sqrt(op.Pow(op.Where(near, size, one), 2) + 1), size)
    tangent = op.Where(idle, zero, side / (size + root))
    cosine = 1 / op.Sqrt(tangent * tangent + 1)
    return cosine, cosine * tangent


def _known(owner: str, x: Tensor) -> int:
    if not isinstance(x.shape[-1], int):
        raise ShapeError(f"{owner} needs matrices of known size; got {x.type}")
    return x.shape[-1]


def _ordered(values: Tensor, vectors: list[Tensor], largest: bool) -> tuple[Tensor, list[Tensor]]:
    """Values in order, and columns in the same order."""
    count = values.shape[-1]
    values, places = op.TopK(values, [count], axis=-1, largest=int(largest), outputs=2)
    found = []
    for v in vectors:
        every = op.Expand(op.Unsqueeze(places, [-2]), op.Shape(v))
        found.append(op.GatherElements(v, every, axis=-1))
    return values, found


def eigh(x: Like) -> tuple[Tensor, Tensor]:
    """Eigenvalues (ascending) and eigenvectors (columns) of symmetric matrices of known size.

    The sign of a vector means nothing. The gradient is that for distinct eigenvalues.
    """
    values, vectors = _eigh(square_of("eigh", x))
    return values, vectors


@custom_gradient
def _eigh(x: Tensor) -> Any:
    t = (x + swap(x)) * 0.5
    rounds = constant(_tournament(_known("eigh", t)))

    def step(a: Tensor, v: Tensor, partner: Tensor) -> list[Tensor]:
        here = unit(count_of(t), t)
        own = op.ReduceSum(a * here, [-1], keepdims=0)
        turned = op.Gather(a, partner, axis=-1)
        between = op.ReduceSum(turned * here, [-1], keepdims=0)
        c, s = _turn(own, op.Gather(own, partner, axis=-1), between, partner)
        across, down = (op.Unsqueeze(c, [-2]), op.Unsqueeze(s, [-2]))
        a = a * across - turned * down
        a = a * op.Unsqueeze(c, [-1]) - op.Gather(a, partner, axis=-2) * op.Unsqueeze(s, [-1])
        return [a, v * across - op.Gather(v, partner, axis=-1) * down]

    start = t * 0.0 + unit(count_of(t), t)
    (a, v), _ = scanned(step, [t, start], [rounds])
    values = op.ReduceSum(retyped(a, t.type) * unit(count_of(t), t), [-1], keepdims=0)
    values, (vectors,) = _ordered(values, [retyped(v, t.type)], largest=False)

    def gradient(x: Tensor, upstream: Any) -> Tensor:
        dw, dv = upstream
        w, v = _eigh(x)
        inner = op.MatMul(swap(v), dv) * _apart(w)
        inner = inner + op.Unsqueeze(dw, [-1]) * unit(count_of(x), x)
        full = op.MatMul(op.MatMul(v, inner), swap(v))
        return (full + swap(full)) * 0.5

    return (values, vectors), gradient


def _apart(w: Tensor) -> Tensor:
    """1 / (w_j - w_i); 0 on the diagonal, and where two are equal."""
    apart = op.Unsqueeze(w, [-2]) - op.Unsqueeze(w, [-1])
    same = op.Equal(apart, 0.0)
    return op.Where(same, convert(0.0, w.dtype), 1 / op.Where(same, convert(1.0, w.dtype), apart))


def svd(x: Like, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """U, s (descending) and V^T with ``U diag(s) V^T = x``; only s without ``compute_uv``.

    Matrices of known size; one-sided rotations (Hestenes 1958), which give small singular values to
    full relative accuracy. The signs of a pair of vectors mean nothing. The gradient is that for
    distinct singular values, and reads no more than min(m, n) vectors.
    """
    t = floating(x)
    height, width = t.shape[-2:] if t.ndim > 1 else (None, None)
    if not isinstance(height, int) or not isinstance(width, int):
        raise ShapeError(f"svd takes matrices of known size; got {t.type}")
    if height >= width:
        u, s, v = _svd(t)
    else:
        v, s, u = _svd(swap(t))
    if not compute_uv:
        return s
    if full_matrices and height != width:
        u, v = (_completed(u), v) if height > width else (u, _completed(v))
    return u, s, swap(v)


def _completed(u: Tensor) -> Tensor:
    """Orthonormal columns, and more of them until they are a basis."""
    count = _known("svd", u)
    q, _ = qr(u, "complete")
    return op.Concat(u, op.Slice(q, [count], [np.iinfo(np.int64).max], [-1]), axis=-1)


@custom_gradient
def _svd(t: Tensor) -> Any:
    count = _known("svd", t)
    rounds = constant(_tournament(count))

    def step(a: Tensor, v: Tensor, partner: Tensor) -> list[Tensor]:
        turned = op.Gather(a, partner, axis=-1)
        own = op.ReduceSumSquare(a, [-2], keepdims=0)
        between = op.ReduceSum(a * turned, [-2], keepdims=0)
        c, s = _turn(own, op.Gather(own, partner, axis=-1), between, partner)
        across, down = op.Unsqueeze(c, [-2]), op.Unsqueeze(s, [-2])
        return [a * across - turned * down, v * across - op.Gather(v, partner, axis=-1) * down]

    zero = convert(0.0, t.dtype)
    start = op.ReduceSum(t * zero, [-2, -1], keepdims=1) + unit(count, t)
    (a, v), _ = scanned(step, [t, start], [rounds])
    a = retyped(a, t.type)
    sizes = op.ReduceL2(a, [-2], keepdims=0)
    s, (left, right) = _ordered(sizes, [a, retyped(v, start.type)], largest=True)
    there = op.Unsqueeze(op.Greater(s, zero), [-2])
    left = left / op.Where(there, op.Unsqueeze(s, [-2]), convert(1.0, t.dtype))

    def gradient(x: Tensor, upstream: Any) -> Tensor:
        return _svd_gradient(x, *_svd(x), *upstream)

    return (left, s, right), gradient


def _svd_gradient(
    x: Tensor, u: Tensor, s: Tensor, v: Tensor, du: Tensor, ds: Tensor, dv: Tensor
) -> Tensor:
    """Townsend 2016, "Differentiating the singular value decomposition"."""
    between = _apart(s * s)
    row, column = op.Unsqueeze(s, [-2]), op.Unsqueeze(s, [-1])
    left, right = op.MatMul(swap(u), du), op.MatMul(swap(v), dv)
    inner = (left - swap(left)) * between * row + column * ((right - swap(right)) * between)
    inner = inner + column * 0.0 + op.Unsqueeze(ds, [-1]) * unit(count_of(s), s)
    full = op.MatMul(op.MatMul(u, inner), swap(v))
    some = op.Greater(row, 0.0)
    inverse = op.Where(some, 1 / op.Where(some, row, convert(1.0, s.dtype)), convert(0.0, s.dtype))
    outside = du - op.MatMul(u, left)
    return full + op.MatMul(outside * inverse, swap(v))


def pinv(x: Like, rcond: Like | None = None) -> Tensor:
    """The inverse of Moore and Penrose; singular values below ``rcond`` times the largest are 0."""
    t = floating(x)
    u, s, vt = svd(t, full_matrices=False)
    largest = op.ReduceMax(s, [-1], keepdims=1)
    small = _share(t) if rcond is None else as_type(convert(rcond, t.dtype), t.dtype)
    some = op.Greater(s, largest * small)
    inverse = op.Where(some, 1 / op.Where(some, s, convert(1.0, s.dtype)), convert(0.0, s.dtype))
    return op.MatMul(swap(vt) * op.Unsqueeze(inverse, [-2]), swap(u))


def _share(t: Tensor) -> float:
    sizes = [d for d in t.shape[-2:] if isinstance(d, int)]
    kind = np.float32 if t.dtype.itemsize < 4 else t.dtype
    return max(sizes) * float(np.finfo(kind).eps)


def lstsq(a: Like, b: Like, rcond: Like | None = None) -> Tensor:
    """The ``x`` that makes ``|a x - b|`` smallest, and is the shortest of such."""
    left, right = pair(floating(a), floating(b))
    is_vector = right.ndim == left.ndim - 1
    right = op.Unsqueeze(right, [-1]) if is_vector else right
    found = op.MatMul(pinv(left, rcond), right)
    return op.Squeeze(found, [-1]) if is_vector else found


def matrix_rank(x: Like, tol: Like | None = None) -> Tensor:
    """How many singular values are above ``tol`` (the largest times max(m, n) epsilon), int32."""
    t = floating(x)
    s = svd(t, compute_uv=False)
    limit = op.ReduceMax(s, [-1], keepdims=1) * _share(t) if tol is None else convert(tol, s.dtype)
    return op.ReduceSum(op.Cast(op.Greater(s, limit), to="int32"), [-1], keepdims=0)


def schatten(x: Tensor, ord: Any) -> Tensor:
    """The norm of matrices by their singular values: 2, -2 or "nuc"."""
    s = svd(x, full_matrices=False, compute_uv=False)
    if ord == "nuc":
        return op.ReduceSum(s, [-1], keepdims=0)
    reduce = op.ReduceMax if math.copysign(1, ord) > 0 else op.ReduceMin
    return reduce(s, [-1], keepdims=0)


__all__ = ["eigh", "lstsq", "matrix_rank", "pinv", "svd"]
