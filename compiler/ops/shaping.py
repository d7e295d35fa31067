"""Shapes, indices, joining and splitting."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dtypes, op
from ..ir import Array, Like, Tensor, constant, convert


def convert_to_tensor(x: Like, dtype: Any = None) -> Tensor:
    """A tensor for arrays, numbers and variables."""
    t = convert(x)
    return t if dtype is None else op.Cast(t, to=dtypes.as_dtype(dtype))


def convert_to_numpy(x: Like) -> Array:
    """The value as an array."""
    return convert(x).numpy()


def shape(x: Like) -> tuple[Any, ...]:
    """A tuple: numbers where they are known, else scalar tensors."""
    t = convert(x)
    if all(isinstance(d, int) for d in t.shape):
        return tuple(t.shape)
    found = op.Shape(t)
    return tuple(d if isinstance(d, int) else found[i] for i, d in enumerate(t.shape))


def ndim(x: Like) -> int:
    """The rank."""
    return convert(x).ndim


def size(x: Like) -> Tensor:
    """The number of elements."""
    return op.Size(x)


def _target(newshape: Any) -> Any:
    """A shape for ONNX: a list of numbers, or a tensor where some entries are tensors."""
    dims = [newshape] if isinstance(newshape, (int, Tensor)) else list(newshape)
    if not any(isinstance(d, Tensor) for d in dims):
        return [int(d) if d is not None else -1 for d in dims]
    parts = [op.Reshape(op.Cast(convert(d), to="int64"), [1]) for d in dims]
    return op.Concat(*parts, axis=0)


def reshape(x: Like, newshape: Any) -> Tensor:
    """The same elements in another shape; one entry may be -1 (or None)."""
    return op.Reshape(x, _target(newshape), allowzero=0)


def ravel(x: Like) -> Tensor:
    """One axis."""
    return op.Reshape(x, [-1])


def transpose(x: Like, axes: Sequence[int] | None = None) -> Tensor:
    """Axes in another order; reversed without ``axes``."""
    t = convert(x)
    order = range(t.ndim - 1, -1, -1) if axes is None else [a % t.ndim for a in axes]
    return op.Transpose(t, perm=[*order])


def swapaxes(x: Like, axis1: int, axis2: int) -> Tensor:
    """Two axes exchanged."""
    t = convert(x)
    order = [*range(t.ndim)]
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return op.Transpose(t, perm=order)


def moveaxis(x: Like, source: Any, destination: Any) -> Tensor:
    """Axes moved to other places, the rest in order."""
    t = convert(x)
    froms = [source] if isinstance(source, int) else list(source)
    tos = [destination] if isinstance(destination, int) else list(destination)
    froms, tos = [f % t.ndim for f in froms], [d % t.ndim for d in tos]
    order = [i for i in range(t.ndim) if i not in froms]
    for place, axis in sorted(zip(tos, froms, strict=True)):
        order.insert(place, axis)
    return op.Transpose(t, perm=order)


def expand_dims(x: Like, axis: Any) -> Tensor:
    """New axes of size 1."""
    return op.Unsqueeze(x, [axis] if isinstance(axis, int) else list(axis))


def squeeze(x: Like, axis: Any = None) -> Tensor:
    """Without axes of size 1 (all, or those named)."""
    if axis is None:
        return op.Squeeze(x, [i for i, d in enumerate(convert(x).shape) if d == 1])
    return op.Squeeze(x, [axis] if isinstance(axis, int) else list(axis))


def concatenate(xs: Sequence[Like], axis: int = 0) -> Tensor:
    """Tensors one behind the other along an axis that they have."""
    return op.Concat(*xs, axis=axis)


def stack(x: Sequence[Like], axis: int = 0) -> Tensor:
    """Tensors side by side along a new axis."""
    return op.Concat(*[op.Unsqueeze(t, [axis]) for t in x], axis=axis)


def unstack(x: Like, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """The slices along ``axis``."""
    t = convert(x)
    found = num if num is not None else t.shape[axis]
    if not isinstance(found, int):
        raise ValueError(f"unstack needs num= for the dynamic axis {axis} of {t.type}")
    if found == 1:
        return [op.Squeeze(t, [axis])]
    return [op.Squeeze(p, [axis]) for p in op.Split(t, num_outputs=found, axis=axis)]


def split(x: Like, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Parts along ``axis``: so many of equal size, or cut at these indices."""
    t = convert(x)
    total = t.shape[axis]
    if isinstance(indices_or_sections, int):
        if isinstance(total, int) and total % indices_or_sections:
            raise ValueError(f"cannot split axis {axis} of {t.type} in {indices_or_sections} parts")
        parts = op.Split(t, num_outputs=indices_or_sections, axis=axis)
        return [parts] if isinstance(parts, Tensor) else list(parts)
    bounds = [0, *(int(i) for i in indices_or_sections), np.iinfo(np.int64).max]
    return [op.Slice(t, [a], [b], [axis]) for a, b in itertools.pairwise(bounds)]


