"""Convolution over images."""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError, ShapeError
from .. import activations, op
from ..ir import Dim, Tensor
from ..layout import channels_first, channels_last
from .base import Layer
from .core import known_size


def pair(owner: str, label: str, value: Any, rank: int = 2) -> tuple[int, ...]:
    """``3`` or ``(3, 3)`` as a tuple of positive numbers."""
    sizes = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(sizes) != rank or not all(isinstance(s, int) and s > 0 for s in sizes):
        raise ArgumentError(
            f"{owner}({label}={value!r}): expected a number above 0, or {rank} of them"
        )
    return sizes


def check_format(owner: str, data_format: str | None) -> bool:
    """Whether images are channels-first."""
    if data_format not in (None, "channels_last", "channels_first"):
        raise ArgumentError(
            f"{owner}(data_format={data_format!r}): expected 'channels_last' or 'channels_first'"
        )
    return data_format == "channels_first"


def padding_attributes(
    owner: str, padding: str, space: tuple[Dim, ...], kernel: tuple[int, ...],
    strides: tuple[int, ...], dilations: tuple[int, ...],
) -> dict[str, Any]:  # fmt: skip
    """ONNX attributes for Keras' "valid" or "same" (whose odd pad goes to the end).

    Explicit pads where they can be known; ``auto_pad`` for strided images of dynamic size.
    """
    if padding == "valid":
        return {}
    if padding != "same":
        raise ArgumentError(f"{owner}(padding={padding!r}): expected 'valid' or 'same'")
    begins, ends = [], []
    for size, k, s, d in zip(space, kernel, strides, dilations, strict=True):
        extent = d * (k - 1) + 1
        if isinstance(size, int):
            total = max((-(-size // s) - 1) * s + extent - size, 0)
        elif s == 1:
            total = extent - 1
        else:
            return {"auto_pad": "SAME_UPPER"}
        begins.append(total // 2)
        ends.append(total - total // 2)
    return {"pads": (*begins, *ends)}


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
        self.kernel_size = pair("Conv2D", "kernel_size", kernel_size)
        self.strides = pair("Conv2D", "strides", strides)
        self.dilation_rate = pair("Conv2D", "dilation_rate", dilation_rate)
        self.padding = padding.lower()
        padding_attributes("Conv2D", self.padding, (1, 1), (1, 1), (1, 1), (1, 1))
        self.channels_first = check_format("Conv2D", data_format)
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
            **padding_attributes(
                "Conv2D", self.padding, x.shape[2:], self.kernel_size, self.strides,
                self.dilation_rate,
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
