"""Checkpoints: written whole, checked when read; a killed run goes on bit for bit."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import waterhorse as wh
from waterhorse import layers as L
from waterhorse.errors import ArgumentError, ExportError, FileFormatError
from waterhorse.runtime.checkpoint import Checkpoints

SOURCES = str(Path(wh.__file__).parent.parent)
ENVIRONMENT = {**os.environ, "PYTHONPATH": SOURCES}


def values(seed: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {
        "model/kernel": generator.normal(size=(3, 4)).astype("float32"),
        "optimizer/iterations": np.array(seed, np.int64),
        "step/seed": generator.integers(0, 2**32, 2).astype(np.uint32),
        "model/half": generator.normal(size=5).astype(np.float16),
    }


# -- folders ----------------------------------------------------------------------------------


def test_what_is_written_is_read(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path / "new" / "folder")
    assert kept.newest() is None
    kept.save(values(1), {"epoch": 3, "loss": [0.1, float("nan"), np.float32(0.5)]})
    found = kept.newest()
    assert found is not None
    assert found.training["epoch"] == 3
    assert found.training["loss"] == [0.1, "nan", 0.5]
    assert set(found.arrays) == set(values(1))
    for name, value in values(1).items():
        assert found.arrays[name].dtype == value.dtype
        np.testing.assert_array_equal(found.arrays[name], value)
    (folder,) = (tmp_path / "new" / "folder").iterdir()
    assert sorted(p.name for p in folder.iterdir()) == ["state.safetensors", "training.json"]


def test_training_json_is_plain_json_that_says_what_is_where(tmp_path: Path) -> None:
    folder = Checkpoints(tmp_path).save(values(1), {"epoch": 1})

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    found = json.loads((folder / "training.json").read_text(), parse_constant=refuse)
    assert found["variables"] == list(values(1))
    assert found["versions"]["waterhorse"] == wh.__version__
    assert (
        found["files"]["state.safetensors"]["bytes"]
        == (folder / "state.safetensors").stat().st_size
    )


def test_the_newest_are_kept(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, keep=3)
    for i in range(6):
        kept.save(values(i), {"epoch": i})
        assert kept.newest().training["epoch"] == i
    assert [p.name[-1] for p in kept.paths()] == ["4", "5", "6"]
    assert len(list(tmp_path.iterdir())) == 3
    kept.clear()
    assert not tmp_path.exists()


def test_a_folder_with_other_files_is_left_in_place(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    kept = Checkpoints(tmp_path)
    kept.save(values(0), {})
    kept.clear()
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def truncated(path: Path) -> None:
    state = path / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-7])


def one_bit(path: Path) -> None:
    state = path / "state.safetensors"
    content = bytearray(state.read_bytes())
    content[-1] ^= 1
    state.write_bytes(content)


def no_state(path: Path) -> None:
    (path / "state.safetensors").unlink()


def other_epoch(path: Path) -> None:
    file = path / "training.json"
    file.write_text(file.read_text().replace('"epoch": 2', '"epoch": 9'))


def half_json(path: Path) -> None:
    file = path / "training.json"
    file.write_text(file.read_text()[:50])


def list_json(path: Path) -> None:
    (path / "training.json").write_text("[1, 2]")


def empty_folder(path: Path) -> None:
    for file in path.iterdir():
        file.unlink()


DAMAGES = [truncated, one_bit, no_state, other_epoch, half_json, list_json, empty_folder]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda f: f.__name__)
def test_damage_is_found_said_and_stepped_over(damage, tmp_path: Path, caplog) -> None:
    kept = Checkpoints(tmp_path)
    kept.save(values(1), {"epoch": 1})
    newest = kept.save(values(2), {"epoch": 2})
    damage(newest)
    found = kept.newest()
    assert found.training["epoch"] == 1
    np.testing.assert_array_equal(found.arrays["model/kernel"], values(1)["model/kernel"])
    (line,) = [r.getMessage() for r in caplog.records]
    assert "checkpoint-000002 is damaged" in line
    assert "going on from the older checkpoint-000001" in line
    damage_free = kept.save(values(3), {"epoch": 3})
    # the damaged one is not counted among those that are kept
    assert [p.name for p in kept.paths()] == ["checkpoint-000001", "checkpoint-000003"]
    assert kept.newest().path == damage_free


def test_where_all_are_damaged_nothing_begins_anew_in_silence(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path)
    one_bit(kept.save(values(1), {}))
    half_json(kept.save(values(2), {}))
    with pytest.raises(FileFormatError, match=r"no checkpoint that could be used.*000002.*000001"):
        kept.newest()


def test_a_failing_write_leaves_the_older_ones(tmp_path: Path, monkeypatch) -> None:
    kept = Checkpoints(tmp_path, keep=1)
    kept.save(values(1), {"epoch": 1})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("waterhorse.runtime.checkpoint._force", full)
    with pytest.raises(ExportError, match="No space left on device; older ones are untouched"):
        kept.save(values(2), {"epoch": 2})
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint-000001"]
    assert kept.newest().training["epoch"] == 1


WRITER = """
import sys
import numpy as np
from waterhorse.runtime.checkpoint import Checkpoints

