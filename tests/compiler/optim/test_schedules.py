"""Schedules: Keras' values, in a graph and outside, exact for large steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError

from . import cases

with np.load(Path(__file__).parents[2] / "goldens" / "keras_optimizers.npz") as file:
    GOLDEN = dict(zip(cases.SCHEDULES, file["schedules"], strict=True))
schedules = wh.optimizers.schedules


def make(name: str) -> Any:
    cls, args, kwargs = cases.SCHEDULES[name]
    return getattr(schedules, cls)(*args, **kwargs)


@pytest.mark.parametrize("name", cases.SCHEDULES)
def test_values_are_those_of_keras(name: str) -> None:
    schedule = make(name)
    found = [float(schedule(s)) for s in cases.SCHEDULE_STEPS]
    # Keras computes in single precision
    np.testing.assert_allclose(found, GOLDEN[name], rtol=1e-5, atol=2e-7)


@pytest.mark.parametrize("name", cases.SCHEDULES)
def test_in_a_graph_as_outside(name: str) -> None:
    schedule, traces = make(name), []

    @wh.function
    def rate(step: Any) -> Any:
        traces.append(1)
        result = schedule(step)
        assert result.dtype == np.float32
        assert result.shape == ()
        return result

    for step in (0, 1, 150, 601):
        assert rate(np.int64(step)) == float(schedule(step))
    assert len(traces) == 1


@pytest.mark.parametrize("name", cases.SCHEDULES)
def test_many_steps_at_once(name: str) -> None:
    schedule = make(name)
    steps = np.array(cases.SCHEDULE_STEPS)
    one_by_one = [float(schedule(s)) for s in cases.SCHEDULE_STEPS]
    np.testing.assert_array_equal(schedule(steps).numpy(), np.float32(one_by_one))


@pytest.mark.parametrize("name", cases.SCHEDULES)
def test_configuration_returns(name: str) -> None:
    schedule = make(name)
    again = schedules.deserialize(schedules.serialize(schedule))
    assert type(again) is type(schedule)
    assert float(again(123)) == float(schedule(123))


def test_steps_beyond_single_precision() -> None:
    step = 2**24 + 1  # not a float32
    rise = schedules.PiecewiseConstantDecay([2**24], [1.0, 2.0])
    assert float(rise(step)) == 2.0
    assert float(rise(step - 1)) == 1.0
    stairs = schedules.ExponentialDecay(1.0, step, 0.5, staircase=True)
    assert float(stairs(step - 1)) == 1.0
    assert float(stairs(step)) == 0.5


def test_restarts_begin_on_time() -> None:
    schedule = schedules.CosineDecayRestarts(1.0, 10, t_mul=2.0)
    for start in (0, 10, 30, 70, 150, 10 * (2**20 - 1)):
        assert float(schedule(start)) == 1.0
        assert start == 0 or float(schedule(start - 1)) < 0.1
    thrice = schedules.CosineDecayRestarts(1.0, 10, t_mul=3.0)
    for k in range(1, 12):  # log(243) / log(3) is rounded to less than 5
        assert float(thrice(10 * (3**k - 1) // 2)) == 1.0


@pytest.mark.parametrize(
    ("make_one", "word"),
    [
        (lambda: schedules.CosineDecay(0.1, 0), "decay_steps"),
        (lambda: schedules.CosineDecay(0.1, 5, warmup_target=1.0, warmup_steps=-1), "warmup_steps"),
        (lambda: schedules.ExponentialDecay(0.1, -3, 0.9), "decay_steps"),
        (lambda: schedules.CosineDecayRestarts(0.1, 0), "first_decay_steps"),
        (lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2]), "boundaries"),
        (lambda: schedules.PiecewiseConstantDecay([2, 1], [0.1, 0.2, 0.3]), "order"),
    ],
)
def test_senseless_arguments(make_one: Any, word: str) -> None:
    with pytest.raises(ArgumentError, match=word):
        make_one()


def test_a_schedule_of_ones_own() -> None:
    class Halving(schedules.LearningRateSchedule):
        def __call__(self, step: Any) -> Any:
            return 1.0 / (wh.ops.cast(step, "float32") + 1.0)

    w = wh.Variable(np.zeros(2, np.float32))
    optimizer = wh.optimizers.SGD(Halving())
    step = wh.function(lambda g: optimizer.apply([g], [w]))
    for _ in range(3):
        step(np.ones(2, np.float32))
    np.testing.assert_allclose(w.numpy(), -(1 + 1 / 2 + 1 / 3), rtol=1e-6)
