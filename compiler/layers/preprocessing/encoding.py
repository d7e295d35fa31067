"""Category numbers as vectors: one-hot, multi-hot, counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....errors import ArgumentError
from ... import dtypes, op
from ...config import not_supported
from ...ir import Array, Tensor
from ..base import Layer

__all__ = ["CategoryEncoding"]


def checked_mode(owner: str, mode: str, known: tuple[str, ...]) -> str:
    """``output_mode``, in today's words. Raises ``ArgumentError`` for an unknown one."""
    found = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(mode, mode)
    if found not in known:
        raise ArgumentError(f"{owner}(output_mode={mode!r}): expected one of {list(known)}")
    return found


def encoded(
    indices: Tensor, mode: str, depth: int, dtype: dtypes.DTypeLike, weights: Tensor | None = None
) -> Tensor:
    """Integers [...] as Keras' ``output_mode`` says.

    "int": as they are. "one_hot": [..., depth] (a last axis of size 1 is dropped before). "multi_hot" and
    "count": axis 1 (or the only one) is summed up, the result is [..., depth]. Numbers below 0 and from
    ``depth`` on count nowhere.
    """
    if mode == "int":
        same: Tensor = op.Cast(indices, to=dtype)
        return same
    x = op.Cast(indices, to="int64")
    if mode == "one_hot":
        if x.ndim > 1 and x.shape[-1] == 1:
            x = op.Squeeze(x, [-1])
        hot: Tensor = op.Cast(
            op.Equal(op.Unsqueeze(x, [-1]), np.arange(depth, dtype=np.int64)), to=dtype
        )
        return hot
    x = _last(op.Unsqueeze(x, [0]) if x.ndim == 0 else x)
    # Each example's numbers are added up in place: a one-hot vector of each could be large.
    outside = op.Or(op.Less(x, 0), op.GreaterOrEqual(x, depth))
    places = op.Where(outside, depth, x)
    floating = dtypes.as_dtype(dtype) if dtypes.is_float(dtypes.as_dtype(dtype)) else "float32"
    ones = op.Expand(np.ones((), np.float32), op.Shape(x)) if weights is None else _last(weights)
    shape = op.Concat(op.Shape(x)[:-1], [depth + 1], axis=0)
    zeros = op.Expand(np.zeros((), np.float32), shape)
    how = "add" if mode == "count" else "max"
    sums = op.ScatterElements(zeros, places, ones, axis=-1, reduction=how)[..., :depth]
    result: Tensor = op.Cast(sums, to=dtype if weights is None else floating)
    return result


def _last(x: Tensor) -> Tensor:
    """The axis that is summed up as the last one."""
    if x.ndim < 3:
        return x
    moved: Tensor = op.Transpose(x, perm=[0, *range(2, x.ndim), 1])
    return moved


def encoded_on_host(indices: Array, mode: str, depth: int, dtype: dtypes.DTypeLike) -> Array:
    """The same with NumPy."""
    if mode == "int":
        return indices.astype(dtypes.as_dtype(dtype))
    if mode == "one_hot":
        x = indices[..., 0] if indices.ndim > 1 and indices.shape[-1] == 1 else indices
        return (x[..., None] == np.arange(depth)).astype(dtypes.as_dtype(dtype))
    x = np.atleast_1d(indices)
    x = np.moveaxis(x, 1, -1) if x.ndim > 2 else x
    rows = x.reshape(-1, x.shape[-1])
    inside = (rows >= 0) & (rows < depth)
    places = (rows + np.arange(len(rows))[:, None] * depth)[inside]
    counts = np.bincount(places, minlength=len(rows) * depth).reshape(*x.shape[:-1], depth)
    return (counts if mode == "count" else counts > 0).astype(dtypes.as_dtype(dtype))


def encoded_type(
    shape: dtypes.Shape, mode: str, depth: int | None, dtype: dtypes.DTypeLike
) -> dtypes.TensorType:
    """Type of what ``encoded`` gives for integers of this shape."""
    kind = dtypes.as_dtype(dtype)
    if mode == "int":
        return dtypes.TensorType(kind, shape)
    if mode == "one_hot":
        kept = shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape
    else:
        kept = (*shape[:1], *shape[2:]) if len(shape) > 1 else ()
    return dtypes.TensorType(kind, (*kept, depth))


class CategoryEncoding(Layer):
    """Category numbers as one vector per example.

    Args:
        num_tokens: how many categories there are: the size of the last axis of the output.
        output_mode: "multi_hot" (1 for what is there), "one_hot" (a vector per number) or "count".
        sparse: only False: there are no sparse tensors.

    Input [batch, n] (or [n]) of integers from 0 to ``num_tokens - 1``; others count nowhere. Output
    [batch, num_tokens] of the layer's dtype; "one_hot" gives [batch, n, num_tokens]. With "count", the call
    takes ``count_weights`` of the input's shape.
    """

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        not_supported("CategoryEncoding", sparse=(sparse, False))
        if num_tokens is None or num_tokens < 1:
            raise ArgumentError(
                f"CategoryEncoding(num_tokens={num_tokens}): expected a number above 0 (IntegerLookup "
                "finds out by itself how many there are)"
            )
        self.num_tokens = num_tokens
        self.output_mode = checked_mode(
            "CategoryEncoding", output_mode, ("multi_hot", "one_hot", "count")
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Also takes lists of numbers."""
        return super().__call__(*(_array(a) for a in args),
                                **{k: _array(v) for k, v in kwargs.items()})  # fmt: skip

    def call(self, inputs: Tensor, count_weights: Tensor | None = None) -> Tensor:
        if count_weights is not None:
            if self.output_mode != "count":
                raise ArgumentError("CategoryEncoding: count_weights need output_mode='count'")
            count_weights = op.Cast(count_weights, to=self.dtype)
        return encoded(inputs, self.output_mode, self.num_tokens, self.dtype, count_weights)


def _array(value: Any) -> Any:
    plain = isinstance(value, (list, tuple, int)) and not isinstance(value, bool)
    return np.asarray(value) if plain else value
