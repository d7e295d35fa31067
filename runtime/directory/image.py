"""``image_dataset_from_directory``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...compiler import settings
from ...compiler.ir import Array
from ...errors import ArgumentError
from ..data.dataset import AUTOTUNE, Dataset
from ..utils.images import MODES, load_img, pillow
from ..utils.resize import METHODS, cropped, padded, resized
from ._files import Request, read

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: int | tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Images in a folder with a folder per class, as a data set that reads them when it is gone through.

    Elements are float32 images [batch, height, width, channels] of 0 to 255, or (images, labels).

    Args:
        labels: "inferred" from the names of the folders; None; or a class number per file, in the order
            of their sorted paths.
        label_mode: "int" (int32 [batch]), "binary" (float32 [batch, 1]), "categorical" (float32 [batch,
            classes]), or None for no labels.
        class_names: which folders are the classes, in which order; default: all, by name.
        color_mode: "grayscale", "rgb" or "rgba": 1, 3 or 4 channels.
        batch_size: None for single images.
        image_size: (height, width).
        shuffle: another order in each pass, from ``seed``; else by name.
        validation_split, subset: the last part of the files is "validation", the first "training"; "both"
            gives two data sets.
        interpolation: "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian" or
            "mitchellcubic", as ``tf.image.resize`` without antialiasing.
        crop_to_aspect_ratio, pad_to_aspect_ratio: cut, or fill up with zeros, instead of distorting.
        format: "tf", which here means this package's own ``Dataset``.

    Raises ``ArgumentError`` for arguments that make no sense, ``DatasetError`` where there are no files,
    and ``ImportError`` without Pillow.
    """
    pillow("image_dataset_from_directory")
    own_format(format)
    if color_mode not in MODES:
        raise ArgumentError(f"color_mode={color_mode!r}: expected 'rgb', 'rgba' or 'grayscale'")
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(size) != 2 or not all(isinstance(s, int) and s > 0 for s in size):
        raise ArgumentError(f"image_size={image_size!r}: expected (height, width)")
    method = interpolation.lower()
    if method not in METHODS:
        raise ArgumentError(
            f"interpolation={interpolation!r}: expected one of {', '.join(METHODS)}"
        )
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ArgumentError("crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other")
    layout = settings.data_format_or_default(data_format)

    def load(path: str) -> Array:
        image = np.asarray(load_img(path, color_mode), np.float32)
        image = image[..., None] if image.ndim == 2 else image
        if crop_to_aspect_ratio:
            image = cropped(image, *size)
        resize = padded if pad_to_aspect_ratio else resized
        image = resize(image, *size, method)
        return image.transpose(2, 0, 1) if layout == "channels_first" else image

    request = Request(
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split,
        subset, follow_links, verbose, SUFFIXES,
    )  # fmt: skip
    return read(request, load, lambda d: in_batches(d, batch_size), AUTOTUNE)


def in_batches(dataset: Dataset, batch_size: int | None) -> Dataset:
    """Batches, or the examples where ``batch_size`` is None."""
    return dataset if batch_size is None else dataset.batch(batch_size)


def own_format(format: str) -> None:
    """Raises ``NotImplementedError`` for data sets of grain, ``ArgumentError`` for what nobody knows."""
    if format == "grain":
        raise NotImplementedError(
            "format='grain' is not supported: the data set is our own; leave format out"
        )
    if format != "tf":
        raise ArgumentError(f"format={format!r}: expected 'tf' (which means our own data set)")
