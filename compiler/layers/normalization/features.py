"""Normalisations of each example by itself: LayerNormalization, RMSNormalization, UnitNormalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....errors import ArgumentError
from ... import op
from ...casting import as_type
from ...ir import Tensor, constant
from ...state import Variable
from ..base import Layer
from ..core import known_size
from .affine import Affine, widened

__all__ = ["LayerNormalization", "RMSNormalization", "UnitNormalization"]


def _axes(owner: str, axis: Any, shape: Sequence[Any]) -> list[int]:
    """The axes as numbers from 0, in order. Raises ``ArgumentError`` where there is no such axis."""
    given, rank = [axis] if isinstance(axis, int) else list(axis), len(shape)
    if not all(-rank <= a < rank for a in given):
        raise ArgumentError(f"layer {owner!r}: axis={axis} for an input of shape {tuple(shape)}")
    return sorted(a % rank for a in given)


def _sizes(owner: str, axes: Sequence[int], shape: Sequence[Any]) -> tuple[int, ...]:
    return tuple(known_size(owner, shape[a], f"the size of axis {a}") for a in axes)


def _beside(weight: Variable, rank: int, axes: Sequence[int]) -> Any:
    """A weight of these axes so that it broadcasts to a tensor of ``rank``."""
    others = [i for i in range(axes[0], rank) if i not in axes]
    return op.Unsqueeze(weight, [i - axes[0] for i in others]) if others else weight.value


class LayerNormalization(Affine):
    """Each example is shifted and scaled to mean 0 and variance 1 over ``axis`` (one, or several).

    Ba, Kiros and Hinton 2016. gamma and beta have the shape of the normalised axes.
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis, self.epsilon = axis, epsilon
        self._configure_affine(
            center, scale, (beta_initializer, beta_regularizer, beta_constraint),
            (gamma_initializer, gamma_regularizer, gamma_constraint),
        )  # fmt: skip

    def build(self, input_shape: Any) -> None:
        self._axes = _axes(self.name, self.axis, input_shape)
        self._shape = _sizes(self.name, self._axes, input_shape)
        self._add_affine(self._shape)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        x, first = widened(inputs), self._axes[0]
        if self._axes != [*range(first, x.ndim)]:
            return as_type(self._over_other_axes(x), self.compute_dtype)
        gamma = self.gamma if self.gamma is not None else constant(np.ones(self._shape), x.dtype)
        # In training the node also gives mean and deviation, which its gradient needs.
        outputs = op.LayerNormalization(
            x, gamma, self.beta, axis=first, epsilon=self.epsilon, outputs=3 if training else 1
        )
        return as_type(outputs[0] if training else outputs, self.compute_dtype)

    def _over_other_axes(self, x: Tensor) -> Tensor:
        """Axes that are not the last ones: ONNX has no single operator."""
        centred = x - op.ReduceMean(x, self._axes, keepdims=1)
        variance = op.ReduceMean(centred * centred, self._axes, keepdims=1)
        y: Tensor = centred / op.Sqrt(variance + self.epsilon)
        if self.gamma is not None:
            y = y * _beside(self.gamma, x.ndim, self._axes)
        return y if self.beta is None else y + _beside(self.beta, x.ndim, self._axes)


class RMSNormalization(Layer):
    """Each example is divided by its root mean square over ``axis``, and multiplied by ``scale``.

    Zhang and Sennrich 2019. The weight ``scale`` has the shape of the normalised axes.
    """

    _casts_integers = True

    def __init__(
        self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.axis, self.epsilon = axis, epsilon

    def build(self, input_shape: Any) -> None:
        self._axes = _axes(self.name, self.axis, input_shape)
        shape = _sizes(self.name, self._axes, input_shape)
        self.scale = self.add_weight(shape, "ones", name="scale", autocast=False)

    def call(self, inputs: Tensor) -> Tensor:
        x = widened(inputs)
        square = op.ReduceMean(x * x, self._axes, keepdims=1)
        y = x / op.Sqrt(square + self.epsilon) * _beside(self.scale, x.ndim, self._axes)
        return as_type(y, self.compute_dtype)


class UnitNormalization(Layer):
    """Each example is divided by its Euclidean norm over ``axis`` (one, or several)."""

    _casts_integers = True

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis
        self.supports_masking = self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        axes = _axes(self.name, self.axis, inputs.shape)
        square = op.ReduceSumSquare(inputs, axes, keepdims=1)
        result: Tensor = inputs / op.Sqrt(op.Max(square, 1e-24))
        return result
