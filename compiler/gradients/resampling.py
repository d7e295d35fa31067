"""Rules for Resize and AffineGrid.

Resize is linear and works on one axis at a time: along each it multiplies by a matrix of interpolation
weights, so its gradient multiplies by the transposed ones. The matrix is what Resize itself makes of
an identity matrix: whatever the runtime does about rounding, edges and filters, the gradient does too.
It depends on no data, and ONNX Runtime folds it to a constant where the sizes are known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ...errors import GradientError
from .. import dtypes, op
from ..autodiff import vjp
from ..ir import Array, Dim, Tensor, TensorType, constant, retyped, value_if_known
from .common import mask, numbers, shape_from, shape_of

Extent: TypeAlias = "Dim | tuple[Any, int]"  # a number, or which dim of which tensor


class Resizing(NamedTuple):
    """The operands of a Resize; ``places`` tells where each axis stands in them."""

    x: Tensor
    roi: Tensor | None
    scales: Tensor | None
    sizes: Tensor | None
    places: Mapping[int, int]
    options: Mapping[str, Any]

    @property
    def crops(self) -> bool:
        return bool(self.options["coordinate_transformation_mode"] == "tf_crop_and_resize")

    @property
    def keeps_aspect(self) -> bool:
        """Whether one scale, found among those of all axes, holds for all of them."""
        policy = self.options["keep_aspect_ratio_policy"]
        return self.sizes is not None and policy != "stretch" and len(self.places) > 1


@vjp("Resize", selective=True)
def resize(
    dy: Tensor, y: Tensor, x: Tensor, roi: Tensor | None = None, scales: Tensor | None = None,
    sizes: Tensor | None = None, *, wanted: Sequence[bool], axes: Any = None, **options: Any,
) -> Any:  # fmt: skip
    """``scales`` decides on the shape, and counts as a number that nothing is differentiated by.

    Raises ``GradientError`` where a gradient by the ``roi`` of a cubic or antialiased crop is wanted.
    """
    scales = None if scales is not None and scales.shape == (0,) else scales
    places = {a % x.ndim: i for i, a in enumerate(range(x.ndim) if axes is None else axes)}
    what = Resizing(x, roi, scales, sizes, places, options)
    changed = [axis for axis in places if not _is_kept(what, axis)]
    droi = _gradient_by_roi(what, dy, y, changed) if wanted[1] and what.crops else None
    others = (droi, *(None,) * (2 if sizes is not None else 1))
    repeats = _repeats(what, changed)
    if repeats is not None:
        share = op.AveragePool(dy, kernel_shape=repeats, strides=repeats)
        return (retyped(share * float(math.prod(repeats)), x.type), *others)
    for axis in sorted(changed, reverse=True):
        dy = _product(_matrix(what, axis, 1), _matrix(what, axis, 0), dy, axis)
    return (retyped(dy, x.type), *others)


def _is_kept(what: Resizing, axis: int) -> bool:
    """Whether the axis certainly keeps every element, so that nothing is to be done about it."""
    i = what.places[axis]
    if what.crops:
        roi = _floats(what.roi)
        if roi is None or (roi[i], roi[len(what.places) + i]) != (0.0, 1.0):
            return False
    if what.sizes is None:
        scales = _floats(what.scales)
        return scales is not None and scales[i] == 1.0
    if what.keeps_aspect:
        return False
    found = _extents(what.sizes)
    return found is not None and i in found and found[i] == _extent(what.x, axis)


def _repeats(what: Resizing, changed: Sequence[int]) -> tuple[int, ...] | None:
    """How often ``nearest`` repeats each element along the spatial axes, if it does just that."""
    rank = what.x.ndim
    factors = [_factor(what, axis) for axis in changed]
    if what.options["mode"] != "nearest" or rank not in (3, 4, 5) or not changed or None in factors:
        return None
    if min(changed) < 2 or not all(_is_repetition(what.options, f) for f in factors):
        return None
    known = dict(zip(changed, factors, strict=True))
    return tuple(int(known.get(axis) or 1) for axis in range(2, rank))


def _factor(what: Resizing, axis: int) -> float | None:
    """The number by which the axis becomes longer, if it is known."""
    i = what.places[axis]
    if what.keeps_aspect or what.crops:
        return None
    if what.sizes is None:
        scales = _floats(what.scales)
        return None if scales is None else float(scales[i])
    before, after = what.x.shape[axis], (_extents(what.sizes) or {}).get(i)
    return after / before if isinstance(before, int) and isinstance(after, int) and before else None


def _is_repetition(options: Mapping[str, Any], factor: float | None) -> bool:
    if factor is None or factor < 1 or factor != int(factor):
        return False
    rounding = options["nearest_mode"]
    if options["coordinate_transformation_mode"] == "asymmetric":
        return bool(rounding == "floor" or (rounding == "round_prefer_floor" and factor == 2))
    halves = ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel")
    return options["coordinate_transformation_mode"] in halves and rounding.startswith("round")


def _matrix(what: Resizing, axis: int, along: int) -> Tensor:
    """The weights of the original elements along ``axis``, with the resized ones ``along`` 0 or 1."""
    i, count = what.places[axis], len(what.places)
    size = what.x.shape[axis]
    length = op.Shape(what.x, start=axis, end=axis + 1)
    square = numbers([size, size]) if isinstance(size, int) else op.Concat(length, length, axis=0)
    identity = op.EyeLike(op.ConstantOfShape(square))
    given = {k: v for k, v in what.options.items() if k != "keep_aspect_ratio_policy"}
    given["extrapolation_value"] = 0.0  # what lies outside has no weight
    roi = _entries(what.roi, [i, count + i]) if what.crops else None
    if what.keeps_aspect:
        result = _matrix_of_common_scale(what, axis, identity, roi, given)
        result = result if along else op.Transpose(result)
    else:
        goal = None if what.sizes is None else _size(what.sizes, i)
        scale = _entries(what.scales, [i]) if goal is None else None
        result = op.Resize(identity, roi, scale, goal, axes=[along], **given)
    shape = (size, result.shape[1]) if along else (result.shape[0], size)
    result = retyped(result, TensorType(result.dtype, shape))
    return result if result.dtype == what.x.dtype else op.Cast(result, to=what.x.dtype)


def _matrix_of_common_scale(
    what: Resizing, axis: int, identity: Tensor, roi: Tensor | None, given: Mapping[str, Any]
) -> Tensor:
    """The weights [original, resized] for a scale that another axis may decide on.

    That axis is put beside the identity, which is constant along it, and resized as well.
    """
    policy = what.options["keep_aspect_ratio_policy"]
    sizes = what.sizes if what.sizes is not None else numbers([])
    lengths = op.Gather(shape_of(what.x), numbers(list(what.places)))
    ratios = op.Cast(sizes, to=dtypes.FLOAT32) / op.Cast(lengths, to=dtypes.FLOAT32)
    decides = (op.ArgMin if policy == "not_larger" else op.ArgMax)(ratios, axis=0, keepdims=1)
    stack = op.Expand(
        op.Unsqueeze(identity, [1, 2]), op.Concat([1, 1], op.Gather(lengths, decides), [1], axis=0)
    )
    goal = op.Concat(op.Gather(sizes, decides), _size(sizes, what.places[axis]), axis=0)
    box = None
    if roi is not None:
        box = op.Gather(op.Concat(constant([0.0, 1.0], roi.dtype), roi, axis=0), [0, 2, 1, 3])
    resized = op.Resize(
        stack, box, None, goal, axes=[2, 3], keep_aspect_ratio_policy=policy, **given
    )
    return op.Squeeze(op.Slice(resized, [0], [1], [2]), [1, 2])


def _product(left: Tensor, right: Tensor, x: Tensor, axis: int) -> Tensor:
    """``left`` times ``x`` along one axis; ``right`` is its transpose, and at hand."""
    if axis == x.ndim - 1:
        return op.MatMul(x, right)
    if axis == x.ndim - 2:
        return op.MatMul(left, x)
    flat = op.Reshape(x, [*(0,) * (axis + 1), -1])
    return op.Reshape(op.MatMul(left, flat), shape_from([0] * (axis + 1), x, axis + 1))


def _gradient_by_roi(
    what: Resizing, dy: Tensor, y: Tensor, changed: Sequence[int]
) -> Tensor | None:
    """How the result changes as the edges of the crop move, along each axis."""
    mode = what.options["mode"]
    if mode == "nearest":
        return None
    if mode != "linear" or what.options["antialias"] or what.roi is None:
        raise GradientError(
            f"Resize with mode={mode} and tf_crop_and_resize has no gradient rule by its roi; use "
            "wh.ops.stop_gradient on the roi, mode=linear without antialias, or GridSample"
        )
    starts: dict[int, Tensor] = {}
    ends: dict[int, Tensor] = {}
    for axis in changed:
        moved = what.x
        for other in (a for a in changed if a != axis):
            moved = _product(_matrix(what, other, 0), _matrix(what, other, 1), moved, other)
        i = what.places[axis]
        slopes, shares = _slopes(what, y, axis)
        change = dy * _product(slopes, op.Transpose(slopes), moved, axis)
        each = op.ReduceSum(change, [a for a in range(dy.ndim) if a != axis], keepdims=0)
        ends[i] = op.ReduceSum(each * shares, [0], keepdims=1)
        starts[i] = op.ReduceSum(each * (1.0 - shares), [0], keepdims=1)
    zero = constant([0.0], dy.dtype)
    edges = [side.get(i, zero) for side in (starts, ends) for i in range(len(what.places))]
    return op.Concat(*edges, axis=0)


def _slopes(what: Resizing, y: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Derivatives of the weights [resized, original] by the crop, and the share that its end has."""
    i, x = what.places[axis], what.x
    last = op.Cast(_length(x, axis), to=x.dtype) - 1.0
    steps = op.Squeeze(_length(y, axis), [0])
    number = op.Cast(op.Range(0, steps, 1), to=x.dtype)
    gaps = op.Cast(steps - 1, to=x.dtype)
    alone = mask(op.Equal(gaps, 0.0), gaps)
    shares = (number + alone * 0.5) / (gaps + alone)
    edges = [_entries(what.roi, [place]) for place in (i, len(what.places) + i)]
    start, end = (op.Cast(e, to=x.dtype) for e in edges if e is not None)
    position = op.Unsqueeze((start + shares * (end - start)) * last, [1])
    original = op.Range(0, op.Squeeze(_length(x, axis), [0]), 1)
    near, far = (
        mask(op.Equal(op.Floor(position) + step, op.Cast(original, to=x.dtype)), x)
        for step in (0.0, 1.0)
    )
    inside = mask(op.And(op.GreaterOrEqual(position, 0.0), op.Less(position, last)), x)
    return (far - near) * (inside * last), shares


