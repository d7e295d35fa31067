"""The update rules. Scalars that all variables share are computed once per step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .. import op
from ..ir import Tensor
from ..state import Variable
from .base import Optimizer


def _power(base: float, step: Tensor) -> Tensor:
    """``base ^ step`` by exp and log, which keeps its precision for large steps."""
    result: Tensor = op.Exp(step * math.log(base)) if base > 0 else step * 0.0
    return result


class SGD(Optimizer):
    """``w -= rate * g``; with momentum ``v = momentum * v - rate * g``, ``w += v`` (Polyak 1964).

    Nesterov 1983: ``w += momentum * v - rate * g`` with the new ``v``.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str = "SGD",
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name,
        )  # fmt: skip
        if not 0 <= momentum <= 1:
            raise ArgumentError(f"SGD(momentum={momentum}): expected a number from 0 to 1")
        self.momentum, self.nesterov = momentum, nesterov
        self.slots = ("momentum",) if momentum else ()

    def update(
        self, gradient: Tensor, value: Tensor, slots: dict[str, Variable], shared: Any
    ) -> Tensor:
        move = gradient * shared
        if not self.momentum:
            return value - move
        velocity = slots["momentum"] * self.momentum - move
        slots["momentum"].assign(velocity)
        return value + velocity * self.momentum - move if self.nesterov else value + velocity


class Adam(Optimizer):
    """Kingma and Ba 2015: moving means m of g and v of g^2; ``w -= a * m / (sqrt(v) + epsilon)``.

    ``a = rate * sqrt(1 - beta_2^t) / (1 - beta_1^t)``. With ``amsgrad`` (Reddi 2018) v never shrinks.
    """

    slots: tuple[str, ...] = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str = "adam",
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name,
        )  # fmt: skip
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad
        if amsgrad:
            self.slots = ("momentum", "velocity", "velocity_hat")

    def prepare(self, rate: Tensor, step: Tensor) -> Tensor:
        correction = op.Sqrt(1.0 - _power(self.beta_2, step)) / (1.0 - _power(self.beta_1, step))
        return rate * correction

    def update(
        self, gradient: Tensor, value: Tensor, slots: dict[str, Variable], shared: Any
    ) -> Tensor:
        m, v = slots["momentum"].value, slots["velocity"].value
        m = m + (gradient - m) * (1 - self.beta_1)
        v = v + (gradient * gradient - v) * (1 - self.beta_2)
        slots["momentum"].assign(m)
        slots["velocity"].assign(v)
        if self.amsgrad:
            v = op.Max(slots["velocity_hat"], v)
            slots["velocity_hat"].assign(v)
        return value - m * shared / (op.Sqrt(v) + self.epsilon)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str = "adamw",
    ) -> None:
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue,
            global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name,
        )  # fmt: skip
        if weight_decay is None:
            raise ArgumentError("AdamW needs a weight_decay; use Adam for none")


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
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str = "rmsprop",
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name,
        )  # fmt: skip
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered
        more = (("momentum", momentum > 0), ("average_gradient", centered))
        self.slots = ("velocity", *(slot for slot, used in more if used))

    def update(
        self, gradient: Tensor, value: Tensor, slots: dict[str, Variable], shared: Any
    ) -> Tensor:
        velocity = slots["velocity"] * self.rho + gradient * gradient * (1 - self.rho)
        slots["velocity"].assign(velocity)
        denominator = velocity + self.epsilon
        if self.centered:
            mean = slots["average_gradient"] * self.rho + gradient * (1 - self.rho)
            slots["average_gradient"].assign(mean)
            denominator = velocity - mean * mean + self.epsilon
        move = gradient * shared / op.Sqrt(denominator)
        if self.momentum > 0:
            move = slots["momentum"] * self.momentum + move
            slots["momentum"].assign(move)
        return value - move


class Adagrad(Optimizer):
    """Duchi et al. 2011: ``w -= rate * g / sqrt(a + epsilon)`` with the sum ``a`` of all g^2."""

    slots = ("accumulator",)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str = "adagrad",
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name,
        )  # fmt: skip
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def initial(self, slot: str, variable: Variable) -> Any:
        return np.full(variable.shape, self.initial_accumulator_value, variable.dtype)

    def update(
        self, gradient: Tensor, value: Tensor, slots: dict[str, Variable], shared: Any
    ) -> Tensor:
        accumulator = slots["accumulator"] + gradient * gradient
        slots["accumulator"].assign(accumulator)
        return value - gradient * shared / op.Sqrt(accumulator + self.epsilon)
