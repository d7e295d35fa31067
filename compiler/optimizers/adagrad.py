"""Steps divided by the size of all gradients so far: Adagrad and FTRL."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from ...errors import ArgumentError
from .. import op
from ..ir import Tensor
from ..state import Variable
from .arguments import Common
from .base import Optimizer


class Adagrad(Optimizer):
    """Duchi et al. 2011: ``w -= rate * g / sqrt(a + epsilon)`` with the sum ``a`` of all g^2.

    The sum starts at ``initial_accumulator_value``.
    """

    slots = ("accumulator",)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def initial(self, slot: str, variable: Variable) -> Any:
        start = self.initial_accumulator_value if slot == "accumulator" else 0.0
        return np.full(variable.shape, start, variable.dtype)

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        slot = self.slot(variable, "accumulator")
        total = slot.value + gradient * gradient
        slot.assign(total)
        variable.assign_sub(gradient * learning_rate / op.Sqrt(total + self.epsilon))


class Ftrl(Optimizer):
    """McMahan et al. 2013, "follow the regularised leader": sparse weights by an L1 penalty.

    With n the sum of g^2 (from ``initial_accumulator_value``), p = -``learning_rate_power`` and
    s(n) = n^p / rate: ``z += g - (s(n_new) - s(n_old)) w`` and
    ``w = (clip(z, -l1, l1) - z) / (s(n_new) + 2 l2 + beta / rate)``.
    The shrinkage adds ``2 l2_shrinkage w`` to the gradient in z alone.
    """

    slots = ("accumulator", "linear")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        if learning_rate_power > 0:
            raise ArgumentError(f"Ftrl(learning_rate_power={learning_rate_power}): at most 0")
        for label, value in {
            "initial_accumulator_value": initial_accumulator_value,
            "l1_regularization_strength": l1_regularization_strength,
            "l2_regularization_strength": l2_regularization_strength,
            "l2_shrinkage_regularization_strength": l2_shrinkage_regularization_strength,
        }.items():
            if value < 0:
                raise ArgumentError(f"Ftrl({label}={value}): expected a number of at least 0")
        self.power, self.start, self.beta = -learning_rate_power, initial_accumulator_value, beta
        self.l1, self.l2 = l1_regularization_strength, l2_regularization_strength
        self.shrinkage = l2_shrinkage_regularization_strength

    def initial(self, slot: str, variable: Variable) -> Any:
        start = self.start if slot == "accumulator" else 0.0
        return np.full(variable.shape, start, variable.dtype)

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        value = variable.value
        total, linear = self.slot(variable, "accumulator"), self.slot(variable, "linear")
        old = self._scaled(total.value)
        total.assign(total.value + gradient * gradient)
        new = self._scaled(total.value)
        shrunk = gradient + value * (2 * self.shrinkage) if self.shrinkage else gradient
        z = linear.value + shrunk - (new - old) / learning_rate * value
        linear.assign(z)
        soft = op.Clip(z, -float(self.l1), float(self.l1)) - z if self.l1 else -z
        variable.assign(soft / (new / learning_rate + self.beta / learning_rate + 2 * self.l2))

    def _scaled(self, total: Tensor) -> Tensor:
        return op.Sqrt(total) if self.power == 0.5 else op.Pow(total, float(self.power))
