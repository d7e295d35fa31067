"""Dense and EinsumDense."""

from __future__ import annotations

import math
from typing import Any

from ...errors import ArgumentError, ShapeError
from .. import activations, initializers, op
from ..config import not_supported
from ..infer import TensorType
from ..ir import Tensor, retyped
from ..state import Variable
from .core import known_size
from .dense_equation import Equation
from .input_spec import InputSpec
from .low_rank import LowRank

__all__ = ["Dense", "EinsumDense"]


class Dense(LowRank):
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
        not_supported("Dense", quantization_config=(quantization_config, None))
        if not isinstance(units, int) or units <= 0:
            raise ArgumentError(f"Dense(units={units!r}): units is a number above 0")
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer
        self.kernel_regularizer, self.bias_regularizer = kernel_regularizer, bias_regularizer
        self.kernel_constraint, self.bias_constraint = kernel_constraint, bias_constraint
        self._configure_lora(lora_rank, lora_alpha, kernel_constraint)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        width = known_size("Dense", input_shape[-1], "the size of the last axis")
        self._kernel = self.add_weight(
            (width, self.units), self.kernel_initializer, name="kernel",
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,), self.bias_initializer, name="bias",
                regularizer=self.bias_regularizer, constraint=self.bias_constraint,
            )  # fmt: skip
        self.input_spec = InputSpec(min_ndim=2, axes={-1: width})
        self._enable_asked_lora()

    @property
    def kernel(self) -> Variable | Tensor:
        """The kernel; with low-rank factors, the sum that takes its place."""
        return self._adapted()

    def call(self, inputs: Tensor) -> Tensor:
        kernel = self._kernel if self._by_factors else self._adapted()
        if inputs.ndim == 2:  # one node instead of two
            product = op.Gemm(inputs, kernel, self.bias)
        else:
            product = op.MatMul(inputs, kernel)
            product = product if self.bias is None else product + self.bias
        if self._by_factors:
            product = product + self._factored(op.MatMul(inputs, self._lora_a))
        result: Tensor = self.activation(product)
        return result


class EinsumDense(LowRank):
    """``activation(einsum(equation, inputs, kernel) + bias)``.

    Args:
        equation: "ab,bc->ac", or with an ellipsis for any number of axes: "...x,xy->...y",
            "ab...,bc->ac...". Letters of the kernel are letters of the input or of the output.
        output_shape: sizes without the batch (and without what the ellipsis stands for); None for those
            that the input determines.
        bias_axes: letters of the output that the bias has, or None for no bias.
    """

    _casts_integers = True

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: Any = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        not_supported(
            "EinsumDense", gptq_unpacked_column_size=(gptq_unpacked_column_size, None),
            quantization_config=(quantization_config, None),
        )  # fmt: skip
        self.equation, self.bias_axes = equation, bias_axes
        self.partial_output_shape = (
            (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        )
        self.activation = activations.get(activation)
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer
        self.kernel_regularizer, self.bias_regularizer = kernel_regularizer, bias_regularizer
        self.kernel_constraint, self.bias_constraint = kernel_constraint, bias_constraint
        self._parsed = Equation.parsed(equation)
        self._configure_lora(lora_rank, lora_alpha, kernel_constraint)

    def build(self, input_shape: Any) -> None:
        sizes = self._parsed.sizes(self.name, input_shape, self.partial_output_shape)
        self._kernel = self.add_weight(
            tuple(sizes[c] for c in self._parsed.kernel), self._initializer(), name="kernel",
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.bias = None
        if self.bias_axes is not None:
            self.bias = self.add_weight(
                self._parsed.bias_shape(self.bias_axes, sizes, len(input_shape)),
                self.bias_initializer, name="bias", regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )  # fmt: skip
        self.input_spec = InputSpec(ndim=len(input_shape))
        self._enable_asked_lora()

    def _initializer(self) -> Any:
        """With the axes that the equation sums over as inputs, where the fans matter."""
        found = initializers.get(self.kernel_initializer)
        if not isinstance(found, initializers.VarianceScaling):
            return found
        if found.input_axes is not None and found.output_axes is not None:
            return found
        inputs, outputs = self._parsed.kernel_axes()
        return type(found).from_config(
            {**found.get_config(), "seed": found.seed, "input_axes": inputs, "output_axes": outputs}
        )

    @property
    def kernel(self) -> Variable | Tensor:
        """The kernel; with low-rank factors, the sum that takes its place."""
        return self._adapted()

    def call(self, inputs: Tensor) -> Tensor:
        summed = self._parsed.contracted
        if summed:
            product = self._as_matrices(inputs, len(summed))
        else:
            product = op.Einsum(inputs, self._adapted(), equation=self.equation.replace(" ", ""))
        if self.bias is not None:
            product = product + self.bias
        result: Tensor = self.activation(product)
        return result

    def _as_matrices(self, x: Tensor, summed: int) -> Tensor:
        """One MatMul: in onnxruntime an Einsum takes as long, and other tools know less of it."""
        kernel, shape = self._adapted(), self._kernel.shape
        free = x.ndim - summed
        if x.shape[free:] != shape[:summed] and all(isinstance(d, int) for d in x.shape[free:]):
            raise ShapeError(f"layer {self.name!r} was built for {shape[:summed]}; got {x.type}")
        width = math.prod(shape[:summed])
        if summed > 1:
            lead = x.shape[:free]
            x = op.Reshape(x, [*[0] * free, width])
            x = retyped(x, TensorType(x.dtype, (*lead, width)))
        if len(shape) > 2:
            kernel = op.Reshape(kernel, [width, -1])
        product: Tensor = op.MatMul(x, kernel)
        if len(shape) == summed + 1:
            return product
        found = op.Reshape(product, [*[0] * free, *shape[summed:]])
        return retyped(found, TensorType(found.dtype, (*product.shape[:-1], *shape[summed:])))
