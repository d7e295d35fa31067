"""Rules for operators that move elements without changing them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import op
from ..autodiff import nondifferentiable, vjp, zeros_like
from ..ir import Tensor, constant, value_if_known
from .common import numbered, numbers, padded, put_back, reshape_like, shape_of

nondifferentiable("Shape", "Size", "NonZero")
nondifferentiable("EyeLike", reason="depends on the shape of its input, not on its values")
nondifferentiable("Constant", "ConstantOfShape", reason="has no floating-point input")


@vjp("Reshape")
def reshape(dy: Tensor, y: Tensor, x: Tensor, shape: Tensor, *, allowzero: int) -> Any:
    """``dy`` in the shape of x."""
    return reshape_like(dy, x), None


@vjp("Flatten")
def flatten(dy: Tensor, y: Tensor, x: Tensor, *, axis: int) -> Tensor:
    """``dy`` in the shape of x."""
    return reshape_like(dy, x)


@vjp("Squeeze")
def squeeze(dy: Tensor, y: Tensor, x: Tensor, axes: Tensor | None = None) -> Any:
    """``dy`` in the shape of x."""
    return reshape_like(dy, x) if axes is None else (op.Unsqueeze(dy, axes), None)


@vjp("Unsqueeze")
def unsqueeze(dy: Tensor, y: Tensor, x: Tensor, axes: Tensor) -> Any:
    """``dy`` in the shape of x."""
    return op.Squeeze(dy, axes), None


@vjp("Transpose")
def transpose(dy: Tensor, y: Tensor, x: Tensor, *, perm: Any = None) -> Tensor:
    """The inverse permutation of dy."""
    if perm is None:
        return op.Transpose(dy)
    return op.Transpose(dy, perm=[int(i) for i in np.argsort(perm)])


@vjp("Expand", broadcasts=True)
def expand(dy: Tensor, y: Tensor, x: Tensor, shape: Tensor) -> Any:
    """``dy``, summed where it was stretched."""
    return dy, None


@vjp("Concat")
def concat(dy: Tensor, y: Tensor, *xs: Tensor, axis: int) -> Any:
    """``dy`` in parts."""
    if len(xs) == 1:
        return dy
    sizes: Any = [x.shape[axis] for x in xs]
    if not all(isinstance(s, int) for s in sizes):
        sizes = op.Concat(*(op.Gather(shape_of(x), [axis]) for x in xs), axis=0)
    parts: tuple[Tensor, ...] = op.Split(dy, sizes, axis=axis, outputs=len(xs))
    return parts


@vjp("Split")
def split(
    dys: Any, ys: Any, x: Tensor, sizes: Tensor | None = None, *, axis: int, num_outputs: Any = None
) -> Any:
    """The parts of dy joined; zeros for parts that nothing uses."""
    dys, ys = (dys, ys) if isinstance(ys, tuple) else ((dys,), (ys,))
    dx = op.Concat(*[zeros_like(y) if d is None else d for d, y in zip(dys, ys, strict=True)],
                   axis=axis)  # fmt: skip
    return dx if sizes is None else (dx, None)


@vjp("Tile")
def tile(dy: Tensor, y: Tensor, x: Tensor, repeats: Tensor) -> Any:
    """Split each axis in (repeat, size) and sum over the repeats."""
    pairs = op.Concat(op.Unsqueeze(repeats, [1]), op.Unsqueeze(shape_of(x), [1]), axis=1)
    folded = op.Reshape(dy, op.Reshape(pairs, [2 * x.ndim]))
    return op.ReduceSum(folded, [*range(0, 2 * x.ndim, 2)], keepdims=0), None


@vjp("Slice")
def slice_(
    dy: Tensor, y: Tensor, x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Any:  # fmt: skip
    """Zeros where nothing was taken: by padding, and by scattering where steps are not 1."""
    rest = (None,) * (2 + (axes is not None or steps is not None) + (steps is not None))
    if axes is None:
        count = starts.shape[0]
        axes = numbers(range(count)) if isinstance(count, int) else op.Range(0, op.Size(starts), 1)
    strides = value_if_known(steps) if steps is not None else np.ones(1, np.int64)
    if strides is not None and np.all(strides == 1):
        return (_pad_back(dy, x, starts, axes), *rest)
    return (_scatter_back(dy, x, starts, ends, axes, steps), *rest)


def _pad_back(dy: Tensor, x: Tensor, starts: Tensor, axes: Tensor) -> Tensor:
    known = _known_pads(dy, x, starts, axes)
    if known is not None:
        return op.Pad(dy, known)
    first = op.Cast(starts, to=np.int64)
    sizes = op.Gather(shape_of(x), axes)
    first = first + sizes * op.Cast(op.Less(first, 0), to=np.int64)
    before = op.Min(op.Max(first, 0), sizes)
    after = sizes - before - op.Gather(shape_of(dy), axes)
    return padded(dy, op.Concat(before, after, axis=0), axes)


def _known_pads(dy: Tensor, x: Tensor, starts: Tensor, axes: Tensor) -> list[int] | None:
    """All begins, then all ends, where the sliced axes and the slices have known sizes."""
    begins, which = value_if_known(starts), value_if_known(axes)
    if begins is None or which is None:
        return None
    before, after = [0] * x.ndim, [0] * x.ndim
    for axis, begin in zip(which.tolist(), begins.tolist(), strict=True):
        size, left = x.shape[axis], dy.shape[axis]
        if not isinstance(size, int) or not isinstance(left, int):
            return None
        before[axis] = min(max(begin + size if begin < 0 else begin, 0), size)
        after[axis] = size - before[axis] - left
    return before + after


def _scatter_back(
    dy: Tensor, x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor, steps: Tensor | None
) -> Tensor:
    return put_back(dy, op.Slice(numbered(x), starts, ends, axes, steps), x)


@vjp("Pad")
def pad(
    dy: Tensor, y: Tensor, x: Tensor, pads: Tensor, value: Tensor | None = None,
    axes: Tensor | None = None, *, mode: str,
) -> Any:  # fmt: skip
    """Cut the padding off; in the other modes, add it to what it repeats."""
    rest = (None,) * (2 if axes is not None else 1 if value is not None else 0)
    if mode != "constant":
        return put_back(dy, padded(numbered(x), pads, axes, mode=mode), x), None, *rest
    dx = _cut(dy, pads, axes)
    if value is None:
        return dx, None, *rest
    dvalue = op.ReduceSum(dy, keepdims=0) - op.ReduceSum(dx, keepdims=0)
    return dx, None, reshape_like(dvalue, value), *rest[1:]


def _cut(dy: Tensor, pads: Tensor, axes: Tensor | None) -> Tensor:
    """The opposite of padding: a Slice where nothing was cut off, else a Pad by the negatives."""
    known = value_if_known(pads)
    where = value_if_known(axes) if axes is not None else np.arange(dy.ndim)
    if known is None or where is None or np.any(known < 0):
        return padded(dy, op.Neg(pads) if known is None else numbers((-known).tolist()), axes)
    before, after = known.reshape(2, -1)
    used = (before > 0) | (after > 0)
    if not used.any():
        return dy
    ends = np.where(after > 0, -after, np.iinfo(np.int64).max)
    return op.Slice(dy, *(numbers(t[used].tolist()) for t in (before, ends, where)))


@vjp("CenterCropPad")
def center_crop_pad(dy: Tensor, y: Tensor, x: Tensor, shape: Tensor, *, axes: Any = None) -> Any:
    """The same back to the old sizes: what was cut off gets zeros, what was put on is dropped."""
    where = [*range(x.ndim)] if axes is None else [a % x.ndim for a in axes]
    sizes = [x.shape[a] for a in where]
    target = sizes if all(isinstance(d, int) for d in sizes) else op.Gather(op.Shape(x), where)
    return op.CenterCropPad(dy, target, axes=axes), None


@vjp("Range")
def range_(dy: Tensor, y: Tensor, start: Tensor, limit: Tensor, delta: Tensor) -> Any:
    """Start + i delta: sum of dy, none for the limit (it only decides how many), sum of i dy."""
    index = op.Cast(op.Range(0, op.Size(y), 1), to=dy.dtype)
    total, slope = op.ReduceSum(dy, keepdims=0), op.ReduceSum(dy * index, keepdims=0)
    return reshape_like(total, start), None, reshape_like(slope, delta)


@vjp("Compress")
def compress(dy: Tensor, y: Tensor, x: Tensor, condition: Tensor, *, axis: Any = None) -> Any:
    """Back to where the kept ones were, zeros elsewhere."""
    return put_back(dy, op.Compress(numbered(x), condition, axis=axis), x), None


@vjp("ReverseSequence")
def reverse_sequence(
    dy: Tensor, y: Tensor, x: Tensor, lengths: Tensor, *, batch_axis: int, time_axis: int
) -> Any:
    """The same on dy: it undoes itself."""
    return op.ReverseSequence(dy, lengths, batch_axis=batch_axis, time_axis=time_axis), None


@vjp("OneHot")
def one_hot(
    dy: Tensor, y: Tensor, indices: Tensor, depth: Tensor, values: Tensor, *, axis: int
) -> Any:
    """For the two values: the sums of dy where the result is hot, and elsewhere."""
    hot = op.OneHot(indices, depth, constant(np.array([0, 1], values.dtype)), axis=axis)
    on = op.ReduceSum(dy * hot, keepdims=0)
    off = op.ReduceSum(dy, keepdims=0) - on
    return None, None, op.Concat(op.Unsqueeze(off, [0]), op.Unsqueeze(on, [0]), axis=0)


@vjp("DepthToSpace")
def depth_to_space(dy: Tensor, y: Tensor, x: Tensor, *, blocksize: int, mode: str) -> Tensor:
    """Its inverse on dy."""
    deep = op.SpaceToDepth(dy, blocksize=blocksize)
    if mode == "DCR":
        return deep
    # SpaceToDepth gives channels as (block, depth); CRD wants (depth, block)
    blocks = blocksize * blocksize
    shape = shape_of(x)
    split = op.Reshape(deep, op.Concat(shape[0:1], [blocks, -1], shape[2:], axis=0))
    return reshape_like(op.Transpose(split, perm=(0, 2, 1, 3, 4)), x)


@vjp("SpaceToDepth")
def space_to_depth(dy: Tensor, y: Tensor, x: Tensor, *, blocksize: int) -> Tensor:
    """Its inverse on dy."""
    return op.DepthToSpace(dy, blocksize=blocksize, mode="DCR")


@vjp("Trilu")
def trilu(dy: Tensor, y: Tensor, x: Tensor, k: Tensor | None = None, *, upper: int) -> Any:
    """The same triangle of dy."""
    dx = op.Trilu(dy, k, upper=upper)
    return dx if k is None else (dx, None)
