"""Larger images: elements repeated, or interpolated."""

from __future__ import annotations

from typing import Any

from ....errors import ArgumentError
from ... import layout, op, windows
from ...ir import Tensor
from ...ops.image.common import extent
from ...ops.image.resizing import resize
from ...ops.shapes import repeat
from ..spatial import SpatialLayer

__all__ = ["UpSampling1D", "UpSampling2D", "UpSampling3D"]


class BaseUpSampling(SpatialLayer):
    """Each element ``size`` times along each axis of space."""

    _casts_integers = False

    def __init__(self, size: Any = 2, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_layout(data_format)
        self.size = windows.sizes(type(self).__name__, "size", size, self.rank)

    def call(self, inputs: Tensor) -> Tensor:
        self._check_space(inputs.shape)
        if inputs.dtype.itemsize != 4 or inputs.dtype.kind != "f":
            for axis, times in zip(self._axes, self.size, strict=True):
                inputs = repeat(inputs, times, axis)
            return inputs
        # one node, whose gradient is one pooling
        x = inputs if self.channels_first else layout.channels_first(inputs)
        y: Tensor = op.Resize(
            x, None, [1.0, 1.0, *map(float, self.size)], mode="nearest", nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )  # fmt: skip
        return y if self.channels_first else layout.channels_last(y)


class UpSampling1D(BaseUpSampling):
    """Each step of [batch, steps, channels] ``size`` times."""

    rank = 1

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(size, "channels_last", **kwargs)


class UpSampling2D(BaseUpSampling):
    """Images ``size`` (rows, columns) times as large.

    ``interpolation``: "nearest" repeats; "bilinear", "bicubic", "lanczos3", "lanczos5" as in
    ``wh.ops.image.resize``.
    """

    rank = 2

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(size, data_format, **kwargs)
        self.interpolation = interpolation.lower()
        if self.interpolation not in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"):
            raise ArgumentError(
                f"UpSampling2D(interpolation={interpolation!r}): expected 'nearest', 'bilinear', "
                "'bicubic', 'lanczos3' or 'lanczos5'"
            )

    def call(self, inputs: Tensor) -> Tensor:
        if self.interpolation == "nearest":
            return super().call(inputs)
        self._check_space(inputs.shape)
        target = [extent(inputs, a) * n for a, n in zip(self._axes, self.size, strict=True)]
        return resize(inputs, target, self.interpolation, data_format=self.data_format)


class UpSampling3D(BaseUpSampling):
    """Volumes ``size`` times as large along each axis, by repetition."""

    rank = 3