kept = Checkpoints(sys.argv[1])
print("ready", flush=True)
for i in range(100000):
    kept.save({"model/big": np.full(200_000, i, np.float32)}, {"epoch": i})
"""


def test_killed_while_writing_again_and_again(tmp_path: Path) -> None:
    last = -1
    for pause in (0.05, 0.11, 0.17, 0.23):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], env=ENVIRONMENT, stdout=subprocess.PIPE
        ) as process:
            process.stdout.readline()
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
            process.wait()
        kept = Checkpoints(tmp_path)
        paths = kept.paths()
        assert paths
        found = kept.newest()
        assert found.path == paths[-1], "the newest folder is whole"
        np.testing.assert_array_equal(
            found.arrays["model/big"], np.full(200_000, found.training["epoch"], np.float32)
        )
        number = int(found.path.name[-6:])
        assert number > last
        last = number
    kept.save({"model/big": np.zeros(2, np.float32)}, {"epoch": 0})
    assert len(list(tmp_path.iterdir())) == 2, "what the killed ones left is swept away"


# -- fit --------------------------------------------------------------------------------------

TRAINER = """
import json, os, sys, time
import numpy as np
import waterhorse as wh
from waterhorse import layers as L

folder, out, frequency, kind = sys.argv[1:5]
wh.set_device("cpu")
wh.set_random_seed(int(sys.argv[5]))
(x, y), _ = wh.datasets.load_digits(test_fraction=0)
x, y = x[:400].astype("float32") / 16, y[:400]
model = wh.Sequential([
    wh.Input((8, 8, 1)), L.Conv2D(4, 3, activation="relu"), L.BatchNormalization(), L.Flatten(),
    L.Dropout(0.4), L.Dense(10),
])
model.compile(wh.optimizers.Adam(1e-3, use_ema=True), metrics=["accuracy"],
              loss=wh.losses.SparseCategoricalCrossentropy(from_logits=True))

