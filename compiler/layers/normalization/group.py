"""GroupNormalization."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....errors import ArgumentError
from ... import op
from ...casting import as_type
from ...infer import TensorType
from ...ir import Tensor, constant, retyped
from ..core import known_size
from ..input_spec import InputSpec
from .affine import Affine, widened
from .turning import channels_at_one, channels_back

__all__ = ["GroupNormalization"]


class GroupNormalization(Affine):
    """Each group of channels of each example is shifted and scaled to mean 0 and variance 1.

    Wu and He 2018. gamma and beta have one entry for each channel.

    Args:
        groups: how many; -1 for as many as there are channels (Ulyanov et al. 2016).
        axis: of the channels.
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
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
        if not isinstance(groups, int) or (groups <= 0 and groups != -1):
            raise ArgumentError(
                f"GroupNormalization(groups={groups!r}): expected a number above 0, or -1"
            )
        self.groups, self.axis, self.epsilon = groups, axis, epsilon
        self._configure_affine(
            center, scale, (beta_initializer, beta_regularizer, beta_constraint),
            (gamma_initializer, gamma_regularizer, gamma_constraint),
        )  # fmt: skip

    def build(self, input_shape: Any) -> None:
        channels = known_size(self.name, input_shape[self.axis], f"the size of axis {self.axis}")
        self._groups = channels if self.groups == -1 else self.groups
        if channels % self._groups:
            raise ArgumentError(
                f"layer {self.name!r}: {channels} channels do not make {self._groups} groups"
            )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        self._channels = channels
        self._add_affine((channels,))

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        axis = self.axis % inputs.ndim
        x = channels_at_one(widened(inputs), axis)
        y = self._by_parts(x) if training else self._by_one_node(x)
        y = retyped(channels_back(y, axis), TensorType(y.dtype, inputs.shape))
        return as_type(y, self.compute_dtype)

    def _by_one_node(self, x: Tensor) -> Tensor:
        gamma, beta = self.gamma, self.beta
        result: Tensor = op.GroupNormalization(
            x, constant(np.ones(self._channels), x.dtype) if gamma is None else gamma,
            constant(np.zeros(self._channels), x.dtype) if beta is None else beta,
            epsilon=self.epsilon, num_groups=self._groups,
        )  # fmt: skip
        return result

    def _by_parts(self, x: Tensor) -> Tensor:
        """For training: onnxruntime has no kernel for the node, and takes twice as long for it."""
        rows = op.Reshape(x, [0, self._groups, -1])
        ones, zeros = np.ones(self._groups), np.zeros(self._groups)
        normal = op.InstanceNormalization(
            rows, constant(ones, x.dtype), constant(zeros, x.dtype), epsilon=self.epsilon
        )
        y = retyped(op.Reshape(normal, op.Shape(x)), x.type)
        column = [-1] + [1] * (x.ndim - 2)
        if self.gamma is not None:
            y = y * op.Reshape(self.gamma, column)
        return y if self.beta is None else y + op.Reshape(self.beta, column)