def _length(x: Tensor, axis: int) -> Tensor:
    size = x.shape[axis]
    return numbers([size]) if isinstance(size, int) else op.Shape(x, start=axis, end=axis + 1)


def _floats(x: Tensor | None) -> Array | None:
    """The values of a constant, of whatever type."""
    node = x.node if x is not None else None
    if node is not None and node.op == "Constant" and hasattr(node.attrs[0][1], "array"):
        found: Array = node.attrs[0][1].array
        return found
    if node is not None and node.op == "Data" and node.payload.variable is None:
        return np.asarray(node.payload.array)
    return None


def _entries(x: Tensor | None, places: Sequence[int]) -> Tensor | None:
    """Some entries of a vector: a constant where it is one."""
    known = _floats(x)
    if x is None or known is not None:
        return None if known is None else constant(known[list(places)])
    return op.Gather(x, numbers(places))


def _size(sizes: Tensor, place: int) -> Tensor:
    known = (_extents(sizes) or {}).get(place)
    return numbers([known]) if isinstance(known, int) else op.Gather(sizes, numbers([place]))


def _extent(x: Tensor, axis: int) -> Extent:
    size = x.shape[axis]
    return size if isinstance(size, int) else (x.key, axis)


def _extents(sizes: Tensor) -> dict[int, Extent] | None:
    """What is known of the entries of ``sizes``, which is often put together from a shape."""
    known = value_if_known(sizes)
    if known is not None:
        return dict(enumerate(known.ravel().tolist()))
    node = sizes.node
    if node.op == "Shape":
        x = node.inputs[0]
        attrs: dict[str, Any] = dict(node.attrs)
        if x is None:
            return None
        every = [_extent(x, a) for a in range(x.ndim)]
        return dict(enumerate(every[attrs.get("start", 0) : attrs.get("end")]))
    return _extents_of_parts(sizes)


