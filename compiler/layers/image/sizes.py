"""Images of a fixed size: resampled, cut out of the middle, cut out anywhere."""

from __future__ import annotations

from typing import Any

from ... import op, random, windows
from ...casting import as_type
from ...dtypes import INT64
from ...ir import Tensor, TensorType, retyped
from ...ops.image.common import extent, quotient, vector
from ...ops.image.resizing import resize
from .base import ImageLayer, RandomImageLayer

__all__ = ["CenterCrop", "RandomCrop", "Resizing"]


class Resizing(ImageLayer):
    """Images of ``height`` x ``width``, as by ``wh.ops.image.resize``; integers stay integers.

    ``crop_to_aspect_ratio`` cuts the middle out first, ``pad_to_aspect_ratio`` adds ``fill_value``.
    """

    _always = True

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height = windows.count("Resizing", "height", height)
        self.width = windows.count("Resizing", "width", width)
        self.interpolation, self.antialias = interpolation, bool(antialias)
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode, self.fill_value = fill_mode, fill_value

    def _applied(self, images: Tensor, drawn: Any) -> Tensor:
        return resize(
            images, (self.height, self.width), self.interpolation, self.antialias,
            self.crop_to_aspect_ratio, self.pad_to_aspect_ratio, self.fill_mode, self.fill_value,
            self.data_format,
        )  # fmt: skip


class _Cropping(ImageLayer):
    """Base of windows of ``height`` x ``width``."""

    _always = True
    _keeps_shape = False
    height: int
    width: int

    def _fits(self, x: Tensor) -> bool:
        """Whether the window fits into the images, as far as their size is known."""
        sizes = zip(x.shape[1:3], (self.height, self.width), strict=True)
        return all(not isinstance(own, int) or own >= wanted for own, wanted in sizes)

    def _cut(self, x: Tensor, top: Any, left: Any) -> Tensor:
        ends = vector(top + self.height, left + self.width)
        found = op.Slice(x, vector(top, left), ends, [1, 2])
        size = (self.height, self.width)
        return retyped(found, TensorType(x.dtype, (x.shape[0], *size, x.shape[3])))

    def _middle(self, x: Tensor) -> Tensor:
        """The largest window in the middle that has the wanted proportions, resampled."""
        size = (self.height, self.width)
        return resize(x, size, crop_to_aspect_ratio=True, data_format="channels_last")


class CenterCrop(_Cropping):
    """The middle of images; where it is larger than they are, as much as fits, enlarged.

    Images of dynamic size must be large enough.
    """

    def __init__(
        self, height: int, width: int, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height = windows.count("CenterCrop", "height", height)
        self.width = windows.count("CenterCrop", "width", width)

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        if not self._fits(x):
            return self._middle(x)
        top = quotient(extent(x, 1) - self.height, 2)
        return self._cut(x, top, quotient(extent(x, 2) - self.width, 2))


class RandomCrop(RandomImageLayer, _Cropping):
    """In training, a window at a random place, the same for all images of a batch.

    Otherwise, and where the images are not larger than it, the largest window in the middle with the
    same proportions, resampled. So says Keras' documentation; its version 3.15.1 returns images as they
    are outside of training, which its ``compute_output_shape`` contradicts.
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: Any = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, name=name, **kwargs)
        self.height = windows.count("RandomCrop", "height", height)
        self.width = windows.count("RandomCrop", "width", width)

    def draw(self, x: Tensor) -> Any:
        if not self._fits(x):
            return None
        places = random.uniform((2,), 0.0, 1.0, "float32", self.generator)
        room = [extent(x, 1) - self.height + 1, extent(x, 2) - self.width + 1]
        sizes = op.Cast(vector(*room), to=places.dtype)
        return as_type(op.Floor(places * sizes), INT64)

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        return self._middle(x) if drawn is None else self._cut(x, drawn[0], drawn[1])
