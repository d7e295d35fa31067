"""``Optimizer``: gradients in, assignments out. Slots, the step counter and the rate are Variables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .. import config, op, scope
from ..ir import Like, Tensor, apply, convert
from ..state import Variable
from .schedules import LearningRateSchedule


class Optimizer(config.Configurable):
    """Base of all optimizers.

    Subclasses name their ``slots`` and define ``update``. Arguments that all share:

        learning_rate: a float (kept in a Variable: changing it recompiles nothing), a
            ``LearningRateSchedule``, or a function without arguments.
        weight_decay: each step ``variable -= variable * weight_decay * learning_rate``.
        clipnorm, clipvalue, global_clipnorm: at most one of them bounds the gradients.
    """

    slots: tuple[str, ...] = ()

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        config.not_supported(
            type(self).__name__, use_ema=(use_ema, False), ema_momentum=(ema_momentum, 0.99),
            ema_overwrite_frequency=(ema_overwrite_frequency, None),
            loss_scale_factor=(loss_scale_factor, None),
            gradient_accumulation_steps=(gradient_accumulation_steps, None),
        )  # fmt: skip
        clips = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        if sum(v is not None for v in clips.values()) > 1:
            raise ArgumentError(f"only one of {list(clips)} can be used at a time")
        for label, value in {**clips, "weight_decay": weight_decay}.items():
            if value is not None and value < 0:
                raise ArgumentError(f"{label}={value}: expected a number of at least 0")
        self.name = name or type(self).__name__.lower()
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.iterations = Variable(np.int64(0), trainable=False, name="iterations", dtype="int64")
        self.iterations.path = f"{self.name}/iterations"
        self._rate = self._rate_source(learning_rate)
        self._slots: dict[Variable, dict[str, Variable]] = {}
        self._not_decayed: set[Variable] = set()
        self._not_decayed_names: tuple[str, ...] = ()

    # -- learning rate ----------------------------------------------------------------------

    def _rate_source(self, rate: Any) -> Any:
        if isinstance(rate, LearningRateSchedule):
            return rate
        if callable(rate) and not isinstance(rate, Variable):
            return lambda _: rate()
        value = float(np.asarray(rate))
        if not np.isfinite(value) or value < 0:
            raise ArgumentError(f"learning_rate={rate!r}: expected a number of at least 0")
        variable = Variable(
            np.float32(value), trainable=False, name="learning_rate", dtype="float32"
        )
        variable.path = f"{self.name}/learning_rate"
        return variable

    @property
    def learning_rate(self) -> Any:
        """The rate: a Variable, or the schedule's value at the present step as a tensor."""
        return self._rate if isinstance(self._rate, Variable) else self._current_rate()

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if isinstance(value, LearningRateSchedule):
            self._rate = value
        elif isinstance(self._rate, LearningRateSchedule):
            raise ArgumentError(
                "the learning rate is a schedule: give the optimizer a float to set it by hand"
            )
        else:
            self._rate.assign(np.float32(np.asarray(value)))

    @property
    def rate_variable(self) -> Variable | None:
        """The Variable that holds the rate, None where a schedule computes it."""
        return self._rate if isinstance(self._rate, Variable) else None

    def _current_rate(self) -> Tensor:
        if isinstance(self._rate, Variable):
            return self._rate.value
        return convert(self._rate(self.iterations.value))

    # -- state --------------------------------------------------------------------------------

    @property
    def variables(self) -> list[Variable]:
        """The counter, the rate (if it is a Variable) and all slots."""
        rate = [self._rate] if isinstance(self._rate, Variable) else []
        slots = [s for group in self._slots.values() for s in group.values()]
        return [self.iterations, *rate, *slots]

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots of ``variables``; done by the first ``apply`` if not before."""
        for variable in variables:
            if variable not in self._slots:
                self._slots[variable] = {s: self._slot(variable, s) for s in self.slots}

    def _slot(self, variable: Variable, slot: str) -> Variable:
        made = Variable(
            self.initial(slot, variable), trainable=False, name=slot, dtype=variable.dtype
        )
        made.path = f"{self.name}/{variable.path}/{slot}"
        return made

    def initial(self, slot: str, variable: Variable) -> Any:
        """What a slot starts with."""
        return np.zeros(variable.shape, variable.dtype)

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """No decay for these variables, nor for those whose path contains one of the names."""
        self._not_decayed |= set(var_list or ())
        self._not_decayed_names += tuple(var_names or ())

    # -- one step -----------------------------------------------------------------------------

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """``apply`` for pairs."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])

    def apply(self, grads: Sequence[Like], trainable_variables: Sequence[Variable]) -> None:
        """Update the variables (in a traced function: as outputs of the step)."""
        variables = list(trainable_variables)
        if len(grads) != len(variables):
            raise ArgumentError(f"{len(grads)} gradients for {len(variables)} variables")
        self.build(variables)
        with scope.replaced(f"update/{self.name}"):
            gradients = self._clipped([convert(g) for g in grads])
            rate = self._current_rate()
            step = self.iterations.value + 1
            shared = self.prepare(rate, op.Cast(step, to=np.float32))
        for gradient, variable in zip(gradients, variables, strict=True):
            with scope.replaced(f"update/{variable.path}"):
                self._step(gradient, variable, rate, shared)
        self.iterations.assign(step)

    def _step(self, gradient: Tensor, variable: Variable, rate: Tensor, shared: Any) -> None:
        value = variable.value
        if self._decays(variable):
            value = value - value * (rate * float(self.weight_decay or 0.0))
        new = self.update(gradient, value, self._slots[variable], shared)
        if variable.constraint is not None:
            new = variable.constraint(new)
        variable.assign(new)

    def _decays(self, variable: Variable) -> bool:
        return (
            self.weight_decay is not None
            and variable not in self._not_decayed
            and not any(n in variable.path for n in self._not_decayed_names)
        )

    def prepare(self, rate: Tensor, step: Tensor) -> Any:
        """What all variables share in this step (a scaled rate, say); given to ``update``."""
        return rate

    def update(
        self, gradient: Tensor, value: Tensor, slots: dict[str, Variable], shared: Any
    ) -> Tensor:
        """The variable's new value; assigns the slots."""
        raise NotImplementedError(f"{type(self).__name__} must define update")

    def _clipped(self, gradients: list[Tensor]) -> list[Tensor]:
        if self.clipvalue is not None:
            bound = float(self.clipvalue)
            return [op.Clip(g, -bound, bound) for g in gradients]
        if self.clipnorm is not None:
            return [_bounded(g, op.ReduceL2(g, keepdims=0), self.clipnorm) for g in gradients]
        if self.global_clipnorm is not None:
            squares = [op.ReduceSumSquare(g, keepdims=0) for g in gradients]
            norm = op.Sqrt(squares[0] if len(squares) == 1 else apply("Sum", *squares))
            return [_bounded(g, norm, self.global_clipnorm) for g in gradients]
        return gradients

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Nothing to do without moving averages; kept for Keras programs."""

    def scale_loss(self, loss: Like) -> Tensor:
        """The loss itself: loss scaling is not in use."""
        return convert(loss)


def _bounded(gradient: Tensor, norm: Tensor, limit: float) -> Tensor:
    """Scale down so that the norm is at most ``limit``."""
    return gradient * (float(limit) / op.Max(norm, float(limit)))