def flip(x: Like, axis: Any = None) -> Tensor:
    """Elements in reverse along the axes."""
    t = convert(x)
    axes = [*range(t.ndim)] if axis is None else [axis] if isinstance(axis, int) else list(axis)
    far = np.iinfo(np.int64).max
    return op.Slice(t, [-1] * len(axes), [-far] * len(axes), axes, [-1] * len(axes))


def roll(x: Like, shift: int, axis: int | None = None) -> Tensor:
    """Elements moved on by ``shift``; those that fall off come in again."""
    t = convert(x)
    if axis is None:
        flat = roll(op.Reshape(t, [-1]), shift, 0)
        return op.Reshape(flat, op.Shape(t))
    far = np.iinfo(np.int64).max
    extent = t.shape[axis]
    shift = shift % extent if isinstance(extent, int) else shift
    if shift == 0:
        return t
    return op.Concat(
        op.Slice(t, [-shift], [far], [axis]), op.Slice(t, [0], [-shift], [axis]), axis=axis
    )


def tile(x: Like, repeats: Any) -> Tensor:
    """The tensor repeated along each axis."""
    t = convert(x)
    counts = [repeats] if isinstance(repeats, int) else list(repeats)
    counts = [1] * (t.ndim - len(counts)) + counts
    if len(counts) > t.ndim:
        t = op.Unsqueeze(t, [*range(len(counts) - t.ndim)])
    return op.Tile(t, counts)


def repeat(x: Like, repeats: int, axis: int | None = None) -> Tensor:
    """Each element repeated along ``axis``."""
    t = convert(x)
    if axis is None:
        t, axis = op.Reshape(t, [-1]), 0
    axis %= t.ndim
    wide = op.Tile(
        op.Unsqueeze(t, [axis + 1]), [1] * (axis + 1) + [repeats] + [1] * (t.ndim - axis - 1)
    )
    merged = [0] * axis + [-1]
    tail = op.Shape(t, start=axis + 1)
    return op.Reshape(wide, op.Concat(merged, tail, axis=0) if axis + 1 < t.ndim else merged)


def broadcast_to(x: Like, shape: Any) -> Tensor:
    """The tensor repeated to a shape that it broadcasts to."""
    return op.Expand(x, _target(shape))


