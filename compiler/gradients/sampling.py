"""GridSample, and what other operators need that read an image between its pixels.

A position along an axis is spread over a few pixels (its taps): where they are depends on the whole
part of the position, how much they weigh on the fraction, as a polynomial. The whole part is locally
constant, so that the gradient by the position is that of the weights alone.

Source: R. Keys, Cubic Convolution Interpolation for Digital Image Processing, IEEE ASSP 1981.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import op
from ..ir import Array, Dim, Tensor, TensorType, constant, retyped, value_if_known
from .common import mask, numbers
from .composed import composed

KEYS = -0.75  # the "a" of the cubic kernel in GridSample
# weights of the taps: coefficients of the fraction's powers, [power, tap]
NEAREST = np.array([[1.0]])
LINEAR = np.array([[1.0, 0.0], [-1.0, 1.0]])
CUBIC = np.array([
    [0, 1, 0, 0],
    [KEYS, 0, -KEYS, 0],
    [-2 * KEYS, -KEYS - 3, 2 * KEYS + 3, KEYS],
    [KEYS, KEYS + 2, -KEYS - 2, -KEYS],
])  # fmt: skip


def spread(position: Tensor, weights: Array = LINEAR) -> tuple[Tensor, Tensor]:
    """Places (int64, unbounded) and weights of the taps of each position, on a new last axis."""
    count = weights.shape[1]
    if count == 1:
        place = op.Cast(op.Round(position), to="int64")
        return op.Unsqueeze(place, [position.ndim]), constant([1.0], position.dtype)
    whole = op.Floor(position)
    fraction = op.Unsqueeze(position - whole, [position.ndim])
    total: Any = constant(weights[-1], position.dtype)
    for coefficients in weights[-2::-1]:
        total = total * fraction + constant(coefficients, position.dtype)
    steps = numbers(np.arange(count) - (count // 2 - 1))
    return op.Unsqueeze(op.Cast(whole, to="int64"), [position.ndim]) + steps, total


def bounded(places: Tensor, size: Tensor) -> Tensor:
    """The nearest places within ``[0, size)``."""
    return op.Min(op.Max(places, 0), size - 1)


def inside(places: Tensor, size: Tensor, like: Tensor) -> Tensor:
    """Ones where a place is within ``[0, size)``."""
    return mask(op.Equal(places, bounded(places, size)), like)


def reflected(places: Tensor, size: Tensor, align_corners: int) -> Tensor:
    """Places mirrored until they are inside: at the centres of the outermost pixels or their edges."""
    if align_corners:
        period = op.Max((size - 1) * 2, 1)
        offset = op.Mod(places, period)
        return op.Min(offset, period - offset)
    period = size * 2
    offset = op.Mod(places, period)
    return op.Min(offset, period - 1 - offset)


def crossed(parts: Sequence[Tensor], multiply: bool) -> Tensor:
    """Sums (or products) of every choice of one entry from the last axis of each part, flattened."""
    total, rank = None, len(parts)
    for i, part in enumerate(parts):
        lead = part.ndim - 1
        ones = [lead + k for k in range(rank) if k != i]
        one = op.Unsqueeze(part, ones) if ones else part
        total = one if total is None else total * one if multiply else total + one
    if total is None or rank == 1:
        return parts[0]
    return op.Reshape(total, [*(0,) * (total.ndim - rank), -1])


def named(x: Tensor, name: str) -> Tensor:
    """``x`` with a name for every unknown dim: what has the same name needs no check for broadcasting."""
    shape = tuple(f"{name}.{i}" if d is None else d for i, d in enumerate(x.shape))
    return retyped(x, TensorType(x.dtype, shape))


def shaped(x: Tensor, shape: Sequence[Dim]) -> Tensor:
    """``x`` with a shape that is known better than inference knows it."""
    return retyped(x, TensorType(x.dtype, tuple(shape)))


def extents(x: Tensor, axes: Sequence[int]) -> Tensor:
    """The sizes of some axes, as an int64 vector."""
    sizes: list[Dim] = [x.shape[a] for a in axes]
    if all(isinstance(s, int) for s in sizes):
        return numbers(sizes)
    return op.Gather(op.Shape(x), numbers(axes))


def pitches(x: Tensor, axes: Sequence[int]) -> Tensor:
    """How far apart neighbours along each of ``axes`` are in the flattened spatial axes of ``x``."""
    parts = [product(extents(x, range(axis + 1, x.ndim))) for axis in axes]
    known = [value_if_known(p) for p in parts]
    if all(k is not None for k in known):
        return numbers([int(k[0]) for k in known if k is not None])
    return op.Concat(*parts, axis=0)


def product(sizes: Tensor) -> Tensor:
    """The product of a vector of numbers, as a vector of one."""
    known = value_if_known(sizes)
    return op.ReduceProd(sizes, keepdims=1) if known is None else numbers([np.prod(known)])


def pixels(x: Tensor) -> Tensor:
    """The pixels of all images, one a row: [batch * space, channels]."""
    last = op.Transpose(x, perm=(0, *range(2, x.ndim), 1))
    channels = x.shape[1]
    if isinstance(channels, int):
        return op.Reshape(last, [-1, channels])
    return op.Reshape(last, op.Concat([-1], op.Shape(x, start=1, end=2), axis=0))


def weighed(rows: Tensor, places: Tensor, weights: Tensor) -> Tensor:
    """Sums of rows: ``sum_k weights[..., k] * rows[places[..., k]]``, shape [..., channels]."""
    picked = op.Gather(rows, places)
    total = op.MatMul(op.Unsqueeze(weights, [weights.ndim - 1]), picked)
    return op.Squeeze(total, [weights.ndim - 1])


def first_pixels(x: Tensor, rank: int) -> Tensor:
    """The row in ``pixels(x)`` at which each image begins, shape [batch, 1, ...] of ``rank`` axes."""
    count, area = x.shape[0], product(extents(x, range(2, x.ndim)))
    known = value_if_known(area)
    ones = (1,) * (rank - 1)
    if isinstance(count, int) and known is not None:
        return constant((np.arange(count) * known[0]).reshape(count, *ones))
    begins = op.Range(0, op.Squeeze(extents(x, [0]), [0]), 1) * area
    return retyped(
        op.Unsqueeze(begins, [*range(1, rank)]), TensorType(begins.dtype, (count, *ones))
    )


def real(numbers: Tensor, like: Tensor) -> Tensor:
    """Integers with the type of ``like``: a constant where they are known."""
    known = value_if_known(numbers)
    return op.Cast(numbers, to=like.dtype) if known is None else constant(known, like.dtype)


@composed("GridSample")
def grid_sample(
    x: Tensor, grid: Tensor, *, mode: str, padding_mode: str, align_corners: int
) -> Tensor:
    """By the image, the weights of the taps; by the grid, the slopes of these weights."""
    rank = x.ndim - 2
    axes = [*range(x.ndim - 1, 1, -1)]  # the grid counts from the last axis
    x = named(x, "x")
    space = [d for d in grid.shape[1:-1] if isinstance(d, int)]
    count = math.prod(space) if len(space) == rank else "points"
    points = shaped(op.Reshape(grid, [0, -1, rank]), (x.shape[0], count, rank))
    kind = {"nearest": NEAREST, "linear": LINEAR, "cubic": CUBIC}[mode]
    position = _position(points, extents(x, axes), align_corners)
    places, weights = spread(position, kind)
    size = op.Unsqueeze(extents(x, axes), [1])
    if padding_mode == "zeros":
        weights = weights * inside(places, size, weights)
    if padding_mode == "reflection":
        places = reflected(places, size, align_corners)
    flat = bounded(places, size) * op.Unsqueeze(pitches(x, axes), [1])
    every = _crossed_axes(flat, rank, multiply=False) + first_pixels(x, 3)
    weights = op.Expand(weights, op.Shape(flat)) if kind is NEAREST else weights
    found = weighed(pixels(x), every, _crossed_axes(weights, rank, multiply=True))
    return op.Reshape(op.Transpose(found, perm=(0, 2, 1)), _shape_of_samples(x, grid))


def _position(points: Tensor, sizes: Tensor, align_corners: int) -> Tensor:
    """From [-1, 1] to pixels, in the order of onnxruntime's own operations."""
    size = real(sizes, points)
    if align_corners:
        return (points + 1.0) * 0.5 * (size - 1.0)
    return ((points + 1.0) * size - 1.0) * 0.5


def _crossed_axes(taps: Tensor, rank: int, multiply: bool) -> Tensor:
    """``crossed`` over the axes that the last but one of ``taps`` holds."""
    if rank == 1:
        return op.Squeeze(taps, [taps.ndim - 2])
    parts = op.Split(taps, num_outputs=rank, axis=taps.ndim - 2)
    return crossed([op.Squeeze(p, [taps.ndim - 2]) for p in parts], multiply)


def _shape_of_samples(x: Tensor, grid: Tensor) -> Tensor:
    shape = (*x.shape[:2], *grid.shape[1:-1])
    if sum(not isinstance(d, int) for d in shape) <= 1:
        return numbers([d if isinstance(d, int) else -1 for d in shape])
    return op.Concat(op.Shape(x, end=2), op.Shape(grid, start=1, end=-1), axis=0)
