"""SpectralNormalization."""

from __future__ import annotations

from typing import Any

from ....errors import ArgumentError
from ... import initializers, op
from ...casting import as_type
from ...ir import Tensor, constant
from ...state import Variable
from ..core import Wrapper

__all__ = ["SpectralNormalization"]


class SpectralNormalization(Wrapper):
    """A layer whose kernel (or embeddings) is divided by its largest singular value in training.

    Miyato et al. 2018. The value is estimated by ``power_iterations`` from the vector ``vector_u``
    [1, last dim of the kernel], which is kept from step to step.
    """

    def __init__(self, layer: Any, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        if power_iterations < 1:
            raise ArgumentError(
                f"SpectralNormalization(power_iterations={power_iterations}): expected at least 1"
            )
        self.power_iterations = power_iterations

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        layer = self.layer
        kernel = getattr(layer, "kernel", None)
        kernel = getattr(layer, "embeddings", None) if kernel is None else kernel
        if not isinstance(kernel, Variable):
            raise ArgumentError(
                f"layer {self.name!r}: {type(layer).__name__} has no weight kernel or embeddings"
            )
        del self.layer  # set again behind the weights: Keras lists these first
        self.kernel = kernel
        self.vector_u = self.add_weight(
            (1, kernel.shape[-1]), initializers.TruncatedNormal(stddev=0.02), kernel.dtype,
            name="vector_u", trainable=False, autocast=False,
        )  # fmt: skip
        self.layer = layer

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if training:
            self._normalise()
        result: Tensor = self.layer(inputs)
        return result if result.dtype == inputs.dtype else self._cast(result, inputs)

    def _cast(self, result: Tensor, inputs: Tensor) -> Tensor:
        return as_type(result, inputs.dtype) if inputs.dtype.kind == "f" else result

    def _normalise(self) -> None:
        kernel = self.kernel.value
        weights = op.Reshape(kernel, [-1, self.kernel.shape[-1]])
        v = u = self.vector_u.value
        for _ in range(self.power_iterations):
            v = _unit(op.MatMul(u, op.Transpose(weights, perm=(1, 0))))
            u = _unit(op.MatMul(v, weights))
        sigma = op.MatMul(op.MatMul(v, weights), op.Transpose(u, perm=(1, 0)))
        # a kernel of zeros stays as it is, and so does the vector
        zero = op.Equal(op.ReduceMax(op.Abs(weights), keepdims=0), 0.0)
        self.vector_u.assign(op.Where(zero, self.vector_u, u))
        divisor = op.Where(zero, constant(1, kernel.dtype), op.Reshape(sigma, []))
        self.kernel.assign(kernel / divisor)


def _unit(x: Tensor) -> Tensor:
    """A vector of length 1, or 0."""
    result: Tensor = x / op.Sqrt(op.Max(op.ReduceSumSquare(x, keepdims=1), 1e-14))
    return result
