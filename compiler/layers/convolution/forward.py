"""Convolution over sequences, images and volumes."""

from __future__ import annotations

from typing import Any

from ....errors import ArgumentError, ShapeError
from ... import windows
from ...ir import Tensor
from ...ops.convolution import conv
from ...state import Variable
from ..low_rank import LowRank
from .base import BaseConvolution

__all__ = ["Conv1D", "Conv2D", "Conv3D", "Convolution1D", "Convolution2D", "Convolution3D"]


class BaseConv(BaseConvolution, LowRank):
    """Input [batch, ..., in], output [batch, ..., filters], kernel [*kernel_size, in / groups, filters].

    With ``data_format="channels_first"`` the channels come second in both.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            bias_initializer, bias_regularizer, bias_constraint,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        owner = type(self).__name__
        self.filters = windows.count(owner, "filters", filters)
        self.groups = windows.count(owner, "groups", groups)
        if filters % groups:
            raise ArgumentError(f"{owner}: filters={filters} is not divisible by groups={groups}")
        self.kernel_initializer, self.kernel_regularizer = kernel_initializer, kernel_regularizer
        self.kernel_constraint = kernel_constraint
        self._configure_lora(lora_rank, lora_alpha, kernel_constraint)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ShapeError(
                f"{type(self).__name__}: {channels} channels are not divisible by groups={self.groups}"
            )
        self._kernel = self._weight(
            "kernel", (*self.kernel_size, channels // self.groups, self.filters)
        )
        self.bias = self._bias(self.filters)
        self._enable_asked_lora()

    @property
    def kernel(self) -> Variable | Tensor:
        """The kernel; with low-rank factors, the sum that takes its place."""
        return self._adapted()

    def call(self, inputs: Tensor) -> Tensor:
        return self._activated(
            conv(
                inputs, self._adapted(), self.strides, self.padding, self.data_format,
                self.dilation_rate, bias=self.bias,
            )
        )  # fmt: skip


class Conv1D(BaseConv):
    """Convolution of sequences [batch, steps, channels].

    With ``padding="causal"`` no output depends on later steps.
    """

    rank = 1

    def _may_be_causal(self) -> bool:
        return True


class Conv2D(BaseConv):
    """Convolution of images [batch, height, width, channels]."""

    rank = 2


class Conv3D(BaseConv):
    """Convolution of volumes [batch, depth, height, width, channels]."""

    rank = 3


Convolution1D = Conv1D
Convolution2D = Conv2D
Convolution3D = Conv3D
