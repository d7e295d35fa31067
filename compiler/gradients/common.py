"""What several gradient rules need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import op
from ..ir import Tensor, TensorType, constant, retyped, value_if_known
from ..schema import Literal


def mask(condition: Tensor, like: Tensor) -> Tensor:
    """Ones where ``condition`` holds. Multiplied, not selected: ORT's Where is single-threaded."""
    return op.Cast(condition, to=like.dtype)


def shape_of(x: Tensor) -> Tensor:
    """The shape of ``x`` as int64: a constant where it is known."""
    if all(isinstance(d, int) for d in x.shape):
        return constant(np.array(x.shape, np.int64))
    return op.Shape(x)


def reshape_like(dy: Tensor, x: Tensor) -> Tensor:
    """``dy`` in the shape of ``x``; at most one unknown dim needs no Shape node."""
    unknown = sum(not isinstance(d, int) for d in x.shape)
    if unknown <= 1:
        target = [d if isinstance(d, int) else -1 for d in x.shape]
        return retyped(op.Reshape(dy, target), TensorType(dy.dtype, x.shape))
    return retyped(op.Reshape(dy, op.Shape(x)), TensorType(dy.dtype, x.shape))


def expand_like(dy: Tensor, x: Tensor) -> Tensor:
    """``dy``, which broadcasts to ``x``, in the shape of ``x``."""
    if dy.shape == x.shape and None not in x.shape:
        return dy
    return retyped(op.Expand(dy, shape_of(x)), TensorType(dy.dtype, x.shape))


def kept(dy: Tensor, x: Tensor, axes: Tensor | None, keepdims: int) -> Tensor:
    """A reduction's ``dy`` with the reduced axes put back as ones."""
    if keepdims:
        return dy
    if axes is None:
        return op.Reshape(dy, [1] * x.ndim)
    return op.Unsqueeze(dy, axes)


def reduced_axes(x: Tensor, axes: Tensor | None, noop_with_empty_axes: int) -> bool:
    """Whether a reduction reduces at all (with ``noop_with_empty_axes`` it may be the identity)."""
    if axes is None:
        return not noop_with_empty_axes
    known = value_if_known(axes)
    return not (noop_with_empty_axes and known is not None and known.size == 0)


def swap_last(x: Tensor) -> Tensor:
    """``x`` with its two last axes exchanged."""
    return op.Transpose(x, perm=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def shape_from(head: Sequence[int], x: Tensor, start: int) -> Tensor:
    """The shape ``[*head, *x.shape[start:]]``: a constant where that much of ``x`` is known."""
    rest = x.shape[start:]
    if all(isinstance(d, int) for d in rest):
        return numbers([*head, *rest])
    return op.Concat([*head], op.Shape(x, start=start), axis=0)


def padded(
    x: Tensor, pads: Tensor, axes: Tensor | None = None, value: Tensor | None = None,
    mode: str = "constant",
) -> Tensor:  # fmt: skip
    """``Pad`` on some axes, written for all of them.

    ONNX Runtime (1.32 and before) moves Transpose through Pad as if Pad had no ``axes``, and fails.
    """
    if axes is None:
        return op.Pad(x, pads, value, mode=mode)
    known, where = value_if_known(pads), value_if_known(axes)
    if known is not None and where is not None:
        full = np.zeros((2, x.ndim), np.int64)
        full[:, where] = known.reshape(2, -1)
        return op.Pad(x, numbers(full.ravel().tolist()), value, mode=mode)
    before, after = op.Split(pads, num_outputs=2, axis=0)
    none = constant(np.zeros(x.ndim, np.int64))
    sides = [op.ScatterElements(none, axes, side, axis=0) for side in (before, after)]
    return op.Pad(x, op.Concat(*sides, axis=0), value, mode=mode)


def put_back(dy: Tensor, places: Tensor, x: Tensor) -> Tensor:
    """Add each element of ``dy`` to where ``places`` says that it was in the flattened ``x``."""
    flat = op.Reshape(places, [-1])
    filled = op.ScatterElements(
        flat_zeros(x), flat, op.Reshape(dy, [-1]), axis=0, reduction="add"
    )  # fmt: skip
    return reshape_like(filled, x)


def flat_zeros(x: Tensor) -> Tensor:
    """A vector with a zero for each element of ``x``."""
    if all(isinstance(d, int) for d in x.shape):
        count = numbers([math.prod(x.shape)])  # type: ignore[arg-type]
    else:
        count = op.Reshape(op.Size(x), [1])
    return op.Expand(constant(0, x.dtype), count)


def numbered(x: Tensor) -> Tensor:
    """The number of each element of ``x``, in the shape of ``x``: what moves them, moves these."""
    return op.Reshape(op.Range(0, op.Size(x), 1), shape_of(x))


def numbers(values: Sequence[Any]) -> Tensor:
    """A constant int64 vector."""
    return constant(np.array(values, np.int64).reshape(-1))


def number_if_known(x: Tensor) -> float | None:
    """The value of a constant with one element (of any real type), else None."""
    value = x.node.attrs[0][1] if x.node.op == "Constant" else None
    array = value.array if isinstance(value, Literal) else None
    return float(array.item()) if array is not None and array.size == 1 else None


def widened(x: Tensor) -> Tensor:
    """``x``, from 16-bit floats to float32: what sums many squares needs the range."""
    return op.Cast(x, to=np.float32) if x.dtype.itemsize == 2 else x