class Say(wh.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        print("batch", batch, flush=True)
        time.sleep(0.02 if kind == "slow" else 0)

class Slower(wh.callbacks.Callback):
    # a learning rate that depends on what the callback has seen
    seen = 0
    def on_epoch_end(self, epoch, logs=None):
        self.seen += 1
        self.model.optimizer.learning_rate = 1e-3 / (1 + self.seen)
    def get_state(self):
        return {"seen": self.seen}
    def set_state(self, state):
        self.seen = state["seen"]

callbacks = [Say(), Slower()]
if folder:
    frequency = frequency if frequency == "epoch" else int(frequency)
    callbacks.insert(0, wh.callbacks.BackupAndRestore(folder, frequency, delete_checkpoint=False))
history = model.fit(x, y, epochs=5, batch_size=32, validation_split=0.1, callbacks=callbacks, verbose=0)
np.savez(out, *[v.numpy() for v in model.variables + model.optimizer.variables])
print("history", json.dumps([history.history, history.epoch]))
"""


def trainer(folder: Path | str, out: Path, frequency="epoch", kind="fast", seed=3) -> list[str]:
    return [sys.executable, "-c", TRAINER, str(folder), str(out), str(frequency), kind, str(seed)]


def finished(command: list[str]) -> list[str]:
    found = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    return found.stdout.splitlines()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> tuple[list[np.ndarray], str]:
    out = tmp_path_factory.mktemp("whole") / "whole.npz"
    lines = finished(trainer("", out))
    return list(np.load(out).values()), lines[-1]


@pytest.mark.parametrize(("frequency", "after"), [("epoch", 30), (5, 33), (1, 12)])
def test_a_killed_run_goes_on_bit_for_bit(uninterrupted, frequency, after, tmp_path: Path) -> None:
    weights, history = uninterrupted
    folder, out = tmp_path / "backup", tmp_path / "resumed.npz"
    with subprocess.Popen(
        trainer(folder, out, frequency, "slow"), env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as process:
        for _ in range(after):
            assert process.stdout.readline().startswith("batch")
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    assert not out.exists()
    # another seed: order and dropout must come from the checkpoint
    lines = finished(trainer(folder, out, frequency, seed=99))
    assert len(lines) - 1 < 5 * 12, "it went on, and did not begin anew"
    assert lines[-1] == history
    found = list(np.load(out).values())
    assert len(found) == len(weights)
    for a, b in zip(found, weights, strict=True):
        np.testing.assert_array_equal(a, b)
    # all epochs are done: a third run trains nothing, and ends with the same model
    lines = finished(trainer(folder, out, frequency, seed=5))
    assert lines == [history] or frequency != "epoch"
    for a, b in zip(np.load(out).values(), weights, strict=True):
        np.testing.assert_array_equal(a, b)


def model_on_digits(name: str = "kernel") -> wh.Model:
    model = wh.Sequential([wh.Input((64,)), L.Dense(8, "relu"), L.Dropout(0.2), L.Dense(10)])
    loss = wh.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(wh.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    return model


class Stop(wh.callbacks.Callback):
    """Interrupts after so many batches."""

    def __init__(self, after: int) -> None:
        self.left = after

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [1, 8, 11, 16])
@pytest.mark.parametrize("data", ["arrays", "batches", "generator"])
def test_interrupted_within_one_process(flat, data, after, tmp_path: Path) -> None:
    """Also after the last batch of an epoch (8, 16), and with data that comes in batches."""
    x, y = flat
    pairs = [(x[i : i + 32], y[i : i + 32]) for i in range(0, 256, 32)]

    def generator():
        while True:
            yield from pairs

    class Batches:
        def __iter__(self):
            return iter(pairs)

        def __len__(self):
            return len(pairs)

    def run(callbacks) -> tuple[wh.Model, dict]:
        wh.set_random_seed(4)
        model = model_on_digits()
        if data == "arrays":
            history = model.fit(x, y, epochs=3, callbacks=callbacks, verbose=0)
        elif data == "batches":
            history = model.fit(Batches(), epochs=3, callbacks=callbacks, verbose=0)
        else:
            history = model.fit(
                generator(), steps_per_epoch=8, epochs=3, callbacks=callbacks, verbose=0
            )
        return model, history.history

    model, history = run([])
    with pytest.raises(KeyboardInterrupt):
        # the backup is called last, so that the interruption must come one batch later
        run([wh.callbacks.BackupAndRestore(tmp_path, 1), Stop(after + 1)])
    again, resumed = run([wh.callbacks.BackupAndRestore(tmp_path, 1)])
    assert resumed == history
    for a, b in zip(again.variables, model.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert not tmp_path.exists(), "removed at the end"


def test_a_run_that_has_ended_leaves_no_checkpoint_unless_told(flat, tmp_path: Path) -> None:
    backup = wh.callbacks.BackupAndRestore
    model = model_on_digits()
    model.fit(*flat, epochs=3, callbacks=backup(tmp_path / "a"), verbose=0)
    assert not (tmp_path / "a").exists()
    keeping = backup(tmp_path / "a", delete_checkpoint=False, keep=3)
    model.fit(*flat, epochs=4, callbacks=keeping, verbose=0)
    assert len(list((tmp_path / "a").iterdir())) == 3
    history = model.fit(*flat, epochs=5, callbacks=keeping, verbose=0)
    assert history.epoch == [0, 1, 2, 3, 4]


def test_training_that_was_stopped_stays_stopped(flat, tmp_path: Path) -> None:
    class Enough(wh.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    backup = wh.callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
    model_on_digits().fit(*flat, epochs=9, callbacks=[backup, Enough()], verbose=0)
    again = model_on_digits().fit(*flat, epochs=9, callbacks=[backup, Enough()], verbose=0)
    assert again.epoch == [0, 1]


def left_within_an_epoch(flat, folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        backup = wh.callbacks.BackupAndRestore(folder, 1)
        model_on_digits().fit(*flat, epochs=2, callbacks=[Stop(4), backup], verbose=0)


def test_another_model_is_refused_and_left_alone(flat, tmp_path: Path) -> None:
    left_within_an_epoch(flat, tmp_path)
    backup = wh.callbacks.BackupAndRestore(tmp_path, 1)
    loss = wh.losses.SparseCategoricalCrossentropy(from_logits=True)
    wider = wh.Sequential([wh.Input((64,)), L.Dense(9, "relu"), L.Dropout(0.2), L.Dense(10)])
    wider.compile(wh.optimizers.Adam(), loss, metrics=["accuracy"])
    before = wider.get_weights()
    with pytest.raises(
        FileFormatError, match=r"another model: model/dense\S*/kernel is float32 \(64, 8\)"
    ):
        wider.fit(*flat, epochs=2, callbacks=backup, verbose=0)
    for a, b in zip(before, wider.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    wh.utils.clear_session()
    sgd = model_on_digits()
    sgd.compile("sgd", loss, metrics=["accuracy"])
    with pytest.raises(FileFormatError, match=r"another compile\(\): here is no optimizer/2"):
        sgd.fit(*flat, epochs=2, callbacks=backup, verbose=0)


def test_other_data_is_refused(flat, tmp_path: Path) -> None:
    left_within_an_epoch(flat, tmp_path)
    backup = wh.callbacks.BackupAndRestore(tmp_path, 1)
    with pytest.raises(FileFormatError, match="an epoch of 8 batches, and this data has 4"):
        model_on_digits().fit(*flat, epochs=2, batch_size=64, callbacks=backup, verbose=0)
    with pytest.raises(FileFormatError, match="another shuffle="):
        model_on_digits().fit(*flat, epochs=2, shuffle=False, callbacks=backup, verbose=0)


def test_random_numbers_of_a_users_step_go_on(flat, tmp_path: Path) -> None:
    class Noisy(wh.Model):
        def train_step(self, data):
            x, y = data
            noise = wh.random.normal(wh.op.Shape(x))
            return super().train_step((x + 0.1 * noise, y))

    def run(callbacks):
        wh.set_random_seed(6)
        wh.utils.clear_session()
        inputs = wh.Input((64,))
        model = Noisy(inputs, L.Dense(10)(inputs))
        model.compile("adam", wh.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model.fit(*flat, epochs=2, callbacks=callbacks, verbose=0).history

    float(wh.random.uniform(()))  # the global stream is there from now on
    whole = run([])
    with pytest.raises(KeyboardInterrupt):
        run([Stop(6), wh.callbacks.BackupAndRestore(tmp_path, 1)])
    assert run([wh.callbacks.BackupAndRestore(tmp_path, 1)]) == whole


@pytest.mark.parametrize("value", ["batch", 0, -1, 1.5, True, None])
def test_save_freq(value) -> None:
    with pytest.raises(ArgumentError, match="save_freq="):
        wh.callbacks.BackupAndRestore("x", value)
    with pytest.raises(ArgumentError, match="save_freq="):
        wh.callbacks.ModelCheckpoint("x", save_freq=value)
