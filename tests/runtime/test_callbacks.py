"""Callbacks beside their decisions: hooks, messages, errors, and runs that are resumed."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, ExportError, NonFiniteError
from waterhorse.runtime.callbacks.monitored import improves_upwards

cb = wh.callbacks
X = np.linspace(-1, 2, 12, dtype=np.float32).reshape(-1, 1)
Y = 3 * X
GOLDEN = json.loads(
    (Path(__file__).parents[1] / "goldens" / "keras_callbacks.json").read_text()
)  # fmt: skip


def model(optimizer: Any = "sgd", **compile_: Any) -> wh.Model:
    made = wh.Sequential([wh.Input((1,)), wh.layers.Dense(1, kernel_initializer="ones")])
    made.compile(optimizer, "mse", **compile_)
    return made


def fit(made: wh.Model, *callbacks: Any, **settings: Any) -> Any:
    return made.fit(
        X,
        Y,
        **{"batch_size": 4, "verbose": 0, "shuffle": False, **settings},
        callbacks=[*callbacks],
    )


# -- resumed runs -----------------------------------------------------------------------------


class Interrupt(Exception):
    """What ends a run in the middle."""


class Scripted(cb.Callback):
    """A validation loss that stagnates, and an interruption after so many batches."""

    values = (1.0, 0.9, 0.95, 0.8, 0.85, 0.84, 0.83, 0.82, 0.81)

    def __init__(self, end_after: int | None) -> None:
        self.end_after, self.batches = end_after, 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["val_loss"] = self.values[epoch]

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self.batches == self.end_after:
            raise Interrupt
        self.batches += 1


def run(folder: Path, frequency: Any, end_after: int | None, verbose: int = 0) -> tuple[Any, ...]:
    folder.mkdir(exist_ok=True)
    optimizer = wh.optimizers.SGD(0.1, momentum=0.5, use_ema=True, ema_momentum=0.5)
    made = model(optimizer)
    callbacks = [
        Scripted(end_after),
        cb.ReduceLROnPlateau(patience=1, factor=0.5, cooldown=1),
        cb.EarlyStopping(patience=4, restore_best_weights=True),
        cb.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        cb.SwapEMAWeights(swap_on_epoch=True),
        cb.CSVLogger(folder / "log.csv"),
        cb.BackupAndRestore(folder / "backup", save_freq=frequency, delete_checkpoint=False),
    ]
    history = fit(made, *callbacks, epochs=9, shuffle=True, verbose=verbose)
    states = [c.get_state() for c in callbacks[1:5]]
    return history, made.get_weights(), states, (folder / "log.csv").read_bytes()


def equal(a: Any, b: Any) -> None:
    if isinstance(a, dict):
        assert set(a) == set(b)
        for key in a:
            equal(a[key], b[key])
    elif isinstance(a, list):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            equal(x, y)
    else:
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("frequency", "after"), [("epoch", 4), ("epoch", 13), ("epoch", 17),
                                                  (1, 4), (2, 13), (1, 17), (1, 20)])  # fmt: skip
def test_a_resumed_run_equals_the_uninterrupted_one(
    frequency: Any, after: int, tmp_path: Path
) -> None:
    wh.set_random_seed(5)
    history, weights, states, log = run(tmp_path / "one", frequency, None)
    assert history.epoch == list(range(8))  # stopped early
    wh.set_random_seed(5)
    with pytest.raises(Interrupt):
        run(tmp_path / "two", frequency, after)
    again, other_weights, other_states, other_log = run(tmp_path / "two", frequency, None)
    assert again.epoch == history.epoch
    equal(history.history, again.history)
    equal(weights, other_weights)
    equal(states, other_states)
    assert log == other_log


# -- hooks ------------------------------------------------------------------------------------


def test_older_names_of_hooks() -> None:
    class Old(cb.Callback):
        seen: list[Any] = []  # noqa: RUF012

        def on_batch_begin(self, batch: int, logs: Any) -> None:
            self.seen.append(("begin", batch))

        def on_batch_end(self, batch: int, logs: Any) -> None:
            self.seen.append(("end", batch, sorted(logs)))

    fit(model(), Old(), batch_size=6)
    assert Old.seen == [
        ("begin", 0), ("end", 0, ["loss"]), ("begin", 1), ("end", 1, ["loss"]),
    ]  # fmt: skip


def test_callbacks_in_lists_and_a_history_of_ones_own() -> None:
    history, seen = cb.History(), []
    note = cb.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(epoch),
        on_test_end=seen.append,
    )
    made = model()
    found = made.fit(X, Y, epochs=2, verbose=0, callbacks=[cb.CallbackList([note]), [history]])
    assert found is history is made.history
    assert seen == [0, 1]
    made.evaluate(X, Y, verbose=0, callbacks=note)
    assert sorted(seen[2]) == ["loss"]
    with pytest.raises(ArgumentError, match=r"'EarlyStopping' is no wh\.callbacks\.Callback"):
        made.fit(X, Y, verbose=0, callbacks=["EarlyStopping"])
    with pytest.raises(TypeError, match="on_epoch"):
        cb.LambdaCallback(on_epoch=print)


def test_a_loop_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    made = model()
    stop = cb.EarlyStopping(monitor="loss", patience=1)
    hooks = cb.CallbackList([stop], add_history=True, add_progbar=True, model=made, epochs=9,
                            steps=2, verbose=1)  # fmt: skip
    hooks.append(cb.LearningRateScheduler(lambda epoch: 0.5 / (epoch + 1)))
    losses = [3.0, 2.0, 2.5, 2.6]
    hooks.on_train_begin()
    for epoch, loss in enumerate(losses):
        hooks.on_epoch_begin(epoch)
        for batch in range(2):
            hooks.on_train_batch_begin(batch)
            hooks.on_train_batch_end(batch, {"loss": loss})
        hooks.on_epoch_end(epoch, {"loss": loss})
        if made.stop_training:
            break
    hooks.on_train_end()
    assert made.history is not None
    assert made.history.history["loss"] == losses[:3]
    np.testing.assert_allclose(float(made.optimizer.learning_rate), 0.5 / 3)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["1/9", "2/9", "3/9"]
    assert "loss 2.5000" in lines[2]
    assert "steps/s" in lines[2]


def test_evaluation_and_prediction_in_a_loop_of_ones_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hooks = cb.CallbackList(add_progbar=True, model=model(), verbose=1)
    hooks.on_test_begin()
    hooks.on_test_batch_begin(0)
    hooks.on_test_batch_end(0, {})
    hooks.on_test_end({"loss": 0.5})
    hooks.on_predict_begin()
    hooks.on_predict_batch_begin(0)
    hooks.on_predict_batch_end(0, {})
    hooks.on_predict_end()
    assert capsys.readouterr().out.splitlines()[0] == "evaluate  loss 0.5000"


def test_progress_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    fit(model(), cb.ProgbarLogger(), epochs=2, verbose=1)
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_predictions_reach_the_callbacks() -> None:
    seen: list[Any] = []
    made = model()
    note = cb.LambdaCallback(on_predict_batch_end=lambda batch, logs: seen.append(logs["outputs"]))
    found = made.predict(X, batch_size=5, verbose=0, callbacks=[note])
    assert [len(s) for s in seen] == [5, 5, 2]
    np.testing.assert_array_equal(np.concatenate(seen), found)


# -- monitors ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOLDEN["directions"])
def test_what_is_better(name: str) -> None:
    metric: Any = None
    for arguments in ((), (0.5,), (2,), (2, [0])):
        try:
            metric = getattr(wh.metrics, name)(*arguments)
        except (TypeError, ValueError):
            continue
        break

    class Made:
        metrics = (metric,)

    wanted = GOLDEN["directions"][name]
    if wanted is None:
        with pytest.raises(ArgumentError, match="mode='max'"):
            improves_upwards("me", f"val_{metric.name}", "auto", Made())  # type: ignore[arg-type]
    else:
        found = improves_upwards("me", metric.name, "auto", Made())  # type: ignore[arg-type]
        assert found == (wanted == "up")


def test_a_loss_as_a_metric_is_to_be_small() -> None:
    made = model(metrics=["mse", wh.losses.huber])
    fit(made)
    for name in ("mse", "huber", "loss", "out_loss"):
        assert not improves_upwards("me", name, "auto", made)


def test_messages(capsys: pytest.CaptureFixture[str]) -> None:
    stop = cb.EarlyStopping("loss", patience=1, verbose=1, restore_best_weights=True, mode="max")
    reduce = cb.ReduceLROnPlateau("loss", 0.5, patience=1, verbose=1, mode="max")
    schedule = cb.LearningRateScheduler(lambda epoch: 0.1, verbose=1)
    fit(model(), stop, reduce, schedule, epochs=3)
    assert capsys.readouterr().out.splitlines() == [
        "epoch 1: learning_rate is set to 0.1",
        "epoch 2: learning_rate is set to 0.1",
        "epoch 2: learning_rate is reduced to 0.05",
        "epoch 2: early stopping",
        "weights of the best epoch are restored: 1",
    ]


@pytest.mark.parametrize(
    "callback", [cb.EarlyStopping("val_loss"), cb.ReduceLROnPlateau("val_los")]
)
def test_a_metric_that_is_missing_is_told(callback: Any) -> None:
    with pytest.warns(UserWarning, match=f"no '{callback.monitor}'; there are loss"):
        fit(model(), callback)


def test_no_rate_for_a_schedule() -> None:
    decay = wh.optimizers.schedules.CosineDecay(0.1, 5)
    with pytest.raises(ArgumentError, match="make the optimizer with a number"):
        fit(model(wh.optimizers.SGD(decay)), cb.LearningRateScheduler(lambda epoch: 0.5))


@pytest.mark.parametrize(
    ("make_one", "word"),
    [
        (lambda: cb.EarlyStopping(mode="up"), "mode='up'"),
        (lambda: cb.ReduceLROnPlateau(mode="up"), "mode='up'"),
        (lambda: cb.ReduceLROnPlateau(factor=1.0), "factor=1.0"),
        (lambda: fit(model(metrics=[wh.metrics.TruePositives(name="s")]), cb.EarlyStopping("s")), "mode='min'"),
        (lambda: fit(model(), cb.LearningRateScheduler(lambda epoch: 1)), "expected a float"),
        (lambda: fit(model(), cb.LearningRateScheduler(lambda epoch: [0.1])), "expected a float"),
        (lambda: cb.RemoteMonitor("file:///etc"), "expected http"),
        (lambda: model().evaluate(X, Y, verbose=0, callbacks=[cb.SwapEMAWeights()]), "use_ema=True"),
    ],
)  # fmt: skip
def test_senseless_arguments(make_one: Any, word: str) -> None:
    with pytest.raises(ArgumentError, match=word):
        make_one()


def test_what_there_is_not() -> None:
    with pytest.raises(NotImplementedError, match="BackupAndRestore"):
        cb.OrbaxCheckpoint  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'Orbax'"):
        cb.Orbax  # noqa: B018


# -- the others -------------------------------------------------------------------------------


def test_nan_as_an_error() -> None:
    made = model(wh.optimizers.SGD(1e30))
    with pytest.raises(NonFiniteError, match="at batch 1"):
        fit(made, cb.TerminateOnNaN(raise_error=True))


@pytest.mark.parametrize("scaled", [False, True])
def test_averages_take_part_in_evaluation_alone(scaled: bool) -> None:
    optimizer: Any = wh.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9)
    if scaled:
        optimizer = wh.optimizers.LossScaleOptimizer(optimizer)
    made = model(optimizer)
    kernel = made.trainable_variables[0]
    for _ in range(3):
        made.train_on_batch(X, Y)
    raw = kernel.numpy()
    average = optimizer.slot(kernel, "average").numpy()
    assert raw != average
    during: list[Any] = []
    look = cb.LambdaCallback(
        on_test_batch_begin=lambda batch, logs: during.append(kernel.numpy()),
        on_predict_batch_begin=lambda batch, logs: during.append(kernel.numpy()),
    )
    made.evaluate(X, Y, verbose=0, callbacks=[cb.SwapEMAWeights(), look])
    made.predict(X, verbose=0, callbacks=[cb.SwapEMAWeights(), look])
    np.testing.assert_array_equal(during, [average, average])
    np.testing.assert_array_equal(kernel.numpy(), raw)
    np.testing.assert_array_equal(optimizer.slot(kernel, "average").numpy(), average)


def test_averages_of_a_run_that_is_stopped() -> None:
    made = model(wh.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9))
    seen: list[Any] = []
    look = cb.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(made.get_weights()[0]))
    stop = cb.EarlyStopping("loss", mode="max")
    fit(made, stop, cb.SwapEMAWeights(swap_on_epoch=True), look, epochs=5)
    assert len(seen) == 2
    np.testing.assert_array_equal(made.get_weights()[0], seen[-1])


def test_csv_files_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="cannot write"):
        fit(model(), cb.CSVLogger(tmp_path / "missing" / "log.csv"))


class Received(http.server.BaseHTTPRequestHandler):
    """Keeps what is posted; answers 500 below /broken."""

    requests: list[tuple[str, Any, str]] = []  # noqa: RUF012

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.requests.append((self.path, self.headers, body))
        self.send_response(500 if self.path.startswith("/broken") else 200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def server() -> Iterator[str]:
    Received.requests.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Received) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


def test_metrics_are_posted(server: str) -> None:
    history = fit(model(), cb.RemoteMonitor(server), epochs=2).history
    fit(model(), cb.RemoteMonitor(server, "/here", headers={"X-Key": "a"}, send_as_json=True))
    (path, headers, body), _, (other, plain_headers, plain) = Received.requests
    assert (path, other) == ("/publish/epoch/end/", "/here")
    sent = json.loads(urllib.parse.parse_qs(body)["data"][0])
    assert sent == {"epoch": 0, "loss": history["loss"][0]}
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert json.loads(plain) == {"epoch": 0, "loss": history["loss"][0]}
    assert (plain_headers["Content-Type"], plain_headers["X-Key"]) == ("application/json", "a")


def test_a_server_that_does_not_answer_is_told(server: str) -> None:
    with pytest.warns(UserWarning, match="answered 500"):
        fit(model(), cb.RemoteMonitor(server, "/broken"))
    with pytest.warns(UserWarning, match="could not reach"):
        fit(model(), cb.RemoteMonitor("http://127.0.0.1:1"))
