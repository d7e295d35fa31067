"""Adafactor: the sizes of a matrix of gradients kept as sums of its rows and columns."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from .. import op
from ..ir import Tensor, convert
from ..state import Variable
from .arguments import Common
from .base import Optimizer


class Adafactor(Optimizer):
    """Shazeer and Stern 2018: ``w -= max(epsilon_2, rms(w)) rho u / max(1, rms(u) / clip_threshold)``.

    ``u = g / sqrt(v)`` and ``rho = min(rate, 1 / sqrt(t))``. The moving mean v of ``g^2 + epsilon_1``,
    with ``beta_2 = 1 - t^beta_2_decay``, is kept whole for vectors; for matrices it is the product of
    the means of its rows and columns. ``relative_step`` bounds the rate by ``1 / sqrt(t)``, which rho
    does anyway: as in Keras it changes nothing.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.beta_2_decay, self.clip_threshold = beta_2_decay, clip_threshold
        self.epsilon_1, self.epsilon_2 = epsilon_1, epsilon_2
        self.relative_step = relative_step

    def slots_of(self, variable: Variable) -> tuple[str, ...]:
        return ("velocity",) if variable.ndim < 2 else ("rows", "columns")

    def initial(self, slot: str, variable: Variable) -> Any:
        shape = variable.shape
        shapes = {"rows": shape[:-1], "columns": (*shape[:-2], *shape[-1:]), "velocity": shape}
        return np.zeros(shapes.get(slot, shape), variable.dtype)

    def prepare(self, learning_rate: Tensor) -> Any:
        t = op.Cast(convert(self.iterations) + 1, to=np.float64)
        share = op.Cast(op.Pow(t, float(self.beta_2_decay)), to=np.float32)
        return op.Min(learning_rate, op.Cast(1.0 / op.Sqrt(t), to=np.float32)), share

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Any) -> None:
        rho, share = learning_rate
        squares = gradient * gradient + self.epsilon_1
        if variable.ndim < 2:
            size = self._moved(variable, "velocity", squares, share)
        else:
            means = (
                op.ReduceMean(squares, [-1], keepdims=0),
                op.ReduceMean(squares, [-2], keepdims=0),
            )
            rows = self._moved(variable, "rows", means[0], share)
            columns = self._moved(variable, "columns", means[1], share)
            rows = rows / op.ReduceMean(rows, [-1], keepdims=1)
            size = op.Unsqueeze(rows, [-1]) * op.Unsqueeze(columns, [-2])
        step = gradient / op.Sqrt(size)
        bounded = op.Max(_rms(step) * (1.0 / self.clip_threshold), 1.0)
        scale = op.Max(_rms(variable.value), float(self.epsilon_2)) * rho / bounded
        variable.assign_sub(step * scale)

    def _moved(self, variable: Variable, slot: str, new: Tensor, share: Tensor) -> Tensor:
        kept = self.slot(variable, slot)
        mean = kept.value * (1.0 - share) + new * share
        kept.assign(mean)
        return mean


def _rms(x: Tensor) -> Tensor:
    return op.Sqrt(op.ReduceMean(x * x, keepdims=0))
