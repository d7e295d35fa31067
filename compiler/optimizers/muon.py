"""Muon: updates of matrices made orthogonal; all else by Adam."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import op
from ..ir import Tensor, convert
from ..state import Variable
from .arguments import Shared
from .base import Optimizer
from .updates import power


class Muon(Optimizer):
    """Jordan et al. 2024; Liu et al. 2025: ``w -= rate * orthogonal(u) * sqrt(max(n, m)) * rms_rate``.

    ``v = momentum * v + g``, and ``u = g + momentum * v`` (``nesterov``) or v. What is not a matrix,
    embeddings (``exclude_embeddings``) and variables whose path one of the patterns
    ``exclude_layers`` is found in are updated by AdamW, with ``adam_weight_decay`` and the rate times
    ``adam_lr_ratio``. ``rms_rate=None`` leaves the last two factors out.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
    ) -> None:
        shared: Shared = {
            "clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm,
            "use_ema": use_ema, "ema_momentum": ema_momentum,
            "ema_overwrite_frequency": ema_overwrite_frequency,
            "loss_scale_factor": loss_scale_factor,
            "gradient_accumulation_steps": gradient_accumulation_steps, "name": name,
        }  # fmt: skip
        super().__init__(learning_rate, weight_decay=weight_decay, **shared)
        self.adam_beta_1, self.adam_beta_2, self.epsilon = adam_beta_1, adam_beta_2, epsilon
        self.adam_weight_decay, self.adam_lr_ratio = adam_weight_decay, adam_lr_ratio
        self.exclude_layers = list(exclude_layers or ())
        self.exclude_embeddings = exclude_embeddings
        self.coefficients = (muon_a, muon_b, muon_c)
        self.momentum, self.ns_steps, self.nesterov = momentum, ns_steps, nesterov
        self.rms_rate = rms_rate

    def by_adam(self, variable: Variable) -> bool:
        """Whether AdamW updates this variable."""
        path = variable.path
        embedding = self.exclude_embeddings and "embedding" in path.lower()
        named = any(re.search(pattern, path) for pattern in self.exclude_layers)
        return variable.ndim != 2 or embedding or named

    def slots_of(self, variable: Variable) -> tuple[str, ...]:
        return ("momentum", "velocity") if self.by_adam(variable) else ("momentum",)

    def decay_of(self, variable: Variable) -> float | None:
        return self.adam_weight_decay if self.by_adam(variable) else self.weight_decay

    def prepare(self, learning_rate: Tensor) -> Any:
        t = convert(self.iterations) + 1
        root = op.Sqrt(1.0 - power(self.adam_beta_2, t))
        correction = op.Cast(root / (1.0 - power(self.adam_beta_1, t)), to=np.float32)
        return learning_rate, learning_rate * float(self.adam_lr_ratio) * correction

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Any) -> None:
        rate, adam_rate = learning_rate
        if self.by_adam(variable):
            self._adam(gradient, variable, adam_rate)
            return
        slot = self.slot(variable, "momentum")
        v = slot.value * self.momentum + gradient
        slot.assign(v)
        step = self._orthogonal(gradient + v * self.momentum if self.nesterov else v)
        rows, columns = variable.shape
        size = 1.0 if self.rms_rate is None else math.sqrt(max(rows, columns)) * self.rms_rate
        variable.assign_sub(step * (rate * size))

    def _adam(self, gradient: Tensor, variable: Variable, rate: Tensor) -> None:
        first, second = self.slot(variable, "momentum"), self.slot(variable, "velocity")
        m = first.value + (gradient - first.value) * (1 - self.adam_beta_1)
        v = second.value + (gradient * gradient - second.value) * (1 - self.adam_beta_2)
        first.assign(m)
        second.assign(v)
        variable.assign_sub(m * rate / (op.Sqrt(v) + self.epsilon))

    def _orthogonal(self, x: Tensor) -> Tensor:
        """All singular values drawn towards 1 by iterations of Newton and Schulz, of the fifth order."""
        a, b, c = self.coefficients
        rows, columns = (int(d) for d in x.shape if isinstance(d, int))
        x = op.Transpose(x) if rows > columns else x
        x = x / (op.ReduceL2(x, keepdims=1) + 1e-7)
        for _ in range(self.ns_steps):
            square = x @ op.Transpose(x)
            x = x * a + (square * b + (square * c) @ square) @ x
        return op.Transpose(x) if rows > columns else x
