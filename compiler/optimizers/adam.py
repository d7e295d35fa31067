"""Adam and its kin: moving means of the gradient and of its size."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from ...errors import ArgumentError
from .. import op
from ..ir import Tensor, convert
from ..state import Variable
from .arguments import Common, Shared
from .base import Optimizer
from .updates import power


def _moved(slot: Variable, towards: Tensor, share: float) -> Tensor:
    """Move a moving mean by ``share`` of the way."""
    new = slot.value + (towards - slot.value) * share
    slot.assign(new)
    return new


def _single(x: Tensor) -> Tensor:
    return op.Cast(x, to=np.float32)


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
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad
        if amsgrad:
            self.slots = (*self.slots, "velocity_hat")

    def prepare(self, learning_rate: Tensor) -> Any:
        t = convert(self.iterations) + 1
        root = op.Sqrt(1.0 - power(self.beta_2, t))
        return learning_rate * _single(root / (1.0 - power(self.beta_1, t)))

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Any) -> None:
        m = _moved(self.slot(variable, "momentum"), gradient, 1 - self.beta_1)
        v = _moved(self.slot(variable, "velocity"), gradient * gradient, 1 - self.beta_2)
        if self.amsgrad:
            largest = self.slot(variable, "velocity_hat")
            v = op.Max(largest.value, v)
            largest.assign(v)
        variable.assign_sub(m * learning_rate / (op.Sqrt(v) + self.epsilon))


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
        **common: Unpack[Shared],
    ) -> None:
        if weight_decay is None:
            raise ArgumentError("AdamW needs a weight_decay; use Adam for none")
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **common
        )


class Nadam(Optimizer):
    """Dozat 2016: Adam with Nesterov momentum, warmed up by ``u_t = beta_1 (1 - 0.96^t / 2)``."""

    slots = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self._product = self._own(np.float32(1), "u_product")
        self._extra.append(self._product)

    def prepare(self, learning_rate: Tensor) -> Any:
        t = convert(self.iterations) + 1
        now, coming = (self.beta_1 * (1.0 - power(0.96, x) * 0.5) for x in (t, t + 1))
        product = op.Cast(self._product, to=np.float64) * now
        self._product.assign(_single(product))
        # factors of m, of g, and of the root of v
        a = coming / (1.0 - product * coming)
        b = (1.0 - now) / (1.0 - product)
        c = 1.0 / op.Sqrt(1.0 - power(self.beta_2, t))
        return learning_rate * _single(a), learning_rate * _single(b), _single(c)

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Any) -> None:
        a, b, c = learning_rate
        m = _moved(self.slot(variable, "momentum"), gradient, 1 - self.beta_1)
        v = _moved(self.slot(variable, "velocity"), gradient * gradient, 1 - self.beta_2)
        variable.assign_sub((m * a + gradient * b) / (op.Sqrt(v) * c + self.epsilon))


class Adamax(Optimizer):
    """Kingma and Ba 2015, section 7: Adam with the largest recent ``|g|`` for the root of v."""

    slots = ("momentum", "norm")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def prepare(self, learning_rate: Tensor) -> Any:
        t = convert(self.iterations) + 1
        return learning_rate * _single(1.0 / (1.0 - power(self.beta_1, t)))

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Any) -> None:
        m = _moved(self.slot(variable, "momentum"), gradient, 1 - self.beta_1)
        slot = self.slot(variable, "norm")
        norm = op.Max(slot.value * self.beta_2, op.Abs(gradient))
        slot.assign(norm)
        variable.assign_sub(m * learning_rate / (norm + self.epsilon))


class Lamb(Adam):
    """You et al. 2020: the step of Adam, scaled per variable to the variable's norm."""

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, False, **common)

    def prepare(self, learning_rate: Tensor) -> Any:
        t = convert(self.iterations) + 1
        means = (_single(1.0 / (1.0 - power(b, t))) for b in (self.beta_1, self.beta_2))
        return learning_rate, *means

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Any) -> None:
        rate, first, second = learning_rate
        m = _moved(self.slot(variable, "momentum"), gradient, 1 - self.beta_1)
        v = _moved(self.slot(variable, "velocity"), gradient * gradient, 1 - self.beta_2)
        step = m * first / (op.Sqrt(v * second) + self.epsilon)
        value = variable.value
        own, other = op.ReduceL2(value, keepdims=0), op.ReduceL2(step, keepdims=0)
        usable = op.And(op.Greater(own, 0.0), op.Greater(other, 0.0))
        ratio = op.Where(usable, own / other, 1.0)
        variable.assign(value - step * (ratio * rate))
