"""Separable convolution: each channel by itself, then all of them at each place."""

from __future__ import annotations

from typing import Any

from ... import windows
from ...ir import Tensor
from ...ops.convolution import separable_conv
from .base import BaseConvolution

__all__ = ["SeparableConv1D", "SeparableConv2D", "SeparableConvolution1D", "SeparableConvolution2D"]


class BaseSeparableConv(BaseConvolution):
    """Input [batch, ..., in], output [batch, ..., filters].

    Kernels: depthwise [*kernel_size, in, depth_multiplier], pointwise [1..., in * depth_multiplier,
    filters].
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            bias_initializer, bias_regularizer, bias_constraint,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        owner = type(self).__name__
        self.filters = windows.count(owner, "filters", filters)
        self.depth_multiplier = windows.count(owner, "depth_multiplier", depth_multiplier)
        self.depthwise_initializer = depthwise_initializer
        self.depthwise_regularizer = depthwise_regularizer
        self.depthwise_constraint = depthwise_constraint
        self.pointwise_initializer = pointwise_initializer
        self.pointwise_regularizer = pointwise_regularizer
        self.pointwise_constraint = pointwise_constraint

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        self.depthwise_kernel = self._weight(
            "depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise"
        )
        ones = (1,) * self.rank
        self.pointwise_kernel = self._weight(
            "pointwise_kernel", (*ones, channels * self.depth_multiplier, self.filters), "pointwise"
        )
        self.bias = self._bias(self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        return self._activated(
            separable_conv(
                inputs, self.depthwise_kernel, self.pointwise_kernel, self.strides, self.padding,
                self.data_format, self.dilation_rate, bias=self.bias,
            )
        )  # fmt: skip


class SeparableConv1D(BaseSeparableConv):
    """Separable convolution of sequences [batch, steps, channels]."""

    rank = 1


class SeparableConv2D(BaseSeparableConv):
    """Separable convolution of images [batch, height, width, channels]."""

    rank = 2


SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D
