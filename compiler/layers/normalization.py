"""Batch and layer normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ArgumentError
from .. import op
from ..config import not_supported
from ..ir import Tensor, constant
from ..layout import channels_first, channels_last
from ..state import Variable
from .base import Layer
from .core import known_size

__all__ = ["BatchNormalization", "LayerNormalization"]


class BatchNormalization(Layer):
    """Each channel is shifted and scaled to mean 0 and variance 1 over the batch.

    Ioffe and Szegedy 2015. In training with the batch's own (population) statistics, whose moving
    averages ``moving = moving * momentum + batch * (1 - momentum)`` serve in inference and where
    ``trainable`` is False.
    """

    _casts_integers = True

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        not_supported(
            "BatchNormalization", renorm=(renorm, False), renorm_clipping=(renorm_clipping, None),
            renorm_momentum=(renorm_momentum, 0.99), synchronized=(synchronized, False),
        )  # fmt: skip
        self.axis, self.momentum, self.epsilon = axis, momentum, epsilon
        self.center, self.scale = center, scale
        self._initializers = {
            "gamma": gamma_initializer, "beta": beta_initializer,
            "moving_mean": moving_mean_initializer, "moving_variance": moving_variance_initializer,
        }  # fmt: skip
        self._regularizers = {"gamma": gamma_regularizer, "beta": beta_regularizer}
        self._constraints = {"gamma": gamma_constraint, "beta": beta_constraint}

    def build(self, input_shape: Any) -> None:
        channels = known_size(self.name, input_shape[self.axis], f"the size of axis {self.axis}")

        def weight(name: str, trainable: bool = True) -> Variable:
            return self.add_weight(
                (channels,), self._initializers[name], name=name, trainable=trainable,
                regularizer=self._regularizers.get(name), constraint=self._constraints.get(name),
            )  # fmt: skip

        self.gamma = weight("gamma") if self.scale else None
        self.beta = weight("beta") if self.center else None
        self.moving_mean = weight("moving_mean", trainable=False)
        self.moving_variance = weight("moving_variance", trainable=False)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        axis = self.axis % inputs.ndim
        if axis not in (1, inputs.ndim - 1):
            raise ArgumentError(
                f"{self.name!r} normalises the last axis or axis 1, not axis {self.axis}"
            )
        last = axis == inputs.ndim - 1 and inputs.ndim > 2
        x = channels_first(inputs) if last else inputs
        y = self._by_batch(x) if training and self.trainable else self._by_moving_averages(x)
        return channels_last(y) if last else y

    def _by_moving_averages(self, x: Tensor) -> Tensor:
        channels = self.moving_mean.shape
        gamma = self.gamma if self.gamma is not None else constant(np.ones(channels, self.dtype))
        beta = self.beta if self.beta is not None else constant(np.zeros(channels, self.dtype))
        result: Tensor = op.BatchNormalization(
            x, gamma, beta, self.moving_mean, self.moving_variance, epsilon=self.epsilon
        )
        return result

    def _by_batch(self, x: Tensor) -> Tensor:
        # Written out: onnxruntime's CUDA provider has no training mode for this operator.
        axes = [0, *range(2, x.ndim)]
        column = [-1] + [1] * (x.ndim - 2)
        mean = op.ReduceMean(x, axes, keepdims=1)
        centred = x - mean
        variance = op.ReduceMean(centred * centred, axes, keepdims=1)
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            seen = op.Reshape(batch, [-1])
            moving.assign(moving * self.momentum + seen * (1 - self.momentum))
        scale = op.Reciprocal(op.Sqrt(variance + self.epsilon))
        if self.gamma is not None:
            scale = scale * op.Reshape(self.gamma, column)
        y: Tensor = centred * scale
        return y if self.beta is None else y + op.Reshape(self.beta, column)


class LayerNormalization(Layer):
    """Each example is shifted and scaled to mean 0 and variance 1 over ``axis``.

    Ba, Kiros and Hinton 2016. gamma and beta have the shape of the normalised axes.
    """

    _casts_integers = True

    def __init__(
        self,
        axis: Any = -1,
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
        self.axis, self.epsilon, self.center, self.scale = axis, epsilon, center, scale
        self.beta_initializer, self.gamma_initializer = beta_initializer, gamma_initializer
        self.beta_regularizer, self.gamma_regularizer = beta_regularizer, gamma_regularizer
        self.beta_constraint, self.gamma_constraint = beta_constraint, gamma_constraint

    def _axes(self, rank: int) -> list[int]:
        axes = [self.axis] if isinstance(self.axis, int) else list(self.axis)
        return sorted(a % rank for a in axes)

    def build(self, input_shape: Any) -> None:
        shape = tuple(
            known_size(self.name, input_shape[a], f"the size of axis {a}")
            for a in self._axes(len(input_shape))
        )
        self._shape = shape
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                shape, self.gamma_initializer, name="gamma", regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
            )  # fmt: skip
        if self.center:
            self.beta = self.add_weight(
                shape, self.beta_initializer, name="beta", regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
            )  # fmt: skip

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        axes = self._axes(inputs.ndim)
        if axes != [*range(axes[0], inputs.ndim)]:
            return self._over_other_axes(inputs, axes)
        gamma = self.gamma if self.gamma is not None else np.ones(self._shape, self.dtype)
        # In training the node also gives mean and deviation, which its gradient needs.
        outputs = op.LayerNormalization(
            inputs, gamma, self.beta, axis=axes[0], epsilon=self.epsilon,
            outputs=3 if training else 1,
        )  # fmt: skip
        result: Tensor = outputs[0] if training else outputs
        return result

    def _over_other_axes(self, x: Tensor, axes: list[int]) -> Tensor:
        """Axes that are not the last ones: ONNX has no single operator."""
        broadcast = [d if isinstance(d, int) and i in axes else 1 for i, d in enumerate(x.shape)]
        centred = x - op.ReduceMean(x, axes, keepdims=1)
        variance = op.ReduceMean(centred * centred, axes, keepdims=1)
        y: Tensor = centred / op.Sqrt(variance + self.epsilon)
        if self.gamma is not None:
            y = y * op.Reshape(self.gamma, broadcast)
        return y if self.beta is None else y + op.Reshape(self.beta, broadcast)
