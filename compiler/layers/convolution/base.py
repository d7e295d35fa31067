"""What convolutions of all kinds share."""

from __future__ import annotations

from typing import Any

from ... import activations, windows
from ...ir import Tensor
from ...state import Variable
from ..core import known_size
from ..input_spec import InputSpec
from ..spatial import SpatialLayer


class BaseConvolution(SpatialLayer):
    """A window that moves over ``rank`` axes; then a bias and an activation.

    Kernels are [*kernel_size, in, out] whatever the layout of the images is.
    """

    def __init__(
        self,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        bias_initializer: Any,
        bias_regularizer: Any,
        bias_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        owner = type(self).__name__
        self.kernel_size = windows.sizes(owner, "kernel_size", kernel_size, self.rank)
        self.strides = windows.sizes(owner, "strides", strides, self.rank)
        self.dilation_rate = windows.sizes(owner, "dilation_rate", dilation_rate, self.rank)
        self.padding = windows.check_padding(owner, padding, self._may_be_causal())
        self._set_layout(data_format)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.bias_initializer, self.bias_regularizer = bias_initializer, bias_regularizer
        self.bias_constraint = bias_constraint

    def _may_be_causal(self) -> bool:
        return False

    def _channels(self, input_shape: Any) -> int:
        """How many channels the input has; from now on any other number is refused."""
        owner = type(self).__name__
        self._check_space(input_shape)
        axis = 1 if self.channels_first else -1
        channels = known_size(owner, input_shape[axis], "the number of channels")
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels})
        return channels

    def _weight(self, name: str, shape: tuple[int, ...], arguments: str = "") -> Variable:
        """A weight whose initializer, regularizer and constraint were given as ``<arguments>_...``."""
        prefix = arguments or name
        return self.add_weight(
            shape, getattr(self, f"{prefix}_initializer"), name=name,
            regularizer=getattr(self, f"{prefix}_regularizer"),
            constraint=getattr(self, f"{prefix}_constraint"),
        )  # fmt: skip

    def _bias(self, filters: int) -> Variable | None:
        return self._weight("bias", (filters,)) if self.use_bias else None

    def _activated(self, y: Tensor) -> Tensor:
        result: Tensor = self.activation(y)
        return result
