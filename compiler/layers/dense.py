"""Dense and EinsumDense."""

from __future__ import annotations

import math
from typing import Any

from ...errors import ArgumentError, ShapeError
from .. import activations, initializers, op
from ..casting import as_type
from ..config import not_supported
from ..infer import TensorType
from ..ir import Array, Tensor, convert, retyped
from ..state import Variable
from .core import known_size
from .dense_equation import Equation, arranged
from .input_spec import InputSpec
from .quantized import Quantizable, Role

__all__ = ["Dense", "EinsumDense"]


class Dense(Quantizable):
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
        if not isinstance(units, int) or units <= 0:
            raise ArgumentError(f"Dense(units={units!r}): units is a number above 0")
        self._configure_quantization(quantization_config)
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
        if self.quantization_mode is None and inputs.ndim == 2:  # one node instead of two
            product = op.Gemm(inputs, self._multiplier(), self.bias)
        else:
            quantized = self.quantization_mode is not None
            product = (
                self._by_integers(inputs) if quantized else op.MatMul(inputs, self._multiplier())
            )
            product = product if self.bias is None else product + self.bias
        if self._by_factors:
            product = product + self._factored(op.MatMul(inputs, self._lora_a))
        result: Tensor = self.activation(product)
        return result

    def _multiplier(self) -> Variable | Tensor:
        return self._kernel if self._by_factors else self._adapted()

    def _roles(self) -> tuple[Role, ...]:
        return (Role("_kernel", "kernel", (0,)),)

    def _by_integers(self, inputs: Tensor) -> Tensor:
        (role,) = self._roles()
        return self._quantized_product(
            inputs, [-1], self._matmul, self._floats(role),
            lambda: (self._kernel.value, self.kernel_scale),
        )  # fmt: skip


class EinsumDense(Quantizable):
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
        not_supported("EinsumDense", gptq_unpacked_column_size=(gptq_unpacked_column_size, None))
        self._configure_quantization(quantization_config)
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
        if self.quantization_mode is None:
            product = self._multiplied(inputs, self._adapted())
        else:
            product = self._by_integers(inputs)
            if self.lora_enabled:
                product = product + self._multiplied(inputs, self._change())
        if self.bias is not None:
            product = product + self.bias
        result: Tensor = self.activation(product)
        return result

    def _multiplied(self, x: Tensor, kernel: Variable | Tensor) -> Tensor:
        summed = self._parsed.contracted
        if summed:
            return self._as_matrices(x, kernel, len(summed))
        if x.dtype.kind == "i":
            kind = self.compute_dtype
            x, kernel = op.Cast(x, to=kind), op.Cast(kernel, to=kind)
        result: Tensor = op.Einsum(x, kernel, equation=self.equation.replace(" ", ""))
        return result

    def _as_matrices(self, x: Tensor, kernel: Any, summed: int) -> Tensor:
        """One MatMul: in onnxruntime an Einsum takes as long, and other tools know less of it."""
        shape = self._weight_shape
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
        product = self._matmul(x, kernel)
        if len(shape) == summed + 1:
            return product
        found = op.Reshape(product, [*[0] * free, *shape[summed:]])
        return retyped(found, TensorType(found.dtype, (*product.shape[:-1], *shape[summed:])))

    # -- integers ---------------------------------------------------------------------------

    def _roles(self) -> tuple[Role, ...]:
        return (Role("_kernel", "kernel", tuple(self._parsed.kernel_axes()[0])),)

    def _spelled(self) -> tuple[str, str]:
        return self._parsed.spelled(self.input_spec.ndim)

    def _height(self, shape: tuple[int, ...]) -> int:
        return math.prod(shape[i] for i in self._parsed.kernel_axes()[0])

    def _scale_as_kept(self, role: Role, scale: Array) -> Array:
        return arranged(convert(scale), self._parsed.kernel, self._spelled()[1]).numpy()

    def _float_length(self, role: Role) -> int:
        return math.prod(self._float_shape) // self._height(self._float_shape)

    def _floats(self, role: Role) -> Tensor:
        if self.quantization_mode != "int8":  # a matrix until here
            found: Tensor = op.Reshape(super()._floats(role), [*self._float_shape])
            return found
        scale = arranged(self.kernel_scale.value, self._spelled()[1], self._parsed.kernel)
        return as_type(self._kernel.value, self.compute_dtype) / scale

    def _by_integers(self, inputs: Tensor) -> Tensor:
        letters, output = self._spelled()
        axes = [i for i, c in enumerate(letters) if c not in output]
        return self._quantized_product(
            inputs, axes, self._multiplied, self._floats(self._roles()[0]),
            lambda: (self._kernel.value, self.kernel_scale),
            lambda scale: arranged(scale, letters, output),
        )  # fmt: skip
