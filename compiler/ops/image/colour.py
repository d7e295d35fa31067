"""Colour spaces."""

from __future__ import annotations

import numpy as np

from ....errors import ArgumentError, ShapeError
from ... import op
from ...casting import as_type
from ...dtypes import is_float
from ...ir import Like, Tensor, convert
from .common import channel_axis


def _planes(owner: str, images: Like, data_format: str | None) -> tuple[list[Tensor], int]:
    x = convert(images)
    axis = channel_axis(owner, x, data_format)
    if not is_float(x.dtype):
        raise ArgumentError(f"{owner} takes images of floats, not of {x.dtype.name}")
    if x.shape[axis] not in (3, None) and not isinstance(x.shape[axis], str):
        raise ShapeError(f"{owner} takes 3 channels; got {x.type}")
    return list(op.Split(x, num_outputs=3, axis=axis)), axis


def rgb_to_grayscale(images: Like, data_format: str | None = None) -> Tensor:
    """``0.2989 r + 0.587 g + 0.114 b``; images that are gray already stay."""
    x = convert(images)
    axis = channel_axis("rgb_to_grayscale", x, data_format)
    if x.shape[axis] == 1:
        return x
    if x.shape[axis] != 3:
        raise ShapeError(f"rgb_to_grayscale takes 1 or 3 channels; got {x.type}")
    values = x if is_float(x.dtype) else op.Cast(x, to="float32")
    red, green, blue = op.Split(values, num_outputs=3, axis=axis)
    return as_type(red * 0.2989 + green * 0.587 + blue * 0.114, x.dtype)


def rgb_to_hsv(images: Like, data_format: str | None = None) -> Tensor:
    """Hue, saturation and value, each from 0 to 1 (Smith 1978)."""
    planes, axis = _planes("rgb_to_hsv", images, data_format)
    kind = planes[0].dtype
    small = float(np.finfo(np.float16 if kind.itemsize == 2 else kind).eps)
    r, g, b = [op.Where(op.Less(op.Abs(p), small), convert(0.0, kind), p) for p in planes]
    value = op.Max(r, g, b)
    spread = op.Sub(value, op.Min(r, g, b))
    zero, one = convert(0.0, kind), convert(1.0, kind)
    lit, coloured = op.Greater(value, zero), op.Greater(spread, zero)
    saturation = op.Where(lit, spread / op.Where(lit, value, one), zero)
    scale = 1 / (op.Where(coloured, spread, one) * 6)
    hue = op.Where(
        op.Equal(value, r), scale * (g - b),
        op.Where(op.Equal(value, g), scale * (b - r) + 2 / 6, scale * (r - g) + 4 / 6),
    )  # fmt: skip
    turn = op.Cast(op.Less(hue, zero), to=kind)
    return op.Concat(op.Where(coloured, hue, zero) + turn, saturation, value, axis=axis)


def hsv_to_rgb(images: Like, data_format: str | None = None) -> Tensor:
    """Red, green and blue of hue, saturation and value: the inverse of ``rgb_to_hsv``."""
    (hue, saturation, value), axis = _planes("hsv_to_rgb", images, data_format)
    sixths = (hue - op.Floor(hue)) * 6
    red = op.Clip(op.Abs(sixths - 3) - 1, 0.0, 1.0)
    green = op.Clip(2 - op.Abs(sixths - 2), 0.0, 1.0)
    blue = op.Clip(2 - op.Abs(sixths - 4), 0.0, 1.0)
    white = 1 - saturation
    return op.Concat(*[value * (white + saturation * p) for p in (red, green, blue)], axis=axis)


__all__ = ["hsv_to_rgb", "rgb_to_grayscale", "rgb_to_hsv"]
