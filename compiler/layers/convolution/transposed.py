"""Transposed convolution: the adjoint of a convolution, by which images grow."""

from __future__ import annotations

from typing import Any

from ... import windows
from ...ir import Tensor
from ...ops.convolution import conv_transpose
from .base import BaseConvolution

__all__ = [
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "Convolution1DTranspose",
    "Convolution2DTranspose",
    "Convolution3DTranspose",
]


class BaseConvTranspose(BaseConvolution):
    """Input [batch, ..., in], output [batch, ..., filters], kernel [*kernel_size, filters, in].

    n steps become ``n * strides`` with "same"; with "valid" more, by what the kernel reaches beyond.
    With ``output_padding``: (n - 1) * strides, and the window ("valid") or its size modulo 2 ("same"),
    and ``output_padding`` on top.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
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
        self.output_padding = output_padding
        # said now, not at the first call
        windows.transposed_attributes(
            owner, padding, self.kernel_size, self.strides, output_padding
        )
        self.kernel_initializer, self.kernel_regularizer = kernel_initializer, kernel_regularizer
        self.kernel_constraint = kernel_constraint

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        self.kernel = self._weight("kernel", (*self.kernel_size, self.filters, channels))
        self.bias = self._bias(self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        return self._activated(
            conv_transpose(
                inputs, self.kernel, self.strides, self.padding, self.output_padding,
                self.data_format, self.dilation_rate, bias=self.bias,
            )
        )  # fmt: skip


class Conv1DTranspose(BaseConvTranspose):
    """Transposed convolution of sequences [batch, steps, channels]."""

    rank = 1


class Conv2DTranspose(BaseConvTranspose):
    """Transposed convolution of images [batch, height, width, channels]."""

    rank = 2


class Conv3DTranspose(BaseConvTranspose):
    """Transposed convolution of volumes [batch, depth, height, width, channels].

    As in Keras, ``data_format`` comes before ``output_padding`` here alone.
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate,
            activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
            bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs,
        )  # fmt: skip


Convolution1DTranspose = Conv1DTranspose
Convolution2DTranspose = Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
