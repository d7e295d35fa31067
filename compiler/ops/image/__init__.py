"""``keras.ops.image``: images as [height, width, channels], with or without a batch.

``data_format="channels_first"`` takes [channels, height, width].
"""

from __future__ import annotations

from typing import Any

from .colour import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from .filters import gaussian_blur, sobel_edges, ssim
from .patches import extract_patches, extract_patches_3d
from .resizing import crop_images, pad_images, resize, scale_and_translate
from .warping import affine_transform, elastic_transform, map_coordinates, perspective_transform

MISSING = ("reconstruct_patches",)


def __getattr__(name: str) -> Any:
    if name in MISSING:
        raise NotImplementedError(
            f"wh.ops.image.{name} is not there yet; use wh.ops.reshape and wh.ops.transpose"
        )
    raise AttributeError(f"module 'waterhorse.ops.image' has no attribute {name!r}")


__all__ = [
    "affine_transform", "crop_images", "elastic_transform", "extract_patches",
    "extract_patches_3d", "gaussian_blur", "hsv_to_rgb", "map_coordinates", "pad_images",
    "perspective_transform", "resize", "rgb_to_grayscale", "rgb_to_hsv", "scale_and_translate",
    "sobel_edges", "ssim",
]  # fmt: skip
