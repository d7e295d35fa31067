"""Rules for operators that read or write regions of images: Col2Im, RoiAlign, MaxRoiPool."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import op
from ..autodiff import vjp
from ..ir import Tensor, constant, value_if_known
from .common import mask, numbers, padded, reshape_like
from .composed import composed
from .sampling import bounded, extents, named, pixels, product, real, shaped, spread, weighed


@vjp("Col2Im")
def col2im(
    dy: Tensor, y: Tensor, x: Tensor, image_shape: Tensor, block_shape: Tensor, *,
    dilations: Any = None, pads: Any = None, strides: Any = None,
) -> Any:  # fmt: skip
    """Each block takes back the pixels that it was added to: Col2Im's adjoint is im2col."""
    rank = dy.ndim - 2
    dilations, strides = dilations or (1,) * rank, strides or (1,) * rank
    pads = pads or (0,) * 2 * rank
    if any(pads):
        dy = padded(dy, numbers(pads), numbers(range(2, 2 + rank)))
    for i in range(rank - 1, -1, -1):
        known = value_if_known(block_shape)
        block = op.Gather(block_shape, i) if known is None else constant(known[i])
        places = _block_places(dy, 2 + i, block, dilations[i], strides[i])
        dy = op.Gather(dy, places, axis=2 + i)
    # after batch and channels, block and blocks take turns
    blocks = range(2, 2 + 2 * rank, 2)
    turned = op.Transpose(dy, perm=(0, 1, *blocks, *(b + 1 for b in blocks)))
    return reshape_like(turned, x), None, None


def _block_places(
    padded_image: Tensor, axis: int, block: Tensor, dilation: int, stride: int
) -> Tensor:
    """Where along one axis each position of each block lies: [block, blocks]."""
    size, known = padded_image.shape[axis], value_if_known(block)
    if isinstance(size, int) and known is not None:
        reach = dilation * (int(known) - 1)
        first = np.arange(0, size - reach, stride)
        return constant(np.arange(int(known))[:, None] * dilation + first)
    length = op.Squeeze(op.Shape(padded_image, start=axis, end=axis + 1), [0])
    starts = op.Range(0, length - (block - 1) * dilation, stride)
    return op.Unsqueeze(op.Range(0, block, 1) * dilation, [1]) + starts


@composed("RoiAlign")
def roi_align(
    x: Tensor, rois: Tensor, batch: Tensor, *, mode: str, coordinate_transformation_mode: str,
    output_height: int, output_width: int, sampling_ratio: int, spatial_scale: float,
) -> Tensor:  # fmt: skip
    """``max`` is ONNX's own: the largest *weighed corner* of all samples, not the largest sample."""
    x, rois = named(x, "x"), named(rois, "rois")
    half = coordinate_transformation_mode == "half_pixel"
    corners = rois * spatial_scale - (0.5 if half else 0.0)
    start, end = op.Split(corners, [2, 2], axis=1)
    extent = end - start if half else op.Max(end - start, 1.0)
    bins = extent / constant([output_width, output_height], x.dtype)
    down, across = (
        _roi_taps(x, axis, op.Gather(start, i, axis=1), op.Gather(bins, i, axis=1), out,
                  sampling_ratio, mean=mode == "avg")
        for i, axis, out in ((1, 2, output_height), (0, 3, output_width))
    )  # fmt: skip
    places = _over_bins(down[0] * extents(x, [3]), across[0], multiply=False)
    places = places + _starts_of_images(x, batch, rois)
    weights = _over_bins(down[1], across[1], multiply=True)
    if mode == "avg":
        found = weighed(pixels(x), places, weights)
    else:
        values = op.Gather(pixels(x), places) * op.Unsqueeze(weights, [4])
        found = op.ReduceMax(values, [3], keepdims=0)
    return op.Transpose(found, perm=(0, 3, 1, 2))


