"""Each optimizer's state survives a file, and the training step in it goes on alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh

opt = wh.optimizers
X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
Y = X @ np.ones((3, 2), np.float32)

MAKES: dict[str, Callable[[], opt.Optimizer]] = {
    "SGD": lambda: opt.SGD(0.05, momentum=0.9, use_ema=True),
    "Adafactor": lambda: opt.Adafactor(0.05, use_ema=True),
    "Muon": lambda: opt.Muon(0.05),
    "ScheduleFreeAdamW": lambda: opt.ScheduleFreeAdamW(0.05),
    "LossScaleOptimizer": lambda: opt.LossScaleOptimizer(
        opt.Adam(0.05, gradient_accumulation_steps=2), dynamic_growth_steps=3
    ),
    "MultiOptimizer": lambda: opt.MultiOptimizer(
        opt.OptimizerMap(opt.Adagrad(0.05), {".*bias": opt.Adam(0.1)})
    ),
}


def model(optimizer: Any) -> wh.Model:
    made = wh.Sequential([wh.Input((3,)), wh.layers.Dense(4, "tanh"), wh.layers.Dense(2)])
    made.compile(optimizer, "mse")
    return made


def losses(made: wh.Model, epochs: int = 2) -> list[float]:
    history = made.fit(X, Y, epochs=epochs, verbose=0, shuffle=False, batch_size=8)
    found: list[float] = history.history["loss"]
    return found


@pytest.mark.parametrize("name", MAKES)
def test_a_saved_model_trains_on(name: str, tmp_path: Path) -> None:
    made = model(MAKES[name]())
    losses(made)
    made.save(tmp_path / "model.wh")
    assert losses(wh.models.load_model(tmp_path / "model.wh")) == losses(made)


@pytest.mark.parametrize("name", MAKES)
def test_an_exported_step_trains_alike(name: str, tmp_path: Path) -> None:
    made = model(MAKES[name]())
    losses(made)
    (path,) = made.export_training(tmp_path / "step.onnx", form="training_info")
    found, wanted = losses(wh.load_onnx(path), 1), losses(made, 1)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
