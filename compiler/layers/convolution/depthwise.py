"""Depthwise convolution: each channel by itself."""

from __future__ import annotations

from typing import Any

from ... import windows
from ...ir import Tensor
from ...ops.convolution import depthwise_conv
from .base import BaseConvolution

__all__ = ["DepthwiseConv1D", "DepthwiseConv2D"]


class BaseDepthwiseConv(BaseConvolution):
    """Input [batch, ..., in], output [batch, ..., in * depth_multiplier].

    Kernel [*kernel_size, in, depth_multiplier].
    """

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            bias_initializer, bias_regularizer, bias_constraint,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.depth_multiplier = windows.count(
            type(self).__name__, "depth_multiplier", depth_multiplier
        )
        self.depthwise_initializer = depthwise_initializer
        self.depthwise_regularizer = depthwise_regularizer
        self.depthwise_constraint = depthwise_constraint

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self._weight("kernel", shape, "depthwise")
        self.bias = self._bias(channels * self.depth_multiplier)

    def call(self, inputs: Tensor) -> Tensor:
        return self._activated(
            depthwise_conv(
                inputs, self.kernel, self.strides, self.padding, self.data_format,
                self.dilation_rate, bias=self.bias,
            )
        )  # fmt: skip


class DepthwiseConv1D(BaseDepthwiseConv):
    """Depthwise convolution of sequences [batch, steps, channels]."""

    rank = 1


class DepthwiseConv2D(BaseDepthwiseConv):
    """Depthwise convolution of images [batch, height, width, channels]."""

    rank = 2