def _extents_of_parts(sizes: Tensor) -> dict[int, Extent] | None:
    node = sizes.node
    parts = [t for t in node.inputs if t is not None]
    if node.op == "Concat":
        found: dict[int, Extent] = {}
        start = 0
        for part in parts:
            found |= {start + i: e for i, e in (_extents(part) or {}).items()}
            length = part.shape[0]
            if not isinstance(length, int):
                return found
            start += length
        return found
    if node.op in ("Cast", "Identity", "Unsqueeze", "Squeeze", "Reshape") and parts[0].ndim <= 1:
        return _extents(parts[0])
    if node.op in ("Slice", "Gather") and len(parts[0].shape) == 1:
        return _extents_of_choice(node.op, parts)
    return None


def _extents_of_choice(kind: str, parts: Sequence[Tensor]) -> dict[int, Extent] | None:
    source, length = _extents(parts[0]), parts[0].shape[0]
    chosen = [value_if_known(t) for t in parts[1:]]
    if source is None or not isinstance(length, int) or any(c is None for c in chosen):
        return None
    every = np.arange(length)
    if kind == "Gather":
        picked = np.atleast_1d(every[chosen[0]])
    else:
        start, end = (int(c[0]) for c in chosen[:2] if c is not None)
        step = int(chosen[3][0]) if len(chosen) > 3 and chosen[3] is not None else 1
        picked = every[start:end:step] if step > 0 else every[:0]
    return {i: source[int(p)] for i, p in enumerate(picked.ravel()) if int(p) in source}


@vjp("AffineGrid")
def affine_grid(dy: Tensor, y: Tensor, theta: Tensor, size: Tensor, *, align_corners: int) -> Any:
    """Each row of ``theta`` meets the homogeneous position of each point: the identity's own grid."""
    rank = dy.ndim - 2
    unit = constant(np.eye(rank, rank + 1)[None], theta.dtype)
    one = op.Concat([1], op.Slice(size, [1], [rank + 2]), axis=0)
    positions = op.Reshape(op.AffineGrid(unit, one, align_corners=align_corners), [-1, rank])
    homogeneous = op.Pad(positions, [0, 0, 0, 1], constant(1, theta.dtype))
    points = op.Reshape(dy, [0, -1, rank])
    return op.MatMul(op.Transpose(points, perm=(0, 2, 1)), homogeneous), None
