"""Pooling over images."""

from __future__ import annotations

from typing import Any

from .. import op, windows
from ..ir import Tensor
from ..layout import channels_first, channels_last
from .base import Layer
from .convolution import check_image

__all__ = [
    "AveragePooling2D",
    "AvgPool2D",
    "GlobalAveragePooling2D",
    "GlobalAvgPool2D",
    "MaxPool2D",
    "MaxPooling2D",
]


class Pooling2D(Layer):
    """Base of the poolings over windows: image in, smaller image out."""

    _operator = ""
    _casts_integers = True

    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        owner = type(self).__name__
        self.pool_size = windows.sizes(owner, "pool_size", pool_size)
        self.strides = (
            self.pool_size if strides is None else windows.sizes(owner, "strides", strides)
        )
        self.padding = windows.check_padding(owner, padding)
        self.channels_first = windows.is_channels_first(owner, data_format)

    def call(self, inputs: Tensor) -> Tensor:
        check_image(self.name, inputs.shape)
        x = inputs if self.channels_first else channels_first(inputs)
        y = getattr(op, self._operator)(
            x, kernel_shape=self.pool_size, strides=self.strides,
            **windows.padding_attributes(
                self.name, self.padding, x.shape[2:], self.pool_size, self.strides
            ),
        )  # fmt: skip
        return y if self.channels_first else channels_last(y)


class MaxPooling2D(Pooling2D):
    """The largest element of each window."""

    _operator = "MaxPool"


class AveragePooling2D(Pooling2D):
    """The mean of each window; padding does not count."""

    _operator = "AveragePool"

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class GlobalAveragePooling2D(Layer):
    """The mean of each channel over the image: output [batch, channels], or 1x1 with ``keepdims``."""

    _casts_integers = True

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.channels_first = windows.is_channels_first("GlobalAveragePooling2D", data_format)
        self.keepdims = keepdims

    def call(self, inputs: Tensor) -> Tensor:
        check_image(self.name, inputs.shape)
        x = inputs if self.channels_first else channels_first(inputs)
        y: Tensor = op.GlobalAveragePool(x)
        if not self.keepdims:
            flat: Tensor = op.Flatten(y)
            return flat
        return y if self.channels_first else channels_last(y)


MaxPool2D = MaxPooling2D
AvgPool2D = AveragePooling2D
GlobalAvgPool2D = GlobalAveragePooling2D
