"""Optimizers by the operators of ``ai.onnx.preview.training``, where these compute exactly the same.

``Adam``, ``AdamW``: the node's T is our count + 1; weight decay comes before the node. Not with amsgrad.
``Adagrad``: ours divides by ``sqrt(a + epsilon)``, the node by ``sqrt(H) + epsilon``: H = a + our epsilon,
and the node's epsilon is 0.
``SGD`` with momentum: our velocity holds the rate, ``v = -rate * V``. The same while the rate is the same,
so not with a schedule.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper

from .. import dtypes
from ..ir import Array, Tensor, convert, foreign
from ..payloads import Foreign
from ..state import Variable
from ..training_info import DOMAIN
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .base import Optimizer
from .sgd import SGD


def node(op: str, operands: list[Tensor], types: list[Tensor], **attributes: Any) -> Any:
    """A node of the training domain; its results have the types of ``types``."""
    written: tuple[onnx.AttributeProto, ...] = tuple(
        helper.make_attribute(n, v) for n, v in attributes.items()
    )
    return foreign(Foreign(DOMAIN, op, 1, written), operands, [t.type for t in types])


class _Nodes(Optimizer):
    """One node per variable; ``prepare`` leaves the rate as it is."""

    def prepare(self, learning_rate: Tensor) -> Any:
        return learning_rate

    def kept(self, slot: str, value: Array) -> Array:
        """What the node calls the value of a slot."""
        return value


class _AdamNodes(_Nodes, AdamW):
    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Any) -> None:
        m, v = self.slot(variable, "momentum"), self.slot(variable, "velocity")
        x = variable.value
        operands = [learning_rate, convert(self.iterations) + 1, x, gradient, m.value, v.value]
        new = node(
            "Adam", operands, [x, x, x], alpha=float(self.beta_1), beta=float(self.beta_2),
            epsilon=float(self.epsilon), norm_coefficient=0.0, norm_coefficient_post=0.0,
        )  # fmt: skip
        for target, value in zip((variable, m, v), new, strict=True):
            target.assign(value)


class _AdagradNodes(_Nodes, Adagrad):
    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        total = self.slot(variable, "accumulator")
        x = variable.value
        operands = [learning_rate, convert(self.iterations), x, gradient, total.value]
        new = node("Adagrad", operands, [x, x], decay_factor=0.0, epsilon=0.0, norm_coefficient=0.0)
        variable.assign(new[0])
        total.assign(new[1])

    def kept(self, slot: str, value: Array) -> Array:
        shifted: Array = (value + self.epsilon).astype(value.dtype)
        return shifted if slot == "accumulator" else value


class _MomentumNodes(_Nodes, SGD):
    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        velocity = self.slot(variable, "momentum")
        x = variable.value
        operands = [learning_rate, convert(self.iterations), x, gradient, velocity.value]
        new = node("Momentum", operands, [x, x], alpha=float(self.momentum), beta=1.0,
                   mode="nesterov" if self.nesterov else "standard", norm_coefficient=0.0)  # fmt: skip
        variable.assign(new[0])
        velocity.assign(new[1])

    def kept(self, slot: str, value: Array) -> Array:
        rate = self.rate_variable
        if slot != "momentum" or rate is None:
            return value
        scaled: Array = (value / -float(rate.numpy())).astype(value.dtype)
        return scaled


def by_nodes(optimizer: Optimizer, variables: list[Variable]) -> Optimizer:
    """The same optimizer with the same state, whose updates are nodes where that is possible."""
    form: type[_Nodes] | None = None
    if type(optimizer) in (Adam, AdamW) and not getattr(optimizer, "amsgrad", False):
        form = _AdamNodes
    elif type(optimizer) is Adagrad:
        form = _AdagradNodes
    elif type(optimizer) is SGD and optimizer.momentum:
        rate = optimizer.rate_variable
        form = _MomentumNodes if rate is not None and rate.numpy() > 0 else None
    if form is None or any(v.dtype not in (dtypes.FLOAT32, np.float64) for v in variables):
        return optimizer
    made: Optimizer = object.__new__(form)
    vars(made).update(vars(optimizer))
    return made


def present(optimizer: Optimizer) -> dict[Variable, Array]:
    """The values of all slots, as the nodes of ``by_nodes`` understand them."""
    return {
        v: _kept(optimizer, name, v.numpy())
        for group in optimizer._slots.values() for name, v in group.items()
    }  # fmt: skip


def first(optimizer: Optimizer) -> dict[Variable, Array]:
    """What counters, slots and other state start with, as the nodes understand it; the rate as it is."""
    slots = {
        v: _kept(optimizer, name, np.asarray(optimizer.initial(name, variable), v.dtype))
        for variable, group in optimizer._slots.items() for name, v in group.items()
    }  # fmt: skip
    rate = optimizer.rate_variable
    return optimizer.starts | ({} if rate is None else {rate: rate.numpy()}) | slots


def _kept(optimizer: Optimizer, name: str, value: Array) -> Array:
    return optimizer.kept(name, value) if isinstance(optimizer, _Nodes) else value
