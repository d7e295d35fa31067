"""Models that keep states from batch to batch: exported, trained elsewhere, interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

import waterhorse as wh
from waterhorse import layers as L

R = np.random.default_rng(7)
X = R.normal(size=(4, 5, 3)).astype("float32")
Y = R.normal(size=(4, 2)).astype("float32")


def model() -> wh.Model:
    wh.utils.set_random_seed(3)
    built = wh.Sequential([
        wh.Input(batch_shape=(4, 5, 3)), L.LSTM(6, stateful=True, return_sequences=True),
        L.GRU(3, stateful=True), L.Dense(2),
    ])  # fmt: skip
    built.compile(wh.optimizers.Adam(0.02), "mse")
    return built


def states(of: wh.Model) -> list[Any]:
    found = [layer.states for layer in of.layers if getattr(layer, "stateful", False)]
    return [v.numpy() for v in wh.tree.flatten(found)]


def test_export_leaves_the_states_and_the_file_starts_from_them(tmp_path: Path) -> None:
    m = model()
    m.predict(X, batch_size=4, verbose=0)
    before = states(m)
    assert len(before) == 3
    assert all(np.abs(s).max() > 0 for s in before)
    m.export(tmp_path / "m.onnx")
    for a, b in zip(before, states(m), strict=True):
        np.testing.assert_array_equal(a, b)
    session = ort.InferenceSession(tmp_path / "m.onnx")
    feeds = {session.get_inputs()[0].name: X}
    found = session.run(None, feeds)[0]
    np.testing.assert_allclose(m.predict(X, batch_size=4, verbose=0), found, rtol=1e-5, atol=1e-6)
    assert np.abs(m.predict(X, batch_size=4, verbose=0) - found).max() > 1e-4  # went on
    np.testing.assert_array_equal(session.run(None, feeds)[0], found)  # did not


def test_the_training_step_of_a_model_with_a_fixed_batch(tmp_path: Path) -> None:
    """Run by ONNX Runtime alone, the states are part of the state."""
    m = model()
    paths = m.export_training(tmp_path / "m")
    start, step = (ort.InferenceSession(p) for p in reversed(paths))
    values = dict(zip([o.name for o in start.get_outputs()], start.run(None, {}), strict=True))
    assert sum("rnn_state" in n for n in values) == 3
    wanted = [m.train_on_batch(X, Y) for _ in range(3)]
    names = [o.name for o in step.get_outputs()]
    feeds = {"input": X, "y": Y, "sample_weight": np.ones(4, "float32"),
             "learning_rate": np.array(0.02, "float32")}  # fmt: skip
    given = {i.name for i in step.get_inputs()}
    feeds = {next(n for n in given if n.startswith(k)): v for k, v in feeds.items()}
    losses = []
    for _ in range(3):
        found = dict(zip(names, step.run(None, {**feeds, **values}), strict=True))
        values = {n: found[f"next/{n}"] for n in values}
        losses.append(found["loss"])
    np.testing.assert_allclose(losses, wanted, rtol=1e-5)


class Stop(Exception):
    pass


def test_an_interrupted_run_goes_on_with_its_states(tmp_path: Path) -> None:
    data: Any = {"x": np.concatenate([X, X[::-1]]), "y": np.concatenate([Y, Y])}
    options: Any = {**data, "batch_size": 4, "epochs": 4, "shuffle": False, "verbose": 0}
    whole = model()
    whole.fit(**options)

    def stop(epoch: int, logs: Any) -> None:
        if epoch == 2:
            raise Stop

    with pytest.raises(Stop):
        model().fit(**options, callbacks=[
            wh.callbacks.BackupAndRestore(tmp_path), wh.callbacks.LambdaCallback(on_epoch_begin=stop)
        ])  # fmt: skip
    resumed = model()
    resumed.fit(**options, callbacks=[wh.callbacks.BackupAndRestore(tmp_path)])
    for a, b in zip([*states(whole), *whole.get_weights()],
                    [*states(resumed), *resumed.get_weights()], strict=True):  # fmt: skip
        np.testing.assert_array_equal(a, b)


def test_random_numbers_of_a_prediction_are_not_used_up_by_an_export(tmp_path: Path) -> None:
    seeds = wh.random.SeedGenerator(5)
    noisy = wh.Sequential(
        [wh.Input((3,)), L.Lambda(lambda x: x + wh.random.normal((3,), seed=seeds))]
    )
    before = seeds.state.numpy()
    noisy.export(tmp_path / "noisy.onnx")
    np.testing.assert_array_equal(seeds.state.numpy(), before)
