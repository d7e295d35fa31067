"""Pooling over sequences, images and volumes."""

from __future__ import annotations

from typing import Any

from .. import op, windows
from ..ir import Tensor
from ..layout import channels_first, channels_last
from ..ops.convolution import average_pool, max_pool
from ..ops.pooling import adaptive_average_pool, adaptive_max_pool
from .spatial import SpatialLayer

__all__ = [
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
]


class BasePooling(SpatialLayer):
    """Windows in, one element of each channel out. ``strides`` default to ``pool_size``."""

    _pool: Any = None

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        owner = type(self).__name__
        self.pool_size = windows.sizes(owner, "pool_size", pool_size, self.rank)
        given = self.pool_size if strides is None else strides
        self.strides = windows.sizes(owner, "strides", given, self.rank)
        self.padding = windows.check_padding(owner, padding)
        self._set_layout(data_format)

    def call(self, inputs: Tensor) -> Tensor:
        self._check_space(inputs.shape)
        result: Tensor = type(self)._pool(
            inputs, self.pool_size, self.strides, self.padding, self.data_format
        )
        return result


class BaseMaxPooling(BasePooling):
    """The largest element of each window."""

    _pool = staticmethod(max_pool)

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling1D(BaseMaxPooling):
    """The largest element of each window of a sequence [batch, steps, channels]."""

    rank = 1


class MaxPooling2D(BaseMaxPooling):
    """The largest element of each window of an image [batch, height, width, channels]."""

    rank = 2


class MaxPooling3D(BaseMaxPooling):
    """The largest element of each window of a volume [batch, depth, height, width, channels]."""

    rank = 3


class BaseAveragePooling(BasePooling):
    """The mean of each window; padding does not count."""

    _pool = staticmethod(average_pool)


class AveragePooling1D(BaseAveragePooling):
    """The mean of each window of a sequence [batch, steps, channels]; padding does not count."""

    rank = 1


class AveragePooling2D(BaseAveragePooling):
    """The mean of each window of an image [batch, height, width, channels]; padding does not count."""

    rank = 2


class AveragePooling3D(BaseAveragePooling):
    """The mean of each window of a volume [batch, depth, height, width, channels], without padding."""

    rank = 3


class GlobalPooling(SpatialLayer):
    """One element per channel: [batch, channels], or with ``keepdims`` axes of size 1 in between."""

    _operator = ""

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._set_layout(data_format)
        self.keepdims = keepdims

    def call(self, inputs: Tensor) -> Tensor:
        self._check_space(inputs.shape)
        x = inputs if self.channels_first else channels_first(inputs)
        y: Tensor = getattr(op, self._operator)(x)
        if not self.keepdims:
            flat: Tensor = op.Flatten(y)
            return flat
        return y if self.channels_first else channels_last(y)


class GlobalAveragePooling1D(GlobalPooling):
    """The mean of each channel over the steps that are not masked."""

    rank = 1
    _operator = "GlobalAveragePool"

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            return super().call(inputs)
        self._check_space(inputs.shape)
        beside = op.Unsqueeze(op.Cast(mask, to=bool), [1 if self.channels_first else 2])
        # not a product: what is masked may be infinite
        kept = op.Where(beside, inputs, op.CastLike(0.0, inputs))
        keep = int(self.keepdims)
        total = op.ReduceSum(kept, self._axes, keepdims=keep)
        count = op.ReduceSum(op.CastLike(beside, inputs), self._axes, keepdims=keep)
        mean: Tensor = total / count
        return mean

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return None


class GlobalAveragePooling2D(GlobalPooling):
    """The mean of each channel over the image."""

    rank = 2
    _operator = "GlobalAveragePool"


class GlobalAveragePooling3D(GlobalPooling):
    """The mean of each channel over the volume."""

    rank = 3
    _operator = "GlobalAveragePool"


class GlobalMaxPooling1D(GlobalPooling):
    """The largest element of each channel of the sequence."""

    rank = 1
    _operator = "GlobalMaxPool"


class GlobalMaxPooling2D(GlobalPooling):
    """The largest element of each channel of the image."""

    rank = 2
    _operator = "GlobalMaxPool"


class GlobalMaxPooling3D(GlobalPooling):
    """The largest element of each channel of the volume."""

    rank = 3
    _operator = "GlobalMaxPool"


class AdaptivePooling(SpatialLayer):
    """As many windows of nearly equal size as ``output_size`` says; the input's size must be known."""

    _pool: Any = None

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_size = windows.sizes(type(self).__name__, "output_size", output_size, self.rank)
        self._set_layout(data_format)

    def call(self, inputs: Tensor) -> Tensor:
        self._check_space(inputs.shape)
        result: Tensor = type(self)._pool(inputs, self.output_size, self.data_format)
        return result


class AdaptiveAveragePooling1D(AdaptivePooling):
    """The means of ``output_size`` windows of a sequence."""

    rank = 1
    _pool = staticmethod(adaptive_average_pool)


class AdaptiveAveragePooling2D(AdaptivePooling):
    """The means of ``output_size`` (height, width) windows of an image."""

    rank = 2
    _pool = staticmethod(adaptive_average_pool)


class AdaptiveAveragePooling3D(AdaptivePooling):
    """The means of ``output_size`` windows of a volume."""

    rank = 3
    _pool = staticmethod(adaptive_average_pool)


class AdaptiveMaxPooling1D(AdaptivePooling):
    """The largest elements of ``output_size`` windows of a sequence."""

    rank = 1
    _pool = staticmethod(adaptive_max_pool)


class AdaptiveMaxPooling2D(AdaptivePooling):
    """The largest elements of ``output_size`` (height, width) windows of an image."""

    rank = 2
    _pool = staticmethod(adaptive_max_pool)


class AdaptiveMaxPooling3D(AdaptivePooling):
    """The largest elements of ``output_size`` windows of a volume."""

    rank = 3
    _pool = staticmethod(adaptive_max_pool)


AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
