"""Twenty steps of training go as in Keras, for several models and optimizers.

``tests/goldens/make_training_goldens.py`` had Keras play the cases of ``training_models.py``.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh

GOLDENS = Path(__file__).parents[1] / "goldens"
sys.path.append(str(GOLDENS))
models: Any = importlib.import_module("training_models")

with np.load(GOLDENS / "keras_training.npz") as _file:
    INDEX, VALUES = json.loads(str(_file["index"])), _file["values"]

# The bias of the keys adds the same to all scores of a query, which the softmax does not see: its gradient
# is 0, and what is left of it is rounding. Optimizers that divide by the gradient's size make steps of that.
UNDETERMINED = {("attention", optimizer): [4] for optimizer in ("adam", "adamw", "nadam")}


def golden(name: str) -> Any:
    dtype, shape, offset = INDEX[name]
    return VALUES[offset : offset + int(np.prod(shape))].reshape(shape).astype(dtype)


@pytest.mark.parametrize("optimizer", models.OPTIMIZERS)
@pytest.mark.parametrize("name", models.MODELS)
def test_twenty_steps_go_as_in_keras(name: str, optimizer: str) -> None:
    losses, weights = models.trajectory(wh, name, optimizer)
    case = f"{name}-{optimizer}"
    np.testing.assert_allclose(losses, golden(f"{case}/losses"), rtol=1e-5)
    assert len(weights) == sum(key.startswith(f"{case}/weight_") for key in INDEX)
    for i, found in enumerate(weights):
        wanted = golden(f"{case}/weight_{i}")
        assert found.shape == wanted.shape
        if i not in UNDETERMINED.get((name, optimizer), []):
            # 1e-5 of the tensor's largest value: single weights pass through 0 on their way
            np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


def test_the_bias_of_keys_is_the_one_left_out() -> None:
    model = models.attention(wh)
    assert model.weights[4].path.endswith("key/bias")
    others = {
        tuple(np.round(golden(f"{name}-{optimizer}/losses"), 5))
        for name in models.MODELS
        for optimizer in models.OPTIMIZERS
    }
    assert len(others) == len(models.MODELS) * len(models.OPTIMIZERS)  # each its own way
