"""What Keras makes of the trainings in training_models.py and the calls in training_runs*.py.

Run in an environment of its own (keras 3.15.1, torch and numpy; the tests need NumPy alone):

    KERAS_BACKEND=torch python tests/goldens/make_training_goldens.py [trajectories] [runs]

Writes keras_training.npz: for each model and optimizer the losses of twenty steps and the weights after
them; and keras_training_runs.json: what each run returned.
"""

import importlib
import json
import os
import sys
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import training_models
import training_runs
from book import HERE, Book
from keras.src.losses import loss as loss_module

_apply_mask = loss_module.apply_mask


def apply_mask(sample_weight: Any, *args: Any, **kwargs: Any) -> Any:
    """Keras' own with one error of its torch backend mended.

    It multiplies the weights in place, so that on torch (not on TensorFlow or JAX) the metrics see those
    that the loss has scaled by the batch's share of what is not masked.
    """
    given = None if sample_weight is None else keras.ops.copy(sample_weight)
    return _apply_mask(given, *args, **kwargs)


def rounded(value: Any) -> Any:
    """Nine digits: as many as float32 has."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def make_trajectories() -> None:
    book = Book()
    for model in training_models.MODELS:
        for optimizer in training_models.OPTIMIZERS:
            losses, weights = training_models.trajectory(keras, model, optimizer)
            case = {
                "name": f"{model}-{optimizer}",
                "call": model,
                "kwargs": {"optimizer": optimizer},
            }
            book.add(case, losses=losses, **{f"weight_{i}": w for i, w in enumerate(weights)})
    book.write("training")


def make_runs() -> None:
    for part in training_runs.PARTS:
        importlib.import_module(f"training_runs_{part}")
    loss_module.apply_mask = apply_mask
    found = {name: run(keras) for name, run in training_runs.RUNS.items()}
    path = HERE / "keras_training_runs.json"
    lines = [f"{json.dumps(name)}: {json.dumps(rounded(values))}" for name, values in found.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{path.name}: {len(found)} runs, {path.stat().st_size} bytes")


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["trajectories", "runs"]
    if "trajectories" in wanted:
        make_trajectories()
    if "runs" in wanted:
        make_runs()
