"""Steps divided by the size of recent gradients: RMSprop and Adadelta."""

from __future__ import annotations

from typing import Any, Unpack

from .. import op
from ..ir import Tensor
from ..state import Variable
from .arguments import Common
from .base import Optimizer


def _mean(slot: Variable, new: Tensor, rho: float) -> Tensor:
    mean = slot.value * rho + new * (1 - rho)
    slot.assign(mean)
    return mean


class RMSprop(Optimizer):
    """Tieleman and Hinton 2012: ``w -= rate * g / sqrt(v + epsilon)`` with the moving mean v of g^2.

    ``centered`` subtracts the squared moving mean of g; ``momentum`` accumulates the moves.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered
        more = (("momentum", momentum > 0), ("average_gradient", centered))
        self.slots = ("velocity", *(slot for slot, used in more if used))

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        size = _mean(self.slot(variable, "velocity"), gradient * gradient, self.rho)
        if self.centered:
            mean = _mean(self.slot(variable, "average_gradient"), gradient, self.rho)
            size = size - mean * mean
        move = gradient * learning_rate / op.Sqrt(size + self.epsilon)
        if self.momentum > 0:
            slot = self.slot(variable, "momentum")
            move = slot.value * self.momentum + move
            slot.assign(move)
        variable.assign_sub(move)


class Adadelta(Optimizer):
    """Zeiler 2012: the step is ``g * rms(recent steps) / rms(recent gradients)``, times the rate."""

    slots = ("accumulated_grad", "accumulated_delta_var")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.rho, self.epsilon = rho, epsilon

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        sizes = self.slot(variable, "accumulated_delta_var")
        size = _mean(self.slot(variable, "accumulated_grad"), gradient * gradient, self.rho)
        ratio = op.Sqrt((sizes.value + self.epsilon) / (size + self.epsilon))
        move = ratio * gradient
        _mean(sizes, move * move, self.rho)
        variable.assign_sub(move * learning_rate)
