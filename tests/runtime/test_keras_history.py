"""``fit``, ``evaluate``, ``predict`` and the methods for single batches return what Keras' return.

``tests/goldens/make_training_goldens.py`` had Keras play the runs of ``training_runs*.py``. Keys and their
order are the same, values agree to 1e-5.
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
runs: Any = importlib.import_module("training_runs")
outputs, *_ = [importlib.import_module(f"training_runs_{part}") for part in runs.PARTS]
GOLDEN = json.loads((GOLDENS / "keras_training_runs.json").read_text())

# Keras finds values by the bare names of metrics: where two are called alike, its lists have the value of
# the first twice, and that of the second at their end. Ours have each once, in the order of the metrics.
LISTS = {"in_order": "by_name", "trained_in_order": "trained", "tested_in_order": "tested"}
ALIKE = {"class_weight", "masked_sequence_to_sequence"}


def compare(found: Any, wanted: Any, where: str) -> None:
    if isinstance(wanted, dict):
        assert [*found] == [*wanted], where
        for key, value in wanted.items():
            compare(found[key], value, f"{where}/{key}")
    elif isinstance(wanted, list) and any(isinstance(v, list) for v in wanted):
        assert len(found) == len(wanted), where
        for i, value in enumerate(wanted):
            compare(found[i], value, f"{where}[{i}]")
    else:
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6, err_msg=where)


@pytest.mark.parametrize("name", runs.RUNS)
def test_a_run_goes_as_in_keras(name: str) -> None:
    found, wanted = runs.RUNS[name](wh), GOLDEN[name]
    for in_order, by_name in LISTS.items() if name in ALIKE else ():
        if wanted.pop(in_order, None) is not None:
            listed, values = found.pop(in_order), found[by_name].values()
            assert len(listed) == len(values)
            # a second step of training has other values
            assert by_name == "trained" or sorted(listed) == sorted(values)
    compare(found, wanted, name)


def test_a_metric_may_have_a_value_per_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backup = wh.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
    log = wh.callbacks.CSVLogger(tmp_path / "log.csv")
    board = wh.callbacks.TensorBoard(tmp_path / "board")

    def train(epochs: int) -> Any:
        model = runs.classifier(wh)
        f1 = wh.metrics.F1Score(average=None, name="f1")
        model.compile(wh.optimizers.SGD(1.0), "categorical_crossentropy", metrics=[f1])
        return model.fit(
            runs.X,
            runs.ONE_HOT,
            shuffle=False,
            epochs=epochs,
            verbose=2,
            callbacks=[backup, log, board],
        )

    train(1)
    history = train(3)  # goes on where the first ended
    assert history.epoch == [0, 1, 2]
    values = np.array(history.history["f1"])
    assert values.shape == (3, 3)
    assert f"{values[-1].mean():.4f}" in capsys.readouterr().out
    assert (tmp_path / "log.csv").read_text().count("[") == 3
    model = runs.classifier(wh)
    model.compile(
        wh.optimizers.SGD(1.0),
        "categorical_crossentropy",
        metrics=[wh.metrics.F1Score(None, name="f1")],
    )
    whole = model.fit(runs.X, runs.ONE_HOT, shuffle=False, epochs=3, verbose=0)
    np.testing.assert_array_equal(np.array(whole.history["f1"]), values)


def test_names_of_metrics_fit_the_lists() -> None:
    """Keras has "compile_metrics" among them, so that they fit nothing."""
    model = outputs.two_heads(wh)
    model.compile(
        "sgd", ["sparse_categorical_crossentropy", "mse"], metrics=["acc", ["mae", "mse"]]
    )
    data = runs.X, [runs.CLASSES, runs.NUMBERS]
    values = model.evaluate(*data, verbose=0)
    assert model.metrics_names == [
        "loss", "kind_loss", "size_loss", "kind_acc", "size_mae", "size_mse"
    ]  # fmt: skip
    by_name = model.evaluate(*data, verbose=0, return_dict=True)
    assert dict(zip(model.metrics_names, values, strict=True)) == by_name


def test_metrics_must_say_which_output_they_are_for() -> None:
    model = outputs.two_heads(wh)
    model.compile("sgd", ["sparse_categorical_crossentropy", "mse"], metrics=["acc"])
    with pytest.raises(wh.errors.ArgumentError, match="which output"):
        model.fit(runs.X, [runs.CLASSES, runs.NUMBERS], verbose=0)
