"""Optimizers around optimizers: a loss scale that adapts, and several optimizers as one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .. import config, op, scope
from ..ir import Like, Tensor, apply, convert
from ..state import Variable
from .base import Optimizer


class LossScaleOptimizer(Optimizer):
    """Keep gradients in half precision from vanishing: the loss is scaled up as far as it will go.

    A step in which a gradient is infinite or NaN is left out, and halves the scale; after
    ``dynamic_growth_steps`` steps without one it doubles. Micikevicius et al. 2018.

    Args:
        inner_optimizer: what takes the steps. Clipping, decay and so on are arguments of this one.
        initial_scale: the scale at first.
        dynamic_growth_steps: how many sound steps until the scale is doubled.
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
    ) -> None:
        if not isinstance(inner_optimizer, Optimizer):
            raise ArgumentError(f"LossScaleOptimizer: {inner_optimizer!r} is no optimizer")
        if not initial_scale > 0 or dynamic_growth_steps < 1:
            raise ArgumentError(
                f"LossScaleOptimizer(initial_scale={initial_scale}, dynamic_growth_steps="
                f"{dynamic_growth_steps}): expected a scale above 0 and at least one step"
            )
        super().__init__(lambda: inner_optimizer.learning_rate, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale, self.dynamic_growth_steps = initial_scale, dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None
        self.starts.clear()
        self.step_counter = self._own(np.int64(0), "step_counter")
        self.dynamic_scale = self._own(np.float32(initial_scale), "dynamic_scale")
        self.starts |= inner_optimizer.starts
        self._count, self._slots = inner_optimizer._count, inner_optimizer._slots

    @property
    def learning_rate(self) -> Any:
        """That of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def rate_variable(self) -> Variable | None:
        return self.inner_optimizer.rate_variable

    @property
    def iterations(self) -> Any:
        return self.inner_optimizer.iterations

    @property
    def variables(self) -> list[Variable]:
        return [self.step_counter, self.dynamic_scale, *self.inner_optimizer.variables]

    def build(self, variables: Iterable[Variable]) -> None:
        self.inner_optimizer.build(variables)

    def initial(self, slot: str, variable: Variable) -> Any:
        return self.inner_optimizer.initial(slot, variable)

    def scale_loss(self, loss: Like) -> Tensor:
        # not in half precision, which ends at two such scales
        return op.Cast(loss, to=np.float32) * self.dynamic_scale.value

    def _apply(self, grads: Sequence[Like | None], variables: Sequence[Variable]) -> None:
        inner = self.inner_optimizer
        inner.build(variables)
        with scope.replaced(f"update/{self.name}"):
            scaled = [None if g is None else convert(g) for g in grads]
            finite = _finite([g for g in scaled if g is not None])
            scale = self.dynamic_scale.value
            unscaled = [None if g is None else op.Cast(g, to=np.float32) / scale for g in scaled]
        before = {v: v.value for v in [*variables, *inner.variables]}
        inner._apply(unscaled, variables)
        with scope.replaced(f"update/{self.name}"):
            for variable, old in before.items():
                if variable.value.key != old.key:
                    # not a sum of products: 0 times NaN is NaN
                    variable.assign(op.Where(finite, variable.value, old))
            self._rescale(finite)

    def _rescale(self, finite: Tensor) -> None:
        count, scale = self.step_counter.value, self.dynamic_scale.value
        grown = op.Equal(count, self.dynamic_growth_steps - 1)
        counting = op.Cast(op.And(finite, op.Not(grown)), to=np.int64)
        self.step_counter.assign((count + 1) * counting)
        self.dynamic_scale.assign(scale * op.Where(finite, op.Where(grown, 2.0, 1.0), 0.5))

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)


def _finite(gradients: Sequence[Tensor]) -> Tensor:
    """Whether no element is infinite or NaN: those alone are not 0 when subtracted from themselves."""
    zeros = [op.Cast(op.ReduceSum(g - g, keepdims=0), to=np.float32) for g in gradients]
    if not zeros:
        raise ArgumentError("no gradients were given for any variable")
    return op.Equal(zeros[0] if len(zeros) == 1 else apply("Sum", *zeros), 0.0)


class OptimizerMap(config.Configurable, MutableMapping[str, Optimizer]):
    """Which optimizer a variable gets, by its path: ``map["encoder/.*"] = Adam()``.

    A path that is a key itself gets that key's optimizer, else that of the one key that matches all
    of it as a regular expression, else the default. Raises ``ArgumentError`` where two match.
    """

    def __init__(
        self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None
    ) -> None:
        if not isinstance(default_optimizer, Optimizer):
            raise ArgumentError(f"OptimizerMap: {default_optimizer!r} is no optimizer")
        self.default_optimizer = default_optimizer
        self._map: dict[str, Optimizer] = {}
        for key, optimizer in (optimizer_map or {}).items():
            self[key] = optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._map:
            return self._map[key]
        matching = [pattern for pattern in self._map if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ArgumentError(f"{key} is matched by {len(matching)} patterns: {matching}")
        return self._map[matching[0]] if matching else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if key in self._map:
            raise ArgumentError(f"OptimizerMap has {key!r} already")
        _check_inner(optimizer)
        self._map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._map[key]

    def __len__(self) -> int:
        return len(self._map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def __call__(self, variable: Variable) -> Optimizer:
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        return {
            "default_optimizer": config.encode(self.default_optimizer),
            "optimizer_map": config.encode(self._map),
        }


class MultiOptimizer(Optimizer):
    """Several optimizers as one: each variable is updated by the one that ``optimizer_map`` gives it.

    ``optimizer_map`` is an ``OptimizerMap``, or a function from a variable to its optimizer.
    ``optimizers`` are those in use; each has its own learning rate. ``loss_scale_factor`` is theirs.
    """

    def __init__(
        self,
        optimizer_map: Callable[[Variable], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(_no_rate, loss_scale_factor=loss_scale_factor, name=name)
        self.optimizer_map = optimizer_map
        self.optimizers: list[Optimizer] = []
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map.values(), optimizer_map.default_optimizer):
                self._use(optimizer)
        self._chosen: dict[Variable, Optimizer] = {}

    def _use(self, optimizer: Optimizer) -> None:
        _check_inner(optimizer)
        if not any(optimizer is known for known in self.optimizers):
            self.optimizers.append(optimizer)
            self.starts |= optimizer.starts

    @property
    def learning_rate(self) -> Any:
        """There is none; raises ``AttributeError``."""
        return _no_rate()

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        _no_rate()

    @property
    def variables(self) -> list[Variable]:
        return [self._count, *(v for o in self.optimizers for v in o.variables)]

    def initial(self, slot: str, variable: Variable) -> Any:
        return self._chosen[variable].initial(slot, variable)

    def build(self, variables: Iterable[Variable]) -> None:
        for variable in variables:
            if variable not in self._chosen:
                optimizer = self.optimizer_map(variable)
                self._use(optimizer)
                self._chosen[variable] = optimizer
                optimizer.build([variable])
                self._slots[variable] = optimizer._slots[variable]

    def _apply(self, grads: Sequence[Like | None], variables: Sequence[Variable]) -> None:
        if len(grads) != len(variables):
            raise ArgumentError(f"{len(grads)} gradients for {len(variables)} variables")
        self.build(variables)
        pairs = list(zip(grads, variables, strict=True))
        for optimizer in self.optimizers:
            own = [(g, v) for g, v in pairs if self._chosen[v] is optimizer]
            optimizer.loss_scale_factor = self.loss_scale_factor
            if own:
                optimizer._apply([g for g, _ in own], [v for _, v in own])
        with scope.replaced(f"update/{self.name}"):
            self._count.assign_add(1)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        for optimizer in self.optimizers:
            own = [v for v in var_list if self._chosen.get(v) is optimizer]
            optimizer.finalize_variable_values(own)


def _no_rate() -> Any:
    raise AttributeError(
        "a MultiOptimizer has no learning rate of its own: each of its `optimizers` has one"
    )


def _check_inner(optimizer: Any) -> None:
    """Raises ``ArgumentError`` for what cannot be one of several optimizers."""
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(f"{optimizer!r} is no optimizer")
    if isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
        raise ArgumentError(f"a {type(optimizer).__name__} cannot be one of several optimizers")
