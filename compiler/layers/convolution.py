"""Convolution over images."""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError, ShapeError
from .. import activations, op, windows
from ..ir import Tensor
from ..layout import channels_first, channels_last
from .base import Layer
from .core import known_size

__all__ = ["Conv2D", "Convolution2D"]


class Conv2D(Layer):
    """Convolution of images [batch, height, width, channels] with a kernel [kh, kw, in/groups, filters].

    The output is [batch, height', width', filters]; with ``data_format="channels_first"`` the channels
    come second in both.
    """

    _casts_integers = True

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
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
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if not isinstance(filters, int) or filters <= 0 or groups <= 0 or filters % groups:
            raise ArgumentError(
                f"Conv2D(filters={filters!r}, groups={groups}): expected filters above 0 and "
                "divisible by groups"
            )
        self.filters, self.groups = filters, groups
        self.kernel_size = windows.sizes("Conv2D", "kernel_size", kernel_size)
        self.strides = windows.sizes("Conv2D", "strides", strides)
        self.dilation_rate = windows.sizes("Conv2D", "dilation_rate", dilation_rate)
        self.padding = windows.check_padding("Conv2D", padding)
        self.channels_first = windows.is_channels_first("Conv2D", data_format)
        self._extents = tuple(
            d * (k - 1) + 1 for k, d in zip(self.kernel_size, self.dilation_rate, strict=True)
        )
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer
        self.kernel_regularizer, self.bias_regularizer = kernel_regularizer, bias_regularizer
        self.kernel_constraint, self.bias_constraint = kernel_constraint, bias_constraint

    def build(self, input_shape: Any) -> None:
        check_image("Conv2D", input_shape)
        axis = 1 if self.channels_first else -1
        channels = known_size("Conv2D", input_shape[axis], "the number of channels")
        if channels % self.groups:
            raise ShapeError(
                f"Conv2D: {channels} channels are not divisible by groups={self.groups}"
            )
        self.kernel = self.add_weight(
            (*self.kernel_size, channels // self.groups, self.filters), self.kernel_initializer,
            name="kernel", regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.filters,), self.bias_initializer, name="bias",
                regularizer=self.bias_regularizer, constraint=self.bias_constraint,
            )  # fmt: skip

    def call(self, inputs: Tensor) -> Tensor:
        check_image(self.name, inputs.shape)
        x = inputs if self.channels_first else channels_first(inputs)
        y = op.Conv(
            x, op.Transpose(self.kernel, perm=(3, 2, 0, 1)), self.bias, group=self.groups,
            strides=self.strides, dilations=self.dilation_rate, kernel_shape=self.kernel_size,
            **windows.padding_attributes(
                "Conv2D", self.padding, x.shape[2:], self._extents, self.strides
            ),
        )  # fmt: skip
        result: Tensor = self.activation(y if self.channels_first else channels_last(y))
        return result


def check_image(owner: str, shape: Any) -> None:
    """Raise ``ShapeError`` unless ``shape`` is [batch, height, width, channels] or the like."""
    if len(shape) != 4:
        raise ShapeError(
            f"{owner} takes images [batch, height, width, channels]; got a tensor of shape "
            f"{tuple(shape)}" + ("; add a channel axis: x[..., None]" if len(shape) == 3 else "")
        )


Convolution2D = Conv2D