def pad(x: Like, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Tensor:
    """More elements before and after each axis: constant, "reflect" or "edge"."""
    t = convert(x)
    widths = np.broadcast_to(np.asarray(pad_width, np.int64), (t.ndim, 2))
    value = None if constant_values is None else convert(constant_values, t.dtype)
    return op.Pad(t, widths.T.reshape(-1).tolist(), value, mode=mode)


def take(x: Like, indices: Like, axis: int | None = None) -> Tensor:
    """Slices by index along ``axis`` (of the flat tensor without one); negative from the end."""
    t = op.Reshape(x, [-1]) if axis is None else convert(x)
    return op.Gather(t, _index(indices), axis=axis or 0)


def take_along_axis(x: Like, indices: Like, axis: int | None = None) -> Tensor:
    """One element per index, along ``axis``."""
    t = op.Reshape(x, [-1]) if axis is None else convert(x)
    return op.GatherElements(t, _index(indices), axis=axis or 0)


def _index(indices: Like) -> Tensor:
    t = convert(indices)
    return t if t.dtype.name in ("int32", "int64") else op.Cast(t, to="int64")


def one_hot(x: Like, num_classes: int, axis: int = -1, dtype: Any = None) -> Tensor:
    """A 1 at each index, 0 elsewhere; indices out of range give zeros."""
    kind = dtypes.as_dtype(dtype or "float32")
    index = _index(x)
    values = constant(np.array([0, 1], kind))
    inside = op.And(op.GreaterOrEqual(index, 0), op.Less(index, num_classes))
    encoded = op.OneHot(index, num_classes, values, axis=axis)
    return encoded * op.Cast(op.Unsqueeze(inside, [axis]), to=kind)


def top_k(x: Like, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The ``k`` largest elements of the last axis, and where they are."""
    values, indices = op.TopK(x, [k], axis=-1, sorted=sorted, outputs=2)
    return values, indices


def sort(x: Like, axis: int = -1) -> Tensor:
    """Ascending along ``axis``."""
    return _sorted(x, axis)[0]


def argsort(x: Like, axis: int = -1) -> Tensor:
    """The indices that sort along ``axis``."""
    return _sorted(x, axis)[1]


def _sorted(x: Like, axis: int) -> tuple[Tensor, Tensor]:
    t = convert(x)
    extent = t.shape[axis]
    count = [extent] if isinstance(extent, int) else op.Shape(t)[axis % t.ndim : axis % t.ndim + 1]
    values, indices = op.TopK(t, count, axis=axis, largest=0, outputs=2)
    return values, indices


def diagonal(x: Like) -> Tensor:
    """The diagonal of a square matrix."""
    return op.Einsum(x, equation="ii->i")


def tril(x: Like, k: int = 0) -> Tensor:
    """The lower triangle, zeros above."""
    return op.Trilu(x, k, upper=0)


def triu(x: Like, k: int = 0) -> Tensor:
    """The upper triangle, zeros below."""
    return op.Trilu(x, k, upper=1)


def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """All 0."""
    return full(shape, 0, dtype)


def ones(shape: Any, dtype: Any = None) -> Tensor:
    """All 1."""
    return full(shape, 1, dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """All ``fill_value``."""
    kind = dtypes.as_dtype(dtype or "float32")
    return op.Expand(convert(fill_value, kind), _target(shape))


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


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Tensor:
    """Numbers from ``start`` to ``stop`` (excluded)."""
    first, last = (0, start) if stop is None else (start, stop)
    if dtype is None:
        whole = all(isinstance(v, (int, np.integer)) for v in (first, last, step))
        dtype = "int32" if whole else "float32"
    kind = dtypes.as_dtype(dtype)
    return op.Range(convert(first, kind), convert(last, kind), convert(step, kind))


def linspace(start: float, stop: float, num: int = 50, dtype: Any = None) -> Tensor:
    """``num`` numbers from ``start`` to ``stop`` (included)."""
    return constant(np.linspace(start, stop, num), dtype or "float32")


__all__ = [
    "arange",
    "argsort",
    "broadcast_to",
    "concatenate",
    "convert_to_numpy",
    "convert_to_tensor",
    "diagonal",
    "expand_dims",
    "eye",
    "flip",
    "full",
    "full_like",
    "linspace",
    "moveaxis",
    "ndim",
    "one_hot",
    "ones",
    "ones_like",
    "pad",
    "ravel",
    "repeat",
    "reshape",
    "roll",
    "shape",
    "size",
    "sort",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "take",
    "take_along_axis",
    "tile",
    "top_k",
    "transpose",
    "tril",
    "triu",
    "unstack",
    "zeros",
    "zeros_like",
]
