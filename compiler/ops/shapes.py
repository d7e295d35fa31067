"""Shapes: what they are, other ones, joining and splitting."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError
from .. import dtypes, op
from ..casting import as_type, common
from ..config import not_supported
from ..ir import Array, Like, Tensor, convert


def convert_to_tensor(x: Like, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Tensor:
    """A tensor for arrays, numbers and variables."""
    not_supported("wh.ops.convert_to_tensor", sparse=(sparse, None), ragged=(ragged, None))
    if dtype is None:
        return convert(x)
    kind = dtypes.as_dtype(dtype)
    return as_type(convert(x, kind if dtypes.is_float(kind) else None), kind)


def cast(x: Like, dtype: Any) -> Tensor:
    """``x`` in another element type."""
    return as_type(convert(x), dtypes.as_dtype(dtype))


def array(x: Like, dtype: Any = None) -> Tensor:
    """A tensor for arrays, numbers and variables."""
    return convert_to_tensor(x, dtype)


def copy(x: Like) -> Tensor:
    """The tensor itself: none is ever changed."""
    return convert(x)


def is_tensor(x: Any) -> bool:
    """Whether ``x`` is a tensor of ours."""
    return isinstance(x, Tensor)


def dtype(x: Like) -> str:
    """The name of the element type."""
    return convert(x).dtype.name


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


def target_shape(newshape: Any) -> Any:
    """A shape for ONNX: a list of numbers, or a tensor where some entries are tensors."""
    if isinstance(newshape, Tensor) and newshape.ndim == 1:
        return newshape
    single = isinstance(newshape, (int, np.integer, Tensor))
    dims = [newshape] if single else list(newshape)
    if not any(isinstance(d, Tensor) for d in dims):
        return [int(d) if d is not None else -1 for d in dims]
    parts = [op.Reshape(op.Cast(convert(d), to="int64"), [1]) for d in dims]
    return op.Concat(*parts, axis=0)


def reshape(x: Like, newshape: Any) -> Tensor:
    """The same elements in another shape; one entry may be -1 (or None)."""
    target = target_shape(newshape)
    return op.Reshape(x, target, allowzero=int(isinstance(target, list) and 0 in target))


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
    return op.Concat(*_alike(xs), axis=axis)


def _alike(xs: Sequence[Like]) -> list[Tensor]:
    """Tensors of one element type."""
    tensors = [convert(x) for x in xs]
    kind = tensors[0].dtype
    for t in tensors[1:]:
        kind = common(kind, t.dtype)
    return [as_type(t, kind) for t in tensors]


def stack(x: Sequence[Like], axis: int = 0) -> Tensor:
    """Tensors side by side along a new axis."""
    return op.Concat(*[op.Unsqueeze(t, [axis]) for t in _alike(x)], axis=axis)


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


def roll(x: Like, shift: Any, axis: Any = None) -> Tensor:
    """Elements moved on by ``shift``; those that fall off come in again."""
    t = convert(x)
    if axis is None:
        return op.Reshape(roll(op.Reshape(t, [-1]), shift, 0), op.Shape(t))
    if not isinstance(axis, int):
        shifts = [shift] * len(axis) if isinstance(shift, int) else shift
        for s, a in zip(shifts, axis, strict=True):
            t = roll(t, s, a)
        return t
    extent = t.shape[axis]
    shift = shift % extent if isinstance(extent, int) and extent else shift
    if shift == 0:
        return t
    end = op.Slice(t, [-shift], [np.iinfo(np.int64).max], [axis])
    return op.Concat(end, op.Slice(t, [0], [-shift], [axis]), axis=axis)


def tile(x: Like, repeats: Any) -> Tensor:
    """The tensor repeated along each axis."""
    t = convert(x)
    counts = [repeats] if isinstance(repeats, (int, np.integer)) else list(repeats)
    counts = [1] * (t.ndim - len(counts)) + counts
    if len(counts) > t.ndim:
        t = op.Unsqueeze(t, [*range(len(counts) - t.ndim)])
    return op.Tile(t, target_shape(counts))


def repeat(x: Like, repeats: Any, axis: int | None = None) -> Tensor:
    """Each element ``repeats`` times along ``axis`` (of the flat tensor without one).

    Several ``repeats`` are one for each element of an axis of known size.
    """
    t = convert(x)
    if axis is None:
        t, axis = op.Reshape(t, [-1]), 0
    counted = np.asarray(repeats)
    if counted.ndim:
        size = t.shape[axis]
        if not isinstance(size, int) or counted.size not in (1, size):
            raise ShapeError(f"repeat: {counted.size} repeats for axis {axis} of {t.type}")
        return op.Gather(t, np.repeat(np.arange(size), counted), axis=axis)
    axis %= t.ndim
    counts = [1] * (axis + 1) + [int(repeats)] + [1] * (t.ndim - axis - 1)
    wide = op.Tile(op.Unsqueeze(t, [axis + 1]), counts)
    merged = [0] * axis + [-1]
    tail = op.Shape(t, start=axis + 1)
    return op.Reshape(wide, op.Concat(merged, tail, axis=0) if axis + 1 < t.ndim else merged)


def broadcast_to(x: Like, shape: Any) -> Tensor:
    """The tensor repeated to a shape that it broadcasts to."""
    return op.Expand(x, target_shape(shape))


def pad(x: Like, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Tensor:
    """More elements before and after each axis: constant, "reflect", "symmetric", "edge" or "wrap".

    "symmetric" needs known sizes.
    """
    t = convert(x)
    if mode not in ("constant", "reflect", "symmetric", "edge", "wrap"):
        raise NotImplementedError(
            f"pad has no mode {mode!r}; use constant, reflect, symmetric, edge or wrap"
        )
    if mode != "constant" and constant_values is not None:
        raise ArgumentError(f"pad takes constant_values with mode='constant' only, not {mode!r}")
    widths = np.broadcast_to(np.asarray(pad_width, np.int64), (t.ndim, 2))
    if mode == "symmetric":
        return _symmetric(t, widths)
    value = None if constant_values is None else convert(constant_values, t.dtype)
    return op.Pad(t, widths.T.reshape(-1).tolist(), value, mode=mode)


def _symmetric(t: Tensor, widths: Array) -> Tensor:
    """Mirrored at the ends, which are repeated: elements picked by number."""
    for axis, (before, after) in enumerate(widths.tolist()):
        size = t.shape[axis]
        if before or after:
            if not isinstance(size, int):
                raise ShapeError(
                    f"pad(mode='symmetric') needs a known size of axis {axis}: {t.type}"
                )
            places = np.pad(np.arange(size), (before, after), mode="symmetric")
            t = op.Gather(t, places, axis=axis)
    return t


def append(x1: Like, x2: Like, axis: int | None = None) -> Tensor:
    """``x2`` behind ``x1`` along ``axis``; both flat without one."""
    if axis is None:
        return concatenate([ravel(x1), ravel(x2)], 0)
    return concatenate([x1, x2], axis)


def hstack(xs: Sequence[Like]) -> Tensor:
    """Tensors one behind the other along the second axis (the first of vectors)."""
    tensors = [_at_least(x, 1) for x in xs]
    return concatenate(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(xs: Sequence[Like]) -> Tensor:
    """Tensors one behind the other along the first axis; vectors are rows."""
    return concatenate([_at_least(x, 2) for x in xs], 0)


def _at_least(x: Like, rank: int) -> Tensor:
    t = convert(x)
    return t if t.ndim >= rank else op.Unsqueeze(t, [*range(rank - t.ndim)])


def meshgrid(*x: Like, indexing: str = "xy") -> list[Tensor]:
    """Coordinates of all combinations of the vectors ``x``; "xy" exchanges the first two axes."""
    if indexing not in ("xy", "ij"):
        raise ArgumentError(f"meshgrid(indexing={indexing!r}): expected 'xy' or 'ij'")
    order = [*range(len(x))]
    if indexing == "xy" and len(x) > 1:
        order[:2] = [1, 0]
    columns = [
        op.Reshape(v, [-1 if place == order[i] else 1 for place in range(len(x))])
        for i, v in enumerate(x)
    ]
    sizes = {order[i]: op.Reshape(op.Size(v), [1]) for i, v in enumerate(x)}
    full = op.Concat(*[sizes[i] for i in range(len(x))], axis=0)
    return [op.Expand(c, full) for c in columns]


def rot90(array: Like, k: int = 1, axes: Sequence[int] = (0, 1)) -> Tensor:
    """Turned ``k`` quarters from the first towards the second axis."""
    t = convert(array)
    first, second = (a % t.ndim for a in axes)
    turns = k % 4
    if turns == 2:
        return flip(t, (first, second))
    if turns == 1:
        return swapaxes(flip(t, second), first, second)
    return flip(swapaxes(t, first, second), second) if turns else t


def fliplr(x: Like) -> Tensor:
    """The second axis in reverse."""
    return flip(x, 1)


def flipud(x: Like) -> Tensor:
    """The first axis in reverse."""
    return flip(x, 0)


__all__ = [
    "append", "array", "broadcast_to", "cast", "concatenate", "convert_to_numpy",
    "convert_to_tensor", "copy", "dtype", "expand_dims", "flip", "fliplr", "flipud", "hstack",
    "is_tensor", "meshgrid", "moveaxis", "ndim", "pad", "ravel", "repeat", "reshape", "roll",
    "rot90", "shape", "size", "split", "squeeze", "stack", "swapaxes", "tile",
    "transpose", "unstack", "vstack",
]  # fmt: skip
