"""Every optimizer, with every argument, takes the steps that Keras takes."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh

from . import cases

with np.load(Path(__file__).parents[2] / "goldens" / "keras_optimizers.npz") as file:
    GOLDEN = dict(zip(json.loads(str(file["names"])), file["runs"], strict=True))


def make(name: str, arguments: dict[str, Any], rate: Any) -> wh.optimizers.Optimizer:
    """The optimizer; those that hold others are described by these."""
    cls, given = getattr(wh.optimizers, name), dict(arguments)
    if name == "LossScaleOptimizer":
        return cls(make(*given.pop("inner"), rate), **given)
    if name == "MultiOptimizer":
        by_name = {k: make(*v, rate) for k, v in given["map"].items()}
        return cls(wh.optimizers.OptimizerMap(make(*given["default"], rate), by_name))
    return cls(rate, **given)


def play(
    optimizer: tuple[str, dict[str, Any]],
    schedule: tuple[str, tuple[Any, ...]] | None = None,
    rate_at: tuple[int, float] | None = None,
    exclude: list[str] | None = None,
    constraint: tuple[str, dict[str, Any]] | None = None,
    missing: int | None = None,
    infinite: list[int] | None = None,
    compiled: bool = True,
) -> tuple[np.ndarray, int]:
    """The twenty steps, and how often the step was traced."""
    schedules = wh.optimizers.schedules
    rate = cases.RATE if schedule is None else getattr(schedules, schedule[0])(*schedule[1])
    made, traces = make(*optimizer, rate), []
    weights = [wh.Variable(v, name=n) for n, v in cases.parameters().items()]
    if constraint is not None:
        weights[0].constraint = getattr(wh.constraints, constraint[0])(**constraint[1])
    if exclude is not None:
        made.exclude_from_weight_decay(var_names=exclude)

    def step(*gradients: Any) -> None:
        traces.append(1)
        given = [None if i == missing else g for i, g in enumerate(gradients)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made.apply(given, weights)

    run = wh.function(step) if compiled else step
    rows = []
    for i, gradients in enumerate(cases.gradients()):
        if rate_at is not None and i == rate_at[0]:
            made.learning_rate = rate_at[1]
        if i in (infinite or ()):
            gradients[1][2] = np.inf if i % 2 else np.nan
        run(*gradients)
        if i + 1 in cases.KEPT:
            rows.append(np.concatenate([w.numpy().ravel() for w in weights]))
    made.finalize_variable_values(weights)
    rows.append(np.concatenate([w.numpy().ravel() for w in weights]))
    return np.stack(rows), len(traces)


def compare(name: str, found: np.ndarray) -> None:
    """To 1e-5, and 2e-6 of a parameter near 0.

    Keras computes ``1 - beta^t`` in single precision, which moves the first steps of Adam and its kin
    by up to 3e-5 of their size; ``test_closer_than_keras`` says who is right.
    """
    np.testing.assert_allclose(found, GOLDEN[name], rtol=1e-5, atol=2e-6)


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


@pytest.mark.parametrize(
    "name", ["Adam-ema_overwrite", "Nadam-accumulation_all", "Adafactor-own18", "Muon-weight_decay"]
)
def test_outside_of_a_function_the_same(name: str) -> None:
    found, _ = play(cases.OPTIMIZERS[name], compiled=False)
    compare(name, found)


def test_closer_than_keras() -> None:
    """Adam in double precision, after the paper, is what ours computes."""
    found, _ = play(cases.OPTIMIZERS["Adam-plain"])
    w = np.concatenate([p.ravel() for p in cases.parameters().values()]).astype(np.float64)
    m, v, rows = np.zeros_like(w), np.zeros_like(w), []
    for t, gradients in enumerate(cases.gradients(), 1):
        g = np.concatenate([x.ravel() for x in gradients]).astype(np.float64)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        scale = cases.RATE * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        w = w - scale * m / (np.sqrt(v) + 1e-7)
        if t in cases.KEPT:
            rows.append(w)
    ours = np.abs(found[:-1] - rows).max()
    assert ours < 1e-6
    assert np.abs(GOLDEN["Adam-plain"][:-1] - rows).max() > 2 * ours


def test_every_optimizer_has_a_case() -> None:
    covered = {name for name, _ in cases.OPTIMIZERS.values()}
    covered |= {options["optimizer"][0] for options in cases.SPECIAL.values()}
    names = {n for n in wh.optimizers.__all__ if isinstance(getattr(wh.optimizers, n), type)}
    assert names - {"Optimizer", "OptimizerMap"} == covered
