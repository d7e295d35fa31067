"""Dense, Embedding, Activation and other layers without an image in mind."""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError, ShapeError
from .. import activations, dtypes, functional, op
from ..config import not_supported
from ..ir import Tensor, apply
from .base import Layer

__all__ = [
    "Activation",
    "Dense",
    "Embedding",
    "Identity",
    "InputLayer",
    "ReLU",
    "Rescaling",
    "Softmax",
]


def known_size(owner: str, size: Any, what: str) -> int:
    """A dim that a weight's shape depends on. Raises ``ShapeError`` where it is dynamic."""
    if not isinstance(size, int):
        raise ShapeError(f"{owner} needs to know {what} when it is built; it is dynamic here")
    return size


class InputLayer(Layer):
    """The layer that stands for a ``wh.Input`` in ``model.layers``."""

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: Tensor | None = None,
        optional: bool = False,
        name: str | None = None,
    ) -> None:
        if input_tensor is None:
            input_tensor = functional.Input(
                shape, batch_size, dtype, sparse, ragged, batch_shape, name, None, optional
            )
        super().__init__(name=input_tensor.node.payload.name, dtype=input_tensor.dtype)
        self.tensor = input_tensor
        self.built = True

    @property
    def output(self) -> Tensor:
        return self.tensor

    @property
    def input(self) -> Tensor:
        return self.tensor

    def call(self, inputs: Any) -> Any:
        return inputs


class Dense(Layer):
    """``activation(inputs @ kernel + bias)``, over the last axis.

    Weights: kernel [in, units], bias [units]. Input [..., in], output [..., units].
    """

    _casts_integers = True

    def __init__(
        self,
        units: int,
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
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        not_supported(
            "Dense", lora_rank=(lora_rank, None), lora_alpha=(lora_alpha, None),
            quantization_config=(quantization_config, None),
        )  # fmt: skip
        if not isinstance(units, int) or units <= 0:
            raise ArgumentError(f"Dense(units={units!r}): units is a number above 0")
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer
        self.kernel_regularizer, self.bias_regularizer = kernel_regularizer, bias_regularizer
        self.kernel_constraint, self.bias_constraint = kernel_constraint, bias_constraint

    def build(self, input_shape: Any) -> None:
        width = known_size("Dense", input_shape[-1], "the size of the last axis")
        self.kernel = self.add_weight(
            (width, self.units), self.kernel_initializer, name="kernel",
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,), self.bias_initializer, name="bias",
                regularizer=self.bias_regularizer, constraint=self.bias_constraint,
            )  # fmt: skip

    def call(self, inputs: Tensor) -> Tensor:
        width = inputs.shape[-1] if inputs.ndim else None
        if isinstance(width, int) and width != self.kernel.shape[0]:
            raise ShapeError(
                f"layer {self.name!r} was built for {self.kernel.shape[0]} features in the last "
                f"axis; got {inputs.type}"
            )
        if inputs.ndim == 2:  # one node instead of two
            return self._activated(op.Gemm(inputs, self.kernel, self.bias))
        product = op.MatMul(inputs, self.kernel)
        return self._activated(product if self.bias is None else product + self.bias)

    def _activated(self, x: Tensor) -> Tensor:
        result: Tensor = self.activation(x)
        return result


class Embedding(Layer):
    """A row of a table for each integer: input [...] of indices, output [..., output_dim]."""

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        not_supported(
            "Embedding", mask_zero=(mask_zero, False), lora_rank=(lora_rank, None),
            lora_alpha=(lora_alpha, None), quantization_config=(quantization_config, None),
        )  # fmt: skip
        self.input_dim, self.output_dim = input_dim, output_dim
        self.embeddings = self.add_weight(
            (input_dim, output_dim), embeddings_initializer, name="embeddings",
            regularizer=embeddings_regularizer, constraint=embeddings_constraint,
        )  # fmt: skip
        self.built = True
        if weights is not None:
            self.set_weights(weights if isinstance(weights, list) else [weights])

    def _converted(self, value: Any) -> Any:
        """Indices keep their type; floats (Keras takes them) become integers."""
        found = super()._converted(value)
        if isinstance(found, Tensor) and found.dtype.kind != "i":
            return apply("Cast", found, to="int64")
        return found

    def call(self, inputs: Tensor) -> Tensor:
        result: Tensor = op.Gather(self.embeddings, inputs, axis=0)
        return result


class Activation(Layer):
    """An activation function as a layer; ``activation`` is a name or a callable."""

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

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
        for label, value in (("max_value", max_value), ("negative_slope", negative_slope),
                             ("threshold", threshold)):  # fmt: skip
            if value is not None and value < 0:
                raise ArgumentError(f"ReLU({label}={value}): expected a number of at least 0")
        self.max_value, self.negative_slope, self.threshold = max_value, negative_slope, threshold

    def call(self, inputs: Tensor) -> Tensor:
        result: Tensor = activations.relu(
            inputs, self.negative_slope, self.max_value, self.threshold
        )
        return result


class Softmax(Layer):
    """Exponentials that sum to one along ``axis`` (a number, or several at once)."""

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Tensor) -> Tensor:
        if isinstance(self.axis, int):
            single: Tensor = activations.softmax(inputs, axis=self.axis)
            return single
        shifted = inputs - op.ReduceMax(inputs, list(self.axis), keepdims=1)
        exponentials = op.Exp(shifted)
        result: Tensor = exponentials / op.ReduceSum(exponentials, list(self.axis), keepdims=1)
        return result


class Rescaling(Layer):
    """``inputs * scale + offset``: integers become floats."""

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset

    def call(self, inputs: Tensor) -> Tensor:
        x = inputs if dtypes.is_float(inputs.dtype) else op.Cast(inputs, to=self.dtype)
        scaled = x * self.scale
        result: Tensor = scaled if self.offset in (0, 0.0) else scaled + self.offset
        return result


class Identity(Layer):
    """Its input."""

    def call(self, inputs: Any) -> Any:
        return inputs
