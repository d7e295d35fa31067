"""Schedule-free AdamW: an average of all points takes the place of a falling rate."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from .. import op
from ..ir import Tensor, convert
from ..state import Variable
from .arguments import Common
from .base import Optimizer
from .updates import power


class ScheduleFreeAdamW(Optimizer):
    """Defazio et al. 2024: gradients at ``y = (1 - beta_1) z + beta_1 x``, the variable's value.

    z, the slot ``momentum``, takes the steps ``rate * g / (sqrt(v / (1 - beta_2^t)) + epsilon)``; x,
    which is not kept but follows from y and z, is the mean of all z. For ``warmup_steps`` the rate
    rises along a line.
    """

    slots = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.warmup_steps = warmup_steps

    def initial(self, slot: str, variable: Variable) -> Any:
        return variable.numpy() if slot == "momentum" else super().initial(slot, variable)

    def prepare(self, learning_rate: Tensor) -> Any:
        t = op.Cast(convert(self.iterations) + 1, to=np.float64)
        if self.warmup_steps > 0:
            risen = op.Min(t / float(self.warmup_steps), 1.0)
            learning_rate = learning_rate * op.Cast(risen, to=np.float32)
        correction = 1.0 / (1.0 - power(self.beta_2, t))
        return learning_rate, op.Cast(correction, to=np.float32), op.Cast(1.0 / t, to=np.float32)

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Any) -> None:
        rate, correction, weight = learning_rate
        z, velocity = self.slot(variable, "momentum"), self.slot(variable, "velocity")
        v = velocity.value + (gradient * gradient - velocity.value) * (1 - self.beta_2)
        velocity.assign(v)
        old = z.value
        new = old - gradient * rate / (op.Sqrt(v * correction) + self.epsilon)
        z.assign(new)
        x = (variable.value - old * (1 - self.beta_1)) * (1 / self.beta_1)
        mean = x + (new - x) * weight
        variable.assign(new * (1 - self.beta_1) + mean * self.beta_1)
