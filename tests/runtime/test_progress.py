"""What a person sees while a model trains: on a terminal, and in a file."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.runtime.progress import duration, number

SOURCE = Path(wh.__file__).parent.parent
PROGRAM = """
import numpy as np, waterhorse as wh
x = np.random.default_rng(0).normal(size=(40000, 32)).astype("float32")
y = (x.sum(1) > 0).astype("int64")
model = wh.Sequential([wh.Input((32,)), wh.layers.Dense(64, "relu"), wh.layers.Dense(2)])
loss = wh.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile("adam", loss, metrics=["accuracy"])
model.fit(x, y, epochs=2, batch_size=8, validation_split=0.3)
"""


def on_a_terminal(program: str) -> str:
    """Everything that a program writes to a terminal 120 columns wide."""
    ours, theirs = pty.openpty()
    environment = {"PYTHONPATH": str(SOURCE), "PATH": "", "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so when the other side is closed
                break
            if not part:
                break
            parts.append(part)
        os.close(ours)
        assert process.wait(60) == 0
    return b"".join(parts).decode()


@pytest.fixture(scope="module")
def seen() -> str:
    return on_a_terminal(PROGRAM)


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_the_bar_moves_and_tells(seen: str) -> None:
    text = plain(seen)
    steps = [int(n) for n in re.findall(r"━ (\d+)/3500", text)]
    assert len(set(steps)) > 2
    assert steps[0] > 0
    for word in ("accuracy", "loss", "lr 0.001", "samples/s", "ETA", "validating"):
        assert word in text
    assert re.search(r"━ \d+/1500 validating", text)


def test_finished_epochs_stay_as_lines(seen: str) -> None:
    lines = [x.strip() for x in plain(seen).replace("\r", "\n").split("\n")]
    done = [x for x in lines if "val_loss" in x]
    assert [x.split("  ")[0] for x in done] == ["epoch 1/2", "epoch 2/2"]


def test_no_color_is_honoured() -> None:
    program = "import os; os.environ['NO_COLOR'] = '1'\n" + PROGRAM
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", on_a_terminal(program))


def fitted(capsys: pytest.CaptureFixture[str], verbose: Any, **options: Any) -> list[str]:
    """The lines that three epochs write to a file."""
    model = wh.Sequential([wh.Input((2,)), wh.layers.Dense(1)])
    model.compile(
        options.pop("optimizer", "sgd"),
        options.pop("loss", "mse"),
        metrics=options.pop("metrics", None),
    )
    model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=3, verbose=verbose, **options)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(("verbose", "count"), [(0, 0), (1, 3), ("auto", 3)])
def test_plain_lines_in_a_file(capsys, verbose, count: int) -> None:
    lines = fitted(capsys, verbose)
    assert len(lines) == count
    for i, line in enumerate(lines):
        assert re.fullmatch(rf"epoch {i + 1}/3  0\.\ds  loss \S+  lr 0\.01  \S+ samples/s", line)


def test_verbose_2_has_the_lines_of_keras(capsys) -> None:
    lines = fitted(
        capsys, 2, batch_size=4, metrics=["mae", "accuracy"], loss=lambda y, p: -wh.ops.exp(p)
    )
    assert lines[::2] == ["Epoch 1/3", "Epoch 2/3", "Epoch 3/3"]
    value = r"-?\d+\.\d{4}"
    for line in lines[1::2]:  # as keras 3.15.1 writes them, save that negative numbers are readable
        found = rf"2/2 - \d+s - \d+(us|ms|s)/step - accuracy: {value} - loss: (-\d+\.\d{{4}}) - mae: {value}"
        assert re.fullmatch(found, line)


def test_verbose_2_of_one_epoch_and_of_evaluation_is_one_line(capsys) -> None:
    model = wh.Sequential([wh.Input((2,)), wh.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 2)), np.ones((8, 1)), batch_size=4, verbose=2)
    model.evaluate(np.ones((8, 2)), np.ones((8, 1)), batch_size=2, verbose=2)
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"2/2 - \d+s - \S+/step - loss: \S+", first)
    assert re.fullmatch(r"4/4 - \d+s - \S+/step - loss: \S+", second)


def test_a_changed_learning_rate_is_told(capsys) -> None:
    halved = wh.callbacks.LearningRateScheduler(lambda epoch, rate: 0.5 if epoch else 0.25)
    lines = fitted(capsys, 2, callbacks=[halved])[1::2]
    assert ["learning_rate: 0.5" in line for line in lines] == [False, True, False]
    schedule = wh.optimizers.schedules.ExponentialDecay(0.1, decay_steps=1, decay_rate=0.5)
    lines = fitted(capsys, 1, optimizer=wh.optimizers.SGD(schedule))
    rates = [float(re.search(r"lr (\S+)", line)[1]) for line in lines]
    np.testing.assert_allclose(rates, [0.05, 0.025, 0.0125])


@pytest.mark.parametrize("verbose", [1, 2])
@pytest.mark.parametrize("kind", ["EarlyStopping", "ModelCheckpoint"])
def test_the_best_epochs_are_marked(capsys, tmp_path, verbose, kind: str) -> None:
    if kind == "EarlyStopping":
        watching = wh.callbacks.EarlyStopping(monitor="val_loss", patience=9)
    else:
        watching = wh.callbacks.ModelCheckpoint(tmp_path / "best.wh", save_best_only=True)
    # the third epoch goes too far
    rates = wh.callbacks.LearningRateScheduler(lambda epoch: 3.0 if epoch == 2 else 0.05)
    held = (np.ones((4, 2)), np.ones((4, 1)))
    lines = fitted(capsys, verbose, callbacks=[watching, rates], validation_data=held)
    lines = lines[1::2] if verbose == 2 else lines
    assert [line.endswith("best val_loss") for line in lines] == [True, True, False]


def test_numbers_people_can_read() -> None:
    assert [number(v) for v in (0.0, 0.5, -12.25, 1e-5, -3e-4, 2e6)] == [
        "0.0000", "0.5000", "-12.2500", "1.000e-05", "-3.000e-04", "2.000e+06",
    ]  # fmt: skip
    assert [duration(v) for v in (0.04, 9.94, 59, 61, 3723)] == [
        "0.0s",
        "9.9s",
        "59s",
        "1:01",
        "1:02:03",
    ]
