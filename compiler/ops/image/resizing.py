"""Images of other sizes: resampled, cropped, padded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ....errors import ArgumentError, ShapeError
from ... import layout, op, windows
from ...casting import as_type
from ...dtypes import INT64, is_float
from ...infer import TensorType
from ...ir import Like, Tensor, convert, retyped
from .common import Images, Size, extent, images_of, larger, quotient, smaller, vector


def resize(
    images: Like, size: Sequence[Size], interpolation: str = "bilinear", antialias: bool = False,
    crop_to_aspect_ratio: bool = False, pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant", fill_value: float = 0.0, data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """Images of ``size`` (height, width), by "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".

    Pixels are squares: half-pixel centres, as in every backend of Keras. ``antialias`` widens the
    filter where images shrink. Bicubic is that of Keras on torch: a = -0.75, or -0.5 with antialias.
    ``crop_to_aspect_ratio`` cuts the middle out first, ``pad_to_aspect_ratio`` adds ``fill_value``.
    Integers are rounded and stay integers.
    """
    owner = "resize"
    if fill_mode != "constant":
        raise ArgumentError(f"resize(fill_mode={fill_mode!r}): expected 'constant'")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ArgumentError("resize takes crop_to_aspect_ratio or pad_to_aspect_ratio, not both")
    if len(size) != 2:
        raise ArgumentError(f"resize(size={size!r}): expected (height, width)")
    given = images_of(owner, images, data_format)
    height, width = (int(s) if isinstance(s, (int, np.integer)) else s for s in size)
    x = given.x
    if crop_to_aspect_ratio:
        x = _cut_to_ratio(given, height, width)
    elif pad_to_aspect_ratio:
        x = _padded_to_ratio(given, height, width, fill_value)
    y = _resampled(x, (height, width), interpolation, antialias)
    if interpolation not in ("nearest", "bilinear") and given.dtype.kind in "iu":
        limits = np.iinfo(given.dtype)  # these filters overshoot
        if limits.max < 2**31:
            y = op.Clip(y, float(limits.min), float(limits.max))
    return given.back(y)


def _cut_to_ratio(given: Images, height: Size, width: Size) -> Tensor:
    own = given.height, given.width
    cut = (
        larger(smaller(own[0], quotient(own[1] * height, width)), 1),
        larger(smaller(own[1], quotient(own[0] * width, height)), 1),
    )
    starts = [quotient(o - c, 2) for o, c in zip(own, cut, strict=True)]
    ends = [s + c for s, c in zip(starts, cut, strict=True)]
    return op.Slice(given.x, vector(*starts), vector(*ends), [1, 2])


def _padded_to_ratio(given: Images, height: Size, width: Size, value: float) -> Tensor:
    own = given.height, given.width
    full = (
        larger(own[0], quotient(own[1] * height, width)),
        larger(own[1], quotient(own[0] * width, height)),
    )
    sides = [quotient(f - o, 2) for f, o in zip(full, own, strict=True)]
    return op.Pad(given.x, vector(*sides, *sides), convert(value, given.x.dtype), [1, 2])


def _resampled(x: Tensor, size: Sequence[Size], interpolation: str, antialias: bool) -> Tensor:
    if interpolation not in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"):
        raise ArgumentError(
            f"resize(interpolation={interpolation!r}): expected 'nearest', 'bilinear', 'bicubic', "
            "'lanczos3' or 'lanczos5'"
        )
    if interpolation == "nearest" or (interpolation == "bilinear" and not antialias):
        return _one_node(x, size, interpolation)
    # ONNX Runtime (1.32) has cubic and antialiased Resize for channels first alone, but moves a
    # Transpose across Resize: one product with a matrix of weights per axis
    scales = [_number(s, x) / _number(extent(x, a), x) for s, a in zip(size, (1, 2), strict=True)]
    if interpolation == "bicubic" and not antialias:
        for axis, to, scale in zip((1, 2), size, scales, strict=True):
            x = _weighted(x, axis, _repeating_edges(x, extent(x, axis), to, scale))
        return x
    shifts = [convert(0.0, x.dtype)] * 2
    return _moved(x, size, (1, 2), scales, shifts, interpolation, antialias)


def _one_node(x: Tensor, size: Sequence[Size], interpolation: str) -> Tensor:
    near = interpolation == "nearest"
    turned = layout.channels_first(x)
    # all four sizes: where only two axes are named, ONNX Runtime (1.32) loses them when it moves
    # the Transpose
    y = op.Resize(
        turned, None, None, vector(extent(turned, 0), extent(turned, 1), *size),
        coordinate_transformation_mode="half_pixel", mode="nearest" if near else "linear",
        nearest_mode="round_prefer_ceil" if near else None,
    )  # fmt: skip
    known = (*turned.shape[:2], *(s if isinstance(s, int) else None for s in size))
    return layout.channels_last(retyped(y, TensorType(y.dtype, known)))


def _repeating_edges(x: Tensor, before: Size, after: Size, scale: Tensor) -> Tensor:
    """Cubic weights (a = -0.75) of the four pixels around a place; the outermost are repeated."""
    place = (_range(after, x) + 0.5) / scale - 0.5
    first = op.Floor(place)
    part = place - first
    pixels = op.Unsqueeze(_range(before, x), [1])
    last = _number(before, x) - 1
    total = pixels * 0.0
    for k, distance in ((-1, part + 1), (0, part), (1, 1 - part), (2, 2 - part)):
        weight = _cubic(distance, -0.75)
        there = op.Equal(pixels, op.Min(op.Max(first + k, 0.0), last))
        total = total + op.Where(there, weight, convert(0.0, x.dtype))
    return total


def _number(size: Size, x: Tensor) -> Tensor:
    """A size as a float scalar."""
    return convert(float(size), x.dtype) if isinstance(size, int) else op.Cast(size, to=x.dtype)


def _triangle(x: Tensor) -> Tensor:
    return op.Max(1 - x, 0.0)


def _cubic(x: Tensor, a: float) -> Tensor:
    """The cubic kernel at distances ``x`` (Keys 1981)."""
    near = ((x * (a + 2) - (a + 3)) * x) * x + 1
    far = ((x * a - 5 * a) * x + 8 * a) * x - 4 * a
    inner = op.Where(op.GreaterOrEqual(x, 1.0), far, near)
    return op.Where(op.GreaterOrEqual(x, 2.0), convert(0.0, x.dtype), inner)


def _keys(x: Tensor) -> Tensor:
    return _cubic(x, -0.5)


def _lanczos(radius: float) -> Callable[[Tensor], Tensor]:
    def kernel(x: Tensor) -> Tensor:
        wave = op.Sin(x * np.pi) * op.Sin(x * (np.pi / radius)) * radius
        away = op.Greater(x, 1e-3)
        value = wave / (op.Where(away, x * x, convert(1.0, x.dtype)) * np.pi**2)
        near = op.Where(away, value, convert(1.0, x.dtype))
        return op.Where(op.Greater(x, radius), convert(0.0, x.dtype), near)

    return kernel


_KERNELS = {
    "linear": _triangle, "bilinear": _triangle, "trilinear": _triangle, "cubic": _keys,
    "bicubic": _keys, "tricubic": _keys, "lanczos3": _lanczos(3.0), "lanczos5": _lanczos(5.0),
}  # fmt: skip


def scale_and_translate(
    images: Like, output_shape: Sequence[int], scale: Like, translation: Like,
    spatial_dims: Sequence[int], method: str, antialias: bool = True,
) -> Tensor:  # fmt: skip
    """Pixel ``x`` moved to ``x * scale + translation`` along each of ``spatial_dims``.

    ``method`` is linear, cubic (Keys 1981), lanczos3 or lanczos5 (or bi- and tri- of the first two);
    pixels that come from outside are 0. ``output_shape`` has an entry for each axis.
    """
    if method not in _KERNELS:
        raise ArgumentError(
            f"scale_and_translate(method={method!r}): expected one of {[*_KERNELS]}"
        )
    given = convert(images)
    x = given if is_float(given.dtype) else op.Cast(given, to="float32")
    scales, shifts = convert(scale, x.dtype), convert(translation, x.dtype)
    axes = [a % x.ndim for a in spatial_dims]
    if len(output_shape) != x.ndim:
        raise ShapeError(f"scale_and_translate: output_shape={output_shape} for {x.type}")
    y = _moved(
        x, [output_shape[a] for a in axes], axes,
        [as_type(scales[i], x.dtype) for i in range(len(axes))],
        [as_type(shifts[i], x.dtype) for i in range(len(axes))], method, antialias,
    )  # fmt: skip
    if is_float(given.dtype):
        return y
    low, high = (f(x, None, keepdims=0) for f in (op.ReduceMin, op.ReduceMax))
    return op.Cast(op.Clip(op.Round(y), low, high), to=given.dtype)


def _moved(
    x: Tensor, sizes: Sequence[Size], axes: Sequence[int], scales: Sequence[Tensor],
    shifts: Sequence[Tensor], method: str, antialias: bool,
) -> Tensor:  # fmt: skip
    """``x`` resampled axis by axis."""
    for size, axis, scale, shift in zip(sizes, axes, scales, shifts, strict=True):
        x = _weighted(x, axis, _weights(x, extent(x, axis), size, scale, shift, method, antialias))
    return x


def _weighted(x: Tensor, axis: int, weights: Tensor) -> Tensor:
    order = [i for i in range(x.ndim) if i != axis] + [axis]
    back = [order.index(i) for i in range(x.ndim)]
    return op.Transpose(op.MatMul(op.Transpose(x, perm=order), weights), perm=back)


def _range(size: Size, x: Tensor) -> Tensor:
    return op.Cast(op.Range(0, as_type(convert(size, INT64), INT64), 1), to=x.dtype)


def _weights(
    x: Tensor, before: Size, after: Size, scale: Tensor, shift: Tensor, method: str, antialias: bool
) -> Tensor:
    """[before, after]: what each pixel before contributes to each one after."""
    inverse = 1 / scale
    sample = (_range(after, x) + 0.5) * inverse - shift * inverse - 0.5
    distance = op.Abs(sample - op.Unsqueeze(_range(before, x), [1]))
    weights = _KERNELS[method](distance / op.Max(inverse, 1.0) if antialias else distance)
    total = op.ReduceSum(weights, [0], keepdims=1)
    zero, one = convert(0.0, x.dtype), convert(1.0, x.dtype)
    some = op.Greater(op.Abs(total), 1000.0 * float(np.finfo(np.float32).eps))
    weights = op.Where(some, weights / op.Where(some, total, one), zero)
    last = _number(before, x) - 0.5
    inside = op.And(op.GreaterOrEqual(sample, -0.5), op.LessOrEqual(sample, last))
    return op.Where(inside, weights, zero)


def _checked(owner: str, kinds: str, first: Size, last: Size, target: Size) -> None:
    if [first, last, target].count(None) != 1:
        raise ArgumentError(f"{owner} takes exactly two of {kinds}; got {(first, last, target)}")
    for value in (first, last, target):
        if isinstance(value, int) and value < 0:
            raise ArgumentError(
                f"{owner}: {kinds} must not be negative; got {(first, last, target)}"
            )


def _space(owner: str, images: Like, data_format: str | None) -> tuple[Tensor, list[int]]:
    x = convert(images)
    if x.ndim not in (3, 4):
        raise ShapeError(
            f"{owner} takes [height, width, channels], with or without a batch; got {x.type}"
        )
    first = windows.is_channels_first(owner, data_format)
    start = x.ndim - (2 if first else 3)
    return x, [start, start + 1]


def pad_images(
    images: Like, top_padding: int | None = None, left_padding: int | None = None,
    bottom_padding: int | None = None, right_padding: int | None = None,
    target_height: int | None = None, target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """Zeros around images: two of top, bottom and height, and two of left, right and width."""
    x, axes = _space("pad_images", images, data_format)
    given: tuple[tuple[Size, Size, Size], ...] = (
        (top_padding, bottom_padding, target_height), (left_padding, right_padding, target_width)
    )  # fmt: skip
    before: list[Size] = []
    after: list[Size] = []
    for axis, names, (first, last, target) in zip(axes, _NAMES, given, strict=True):
        _checked("pad_images", names, first, last, target)
        start = target - last - extent(x, axis) if first is None else first
        end = target - start - extent(x, axis) if last is None else last
        if any(isinstance(v, int) and v < 0 for v in (start, end)):
            raise ShapeError(f"pad_images: {target} is less than {x.type} has on axis {axis}")
        before.append(start)
        after.append(end)
    return op.Pad(x, vector(*before, *after), None, axes)


_NAMES = ("top, bottom and height", "left, right and width")


def crop_images(
    images: Like, top_cropping: int | None = None, left_cropping: int | None = None,
    bottom_cropping: int | None = None, right_cropping: int | None = None,
    target_height: int | None = None, target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """A part of images: two of top, bottom and height, and two of left, right and width."""
    x, axes = _space("crop_images", images, data_format)
    given: tuple[tuple[Size, Size, Size], ...] = (
        (top_cropping, bottom_cropping, target_height), (left_cropping, right_cropping, target_width)
    )  # fmt: skip
    starts, ends = [], []
    for axis, names, (first, last, target) in zip(axes, _NAMES, given, strict=True):
        _checked("crop_images", names, first, last, target)
        size = extent(x, axis)
        start = size - target - last if first is None else first
        end = size - last if target is None else start + target
        if isinstance(start, int) and (
            start < 0 or (isinstance(size, int) and not start <= end <= size)
        ):
            raise ShapeError(
                f"crop_images: {(first, last, target)} does not fit axis {axis} of {x.type}"
            )
        starts.append(start)
        ends.append(end)
    return op.Slice(x, vector(*starts), vector(*ends), axes)


__all__ = ["crop_images", "pad_images", "resize", "scale_and_translate"]
