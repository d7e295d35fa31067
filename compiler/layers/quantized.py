"""Layers whose weights can become small integers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .. import lora, op, policies, quantizers
from ..autodiff import vector_jacobian
from ..casting import as_type
from ..ir import Array, Tensor
from ..ops.custom import custom_gradient
from ..state import Variable
from .low_rank import LowRank


@dataclass(frozen=True)
class Role:
    """A weight that becomes integers.

    Args:
        attribute: where the layer keeps it.
        name: of the variable; its scale is ``NAME_scale``, its zero point ``NAME_zero``.
        axes: those that a scale holds for.
        packed: the axis along which two of int4 share a byte.
    """

    attribute: str
    name: str
    axes: tuple[int, ...]
    packed: int = -1

    @property
    def grouped(self) -> int:
        """The axis of the matrix that groups of int4 lie along."""
        return 1 if self.axes == (1,) else 0


class Quantizable(LowRank):
    """Base of layers with ``quantize``: integers and scales take the place of weights, for good.

    Shapes and types of the variables are Keras': ``kernel`` int8 (int4: two in a byte, halved along the
    last axis), ``kernel_scale``, and for int4 in groups ``kernel_zero`` and ``g_idx``. None of them is
    trained; low-rank factors beside them can be. A subclass says by ``_roles`` which weights there are.
    """

    quantization_config: quantizers.QuantizationConfig | None = None
    kernel_scale: Variable

    @property
    def quantization_mode(self) -> str | None:
        """What the weights are: "int8", "int4" or None."""
        return self.dtype_policy.quantization_mode

    def quantize(
        self, mode: str | None = None, type_check: bool = True, config: Any = None
    ) -> None:
        """Replace the weights by integers.

        Args:
            mode: "int8": the inputs become int8, too, each row by its largest value. "int4": the inputs
                stay floats; weights share a scale and a zero point in groups of 128.
            type_check: refuse a class derived from ours, whose ``call`` need not know integers.
            config: an ``Int8QuantizationConfig`` or ``Int4QuantizationConfig``, for more choice.

        A model has to be compiled again. Raises ``ArgumentError`` before the layer is built and a second
        time, ``NotImplementedError`` for Keras' other modes.
        """
        owner = f"layer {self.name!r} ({type(self).__name__})"
        found = quantizers.configuration(mode, config)
        if type_check and "_roles" not in vars(type(self)):
            raise NotImplementedError(
                f"{owner} is of a class of its own: pass type_check=False to quantise it nevertheless"
            )
        if not self.built:
            raise ArgumentError(f"{owner} has no weights yet: build it, then call quantize")
        if self.quantization_mode is not None:
            raise ArgumentError(f"{owner} is {self.quantization_mode} already")
        self.dtype_policy = policies.quantized(f"{found.policy}_from_{self.dtype_policy.name}")
        self.quantization_config = self._arguments["quantization_config"] = found
        self._quantize_weights()

    def _configure_quantization(self, config: Any) -> None:
        """Take the constructor's ``quantization_config``, which belongs to a quantised ``dtype``."""
        if config is None:
            return
        if self.quantization_mode is None:
            raise ArgumentError(
                f"{type(self).__name__}(quantization_config=...) is for dtype='int8_from_float32' and the "
                "like; without it, call quantize(config=...) on the built layer"
            )
        self.quantization_config = quantizers.configuration(self.quantization_mode, config)

    @property
    def quantized_variables(self) -> list[Variable]:
        """The variables in the order in which Keras saves them."""
        first, *others = (r.name for r in self._roles())
        names = ["", "_scale", "_zero"]
        order = [first, "bias", *(first + n for n in names[1:]), "g_idx"]
        order += [other + n for other in others for n in names]
        found = {v.name: v for v in self._own() if isinstance(v, Variable)}
        return [found[n] for n in order if n in found]

    def _roles(self) -> tuple[Role, ...]:
        """The weights to quantise, the largest first."""
        raise NotImplementedError

    def _enable_asked_lora(self) -> None:
        """Also quantise what was made by the dtype policy of a quantised layer."""
        policy = self.dtype_policy
        if isinstance(policy, policies.QuantizedDTypePolicy):
            if self.quantization_config is None:
                self.quantization_config = (
                    quantizers.Int8QuantizationConfig()
                    if policy.quantization_mode == "int8"
                    else quantizers.Int4QuantizationConfig(block_size=policy.block_size)
                )
            self._quantize_weights()
        super()._enable_asked_lora()

    # -- weights ----------------------------------------------------------------------------

    def _quantize_weights(self) -> None:
        for role in self._roles():
            variable: Variable = getattr(self, role.attribute)
            if variable.dtype == np.int8:
                continue
            if role.attribute == "_kernel":
                self._float_shape = variable.shape
            parts = self._integers(role, variable.numpy())
            self._frozen = [v for v in self._frozen if v is not variable]
            for label, value in parts.items():
                made = self.add_weight(value.shape, "zeros", value.dtype, False, name=label)
                made.assign(value)
                setattr(self, role.attribute if label == role.name else label, made)
            getattr(self, role.attribute).regularizer = variable.regularizer  # for factors

    def _integers(self, role: Role, weight: Array) -> dict[str, Array]:
        """The variables that take a weight's place, by their names."""
        config = self.quantization_config
        assured: Any = config
        if self.quantization_mode == "int8":
            values, scale = _scaled(role.axes, assured.weight_quantizer, (-127, 127), weight)
            aligned = self._scale_as_kept(role, scale)
            return {role.name: values, f"{role.name}_scale": aligned}
        matrix = weight if weight.ndim == 2 else weight.reshape(self._height(weight.shape), -1)
        axis = role.grouped
        if assured.block_size is None:
            values, scale = _scaled((axis,), assured.weight_quantizer, quantizers.INT4, matrix)
            parts = {"scale": scale.squeeze(axis)}
        else:
            turned = matrix.T if axis else matrix
            found = quantizers.abs_max_quantize_grouped_with_zero_point(turned, assured.block_size)
            values, scale, zero = (x.numpy().T if axis else x.numpy() for x in found)
            parts = {"scale": scale, "zero": zero}
        bytes_ = quantizers.pack_int4(np.ascontiguousarray(values), role.packed)[0].numpy()
        named = {role.name: bytes_, **{f"{role.name}_{k}": v for k, v in parts.items()}}
        if "zero" in parts and role.attribute == "_kernel":
            named["g_idx"] = (np.arange(matrix.shape[axis]) // assured.block_size).astype("float32")
        return named

    def _height(self, shape: tuple[int, ...]) -> int:
        """The rows of the weight as a matrix."""
        return shape[0]

    def _scale_as_kept(self, role: Role, scale: Array) -> Array:
        """From the weight's axes to those of the variable."""
        return scale.squeeze(role.axes)

    @property
    def _weight_shape(self) -> tuple[int, ...]:
        return self._kernel.shape if self.quantization_mode is None else self._float_shape

    def _floats(self, role: Role) -> Tensor:
        """The weight that the integers stand for."""
        kept: Variable = getattr(self, role.attribute)
        scale, kind = getattr(self, f"{role.name}_scale"), self.compute_dtype
        if self.quantization_mode == "int8":
            return quantizers.dequantized(as_type(kept.value, kind), scale, axis=role.grouped)
        zero, groups = getattr(self, f"{role.name}_zero", None), getattr(self, "g_idx", None)
        length = self._float_length(role)
        values = quantizers.unpacked(kept.value, length, role.packed, kind)
        return quantizers.dequantized(values, scale, zero, groups, role.grouped)

    def _float_length(self, role: Role) -> int:
        """The axis along which int4 are packed, before they were."""
        return self._float_shape[-1]

    def _adapted(self) -> Variable | Tensor:
        """As Keras': the integers; with low-rank factors, the floats."""
        if self.quantization_mode is None:
            return super()._adapted()
        if self.lora_enabled:
            return self._floats(self._roles()[0]) + self._change()
        if self.quantization_mode == "int8":
            return self._kernel
        role = self._roles()[0]
        return quantizers.unpack_int4(self._kernel, self._float_length(role), role.packed)

    # -- products ---------------------------------------------------------------------------

    @property
    def _by_factors(self) -> bool:
        return super()._by_factors or (self.lora_enabled and self.quantization_mode is not None)

    def _quantized_product(
        self,
        x: Tensor,
        axes: list[int],
        multiply: Callable[[Tensor, Tensor], Tensor],
        floats: Tensor,
        integers: Callable[[], tuple[Tensor, Any]],
        align: Callable[[Tensor], Tensor] = lambda scale: scale,
    ) -> Tensor:
        """``multiply(x, weight)``, by integers where the inputs are quantised.

        The gradient is that of the product with ``floats``, as if nothing had been rounded (Bengio et al.
        2013).

        Args:
            axes: of x, summed over.
            integers: gives the weight as int8 and its scale in the output's axes.
            align: brings the scale of x to the output's axes.
        """
        quantizer = getattr(self.quantization_config, "activation_quantizer", None)
        if quantizer is None:
            return multiply(x, floats)

        def product(x: Tensor) -> tuple[Tensor, Callable[..., Tensor]]:
            values, scale = quantizer(x, axis=axes)
            if self.quantization_mode == "int8":
                weight, by = integers()
                y = multiply(values, weight) / (align(scale) * by)
            else:
                y = multiply(as_type(values, x.dtype), floats) / align(scale)
            return y, pulled

        def pulled(x: Tensor, upstream: Tensor) -> Tensor:
            return vector_jacobian([multiply(x, floats)], [upstream], [x])[0]

        if lora.is_merged():  # for a file: nobody asks for a gradient
            return product(x)[0]
        found: Tensor = custom_gradient(product)(x)
        return found

    def _matmul(self, x: Tensor, w: Any) -> Tensor:
        """``x w`` of floats, or of int8 as floats; exported files multiply integers."""
        if x.dtype != np.int8:
            result: Tensor = op.MatMul(x, w)
            return result
        return quantizers.integer_product(x, w, self.compute_dtype, native=lora.is_merged())


def _scaled(
    axes: tuple[int, ...], given: Any, span: tuple[int, int], weight: Array
) -> tuple[Array, Array]:
    """Integers and scale of a weight, by the quantizer that the user gave or by the largest value."""
    quantizer = given or quantizers.AbsMaxQuantizer(axes, span)
    own = getattr(quantizer, "axis", None)
    values, scale = (x.numpy() for x in quantizer(weight, axes if own is None else own))
    wanted = tuple(1 if i in axes else n for i, n in enumerate(weight.shape))
    if scale.shape != wanted:
        raise ArgumentError(
            f"the weight_quantizer gave a scale of shape {scale.shape} for a weight of {weight.shape}; "
            f"expected {wanted}: it should take the largest value over {axes}"
        )
    return values, scale
