"""Stochastic gradient descent, and Lion, which takes but the sign."""

from __future__ import annotations

from typing import Any, Unpack

from ...errors import ArgumentError
from .. import op
from ..ir import Tensor
from ..state import Variable
from .arguments import Common
from .base import Optimizer


class SGD(Optimizer):
    """``w -= rate * g``; with momentum ``v = momentum * v - rate * g``, ``w += v`` (Polyak 1964).

    ``nesterov`` (1983): ``w += momentum * v - rate * g`` with the new ``v``.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        if not 0 <= momentum <= 1:
            raise ArgumentError(f"SGD(momentum={momentum}): expected a number from 0 to 1")
        self.momentum, self.nesterov = momentum, nesterov
        self.slots = ("momentum",) if momentum else ()

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        move = gradient * learning_rate
        if not self.momentum:
            variable.assign_sub(move)
            return
        slot = self.slot(variable, "momentum")
        velocity = slot.value * self.momentum - move
        slot.assign(velocity)
        step = velocity * self.momentum - move if self.nesterov else velocity
        variable.assign_add(step)


class Lion(Optimizer):
    """Chen et al. 2023: ``w -= rate * sign(beta_1 * m + (1 - beta_1) * g)``.

    The momentum m is a moving mean of g with ``beta_2``.
    """

    slots = ("momentum",)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        if not 0 < beta_1 <= 1:
            raise ArgumentError(f"Lion(beta_1={beta_1}): expected a number above 0, at most 1")
        self.beta_1, self.beta_2 = beta_1, beta_2

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        slot = self.slot(variable, "momentum")
        m = slot.value
        direction = op.Sign(m * self.beta_1 + gradient * (1 - self.beta_1))
        variable.assign_sub(direction * learning_rate)
        slot.assign(m * self.beta_2 + gradient * (1 - self.beta_2))
