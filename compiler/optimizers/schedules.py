"""Learning rates as functions of the step, computed in the graph: changing phase recompiles nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .. import config, op
from ..ir import Like, Tensor, apply, constant, convert


class LearningRateSchedule(config.Configurable):
    """Base: ``schedule(step)`` gives the rate (a float32 scalar) for the step's number."""

    def __call__(self, step: Like) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, step)")


def _float(step: Like) -> Tensor:
    x = convert(step)
    return x if x.dtype == np.float32 else apply("Cast", x, to=np.float32)


class ExponentialDecay(LearningRateSchedule):
    """``initial * decay_rate ^ (step / decay_steps)``."""

    def __init__(
        self, initial_learning_rate: float, decay_steps: int, decay_rate: float,
        staircase: bool = False, name: str = "ExponentialDecay",
    ) -> None:  # fmt: skip
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.decay_rate, self.staircase = decay_rate, staircase
        _positive("ExponentialDecay", decay_steps)

    def __call__(self, step: Like) -> Tensor:
        passed = _float(step) / float(self.decay_steps)
        passed = op.Floor(passed) if self.staircase else passed
        result: Tensor = op.Exp(passed * math.log(self.decay_rate)) * self.initial_learning_rate
        return result


class InverseTimeDecay(LearningRateSchedule):
    """``initial / (1 + decay_rate * step / decay_steps)``."""

    def __init__(
        self, initial_learning_rate: float, decay_steps: int, decay_rate: float,
        staircase: bool = False, name: str = "InverseTimeDecay",
    ) -> None:  # fmt: skip
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.decay_rate, self.staircase = decay_rate, staircase
        _positive("InverseTimeDecay", decay_steps)

    def __call__(self, step: Like) -> Tensor:
        passed = _float(step) / float(self.decay_steps)
        passed = op.Floor(passed) if self.staircase else passed
        return self.initial_learning_rate / (passed * self.decay_rate + 1.0)


class PolynomialDecay(LearningRateSchedule):
    """From ``initial`` to ``end`` in ``decay_steps``, along a power of the time that is left."""

    def __init__(
        self, initial_learning_rate: float, decay_steps: int, end_learning_rate: float = 0.0001,
        power: float = 1.0, cycle: bool = False, name: str = "PolynomialDecay",
    ) -> None:  # fmt: skip
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.end_learning_rate, self.power, self.cycle = end_learning_rate, power, cycle
        _positive("PolynomialDecay", decay_steps)

    def __call__(self, step: Like) -> Tensor:
        now, period = _float(step), float(self.decay_steps)
        if self.cycle:
            passed = now / (op.Max(op.Ceil(now / period), 1.0) * period)
        else:
            passed = op.Min(now, period) / period
        left = 1.0 - passed
        shaped = left if self.power == 1.0 else op.Pow(left, self.power)
        return (
            shaped * (self.initial_learning_rate - self.end_learning_rate) + self.end_learning_rate
        )


class PiecewiseConstantDecay(LearningRateSchedule):
    """``values[i]`` until step ``boundaries[i]`` (included), then the next."""

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"
    ) -> None:
        if len(values) != len(boundaries) + 1:
            raise ArgumentError(
                f"PiecewiseConstantDecay: {len(boundaries)} boundaries need {len(boundaries) + 1} "
                f"values; got {len(values)}"
            )
        self.boundaries, self.values = list(boundaries), list(values)

    def __call__(self, step: Like) -> Tensor:
        now = _float(step)
        limits = constant(np.array(self.boundaries, np.float32))
        jumps = np.diff(np.array(self.values, np.float64)).astype(np.float32)
        passed = op.Cast(op.Greater(now, limits), to=np.float32)
        change: Tensor = op.ReduceSum(passed * constant(jumps), keepdims=0)
        return change + self.values[0]


class CosineDecay(LearningRateSchedule):
    """Half a cosine from ``initial`` to ``alpha * initial``, after a linear warm-up (Loshchilov 2017)."""

    def __init__(
        self, initial_learning_rate: float, decay_steps: int, alpha: float = 0.0,
        name: str = "CosineDecay", warmup_target: float | None = None, warmup_steps: int = 0,
    ) -> None:  # fmt: skip
        self.initial_learning_rate, self.decay_steps, self.alpha = (
            initial_learning_rate, decay_steps, alpha,
        )  # fmt: skip
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps
        _positive("CosineDecay", decay_steps)

    def __call__(self, step: Like) -> Tensor:
        now = _float(step)
        if self.warmup_target is None:
            return self._decayed(now, self.initial_learning_rate)
        warm = float(max(self.warmup_steps, 1))
        rising = op.Cast(op.Less(now, float(self.warmup_steps)), to=np.float32)
        slope = (self.warmup_target - self.initial_learning_rate) / warm
        up = now * slope + self.initial_learning_rate
        down = self._decayed(op.Max(now - float(self.warmup_steps), 0.0), self.warmup_target)
        return rising * up + (1.0 - rising) * down

    def _decayed(self, now: Tensor, start: float) -> Tensor:
        passed = op.Min(now, float(self.decay_steps)) / float(self.decay_steps)
        wave = op.Cos(passed * math.pi) * 0.5 + 0.5
        result: Tensor = (wave * (1 - self.alpha) + self.alpha) * start
        return result


class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decay that starts again, each period ``t_mul`` times longer and ``m_mul`` times as high."""

    def __init__(
        self, initial_learning_rate: float, first_decay_steps: int, t_mul: float = 2.0,
        m_mul: float = 1.0, alpha: float = 0.0, name: str = "SGDRDecay",
    ) -> None:  # fmt: skip
        self.initial_learning_rate, self.first_decay_steps = (
            initial_learning_rate,
            first_decay_steps,
        )
        self.t_mul, self.m_mul, self.alpha = t_mul, m_mul, alpha
        _positive("CosineDecayRestarts", first_decay_steps)

    def __call__(self, step: Like) -> Tensor:
        passed = _float(step) / float(self.first_decay_steps)
        if self.t_mul == 1.0:
            restart = op.Floor(passed)
            fraction = passed - restart
        else:
            ratio = 1.0 - passed * (1.0 - self.t_mul)
            restart = op.Floor(op.Log(ratio) / math.log(self.t_mul))
            grown = op.Exp(restart * math.log(self.t_mul))
            fraction = (passed - (1.0 - grown) / (1.0 - self.t_mul)) / grown
        height = op.Exp(restart * math.log(self.m_mul)) if self.m_mul != 1.0 else constant(1.0)
        wave = height * 0.5 * (op.Cos(fraction * math.pi) + 1.0)
        result: Tensor = (wave * (1 - self.alpha) + self.alpha) * self.initial_learning_rate
        return result


def _positive(owner: str, steps: Any) -> None:
    if steps <= 0:
        raise ArgumentError(f"{owner}: the number of steps must be above 0; got {steps}")


__all__ = [
    "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay",
    "LearningRateSchedule", "PiecewiseConstantDecay", "PolynomialDecay",
]  # fmt: skip
