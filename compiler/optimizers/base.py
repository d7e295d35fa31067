"""``Optimizer``: gradients in, assignments out. Slots, the step counter and the rate are Variables."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Self

import numpy as np

from ...errors import ArgumentError
from .. import config, initializers, naming, op, scope
from ..config import custom_object_scope
from ..ir import Like, Operators, Tensor, convert
from ..state import Trace, Variable, current_trace, tracing
from . import clipping, schedules
from .arguments import at_least, spell_out
from .updates import Conditional, as_dtype, blend, paired

AVERAGE, ACCUMULATOR = "average", "gradient_accumulator"


class Optimizer(config.Configurable):
    """Base of all optimizers.

    Subclasses name their ``slots`` and define ``update_step``; what all variables share in a step
    they compute once in ``prepare``.

    Args:
        learning_rate: a number (kept in a Variable: changing it recompiles nothing), a
            ``LearningRateSchedule``, or a function without arguments that gives a tensor.
        weight_decay: before each update ``variable -= variable * weight_decay * learning_rate``.
        clipnorm: each gradient is scaled down to at most this norm.
        clipvalue: each element of a gradient is clipped to +- this value.
        global_clipnorm: all gradients are scaled down so that their common norm is at most this.
            Only one of the three can be given.
        use_ema: keep a moving average of each variable, ``ema_momentum * average + (1 -
            ema_momentum) * variable``; every ``ema_overwrite_frequency`` steps, and in
            ``finalize_variable_values``, the variables are set to it.
        loss_scale_factor: ``scale_loss`` multiplies by it, ``apply`` divides the gradients by it.
        gradient_accumulation_steps: update once in so many steps, by the mean of their gradients.
        name: the first part of the paths of all Variables made here.
    """

    slots: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            spell_out(cls.__init__, Optimizer.__init__)

    def __init__(
        self,
        learning_rate: Any,
        *,
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
        self.name = name or naming.snake_case(type(self).__name__)
        self.clip = clipping.clipper(clipnorm, clipvalue, global_clipnorm)
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        at_least("weight_decay", weight_decay, 0)
        at_least("ema_overwrite_frequency", ema_overwrite_frequency, 1)
        at_least("gradient_accumulation_steps", gradient_accumulation_steps, 2)
        if not 0 <= ema_momentum <= 1:
            raise ArgumentError(f"ema_momentum={ema_momentum}: expected a number from 0 to 1")
        if loss_scale_factor is not None and not loss_scale_factor > 0:
            raise ArgumentError(f"loss_scale_factor={loss_scale_factor}: expected more than 0")
        self.weight_decay = weight_decay
        self.use_ema, self.ema_momentum = use_ema, ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.starts: dict[Variable, Any] = {}  # what all but the slots begin with
        self._count = self._own(np.int64(0), "iterations")
        self._rate = self._rate_source(learning_rate)
        self._extra: list[Variable] = []
        self._slots: dict[Variable, dict[str, Variable]] = {}
        self._undecayed: set[Variable] = set()
        self._undecayed_names: re.Pattern[str] | None = None

    # -- learning rate ----------------------------------------------------------------------

    def _rate_source(self, rate: Any) -> Any:
        if callable(rate) and not isinstance(rate, Operators):
            return rate
        value = float(np.asarray(rate))
        if not np.isfinite(value) or value < 0:
            raise ArgumentError(f"learning_rate={rate!r}: expected a number of at least 0")
        return self._own(np.float32(value), "learning_rate")

    @property
    def learning_rate(self) -> Any:
        """The rate: a Variable, or what the schedule or function gives now, as a tensor."""
        return self._rate if isinstance(self._rate, Variable) else self._current_rate()

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if callable(value) and not isinstance(value, Operators):
            if self.built:
                warnings.warn(
                    f"{self.name}: steps that are compiled already keep their learning rate; the "
                    "schedule takes effect after the next model.compile() or in a new wh.function",
                    stacklevel=2,
                )
            self._rate = value
        elif not isinstance(self._rate, Variable):
            raise ArgumentError(
                "the learning rate is a schedule or a function: make the optimizer with a number "
                "to set it by hand"
            )
        else:
            tensor = value if isinstance(value, Operators) else np.float32(np.asarray(value))
            self._rate.assign(tensor)

    @property
    def rate_variable(self) -> Variable | None:
        """The Variable that holds the rate, None where a schedule computes it."""
        return self._rate if isinstance(self._rate, Variable) else None

    def _current_rate(self) -> Tensor:
        if isinstance(self._rate, Variable):
            return self._rate.value
        if isinstance(self._rate, schedules.LearningRateSchedule):
            return self._rate(self._count.value)
        rate = self._rate()
        if not isinstance(rate, Operators):
            raise NotImplementedError(
                f"learning_rate is a function that gave {rate!r}: a number would stay as it is in "
                "the compiled step. Let it compute with a wh.Variable, or give a schedule"
            )
        return convert(rate)

    # -- state --------------------------------------------------------------------------------

    @property
    def iterations(self) -> Any:
        """How many updates were made: a Variable (a tensor where gradients are accumulated)."""
        steps = self.gradient_accumulation_steps
        return self._count if steps is None else op.Div(self._count, steps)

    @property
    def built(self) -> bool:
        """Whether the slots have been made."""
        return bool(self._slots)

    @property
    def variables(self) -> list[Variable]:
        """The counter, the rate (if it is a Variable) and all slots."""
        rate = [self._rate] if isinstance(self._rate, Variable) else []
        slots = [s for group in self._slots.values() for s in group.values()]
        return [self._count, *rate, *self._extra, *slots]

    @property
    def _trainable_variables(self) -> list[Variable]:
        """What the optimizer was built for, in order; optimizers written for Keras use it."""
        return list(self._slots)

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots of ``variables``; done by the first ``apply`` if not before."""
        for variable in variables:
            if variable not in self._slots:
                self._slots[variable] = {}
                common = [AVERAGE] if self.use_ema else []
                common += [ACCUMULATOR] if self.gradient_accumulation_steps else []
                for slot in common:
                    self._add_slot(variable, slot, np.zeros(variable.shape, variable.dtype))
                for slot in self.slots_of(variable):
                    self._add_slot(variable, slot, self.initial(slot, variable))

    def slots_of(self, variable: Variable) -> tuple[str, ...]:
        """The names of this variable's slots: ``slots``, where they are not different for each."""
        return self.slots

    def initial(self, slot: str, variable: Variable) -> Any:
        """What a slot starts with."""
        return np.zeros(variable.shape, variable.dtype)

    def _add_slot(self, variable: Variable, slot: str, value: Any) -> Variable:
        made = Variable(value, trainable=False, name=slot, dtype=variable.dtype)
        made.path = f"{self.name}/{variable.path}/{slot}"
        self._slots.setdefault(variable, {})[slot] = made
        return made

    def _own(self, value: Any, name: str) -> Variable:
        made = Variable(np.asarray(value), trainable=False, name=name)
        made.path = f"{self.name}/{name}"
        self.starts[made] = np.asarray(value)
        return made

    def add_variable(
        self,
        shape: Sequence[int] = (),
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str | None = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """State of an optimizer of your own that belongs to no variable.

        ``aggregation`` says how the copies on several devices are joined; there is one.
        """
        if aggregation not in (None, "none", "mean", "sum", "only_first_replica"):
            raise ArgumentError(f"add_variable: unknown aggregation={aggregation!r}")
        config.not_supported("add_variable", layout=(layout, None))
        start = initializers.get(initializer)
        label = name or "variable"
        made = Variable(start, tuple(shape), dtype or "float32", trainable=False, name=label)
        made.path = f"{self.name}/{label}"
        self.starts[made] = made.numpy()
        self._extra.append(made)
        return made

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """A slot of an optimizer of your own: like the variable in shape and type."""
        start = initializers.get(initializer)
        value = np.asarray(start(reference_variable.shape, dtype=reference_variable.dtype))
        return self._add_slot(reference_variable, name or "var", value)

    def add_optimizer_variables(
        self, trainable_variables: Iterable[Variable], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """``add_variable_from_reference`` for each variable: a list, or one for each of the names."""
        names = [name] if isinstance(name, str) else list(name)
        several = isinstance(initializer, (list, tuple))
        starts = list(initializer) if several else [initializer] * len(names)
        if len(starts) != len(names):
            raise ArgumentError(f"{len(names)} names of slots, but {len(starts)} initializers")
        made = [
            [self.add_variable_from_reference(v, n, s) for n, s in zip(names, starts, strict=True)]
            for v in trainable_variables
        ]
        columns = tuple([row[i] for row in made] for i in range(len(names)))
        return columns[0] if isinstance(name, str) else columns

    def _get_variable_index(self, variable: Variable) -> int:
        """The place among the variables; optimizers written for Keras find their slots by it."""
        return self._trainable_variables.index(variable)

    def slot(self, variable: Variable, name: str) -> Variable:
        """The slot of a variable by its name."""
        return self._slots[variable][name]

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """No decay for these variables, nor for those in whose name one of the patterns occurs.

        To be called before the first step. A second call replaces the first.
        """
        if self.built:
            raise ArgumentError("exclude_from_weight_decay: the optimizer has been built already")
        self._undecayed = set(var_list or ())
        patterns = list(var_names or ())
        self._undecayed_names = re.compile("|".join(patterns)) if patterns else None

    def get_config(self) -> dict[str, Any]:
        """The arguments, with the learning rate as it is now."""
        found = super().get_config()
        if "learning_rate" in found:
            rate = self.rate_variable
            found["learning_rate"] = config.encode(self._rate) if rate is None else float(rate)
        return found | ({"name": self.name} if "name" in found else {})

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """The optimizer that ``get_config`` describes, ours or Keras'."""
        given = dict(config)
        if isinstance(given.get("learning_rate"), Mapping):
            rate, known = given["learning_rate"], schedules.__all__
            given["learning_rate"] = naming.qualified("optimizers", rate, known)
        with custom_object_scope(custom_objects or {}):
            return super().from_config(given)

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all ``variables``, in order."""
        self.load_own_variables({str(i): w for i, w in enumerate(weights)})

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put all values into ``store``, numbered in the order of ``variables``."""
        store.update({str(i): v.numpy() for i, v in enumerate(self.variables)})

    def load_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """The inverse of ``save_own_variables``; the optimizer must be built for the same model."""
        if len(store) != len(self.variables):
            raise ArgumentError(
                f"{len(store)} saved values for {len(self.variables)} variables of {self.name}: "
                "build the optimizer with the same variables first"
            )
        for i, variable in enumerate(self.variables):
            variable.assign(np.asarray(store[str(i)]))

    # -- one step -----------------------------------------------------------------------------

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable:
        """``apply`` for pairs. Returns the counter of the calls."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self._count

    def apply(
        self, grads: Sequence[Like | None], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Update the variables (in a traced function: as outputs of the step).

        What follows in the same step has no gradient through the update.

        Without ``trainable_variables`` those of ``build``. A gradient of None is left out, with a
        warning. Nothing is done for no gradients and no variables. Raises ``ArgumentError`` where the
        numbers differ or no gradient is left.
        """
        variables = list(self._slots if trainable_variables is None else trainable_variables)
        if not variables and not grads:
            return
        self._apply(grads, variables)
        trace = current_trace()
        if trace is not None:
            for variable in self._trainable_variables:
                trace.settle(variable)

    def _apply(self, grads: Sequence[Like | None], variables: Sequence[Variable]) -> None:
        pairs = paired(grads, variables)
        self.build(variables)
        with scope.replaced(f"update/{self.name}"):
            gradients = [convert(g) for g, _ in pairs]
            if self.loss_scale_factor is not None:
                gradients = [g * (1.0 / self.loss_scale_factor) for g in gradients]
            self._update([v for _, v in pairs], gradients)
            for variable in self._slots if self.use_ema else ():
                self._average(variable)
        for _, variable in pairs:
            if variable.constraint is not None:
                with scope.replaced(f"update/{variable.path}"):
                    variable.assign(variable.constraint(variable.value))
        with scope.replaced(f"update/{self.name}"):
            self._count.assign_add(1)

    def _update(self, variables: Sequence[Variable], gradients: list[Tensor]) -> None:
        active = None
        if self.gradient_accumulation_steps is not None:
            steps = self.gradient_accumulation_steps
            active = op.Equal(op.Mod(self._count.value + 1, steps), 0)
            gradients = [
                self._accumulated(v, g, active) for v, g in zip(variables, gradients, strict=True)
            ]
        gradients = self.clip(gradients)
        rate = self._current_rate()
        own = Conditional(active, self._extra)
        shared = self.prepare(rate)
        own.settle()
        for gradient, variable in zip(gradients, variables, strict=True):
            with scope.replaced(f"update/{variable.path}"):
                touched = [variable, *(self.slot(variable, s) for s in self._slots[variable]
                                       if s not in (AVERAGE, ACCUMULATOR))]  # fmt: skip
                condition = Conditional(active, touched)
                share = self.decay_of(variable)
                if share and self._decays(variable):
                    decay = as_dtype(rate * float(share), variable.dtype)
                    variable.assign(variable.value - variable.value * decay)
                typed = as_dtype(gradient, variable.dtype)
                self.update_step(typed, variable, as_dtype(shared, variable.dtype))
                condition.settle()

    def prepare(self, learning_rate: Tensor) -> Any:
        """Computed once per step and given to each ``update_step`` in place of the rate.

        A tensor, or a tuple of tensors.
        """
        return learning_rate

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Any) -> None:
        """Assign the variable and its slots their new values."""
        raise NotImplementedError(f"{type(self).__name__} must define update_step")

    def assign(self, variable: Variable, value: Like) -> None:
        """``variable.assign``, for optimizers written for Keras."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Like) -> None:
        """``variable.assign_add``, for optimizers written for Keras."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Like) -> None:
        """``variable.assign_sub``, for optimizers written for Keras."""
        variable.assign_sub(value)

    def decay_of(self, variable: Variable) -> float | None:
        """The weight decay of this variable: ``weight_decay``, where it is not different for each."""
        return self.weight_decay

    def _decays(self, variable: Variable) -> bool:
        named = self._undecayed_names
        return variable not in self._undecayed and not (named and named.search(variable.name))

    def _accumulated(self, variable: Variable, gradient: Tensor, active: Tensor) -> Tensor:
        """The mean over the last steps; the sum starts anew in an active step."""
        stored = self.slot(variable, ACCUMULATOR)
        total = stored.value + as_dtype(gradient, variable.dtype)
        stored.assign(total * op.Cast(op.Not(active), to=variable.dtype))
        return total * (1.0 / float(self.gradient_accumulation_steps or 1))

    # -- moving averages ----------------------------------------------------------------------

    def _average(self, variable: Variable) -> None:
        average, value = self.slot(variable, AVERAGE), variable.value
        started = op.Cast(op.Greater(self.iterations, 0), to=variable.dtype)
        weight = started * self.ema_momentum
        new = average.value * weight + value * (1.0 - weight)
        average.assign(new)
        if self.ema_overwrite_frequency is not None:
            count = convert(self.iterations) + 1
            due = op.Equal(op.Mod(count, self.ema_overwrite_frequency), 0)
            variable.assign(blend(due, new, value))

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """After training: with ``use_ema``, give the variables their moving averages."""
        if self.use_ema:
            for variable in var_list:
                variable.assign(self.slot(variable, AVERAGE).value)

    def scale_loss(self, loss: Like) -> Tensor:
        """The loss times ``loss_scale_factor``; to be differentiated in its place."""
        tensor = convert(loss)
        return tensor if self.loss_scale_factor is None else tensor * self.loss_scale_factor

    def stateless_apply(
        self, optimizer_variables: Sequence[Like], grads: Sequence[Like],
        trainable_variables: Sequence[Like],
    ) -> tuple[list[Tensor], list[Tensor]]:  # fmt: skip
        """``apply`` as a function of values: gives the new ones of the model's and own variables."""
        mine, theirs = self.variables, self._trainable_variables
        if (len(optimizer_variables), len(trainable_variables)) != (len(mine), len(theirs)):
            raise ArgumentError(
                f"{self.name} has {len(mine)} variables of its own for {len(theirs)} trainable "
                f"ones; got {len(optimizer_variables)} and {len(trainable_variables)} values"
            )
        trace = Trace()
        values = zip([*theirs, *mine], [*trainable_variables, *optimizer_variables], strict=True)
        trace.writes.update({v: convert(x, v.dtype) for v, x in values})
        with tracing(trace):
            self.apply(grads, theirs)
        return [trace.read(v) for v in theirs], [trace.read(v) for v in mine]