def _roi_taps(
    x: Tensor, axis: int, start: Tensor, bins: Tensor, count: int, sampling_ratio: int, mean: bool
) -> tuple[Tensor, Tensor]:
    """Places and weights along one axis: [rois, bins, samples * 2]."""
    start, bins = op.Unsqueeze(start, [1, 2]), op.Unsqueeze(bins, [1, 2])
    if sampling_ratio > 0:
        samples: Any = constant(sampling_ratio, x.dtype)
        number: Any = constant(np.arange(sampling_ratio), x.dtype)
    else:
        samples = op.Ceil(bins)
        most = op.Max(op.ReduceMax(samples, keepdims=0), 1.0)
        number = op.Range(constant(0, x.dtype), most, constant(1, x.dtype))
        number = shaped(number, (f"samples.{axis}",))
    taken = op.Min(number, samples - 1.0)  # those that a region has too many repeat its last
    bin_number = constant(np.arange(count).reshape(-1, 1), x.dtype)
    position = start + bin_number * bins + (taken + 0.5) * (bins / samples)
    size = extents(x, [axis])
    length = real(size, position)
    hits = mask(
        op.And(op.LessOrEqual(position, length), op.GreaterOrEqual(position, -1.0)), position
    )
    if sampling_ratio <= 0:
        hits = hits * mask(op.Less(number if mean else 0.0, samples), position)
    if mean:
        hits = hits / (samples if sampling_ratio > 0 else op.Max(samples, 1.0))
    places, weights = spread(op.Max(op.Min(position, length - 1.0), 0.0))
    weights = weights * op.Unsqueeze(hits, [3])
    taps = 2 * sampling_ratio if sampling_ratio > 0 else f"taps.{axis}"
    flat = [op.Reshape(t, [0, count, -1]) for t in (bounded(places, size), weights)]
    return shaped(flat[0], (start.shape[0], count, taps)), shaped(
        flat[1], (start.shape[0], count, taps)
    )


def _over_bins(down: Tensor, across: Tensor, multiply: bool) -> Tensor:
    """Every pair of a place along the height and one along the width: [rois, height, width, pairs]."""
    rows, columns = op.Unsqueeze(down, [2, 4]), op.Unsqueeze(across, [1, 3])
    every = rows * columns if multiply else rows + columns
    lead, counts = every.shape[:3], every.shape[3:]
    pairs = math.prod(c for c in counts if isinstance(c, int))
    known = all(isinstance(c, int) for c in counts)
    return shaped(op.Reshape(every, [0, 0, 0, -1]), (*lead, pairs if known else "pairs"))


def _starts_of_images(x: Tensor, batch: Tensor, rois: Tensor) -> Tensor:
    """The row in ``pixels(x)`` at which the image of each region begins: [rois, 1, 1, 1]."""
    area = product(extents(x, [2, 3]))
    begins = op.Unsqueeze(op.Cast(batch, to="int64") * area, [1, 2, 3])
    return shaped(begins, (rois.shape[0], 1, 1, 1))


@composed("MaxRoiPool")
def max_roi_pool(x: Tensor, rois: Tensor, *, pooled_shape: Any, spatial_scale: float) -> Tensor:
    """Regions are rounded to whole pixels, so that nothing can be differentiated by them."""
    x, rois = named(x, "x"), named(rois, "rois")
    batch, corners = op.Split(rois, [1, 4], axis=1)
    scaled = corners * spatial_scale
    whole = op.Sign(scaled) * op.Floor(op.Abs(scaled) + 0.5)  # halves away from zero, as C rounds
    start, end = op.Split(whole, [2, 2], axis=1)
    extent = op.Max(end - start + 1.0, 1.0)
    parts = [
        _roi_bins(x, axis, op.Gather(start, i, axis=1), op.Gather(extent, i, axis=1), count)
        for i, axis, count in ((1, 2, pooled_shape[0]), (0, 3, pooled_shape[1]))
    ]
    (rows, some_rows), (columns, some_columns) = parts
    places = _over_bins(rows * extents(x, [3]), columns, multiply=False)
    places = places + _starts_of_images(x, op.Squeeze(batch, [1]), rois)
    largest = op.ReduceMax(op.Gather(pixels(x), places), [3], keepdims=0)
    some = op.Unsqueeze(some_rows, [2]) * op.Unsqueeze(some_columns, [1])
    return op.Transpose(largest * op.Unsqueeze(some, [3]), perm=(0, 3, 1, 2))


def _roi_bins(
    x: Tensor, axis: int, start: Tensor, extent: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """Along one axis: the pixels of each bin, [rois, bins, pixels], and ones where there are any."""
    start, bins = op.Unsqueeze(start, [1]), op.Unsqueeze(extent, [1]) / float(count)
    number = constant(np.arange(count), x.dtype)
    size = extents(x, [axis])
    edges = (op.Floor(number * bins) + start, op.Ceil((number + 1.0) * bins) + start)
    low, high = (op.Max(op.Min(op.Cast(e, to="int64"), size), 0) for e in edges)
    steps = shaped(op.Range(0, op.ReduceMax(high - low, keepdims=0), 1), (f"pixels.{axis}",))
    # shorter bins repeat their last pixel
    places = op.Min(op.Unsqueeze(low, [2]) + steps, op.Unsqueeze(high, [2]) - 1)
    return bounded(places, size), mask(op.Greater(high, low), x)
