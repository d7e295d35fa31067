"""Images resized in NumPy, with the samples and weights of ``tf.image.resize`` (half-pixel centres).

An output pixel is a weighted mean of a few input pixels, along each axis by itself: kernels by their
published formulas (Keys 1981 with a = -1/2, Mitchell and Netravali 1988 with B = C = 1/3, Lanczos
windows), not widened where an image shrinks, and normalised at the borders.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...compiler.ir import Array
from ...errors import ArgumentError


def _triangle(x: Array) -> Array:
    return np.maximum(1 - np.abs(x), 0)


def _cubic(x: Array, b: float, c: float) -> Array:
    """The family of cubic filters of Mitchell and Netravali."""
    x = np.abs(x)
    near = (12 - 9 * b - 6 * c) * x**3 + (12 * b + 6 * c - 18) * x**2 + (6 - 2 * b)
    far = -(b + 6 * c) * x**3 + (6 * b + 30 * c) * x**2 - (12 * b + 48 * c) * x + (8 * b + 24 * c)
    return np.where(x < 1, near, np.where(x < 2, far, 0)) / 6


def _lanczos(x: Array, radius: int) -> Array:
    return np.where(np.abs(x) < radius, np.sinc(x) * np.sinc(x / radius), 0)


def _gaussian(x: Array) -> Array:
    return np.where(np.abs(x) < 1.5, np.exp(-(x**2) / (2 * 0.5**2)), 0)


# name -> how far the kernel reaches, and the kernel
KERNELS: dict[str, tuple[float, Callable[[Array], Array]]] = {
    "bilinear": (1, _triangle),
    "bicubic": (2, functools.partial(_cubic, b=0, c=0.5)),
    "mitchellcubic": (2, functools.partial(_cubic, b=1 / 3, c=1 / 3)),
    "lanczos3": (3, functools.partial(_lanczos, radius=3)),
    "lanczos5": (5, functools.partial(_lanczos, radius=5)),
    "gaussian": (1.5, _gaussian),
}
METHODS = (*KERNELS, "nearest", "area")


@functools.lru_cache(256)
def taps(size: int, wanted: int, method: str) -> tuple[Array, Array]:
    """Which input pixels make an output pixel, and their weights: two arrays [wanted, taps]."""
    scale = size / wanted
    if method == "nearest":
        first = np.floor((np.arange(wanted) + 0.5) * scale).astype(np.intp)
        return np.minimum(first, size - 1)[:, None], np.ones((wanted, 1), np.float32)
    if method == "area":
        begin = np.arange(wanted) * scale
        first = np.floor(begin).astype(np.intp)[:, None]
        pixels = first + np.arange(math.ceil(scale) + 1)
        ends = np.minimum(pixels + 1, (begin + scale)[:, None])
        weights = np.maximum(ends - np.maximum(pixels, begin[:, None]), 0)
    else:
        reach, kernel = KERNELS[method]
        # in float32, as TensorFlow: where a kernel ends between two pixels is a matter of rounding
        inverse = np.float32(1) / np.float32(wanted / size)
        centre = (np.arange(wanted, dtype=np.float32)[:, None] + np.float32(0.5)) * inverse
        first = np.ceil(centre - np.float32(reach + 0.5)).astype(np.intp)
        pixels = first + np.arange(math.floor(2 * reach) + 1)
        weights = kernel((pixels.astype(np.float32) + np.float32(0.5) - centre).astype(np.float64))
    weights = np.where((pixels < 0) | (pixels >= size), 0, weights)
    weights /= weights.sum(1, keepdims=True)
    return np.clip(pixels, 0, size - 1), weights.astype(np.float32)


def _along(image: Array, wanted: int, method: str, axis: int) -> Array:
    pixels, weights = taps(image.shape[axis], wanted, method)
    shape = [1] * image.ndim
    shape[axis] = wanted
    found = image.take(pixels[:, 0], axis) * weights[:, 0].reshape(shape)
    for k in range(1, pixels.shape[1]):
        found += image.take(pixels[:, k], axis) * weights[:, k].reshape(shape)
    return found


def resized(image: Any, height: int, width: int, method: str = "bilinear", axis: int = -3) -> Array:
    """An image (or several) at another size, float32; ``axis`` is that of the rows, columns follow.

    Raises ``ArgumentError`` for a method that is none of ``METHODS``.
    """
    if method not in METHODS:
        raise ArgumentError(f"interpolation={method!r}: expected one of {', '.join(METHODS)}")
    found = np.asarray(image, np.float32)
    for along, wanted in ((axis, height), (axis + 1, width)):
        # these two blur also where the size stays as it is
        if found.shape[along] != wanted or method in ("gaussian", "mitchellcubic"):
            found = _along(found, wanted, method, along)
    return found


def cropped(image: Array, height: int, width: int, axis: int = -3) -> Array:
    """The largest part around the centre that has the shape of ``height`` x ``width``."""
    rows, columns = image.shape[axis], image.shape[axis + 1]
    kept_rows = max(min(rows, int(columns * height / width)), 1)
    kept_columns = max(min(columns, int(rows * width / height)), 1)
    top, left = (rows - kept_rows) // 2, (columns - kept_columns) // 2
    part = [slice(None)] * image.ndim
    part[axis], part[axis + 1] = slice(top, top + kept_rows), slice(left, left + kept_columns)
    return image[tuple(part)]


def padded(image: Array, height: int, width: int, method: str) -> Array:
    """The whole image [rows, columns, channels] at the largest size that fits, centred between zeros."""
    rows, columns = image.shape[:2]
    ratio = max(columns / width, rows / height)
    inner = resized(image, max(int(rows / ratio), 1), max(int(columns / ratio), 1), method)
    found = np.zeros((height, width, image.shape[2]), np.float32)
    top = max(int((height - rows / ratio) / 2), 0)
    left = max(int((width - columns / ratio) / 2), 0)
    found[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return found
