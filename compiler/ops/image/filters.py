"""Filters: blurring, edges, and the similarity that is measured by blurring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....errors import ShapeError
from ... import layout, op, windows
from ...casting import as_type, pair
from ...dtypes import is_float
from ...ir import Like, Tensor, constant, convert
from .common import images_of


def _bell(size: int, sigma: Any, like: Tensor) -> Tensor:
    """A normal distribution at ``size`` places, with sum 1."""
    places = constant((np.arange(size) - (size - 1) / 2).astype(like.dtype))
    height = op.Exp(
        op.Mul(-0.5, op.Pow(places / as_type(convert(sigma, like.dtype), like.dtype), 2))
    )
    return height / op.ReduceSum(height, None, keepdims=1)


def _filtered(x: Tensor, kernel: Tensor, pads: Sequence[int]) -> Tensor:
    """Each channel of [batch, channels, h, w] with kernels [n, 1, kh, kw]: [batch, channels, n, h, w]."""
    lead = op.Shape(x, start=0, end=2)
    single = op.Reshape(x, op.Concat([-1, 1], op.Shape(x, start=2), axis=0))
    y = op.Conv(single, kernel, pads=pads)
    return op.Reshape(y, op.Concat(lead, op.Shape(y, start=1), axis=0))


def blurred(x: Tensor, size: Sequence[int], sigma: Sequence[Any], padded: bool = True) -> Tensor:
    """[batch, channels, h, w] blurred: rows, then columns. ``sigma`` is that of (columns, rows)."""
    rows = op.Reshape(_bell(size[0], sigma[1], x), [1, 1, -1, 1])
    columns = op.Reshape(_bell(size[1], sigma[0], x), [1, 1, 1, -1])
    space = [(s - 1) // 2 if padded else 0 for s in size]
    after = [s // 2 if padded else 0 for s in size]
    y = _filtered(x, rows, [space[0], 0, after[0], 0])
    return op.Squeeze(_filtered(op.Squeeze(y, [2]), columns, [0, space[1], 0, after[1]]), [2])


def gaussian_blur(
    images: Like, kernel_size: Sequence[int] = (3, 3), sigma: Any = (1.0, 1.0),
    data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """Images blurred with a bell of ``kernel_size`` (height, width), zeros outside.

    ``sigma`` is (along the width, along the height), as Keras' kernel has it; it may be a tensor.
    """
    given = images_of("gaussian_blur", images, data_format)
    size = windows.sizes("gaussian_blur", "kernel_size", kernel_size)
    y = blurred(layout.channels_first(given.x), size, (sigma[0], sigma[1]))
    return given.back(layout.channels_last(y))


_SOBEL = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])


def sobel_edges(images: Like, data_format: str | None = None) -> Tensor:
    """How images change from pixel to pixel: one more axis at the end, with (dy, dx)."""
    first = windows.is_channels_first("sobel_edges", data_format)
    x = convert(images)
    if x.ndim != 4:
        raise ShapeError(f"sobel_edges takes a batch of images, of rank 4; got {x.type}")
    x = x if is_float(x.dtype) else op.Cast(x, to="float32")
    x = x if first else layout.channels_first(x)
    kernel = constant(np.stack([_SOBEL, _SOBEL.T])[:, None].astype(x.dtype))
    edges = _filtered(x, kernel, [1, 1, 1, 1])
    return op.Transpose(edges, perm=(0, 1, 3, 4, 2) if first else (0, 3, 4, 1, 2))


def ssim(
    image1: Like, image2: Like, max_val: float = 1.0, filter_size: int = 11,
    filter_sigma: float = 1.5, k1: float = 0.01, k2: float = 0.03, data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """The structural similarity of images, one number each (Wang et al. 2004)."""
    a, b = (images_of("ssim", x, data_format) for x in (image1, image2))
    x, y = pair(layout.channels_first(a.x), layout.channels_first(b.x))
    size, width = (filter_size, filter_size), (filter_sigma, filter_sigma)
    parts = op.Concat(x, y, x * x, y * y, x * y, axis=0)
    m1, m2, s1, s2, s12 = op.Split(blurred(parts, size, width, padded=False), num_outputs=5, axis=0)
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    square, other, both = m1 * m1, m2 * m2, m1 * m2
    above = (both * 2 + c1) * ((s12 - both) * 2 + c2)
    below = (square + other + c1) * (s1 - square + s2 - other + c2)
    found = op.ReduceMean(above / below, [1, 2, 3], keepdims=0)
    return as_type(op.Squeeze(found, [0]) if a.single else found, a.dtype)


__all__ = ["gaussian_blur", "sobel_edges", "ssim"]
