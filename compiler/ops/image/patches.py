"""Images and volumes cut into patches."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ....errors import ShapeError
from ... import op, windows
from ...casting import floating
from ...ir import Like, Tensor, constant
from ..convolution import conv


def extract_patches(
    images: Like, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """Windows of ``size`` as vectors [..., rows x columns x channels], one per place.

    ``strides`` default to ``size``: patches side by side. A ``size`` of three is that of volumes.
    """
    rank = 2 if isinstance(size, int) else len(size)
    return _patches(
        "extract_patches", images, size, strides, dilation_rate, padding, data_format, rank
    )


def extract_patches_3d(
    volumes: Like, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """``extract_patches`` of volumes [depth, height, width, channels], with or without a batch."""
    return _patches(
        "extract_patches_3d", volumes, size, strides, dilation_rate, padding, data_format, 3
    )


def _patches(
    owner: str, images: Like, size: Any, strides: Any, dilation: Any, padding: str,
    data_format: str | None, rank: int,
) -> Tensor:  # fmt: skip
    x = floating(images)
    first = windows.is_channels_first(owner, data_format)
    window = windows.sizes(owner, "size", size, rank)
    steps = window if not strides else windows.sizes(owner, "strides", strides, rank)
    apart = windows.sizes(owner, "dilation_rate", dilation, rank)
    if x.ndim not in (rank + 1, rank + 2):
        raise ShapeError(
            f"{owner} takes {rank} axes and channels, with or without a batch; got {x.type}"
        )
    single = x.ndim == rank + 1
    x = op.Unsqueeze(x, [0]) if single else x
    channels = x.shape[1 if first else -1]
    if not isinstance(channels, int):
        raise ShapeError(f"{owner} needs a known number of channels; got {x.type}")
    space = x.shape[2:] if first else x.shape[1:-1]
    beside = steps == window and all(a == 1 for a in apart) and padding == "valid"
    if beside and all(isinstance(d, int) for d in space):
        y = _beside(x, window, [int(d) for d in space if isinstance(d, int)], channels, first)
    else:
        total = math.prod(window) * channels
        kernel = constant(np.eye(total, dtype=x.dtype).reshape(*window, channels, total))
        y = conv(x, kernel, steps, padding, data_format, apart)
    return op.Squeeze(y, [0]) if single else y


def _beside(
    x: Tensor, window: tuple[int, ...], space: list[int], channels: int, first: bool
) -> Tensor:
    """Patches side by side: no arithmetic, only axes in another order."""
    rank = len(window)
    counts = [s // w for s, w in zip(space, window, strict=True)]
    start = 2 if first else 1
    axes = [*range(start, start + rank)]
    ends = [c * w for c, w in zip(counts, window, strict=True)]
    x = op.Slice(x, [0] * rank, ends, axes) if ends != space else x
    split = [n for pair in zip(counts, window, strict=True) for n in pair]
    places = [start + 2 * i for i in range(rank)]
    inner = [p + 1 for p in places]
    total = math.prod(window) * channels
    if first:
        y = op.Reshape(x, [0, channels, *split])
        y = op.Transpose(y, perm=(0, *inner, 1, *places))
        return op.Reshape(y, [0, total, *counts])
    y = op.Reshape(x, [0, *split, channels])
    y = op.Transpose(y, perm=(0, *places, *inner, 1 + 2 * rank))
    return op.Reshape(y, [0, *counts, total])


__all__ = ["extract_patches", "extract_patches_3d"]
