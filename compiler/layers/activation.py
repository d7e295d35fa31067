"""Activation functions as layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import ArgumentError
from .. import activations, op
from ..ir import Tensor
from .attention.masks import masked_softmax
from .base import Layer
from .core import known_size
from .input_spec import InputSpec

__all__ = ["ELU", "Activation", "LeakyReLU", "PReLU", "ReLU", "Softmax"]


class Activation(Layer):
    """An activation function as a layer; ``activation`` is a name or a callable."""

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.supports_masking = self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        result: Tensor = self.activation(inputs)
        return result


class ReLU(Layer):
    """``x`` above ``threshold`` (at most ``max_value``), else ``negative_slope * (x - threshold)``."""

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _check("ReLU", "negative_slope", negative_slope)
        _check("ReLU", "threshold", threshold)
        if max_value is not None:
            _check("ReLU", "max_value", max_value)
        self.max_value, self.negative_slope, self.threshold = max_value, negative_slope, threshold
        self.supports_masking = self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        result: Tensor = activations.relu(
            inputs, self.negative_slope, self.max_value, self.threshold
        )
        return result


def _check(owner: str, label: str, value: Any) -> None:
    if value is None or value < 0:
        raise ArgumentError(f"{owner}({label}={value}): expected a number of at least 0")


class LeakyReLU(Layer):
    """``x`` above 0, ``negative_slope * x`` below."""

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        _check("LeakyReLU", "negative_slope", negative_slope)
        self.negative_slope = negative_slope
        self.supports_masking = self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        return activations.leaky_relu(inputs, self.negative_slope)


class ELU(Layer):
    """``x`` above 0, ``alpha * (exp(x) - 1)`` below (Clevert et al. 2016)."""

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha
        self.supports_masking = self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        return activations.elu(inputs, self.alpha)


class PReLU(Layer):
    """``x`` above 0, ``alpha * x`` below, with a learned ``alpha`` (He et al. 2015).

    alpha has the input's shape without the batch, and 1 along ``shared_axes`` (numbers from 1 on).
    """

    def __init__(
        self,
        alpha_initializer: Any = "zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer, self.alpha_regularizer = alpha_initializer, alpha_regularizer
        self.alpha_constraint = alpha_constraint
        axes = [shared_axes] if isinstance(shared_axes, int) else shared_axes
        self.shared_axes = None if axes is None else list(axes)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        rank, shared = len(input_shape), {a % len(input_shape) for a in self.shared_axes or []}
        shape = [
            1 if i in shared
            else known_size(self.name, input_shape[i], f"the size of axis {i} (or share it)")
            for i in range(1, rank)
        ]  # fmt: skip
        self.alpha = self.add_weight(
            shape, self.alpha_initializer, name="alpha", regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )  # fmt: skip
        axes = {i: input_shape[i] for i in range(1, rank) if shared and i not in shared}
        self.input_spec = InputSpec(ndim=rank, axes=axes)

    def call(self, inputs: Tensor) -> Tensor:
        result: Tensor = op.PRelu(inputs, self.alpha)
        return result


class Softmax(Layer):
    """Exponentials that sum to one along ``axis`` (a number, or several at once).

    Where ``mask`` (it broadcasts to the input) is False, or at most 0.5, the result is 0.
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis
        self.supports_masking = self.built = True

    def call(self, inputs: Tensor, mask: Any = None) -> Tensor:
        if mask is None:
            return activations.softmax(inputs, self.axis)
        if mask.ndim > inputs.ndim:
            raise ArgumentError(
                f"layer {self.name!r}: a mask broadcasts to the input {inputs.type}; got {mask.type}"
            )
        kept = mask if mask.dtype.kind == "b" else op.Greater(mask, 0.5)
        return masked_softmax(inputs, kept, self.axis)
