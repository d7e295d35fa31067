"""Images from files to arrays and back. Pillow is an optional dependency."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ...compiler import settings
from ...compiler.ir import Array
from ...errors import ArgumentError, DataError
from .resize import cropped, resized

_INTERPOLATIONS = {
    "nearest": "NEAREST", "bilinear": "BILINEAR", "bicubic": "BICUBIC", "hamming": "HAMMING",
    "box": "BOX", "lanczos": "LANCZOS",
}  # fmt: skip
MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}


def pillow(owner: str) -> Any:
    """The module ``PIL.Image``. Raises ``ImportError`` that says how to get it."""
    try:
        from PIL import Image  # noqa: PLC0415  # optional
    except ImportError as error:
        raise ImportError(f"{owner} needs Pillow: pip install pillow") from error
    return Image


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """The image in a file (a path, or bytes in an ``io.BytesIO``), as Pillow's ``Image``.

    Args:
        color_mode: "grayscale", "rgb" or "rgba"; grey images of 16 or 32 bits stay what they are.
        target_size: (height, width); default: as it is.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos", "box" or "hamming" (Pillow's).
        keep_aspect_ratio: cut the sides off, so that nothing is distorted.

    Raises ``ArgumentError`` for modes and interpolations that are none, ``DataError`` for what is no
    image.
    """
    image_module = pillow("load_img")
    if color_mode not in MODES:
        raise ArgumentError(f"color_mode={color_mode!r}: expected 'grayscale', 'rgb' or 'rgba'")
    if target_size is not None and interpolation not in _INTERPOLATIONS:
        known = ", ".join(_INTERPOLATIONS)
        raise ArgumentError(f"interpolation={interpolation!r}: expected one of {known}")
    if not isinstance(path, (io.BytesIO, str, bytes, os.PathLike)):
        raise ArgumentError(f"path is a {type(path).__name__}: expected a path, or an io.BytesIO")
    content = (
        path if isinstance(path, io.BytesIO) else io.BytesIO(Path(os.fsdecode(path)).read_bytes())
    )
    try:
        image = image_module.open(content)
        image.load()
    except OSError as error:
        raise DataError(f"{path!r} is no image that can be read: {error}") from error
    if not (color_mode == "grayscale" and image.mode in ("L", "I;16", "I")):
        image = image.convert(MODES[color_mode]) if image.mode != MODES[color_mode] else image
    if target_size is None:
        return image
    height, width = target_size
    box = _centre(image.size, width, height) if keep_aspect_ratio else None
    if image.size == (width, height):
        return image
    resample = getattr(image_module.Resampling, _INTERPOLATIONS[interpolation])
    return image.resize((width, height), resample, box=box)


def _centre(size: tuple[int, int], width: int, height: int) -> tuple[int, int, int, int]:
    """The largest box around the centre with the shape of ``width`` x ``height``."""
    columns, rows = size
    kept_rows, kept_columns = (
        min(rows, columns * height // width),
        min(columns, rows * width // height),
    )
    top, left = (rows - kept_rows) // 2, (columns - kept_columns) // 2
    return left, top, left + kept_columns, top + kept_rows


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> Array:
    """Pillow's image as an array [height, width, channels] ([channels, ...] with "channels_first").

    ``dtype`` is ``config.floatx()`` by default.
    """
    layout = settings.data_format_or_default(data_format)
    found = np.asarray(img, settings.floatx() if dtype is None else dtype)
    if found.ndim == 2:
        found = found[..., None]
    if found.ndim != 3:
        raise DataError(f"an image has the shape {found.shape}: expected 2 or 3 dims")
    return found.transpose(2, 0, 1) if layout == "channels_first" else found


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None
) -> Any:
    """Pillow's image for an array of 1, 3 or 4 channels.

    Args:
        scale: stretch the values to 0 to 255; else they must be in that range.
    """
    image_module = pillow("array_to_img")
    layout = settings.data_format_or_default(data_format)
    found = np.asarray(x, settings.floatx() if dtype is None else dtype)
    if found.ndim != 3:
        raise DataError(f"array_to_img takes one image of 3 dims; got the shape {found.shape}")
    if layout == "channels_first":
        found = found.transpose(1, 2, 0)
    if scale:
        found = found - found.min()
        top = found.max()
        found = found / (top if top != 0 else 1) * 255
    channels = found.shape[2]
    if channels not in (1, 3, 4):
        raise DataError(f"an image has 1, 3 or 4 channels; this array has {channels}")
    if channels == 1 and found.max(initial=0) > 255:
        return image_module.fromarray(found[..., 0].astype(np.int32))  # mode "I"
    return image_module.fromarray((found[..., 0] if channels == 1 else found).astype(np.uint8))


def save_img(
    path: Any, x: Any, data_format: str | None = None, file_format: str | None = None,
    scale: bool = True, **kwargs: Any,
) -> None:  # fmt: skip
    """Write an array as an image file; its kind is that of the name's end, or ``file_format``.

    ``kwargs`` go to Pillow's ``save``. JPEG has no transparency: it is dropped, with a warning.
    """
    if file_format is None and isinstance(path, (str, Path)):
        file_format = Path(path).suffix[1:].lower()
    if file_format is not None and file_format.lower() == "jpg":
        file_format = "jpeg"
    image = array_to_img(x, data_format, scale)
    if image.mode == "RGBA" and file_format == "jpeg":
        warnings.warn("JPEG has no transparency: the image is written as RGB", stacklevel=2)
        image = image.convert("RGB")
    image.save(path, format=file_format or None, **kwargs)


def smart_resize(
    x: Any,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
) -> Array:
    """An image (or a batch of them) at ``size`` (height, width), without distortion: sides are cut off.

    As ``tf.image.resize`` without antialiasing; the result is float32. ``interpolation``: "bilinear",
    "nearest", "bicubic", "lanczos3", "lanczos5", "area", "gaussian" or "mitchellcubic".
    """
    if len(size) != 2:
        raise ArgumentError(f"size={size}: expected (height, width)")
    found = np.asarray(x)
    if found.ndim not in (3, 4):
        raise DataError(f"smart_resize takes images of 3 or 4 dims; got the shape {found.shape}")
    axis = -2 if settings.data_format_or_default(data_format) == "channels_first" else -3
    return resized(cropped(found, *size, axis), *size, interpolation, axis)
