"""Learning rates as functions of the step, computed in the graph: changing phase recompiles nothing.

They compute in double precision: single precision holds no step beyond 2^24 exactly, and the
difference between two large numbers of steps even less. One scalar per step costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .. import config, naming, op
from ..config import custom_object_scope
from ..config import deserialize as made_from
from ..ir import Like, Tensor, constant, convert


class LearningRateSchedule(config.Configurable):
    """Base: ``schedule(step)`` gives the rate (a float32 scalar) for the step's number.

    Subclasses define ``__call__`` for a step that is a number, an array or a tensor.
    """

    def __call__(self, step: Like) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, step)")


class _Double(LearningRateSchedule):
    """Base of those below: ``rate`` maps doubles to doubles."""

    def __call__(self, step: Like) -> Tensor:
        return op.Cast(self.rate(op.Cast(convert(step), to=np.float64)), to=np.float32)

    def rate(self, step: Tensor) -> Tensor:
        """The rate in double precision."""
        raise NotImplementedError(f"{type(self).__name__} must define rate(self, step)")


class ExponentialDecay(_Double):
    """``initial * decay_rate ^ (step / decay_steps)``; with ``staircase`` the exponent is whole."""

    def __init__(
        self, initial_learning_rate: float, decay_steps: int, decay_rate: float,
        staircase: bool = False, name: str = "ExponentialDecay",
    ) -> None:  # fmt: skip
        self.initial_learning_rate = float(initial_learning_rate)
        self.decay_steps, self.decay_rate = _positive(self, "decay_steps", decay_steps), decay_rate
        self.staircase, self.name = staircase, name

    def rate(self, step: Tensor) -> Tensor:
        passed = step / self.decay_steps
        passed = op.Floor(passed) if self.staircase else passed
        base = constant(self.decay_rate, np.float64)
        return op.Pow(base, passed) * self.initial_learning_rate


class InverseTimeDecay(_Double):
    """``initial / (1 + decay_rate * step / decay_steps)``; ``staircase``: the quotient is whole."""

    def __init__(
        self, initial_learning_rate: float, decay_steps: int, decay_rate: float,
        staircase: bool = False, name: str = "InverseTimeDecay",
    ) -> None:  # fmt: skip
        self.initial_learning_rate = float(initial_learning_rate)
        self.decay_steps, self.decay_rate = _positive(self, "decay_steps", decay_steps), decay_rate
        self.staircase, self.name = staircase, name

    def rate(self, step: Tensor) -> Tensor:
        passed = step / self.decay_steps
        passed = op.Floor(passed) if self.staircase else passed
        return self.initial_learning_rate / (passed * self.decay_rate + 1.0)


class PolynomialDecay(_Double):
    """From ``initial`` to ``end`` in ``decay_steps``, along a power of the time that is left.

    With ``cycle`` the end is moved to the next multiple of ``decay_steps`` each time it is reached.
    """

    def __init__(
        self, initial_learning_rate: float, decay_steps: int, end_learning_rate: float = 0.0001,
        power: float = 1.0, cycle: bool = False, name: str = "PolynomialDecay",
    ) -> None:  # fmt: skip
        self.initial_learning_rate = float(initial_learning_rate)
        self.decay_steps = _positive(self, "decay_steps", decay_steps)
        self.end_learning_rate, self.power, self.cycle = float(end_learning_rate), power, cycle
        self.name = name

    def rate(self, step: Tensor) -> Tensor:
        passed = step / self.decay_steps
        passed = passed / op.Max(op.Ceil(passed), 1.0) if self.cycle else op.Min(passed, 1.0)
        left = 1.0 - passed
        left = left if self.power == 1 else op.Pow(left, float(self.power))
        return left * (self.initial_learning_rate - self.end_learning_rate) + self.end_learning_rate


class PiecewiseConstantDecay(_Double):
    """``values[i]`` until step ``boundaries[i]`` (included), then the next."""

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"
    ) -> None:
        if len(values) != len(boundaries) + 1 or not boundaries:
            raise ArgumentError(
                f"PiecewiseConstantDecay: {len(boundaries)} boundaries and {len(values)} values; "
                "expected at least one boundary, and one value more than boundaries"
            )
        if list(boundaries) != sorted(boundaries):
            raise ArgumentError(f"PiecewiseConstantDecay: boundaries {boundaries} are not in order")
        self.boundaries, self.values, self.name = list(boundaries), list(values), name

    def rate(self, step: Tensor) -> Tensor:
        limits = constant(np.array(self.boundaries, np.float64))
        passed = op.Cast(op.Greater(op.Unsqueeze(step, [-1]), limits), to=np.float32)
        phase = op.Cast(op.ReduceSum(passed, [-1], keepdims=0), to=np.int64)
        return op.Gather(constant(np.array(self.values, np.float64)), phase)


class CosineDecay(_Double):
    """Half a cosine from ``initial`` to ``alpha * initial`` (Loshchilov and Hutter 2017).

    With ``warmup_target`` the rate first rises from ``initial`` to it along a straight line, in
    ``warmup_steps``, and then falls from there.
    """

    def __init__(
        self, initial_learning_rate: float, decay_steps: int, alpha: float = 0.0,
        name: str = "CosineDecay", warmup_target: float | None = None, warmup_steps: int = 0,
    ) -> None:  # fmt: skip
        self.initial_learning_rate = float(initial_learning_rate)
        self.decay_steps, self.alpha = _positive(self, "decay_steps", decay_steps), alpha
        self.warmup_target, self.warmup_steps, self.name = warmup_target, warmup_steps, name
        if warmup_steps < 0:
            raise ArgumentError(f"CosineDecay(warmup_steps={warmup_steps}): expected 0 or more")

    def rate(self, step: Tensor) -> Tensor:
        first = self.initial_learning_rate
        if self.warmup_target is None:
            return self._falling(step) * first
        top, steps = float(self.warmup_target), float(self.warmup_steps)
        if not steps:
            return self._falling(step) * top
        rising = op.Min(step, steps) * ((top - first) / steps) + first
        # the one factor is 1 until the other, the line's last value, is the top
        return self._falling(op.Max(step - steps, 0.0)) * rising

    def _falling(self, step: Tensor) -> Tensor:
        return _half_cosine(op.Min(step / self.decay_steps, 1.0), 1.0, self.alpha)


class CosineDecayRestarts(_Double):
    """Cosine decay that starts again, each period ``t_mul`` times longer and ``m_mul`` times as high.

    "SGDR" (Loshchilov and Hutter 2017).
    """

    def __init__(
        self, initial_learning_rate: float, first_decay_steps: int, t_mul: float = 2.0,
        m_mul: float = 1.0, alpha: float = 0.0, name: str = "SGDRDecay",
    ) -> None:  # fmt: skip
        self.initial_learning_rate = float(initial_learning_rate)
        self.first_decay_steps = _positive(self, "first_decay_steps", first_decay_steps)
        self.t_mul, self.m_mul, self.alpha = t_mul, m_mul, alpha
        self.name = name

    def rate(self, step: Tensor) -> Tensor:
        passed = step / self.first_decay_steps
        if self.t_mul == 1:
            restart = op.Floor(passed)
            fraction = passed - restart
        else:
            # after k restarts 1 + t + ... + t^(k-1) = (t^k - 1) / (t - 1) first periods have passed
            grown = passed * (self.t_mul - 1.0) + 1.0
            # a restart falls on a whole number, which rounding must not miss
            restart = op.Floor(op.Log(grown) / math.log(self.t_mul) + 1e-12)
            length = op.Pow(constant(self.t_mul, np.float64), restart)
            fraction = (passed - (length - 1.0) / (self.t_mul - 1.0)) / length
        height: Any = 1.0
        if self.m_mul != 1:
            height = op.Pow(constant(self.m_mul, np.float64), restart)
        return _half_cosine(fraction, height, self.alpha) * self.initial_learning_rate


def _half_cosine(fraction: Tensor, height: Any, alpha: float) -> Tensor:
    """From ``height`` to 0 while ``fraction`` goes from 0 to 1, and never below ``alpha``'s share."""
    wave = (op.Cos(fraction * math.pi) + 1.0) * 0.5 * height
    return wave * (1.0 - alpha) + alpha


def _positive(owner: object, name: str, steps: float) -> float:
    if steps <= 0:
        raise ArgumentError(f"{type(owner).__name__}({name}={steps}): expected more than 0")
    return float(steps)


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """The schedule's class and arguments as JSON can hold them."""
    return config.serialize(learning_rate_schedule)


def deserialize(
    config: dict[str, Any], custom_objects: dict[str, Callable[..., Any]] | None = None
) -> Any:
    """The inverse of ``serialize``."""
    with custom_object_scope(custom_objects or {}):
        return made_from(naming.qualified("optimizers", config, __all__))


__all__ = [
    "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay",
    "LearningRateSchedule", "PiecewiseConstantDecay", "PolynomialDecay", "deserialize", "serialize",
]  # fmt: skip
