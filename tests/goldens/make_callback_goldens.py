"""What Keras makes of the training runs in tests/runtime/callback_cases.py.

Run in an environment of its own (keras 3.15.1, torch and numpy; the tests need NumPy alone):

    KERAS_BACKEND=torch python tests/goldens/make_callback_goldens.py

Writes keras_callbacks.json: for each run the history, the weight at the end and what the callbacks
know then; the files that CSVLogger wrote; and which metrics are best when large.
"""

import json
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

os.environ["KERAS_BACKEND"] = "torch"
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "runtime"))

import callback_cases as cases  # noqa: E402
import keras  # noqa: E402

OWN = cases.helpers(keras.callbacks.Callback)


def optimizer(name: str, arguments: dict[str, Any]) -> Any:
    if name == "MultiOptimizer":
        return keras.optimizers.MultiOptimizer(
            keras.optimizers.OptimizerMap(optimizer(*arguments["default"]))
        )
    return getattr(keras.optimizers, name)(**arguments)


def callback(name: str, arguments: dict[str, Any]) -> Any:
    given = {k: cases.FUNCTIONS.get(v, v) if k == "schedule" else v for k, v in arguments.items()}
    return OWN[name](**given) if name in OWN else getattr(keras.callbacks, name)(**given)


def model(case: dict[str, Any]) -> Any:
    made = keras.Sequential([
        keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    ])  # fmt: skip
    by = optimizer(*case.get("optimizer", ("SGD", {"learning_rate": 0.05})))
    made.compile(by, "mse", metrics=["mae"])
    return made


def play(case: dict[str, Any]) -> dict[str, Any]:
    """One run, with ``evaluate`` and ``predict`` after it where all hooks are recorded."""
    made = model(case)
    callbacks = [callback(*spec) for spec in case["callbacks"]]
    scripted = [OWN["Scripted"](case["script"])] if "script" in case else []
    settings = {**cases.data(), "epochs": case.get("epochs", cases.EPOCHS)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = made.fit(**settings, callbacks=[*scripted, *callbacks])
    if hasattr(callbacks[0], "calls"):
        x, y = settings["validation_data"]
        made.evaluate(x, y, batch_size=4, verbose=0, callbacks=callbacks)
        made.predict(x, batch_size=4, verbose=0, callbacks=callbacks)
    return {
        "history": {k: [float(v) for v in values] for k, values in history.history.items()},
        "epoch": history.epoch,
        "weight": float(made.get_weights()[0][0, 0]),
        "callbacks": cases.remembered(callbacks),
    }


def write(case: dict[str, Any]) -> str:
    """The file of a CSVLogger."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        if "before" in case:
            path.write_text(case["before"])
        logger = keras.callbacks.CSVLogger(path, **case["arguments"])
        scripted = [OWN["Scripted"](case["script"])] if "script" in case else []
        settings = {**cases.data(), "epochs": 3, **case.get("fit", {})}
        model(case).fit(**settings, callbacks=[*scripted, logger])
        return path.read_bytes().decode()


def direction(cls: Any) -> str | None:
    """Whether a metric is best "up" or "down", None where Keras does not say."""
    for arguments in ((), (0.5,), (2,), (2, [0])):
        try:
            made = cls(*arguments)
        except (TypeError, ValueError):
            continue
        return getattr(made, "_direction", None)
    raise TypeError(f"cannot make a {cls.__name__}")


def directions() -> dict[str, str | None]:
    """For all metrics but the bases and those that need a function."""
    left_out = ("Metric", "MeanMetricWrapper")
    classes = {n: c for n, c in vars(keras.metrics).items() if isinstance(c, type)}
    return {n: direction(c) for n, c in classes.items() if n not in left_out}


def main() -> None:
    found = {
        "runs": {n: play(case) for n, case in cases.CASES.items()},
        "csv": {n: write(case) for n, case in cases.CSV.items()},
        "directions": directions(),
    }
    path = HERE / "keras_callbacks.json"
    path.write_text(json.dumps(found, default=lambda v: v.item() if np.ndim(v) == 0 else v) + "\n")
    print(len(found["runs"]), "runs,", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
