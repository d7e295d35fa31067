"""Every optimizer, with every argument, takes the steps that Keras takes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh

from . import cases

GOLDEN = np.load(Path(__file__).parents[2] / "goldens" / "optimizers.npz")


def variables() -> list[wh.Variable]:
    values = zip(("kernel", "bias"), cases.parameters(), strict=True)
    return [wh.Variable(v, name=n) for n, v in values]


def make(
    optimizer: tuple[str, dict[str, Any]], schedule: tuple[str, tuple[Any, ...]] | None = None
) -> wh.optimizers.Optimizer:
    name, arguments = optimizer
    rate: Any = cases.RATE
    if schedule is not None:
        rate = getattr(wh.optimizers.schedules, schedule[0])(*schedule[1])
    return getattr(wh.optimizers, name)(rate, **arguments)


def play(
    optimizer: tuple[str, dict[str, Any]],
    schedule: tuple[str, tuple[Any, ...]] | None = None,
    rate_at: tuple[int, float] | None = None,
    exclude: list[str] | None = None,
    constraint: tuple[str, dict[str, Any]] | None = None,
    missing: int | None = None,
    compiled: bool = True,
) -> tuple[list[np.ndarray], int]:
    """The twenty steps, and how often the step was traced."""
    made, weights, traces = make(optimizer, schedule), variables(), []
    if constraint is not None:
        weights[0].constraint = getattr(wh.constraints, constraint[0])(**constraint[1])
    if exclude is not None:
        made.exclude_from_weight_decay(var_names=exclude)

    def step(first: Any, second: Any) -> None:
        traces.append(1)
        gradients: list[Any] = [first, second]
        if missing is not None:
            gradients[missing] = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made.apply(gradients, weights)

    run = wh.function(step) if compiled else step
    path: list[list[np.ndarray]] = [[], []]
    for i, gradients in enumerate(cases.gradients()):
        if rate_at is not None and i == rate_at[0]:
            made.learning_rate = rate_at[1]
        run(*gradients)
        for track, weight in zip(path, weights, strict=True):
            track.append(weight.numpy())
    made.finalize_variable_values(weights)
    ends = [w.numpy() for w in weights]
    return [np.stack([*t, e]) for t, e in zip(path, ends, strict=True)], len(traces)


def compare(name: str, found: list[np.ndarray]) -> None:
    for part, values in zip(("kernel", "bias"), found, strict=True):
        wanted = GOLDEN[f"optimizer/{name}/{part}"]
        np.testing.assert_allclose(values, wanted, rtol=1e-5, atol=2e-6, err_msg=part)


@pytest.mark.parametrize("name", cases.OPTIMIZERS)
def test_optimizer(name: str) -> None:
    found, traces = play(cases.OPTIMIZERS[name])
    compare(name, found)
    assert traces == 1


@pytest.mark.parametrize("name", cases.SPECIAL)
def test_around_the_update(name: str) -> None:
    found, traces = play(**cases.SPECIAL[name])
    compare(name, found)
    assert traces == 1


@pytest.mark.parametrize("name", ["Adam-ema_overwrite", "Nadam-accumulation_all"])
def test_outside_of_a_function_the_same(name: str) -> None:
    found, _ = play(cases.OPTIMIZERS[name], compiled=False)
    compare(name, found)


def test_every_optimizer_has_a_case() -> None:
    covered = {name for name, _ in cases.OPTIMIZERS.values()}
    classes = {
        n
        for n in wh.optimizers.__all__
        if isinstance(c := getattr(wh.optimizers, n), type) and c is not wh.optimizers.Optimizer
    }
    assert classes <= covered
