"""Margins: cut off, or added as zeros."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....errors import ShapeError
from ... import op, windows
from ...ir import Tensor
from ..spatial import SpatialLayer

__all__ = [
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
]

_END = np.iinfo(np.int64).max


class BaseCropping(SpatialLayer):
    """Cuts ``cropping`` (before, after) off each axis of space.

    ``cropping`` is a number, one number per axis, or a pair per axis.
    """

    _casts_integers = False

    def __init__(self, cropping: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_layout(data_format)
        self.cropping = windows.margins(type(self).__name__, "cropping", cropping, self.rank)

    def call(self, inputs: Tensor) -> Tensor:
        self._check_space(inputs.shape)
        for axis, cut in zip(self._axes, self.cropping, strict=True):
            size = inputs.shape[axis]
            if isinstance(size, int) and sum(cut) >= size:
                raise ShapeError(
                    f"layer {self.name!r}: cropping {cut} leaves nothing of axis {axis} of "
                    f"{inputs.type}"
                )
        starts = [before for before, _ in self.cropping]
        ends = [-after if after else _END for _, after in self.cropping]
        result: Tensor = op.Slice(inputs, starts, ends, self._axes)
        return result


class Cropping1D(BaseCropping):
    """Cuts (before, after) off the steps of [batch, steps, channels]."""

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(cropping, "channels_last", **kwargs)


class Cropping2D(BaseCropping):
    """Cuts ((top, bottom), (left, right)) off images."""

    rank = 2

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)


class Cropping3D(BaseCropping):
    """Cuts a pair off each of the three axes of volumes."""

    rank = 3

    def __init__(
        self,
        cropping: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)


class BaseZeroPadding(SpatialLayer):
    """Adds zeros, ``padding`` (before, after), to each axis of space.

    ``padding`` is a number, one number per axis, or a pair per axis.
    """

    _casts_integers = False

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_layout(data_format)
        self.padding = windows.margins(type(self).__name__, "padding", padding, self.rank)

    def call(self, inputs: Tensor) -> Tensor:
        self._check_space(inputs.shape)
        pads = [n for side in zip(*self.padding, strict=True) for n in side]
        result: Tensor = op.Pad(inputs, pads, None, self._axes)
        return result


class ZeroPadding1D(BaseZeroPadding):
    """Adds (before, after) zeros to the steps of [batch, steps, channels]."""

    rank = 1


class ZeroPadding2D(BaseZeroPadding):
    """Adds ((top, bottom), (left, right)) zeros to images."""

    rank = 2


class ZeroPadding3D(BaseZeroPadding):
    """Adds a pair of zeros to each of the three axes of volumes."""

    rank = 3
