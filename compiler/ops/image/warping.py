"""Images read at other places: affine, perspective and elastic transformations."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from ....errors import ArgumentError, ShapeError
from ... import layout, op, random
from ...casting import as_type, floating
from ...dtypes import INT64, is_float
from ...ir import Like, Tensor, convert
from ..elimination import solve
from .common import Size, extent, images_of
from .filters import blurred

_ORDERS = {"nearest": 0, "bilinear": 1}


def _mirror(index: Tensor, size: Size) -> Tensor:
    """Back from the ends, which are not repeated: d c b | a b c d | c b a."""
    last = op.Sub(size, 1)
    period = op.Max(op.Mul(last, 2), 1)
    return op.Abs(op.Sub(op.Mod(op.Add(index, last), period), last))


def _reflect(index: Tensor, size: Size) -> Tensor:
    """Back from the ends, which are repeated: c b a | a b c d | d c b."""
    doubled = _mirror(op.Add(op.Mul(index, 2), 1), op.Add(op.Mul(size, 2), 1))
    return op.Div(op.Max(op.Sub(doubled, 1), 0), 2)


def _nearest(index: Tensor, size: Size) -> Tensor:
    return op.Min(op.Max(index, 0), op.Sub(size, 1))


_FIXES: dict[str, Callable[[Tensor, Size], Tensor]] = {
    "constant": _nearest, "nearest": _nearest, "wrap": op.Mod,
    "mirror": _mirror, "reflect": _reflect,
}  # fmt: skip


def _check(owner: str, fill_mode: str, interpolation: str = "nearest") -> int:
    if interpolation not in _ORDERS:
        raise ArgumentError(
            f"{owner}(interpolation={interpolation!r}): expected one of {[*_ORDERS]}"
        )
    if fill_mode not in _FIXES:
        raise ArgumentError(f"{owner}(fill_mode={fill_mode!r}): expected one of {[*_FIXES]}")
    return _ORDERS[interpolation]


def _sampled(
    read: Callable[[Tensor], Tensor], places: Sequence[Tensor], sizes: Sequence[Any], order: int,
    fill_mode: str, fill_value: Any, spread: Callable[[Tensor], Tensor],
) -> Tensor:  # fmt: skip
    """Values at places between elements: ``read`` takes flat numbers of elements.

    ``spread`` makes what belongs to a place broadcast to what was read there.
    """
    sizes = [convert(s, INT64) for s in sizes]
    candidates: list[list[tuple[Tensor, Tensor, Any]]] = []
    for place, size in zip(places, sizes, strict=True):
        if order == 0:
            corners: list[tuple[Tensor, Tensor | None]] = [(op.Round(place), None)]
        else:
            low = op.Floor(place)
            part = place - low
            corners = [(low, 1 - part), (low + 1, part)]
        found: list[tuple[Tensor, Tensor, Any]] = []
        for corner, weight in corners:
            index = op.Cast(corner, to=INT64)
            inside = op.And(op.GreaterOrEqual(index, 0), op.Less(index, size))
            found.append((_FIXES[fill_mode](index, size), inside, weight))
        candidates.append(found)
    total: Tensor | None = None
    for corner_of_each in itertools.product(*candidates):
        flat, inside, weight = corner_of_each[0]
        for size, (index, valid, more) in zip(sizes[1:], corner_of_each[1:], strict=True):
            flat = op.Add(op.Mul(flat, size), index)
            inside = op.And(inside, valid)
            weight = more if weight is None else weight * more
        value = read(flat)
        if fill_mode == "constant":
            value = op.Where(spread(inside), value, convert(fill_value, value.dtype))
        value = value if weight is None else value * spread(as_type(weight, value.dtype))
        total = value if total is None else total + value
    if total is None:
        raise ShapeError("there is nothing to read: the input has no axis")
    return total


def map_coordinates(
    inputs: Like, coordinates: Like, order: int, fill_mode: str = "constant", fill_value: Any = 0
) -> Tensor:
    """``inputs`` (of rank n) read at ``coordinates`` [n, ...]: the nearest element, or linearly.

    ``order`` is 0 or 1. ``fill_mode`` says what lies outside: "constant" (``fill_value``), "nearest",
    "wrap", "mirror" or "reflect".
    """
    _check("map_coordinates", fill_mode)
    if order not in (0, 1):
        raise NotImplementedError(f"map_coordinates(order={order!r}): use 0 or 1")
    given, where = convert(inputs), floating(coordinates)
    if where.ndim < 2 or where.shape[0] != given.ndim:
        raise ShapeError(
            f"map_coordinates: {given.type} takes coordinates [{given.ndim}, ...]; got {where.type}"
        )
    values = op.Reshape(floating(given), [-1])
    found = _sampled(
        lambda flat: op.Gather(values, flat), [where[i] for i in range(given.ndim)],
        [extent(given, i) for i in range(given.ndim)], order, fill_mode, fill_value, lambda t: t,
    )  # fmt: skip
    return found if is_float(given.dtype) else op.Cast(op.Round(found), to=given.dtype)


def _read_at(
    x: Tensor, ys: Tensor, xs: Tensor, order: int, fill_mode: str, fill_value: Any
) -> Tensor:
    """Images [batch, h, w, channels] read at places [batch or 1, h', w']."""
    height, width = extent(x, 1), extent(x, 2)
    flat = op.Reshape(x, op.Concat([0, -1], op.Shape(x, start=3), axis=0))
    batch = op.Shape(x, start=0, end=1)

    def read(index: Tensor) -> Tensor:
        every = op.Expand(index, op.Concat(batch, [1, 1], axis=0))
        return op.GatherND(flat, op.Unsqueeze(every, [-1]), batch_dims=1)

    return _sampled(
        read, [ys, xs], [height, width], order, fill_mode, fill_value,
        lambda t: op.Unsqueeze(t, [-1]),
    )  # fmt: skip


def _grid(x: Tensor) -> tuple[Tensor, Tensor]:
    """Columns [w] and rows [h, 1] of pixels as floats."""
    numbers = [op.Cast(op.Range(0, extent(x, a), 1), to=x.dtype) for a in (2, 1)]
    return numbers[0], op.Unsqueeze(numbers[1], [1])


def affine_transform(
    images: Like, transform: Like, interpolation: str = "bilinear", fill_mode: str = "constant",
    fill_value: float = 0, data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """Pixel (x, y) read at (a0 x + a1 y + a2, b0 x + b1 y + b2).

    ``transform`` is [a0, a1, a2, b0, b1, b2, c0, c1], for all images or [batch, 8]; c0 and c1 count as
    0, as in Keras on torch. See ``map_coordinates`` for ``fill_mode``.
    """
    order = _check("affine_transform", fill_mode, interpolation)
    given = images_of("affine_transform", images, data_format)
    t = as_type(floating(transform), given.x.dtype)
    if t.ndim not in (1, 2) or t.shape[-1] != 8:
        raise ShapeError(
            f"affine_transform takes a transform of shape (8,) or (batch, 8); got {t.type}"
        )
    parts = op.Split(op.Reshape(t, [-1, 8, 1, 1]), num_outputs=8, axis=1)
    a0, a1, a2, b0, b1, b2 = [op.Squeeze(p, [1]) for p in parts[:6]]
    xs, ys = _grid(given.x)
    y = _read_at(
        given.x, b0 * xs + b1 * ys + b2, a0 * xs + a1 * ys + a2, order, fill_mode, fill_value
    )
    return given.back(y)


def perspective_transform(
    images: Like, start_points: Like, end_points: Like, interpolation: str = "bilinear",
    fill_value: float = 0, data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """Images drawn so that the four ``start_points`` come to the ``end_points``; (4, 2) or (batch, 4, 2).

    A point is (x, y). By the homography of eight numbers that takes ends to starts.
    """
    order = _check("perspective_transform", "constant", interpolation)
    given = images_of("perspective_transform", images, data_format)
    kind = given.x.dtype
    start, end = (as_type(floating(p), kind) for p in (start_points, end_points))
    for points in (start, end):
        if points.ndim not in (2, 3) or points.shape[-2:] != (4, 2):
            raise ShapeError(
                f"perspective_transform takes points (4, 2) or (batch, 4, 2); got {points.type}"
            )
    numbers = op.Reshape(
        _homography(*(op.Reshape(p, [-1, 4, 2]) for p in (start, end))), [-1, 8, 1, 1]
    )
    parts = [op.Squeeze(p, [1]) for p in op.Split(numbers, num_outputs=8, axis=1)]
    xs, ys = _grid(given.x)
    below = parts[6] * xs + parts[7] * ys + 1
    left = (parts[0] * xs + parts[1] * ys + parts[2]) / below
    down = (parts[3] * xs + parts[4] * ys + parts[5]) / below
    return given.back(_read_at(given.x, down, left, order, "constant", fill_value))


def _homography(start: Tensor, end: Tensor) -> Tensor:
    """The eight numbers [batch, 8] that take ``end`` to ``start``: two equations per point."""
    one = end[:, :, :1] * 0 + 1
    place = op.Concat(end, one, axis=-1)
    none = place * 0
    sx, sy = start[:, :, :1], start[:, :, 1:]
    across = op.Concat(place, none, -(sx * end), axis=-1)
    down = op.Concat(none, place, -(sy * end), axis=-1)
    matrix = op.Concat(across, down, axis=1)
    return solve(matrix, op.Concat(sx, sy, axis=1))


def elastic_transform(
    images: Like, alpha: Any = 20.0, sigma: float = 5.0, interpolation: str = "bilinear",
    fill_mode: str = "reflect", fill_value: float = 0.0, seed: Any = None,
    data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """Pixels moved by smooth random displacements: noise blurred by ``sigma``, times ``alpha``.

    Simard et al. 2003. The noise has the standard deviation ``sigma`` before it is blurred.
    """
    order = _check("elastic_transform", fill_mode, interpolation)
    given = images_of("elastic_transform", images, data_format)
    x = given.x
    width = int(6 * sigma) | 1
    shape = op.Concat(op.Shape(x, start=0, end=3), [2], axis=0)
    noise = random.normal(shape, 0.0, float(sigma), seed=seed)
    smooth = layout.channels_last(
        blurred(layout.channels_first(noise), (width, width), (sigma, sigma))
    )
    moved = as_type(smooth, x.dtype) * as_type(convert(alpha, x.dtype), x.dtype)
    xs, ys = _grid(x)
    left, down = op.Split(moved, num_outputs=2, axis=-1)
    return given.back(_read_at(
        x, op.Squeeze(down, [-1]) + ys, op.Squeeze(left, [-1]) + xs, order, fill_mode, fill_value
    ))  # fmt: skip


__all__ = ["affine_transform", "elastic_transform", "map_coordinates", "perspective_transform"]
