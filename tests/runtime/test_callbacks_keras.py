"""Training runs with callbacks go as in Keras: history, decisions, weights, files."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh

_HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("callback_cases", _HERE / "callback_cases.py")
assert _spec is not None
assert _spec.loader is not None
cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)

GOLDEN = json.loads((_HERE.parent / "goldens" / "keras_callbacks.json").read_text())
OWN = cases.helpers(wh.callbacks.Callback)


def optimizer(name: str, arguments: dict[str, Any]) -> wh.optimizers.Optimizer:
    if name == "MultiOptimizer":
        by_path = wh.optimizers.OptimizerMap(optimizer(*arguments["default"]))
        return wh.optimizers.MultiOptimizer(by_path)
    made: wh.optimizers.Optimizer = getattr(wh.optimizers, name)(**arguments)
    return made


def callback(name: str, arguments: dict[str, Any]) -> wh.callbacks.Callback:
    given = {k: cases.FUNCTIONS.get(v, v) if k == "schedule" else v for k, v in arguments.items()}
    made: wh.callbacks.Callback = (OWN.get(name) or getattr(wh.callbacks, name))(**given)
    return made


def model(case: dict[str, Any]) -> wh.Model:
    made = wh.Sequential(
        [wh.Input((1,)), wh.layers.Dense(1, use_bias=False, kernel_initializer="ones")]
    )
    by = optimizer(*case.get("optimizer", ("SGD", {"learning_rate": 0.05})))
    made.compile(by, "mse", metrics=["mae"])
    return made


def play(case: dict[str, Any]) -> tuple[wh.Model, Any, list[Any]]:
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
    return made, history, callbacks


@pytest.mark.parametrize("name", cases.CASES)
def test_a_run_goes_as_in_keras(name: str) -> None:
    made, history, callbacks = play(cases.CASES[name])
    wanted = GOLDEN["runs"][name]
    assert history.epoch == wanted["epoch"]
    assert set(history.history) == set(wanted["history"])
    for key, values in wanted["history"].items():
        np.testing.assert_allclose(history.history[key], values, rtol=1e-5, atol=1e-6, err_msg=key)
    np.testing.assert_allclose(made.get_weights()[0][0, 0], wanted["weight"], rtol=1e-5)
    for found, known in zip(cases.remembered(callbacks), wanted["callbacks"], strict=True):
        assert set(found) == set(known)
        for key, value in known.items():
            if isinstance(value, float):
                np.testing.assert_allclose(found[key], value, rtol=1e-5, err_msg=key)
            else:
                assert found[key] == value, key


def rows(text: str, separator: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))


@pytest.mark.parametrize("name", cases.CSV)
def test_csv_files_are_those_of_keras(name: str, tmp_path: Path) -> None:
    case = cases.CSV[name]
    path = tmp_path / "log.csv"
    if "before" in case:
        path.write_text(case["before"])
    scripted = [OWN["Scripted"](case["script"])] if "script" in case else []
    settings = {**cases.data(), "epochs": 3, **case.get("fit", {})}
    logger = wh.callbacks.CSVLogger(path, **case["arguments"])
    model(case).fit(**settings, callbacks=[*scripted, logger])
    separator = case["arguments"].get("separator", ",")
    found, wanted = (rows(t, separator) for t in (path.read_bytes().decode(), GOLDEN["csv"][name]))
    assert len(found) == len(wanted)
    for mine, known in zip(found, wanted, strict=True):
        assert len(mine) == len(known)
        for a, b in zip(mine, known, strict=True):
            try:
                number = float(b)
            except ValueError:
                assert a == b
            else:
                np.testing.assert_allclose(float(a), number, rtol=1e-5)
