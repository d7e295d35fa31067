"""Tensors from sizes and numbers, triangles and diagonals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import ShapeError
from .. import dtypes, op
from ..casting import as_type, floating
from ..ir import Like, Operators, Tensor, constant, convert
from .shapes import target_shape


def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """All 0."""
    return full(shape, 0, dtype)


def ones(shape: Any, dtype: Any = None) -> Tensor:
    """All 1."""
    return full(shape, 1, dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """All ``fill_value``."""
    kind = dtypes.as_dtype(dtype or "float32")
    return op.Expand(convert(fill_value, kind), target_shape(shape))


def zeros_like(x: Like, dtype: Any = None) -> Tensor:
    """Zeros of the same shape."""
    return full_like(x, 0, dtype)


def ones_like(x: Like, dtype: Any = None) -> Tensor:
    """Ones of the same shape."""
    return full_like(x, 1, dtype)


def full_like(x: Like, fill_value: Any, dtype: Any = None) -> Tensor:
    """``fill_value`` in the same shape."""
    t = convert(x)
    kind = t.dtype if dtype is None else dtypes.as_dtype(dtype)
    return op.Expand(convert(fill_value, kind), op.Shape(t))


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:  # noqa: N803
    """Ones on a diagonal."""
    return constant(np.eye(N, M, k, dtypes.as_dtype(dtype or "float32")))


def identity(n: int, dtype: Any = None) -> Tensor:
    """The unit matrix."""
    return eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:  # noqa: N803
    """Ones at and below a diagonal."""
    return constant(np.tri(N, M, k, dtypes.as_dtype(dtype or "float32")))


def empty(shape: Any, dtype: Any = None) -> Tensor:
    """All 0: there is no memory that is not set."""
    return zeros(shape, dtype)


def empty_like(x: Like, dtype: Any = None) -> Tensor:
    """Zeros of the same shape."""
    return zeros_like(x, dtype)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Tensor:
    """Numbers from ``start`` to ``stop`` (excluded); int32 for whole numbers unless told."""
    first, last = (0, start) if stop is None else (start, stop)
    parts = (first, last, 1 if step is None else step)
    if dtype is None:
        tensors = [convert(p) for p in parts if isinstance(p, Operators)]
        whole = all(convert(p).dtype.kind in "iu" for p in parts)
        dtype = tensors[0].dtype if tensors else "int32" if whole else "float32"
    kind = dtypes.as_dtype(dtype)
    return op.Range(*(as_type(convert(p, kind), kind) for p in parts))


def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    """``num`` numbers from ``start`` to ``stop``; with ``retstep`` also how far they are apart."""
    first, last = (floating(v) for v in (start, stop))
    gaps = num - 1 if endpoint else num
    step = (last - first) / float(max(gaps, 1))
    rank = max(first.ndim, last.ndim)
    place = axis % (rank + 1)
    index = np.arange(num, dtype=first.dtype).reshape([-1] + [1] * (rank - place))
    bounds = [op.Unsqueeze(v, [place]) if v.ndim else v for v in (first, step)]
    values = bounds[0] + constant(index) * bounds[1]
    kind = first.dtype if dtype is None else dtypes.as_dtype(dtype)
    values = as_type(values if rank else op.Reshape(values, [num]), kind)
    return (values, step) if retstep else values


def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: float = 10,
    dtype: Any = None, axis: int = 0,
) -> Tensor:  # fmt: skip
    """``base`` to the power of ``linspace``."""
    exponents = linspace(start, stop, num, endpoint, axis=axis)
    powers = op.Exp(exponents * math.log(base))
    return powers if dtype is None else op.Cast(powers, to=dtypes.as_dtype(dtype))


def diagonal(x: Like, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonals of the matrices in two axes, whose sizes must be known, as the last axis."""
    t = convert(x)
    planes = [axis1 % t.ndim, axis2 % t.ndim]
    lead = [i for i in range(t.ndim) if i not in planes]
    rows, columns = (t.shape[i] for i in planes)
    if not (isinstance(rows, int) and isinstance(columns, int)):
        raise ShapeError(f"diagonal needs known sizes of axes {planes}; got {t.type}")
    count = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    first = offset if offset >= 0 else -offset * columns
    flat = op.Reshape(op.Transpose(t, perm=lead + planes), [0] * len(lead) + [rows * columns])
    places = first + (columns + 1) * np.arange(count, dtype=np.int64)
    return op.Gather(flat, constant(places), axis=len(lead))


def diag(x: Like, k: int = 0) -> Tensor:
    """A matrix with the vector ``x`` on a diagonal, or the diagonal of a matrix."""
    t = convert(x)
    if t.ndim != 1:
        return diagonal(t, k)
    size = t.shape[0]
    if not isinstance(size, int):
        raise ShapeError(f"diag needs a vector of known size; got {t.type}")
    square = op.Mul(op.Unsqueeze(t, [1]), constant(np.eye(size, dtype=t.dtype)))
    shift = abs(k)
    widths = [0, shift, shift, 0] if k > 0 else [shift, 0, 0, shift]
    return op.Pad(square, widths) if k else square


def trace(x: Like, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sum of the diagonal."""
    return op.ReduceSum(diagonal(x, offset, axis1, axis2), [-1], keepdims=0)


def tril(x: Like, k: int = 0) -> Tensor:
    """The lower triangle, zeros above."""
    return op.Trilu(x, k, upper=0)


def triu(x: Like, k: int = 0) -> Tensor:
    """The upper triangle, zeros below."""
    return op.Trilu(x, k, upper=1)


__all__ = [
    "arange", "diag", "diagonal", "empty", "empty_like", "eye", "full", "full_like", "identity",
    "linspace", "logspace", "ones", "ones_like", "trace", "tri", "tril", "triu", "zeros",
    "zeros_like",
]  # fmt: skip
