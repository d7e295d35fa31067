"""Hooks into the training loop, and the history that ``fit`` returns."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiler import metrics
from ..compiler.lower import state_names
from ..compiler.state import Variable
from ..errors import ArgumentError, ExportError, FileFormatError
from .checkpoint import Checkpoint, Checkpoints, Position, numbers, restore
from .saving import named_state

if TYPE_CHECKING:
    from .model import Model

Logs = dict[str, float]
logger = logging.getLogger("waterhorse")


class Callback:
    """Override what you need; ``self.model`` and ``self.params`` are set before training.

    Batch hooks cost a read-back of the metrics per batch, so they are called only on callbacks that
    override them.
    """

    model: Model
    params: dict[str, Any]

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def set_model(self, model: Model) -> None:
        self.model = model

    def get_state(self) -> dict[str, Any]:
        """What must be known to go on after an interruption, as JSON has it. Kept in checkpoints."""
        return {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of ``get_state``, called after ``on_train_begin`` of a resumed run."""

    def on_train_begin(self, logs: Logs | None = None) -> None: ...
    def on_train_end(self, logs: Logs | None = None) -> None: ...
    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None: ...
    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None: ...
    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_test_begin(self, logs: Logs | None = None) -> None: ...
    def on_test_end(self, logs: Logs | None = None) -> None: ...
    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_predict_begin(self, logs: Logs | None = None) -> None: ...
    def on_predict_end(self, logs: Logs | None = None) -> None: ...
    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...


class History(Callback):
    """``history``: a list of values per metric, one per epoch; ``epoch``: the epochs' numbers."""

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []
        self.history = {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def get_state(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "history": self.history}

    def set_state(self, state: Mapping[str, Any]) -> None:
        self.epoch = [int(e) for e in state["epoch"]]
        self.history = {n: numbers(values) for n, values in state["history"].items()}


class LambdaCallback(Callback):
    """Hooks given as functions: ``LambdaCallback(on_epoch_end=lambda epoch, logs: ...)``."""

    def __init__(self, **hooks: Callable[..., None] | None) -> None:
        unknown = sorted(n for n in hooks if not (n.startswith("on_") and hasattr(Callback, n)))
        if unknown:
            raise TypeError(f"LambdaCallback has no hook {unknown[0]!r}")
        for name, hook in hooks.items():
            if hook is not None:
                setattr(self, name, hook)


class TerminateOnNaN(Callback):
    """Stop training where the loss is NaN or infinite, instead of raising ``NonFiniteError``."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not np.isfinite(loss):
            self.model.stop_training = True


class EveryFewBatches(Callback):
    """Base of what happens at the end of each epoch, or every so many batches.

    ``save_freq``: "epoch", or the number of batches.
    """

    def __init__(self, save_freq: Any) -> None:
        whole = isinstance(save_freq, (int, np.integer)) and not isinstance(save_freq, bool)
        if save_freq != "epoch" and not (whole and int(save_freq) > 0):
            raise ArgumentError(
                f"{type(self).__name__}: save_freq={save_freq!r}; expected 'epoch' or a number of "
                "batches above 0"
            )
        self.save_freq: Any = save_freq
        self._since = 0  # batches since it happened last
        if save_freq != "epoch":
            # only an instance that looks at each batch costs a read-back per batch
            self.on_train_batch_end = self._batch_ended  # type: ignore[method-assign]

    def _batch_ended(self, batch: int, logs: Logs | None = None) -> None:
        self._since += 1
        if self._since >= self.save_freq:
            self._since = 0
            self.due(batch, logs or {})

    def due(self, batch: int, logs: Logs) -> None:
        """It is time, after this batch."""
        raise NotImplementedError(f"{type(self).__name__} must define due")

    def get_state(self) -> dict[str, Any]:
        return {"since": self._since}

    def set_state(self, state: Mapping[str, Any]) -> None:
        self._since = int(state["since"])


_HIGHER = (
    metrics.Accuracy, metrics.BinaryAccuracy, metrics.CategoricalAccuracy,
    metrics.SparseCategoricalAccuracy, metrics.TopKCategoricalAccuracy,
    metrics.SparseTopKCategoricalAccuracy, metrics.CosineSimilarity,
)  # fmt: skip
_LOWER = (
    metrics.MeanSquaredError, metrics.RootMeanSquaredError, metrics.MeanAbsoluteError,
    metrics.MeanAbsolutePercentageError, metrics.MeanSquaredLogarithmicError, metrics.LogCoshError,
    metrics.BinaryCrossentropy, metrics.CategoricalCrossentropy,
    metrics.SparseCategoricalCrossentropy, metrics.KLDivergence, metrics.Poisson, metrics.Hinge,
    metrics.SquaredHinge, metrics.CategoricalHinge,
)  # fmt: skip


def improves_upwards(owner: str, monitor: str, mode: str, model: Model) -> bool:
    """Whether larger values of ``monitor`` are better: as ``mode`` says, else by the metric's kind.

    Raises ``ArgumentError`` for an unknown mode, and where "auto" cannot know.
    """
    if mode not in ("auto", "min", "max"):
        raise ArgumentError(f"{owner}: mode={mode!r}; expected 'auto', 'min' or 'max'")
    if mode != "auto":
        return mode == "max"
    name = monitor.removeprefix("val_")
    if name == "loss" or name.endswith("_loss"):
        return False
    for metric in model.metrics:
        if metric.name == name and isinstance(metric, (*_HIGHER, *_LOWER)):
            return isinstance(metric, _HIGHER)
    raise ArgumentError(
        f"{owner}: whether {monitor!r} should be large or small is not known; give mode='max' or "
        "mode='min'"
    )


class ModelCheckpoint(EveryFewBatches):
    """Save the model while it is trained.

    Args:
        filepath: where to; ``{epoch}``, ``{batch}`` and the names of metrics are filled in as in
            ``"{epoch:02d}-{val_loss:.2f}.wh"``. Epochs and batches count from 1. Folders are made.
        monitor: the metric that ``save_best_only`` looks at.
        verbose: 1 says what is done.
        save_best_only: save only where ``monitor`` is better than all before (and than
            ``initial_value_threshold``).
        save_weights_only: ``save_weights`` instead of ``save``.
        mode: "min" or "max" of ``monitor`` is best; "auto" knows for losses and our own metrics.
        save_freq: "epoch", or a number of batches.

    Raises ``ArgumentError`` for a ``filepath`` with names that no metric has, and where
    ``save_best_only`` is asked for and ``monitor`` is none of the metrics (Keras saves every time).
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(save_freq)
        self.filepath = os.fspath(filepath)
        self.monitor, self.mode = monitor, mode
        self.verbose = verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.best = initial_value_threshold
        self._epoch = 0
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(f"ModelCheckpoint: mode={mode!r}; expected 'auto', 'min' or 'max'")

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "best": self.best}

    def set_state(self, state: Mapping[str, Any]) -> None:
        super().set_state(state)
        self.best = None if state["best"] is None else float(state["best"])

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save({"epoch": epoch + 1, **(logs or {})}, logs or {})

    def due(self, batch: int, logs: Logs) -> None:
        self._save({"epoch": self._epoch + 1, "batch": batch + 1, **logs}, logs)

    def _save(self, fields: Mapping[str, Any], logs: Logs) -> None:
        if self.save_best_only and not self._improved(fields["epoch"], logs):
            return
        try:
            path = self.filepath.format(**fields)
        except (KeyError, IndexError, ValueError) as error:
            raise ArgumentError(
                f"ModelCheckpoint: cannot fill in {self.filepath!r} ({error}); there are "
                f"{', '.join(fields)}"
            ) from error
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ExportError(f"cannot make the folder of {path}: {error.strerror}") from error
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
        if self.verbose:
            print(f"epoch {fields['epoch']}: wrote {path}")

    def _improved(self, epoch: int, logs: Logs) -> bool:
        value = logs.get(self.monitor)
        if value is None:
            raise ArgumentError(
                f"ModelCheckpoint: there is no {self.monitor!r} to tell the best model by; there "
                f"are {', '.join(logs)} (val_... needs validation data in every epoch)"
            )
        up = improves_upwards("ModelCheckpoint", self.monitor, self.mode, self.model)
        better = self.best is None or (value > self.best if up else value < self.best)
        if self.verbose:
            change = f"improved to {value:.5f}" if better else "did not improve"
            since = "" if self.best is None else f" (best before: {self.best:.5f})"
            print(f"epoch {epoch}: {self.monitor} {change}{since}")
        if better:
            self.best = value
        return better


class BackupAndRestore(EveryFewBatches):
    """Go on after an interruption: keep the state of the run, and begin with what is kept.

    What is kept is all that the run depends on: variables, optimizer, random numbers, metrics, order
    of the data, history, the state of the other callbacks. So the resumed run equals, bit for bit on
    a CPU, the one that was not interrupted. Data that comes from an iterable must come in the same
    order again; what a generator gave before the interruption is drawn from it and left out.

    Args:
        backup_dir: a folder for this run alone. See ``docs/files.md`` for what is in it.
        save_freq: "epoch", or a number of batches.
        delete_checkpoint: remove the checkpoints when the training has come to its end.
        keep: how many of the newest checkpoints to keep (not in Keras).

    Raises ``FileFormatError`` where the checkpoint is of another model or other data, and where all
    checkpoints are damaged; ``ExportError`` where one cannot be written.
    """

    def __init__(
        self, backup_dir: str | os.PathLike[str], save_freq: Any = "epoch",
        delete_checkpoint: bool = True, *, keep: int = 2,
    ) -> None:  # fmt: skip
        super().__init__(save_freq)
        if not os.fspath(backup_dir):
            raise ArgumentError("BackupAndRestore: backup_dir is empty")
        self.checkpoints = Checkpoints(backup_dir, keep)
        self.delete_checkpoint = delete_checkpoint
        self._position = Position()
        self._variables: Sequence[Variable] = ()
        self._others: list[Callback] = []

    def watch(
        self, position: Position, variables: Sequence[Variable], callbacks: Sequence[Callback]
    ) -> None:
        """Told by the loop before ``on_train_begin``: where it is, and what its step works on."""
        self._position, self._variables = position, variables
        self._others = [c for c in callbacks if not isinstance(c, BackupAndRestore)]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        found = self.checkpoints.newest()
        if found is not None:
            self.restored(found)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self.save()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.delete_checkpoint:
            self.checkpoints.clear()

    def due(self, batch: int, logs: Logs) -> None:
        self.save()

    def describe(self) -> dict[str, Any]:
        """What the data and the command must have in common with the run that is resumed."""
        return {"batches": self.params.get("steps")}

    def save(self) -> Path:
        """Write a checkpoint now. Returns its folder."""
        position = self._position
        training = {
            "epoch": position.epoch, "batch": position.batch, "drawn": position.drawn,
            "seed": position.seed, "logs": position.logs, "run": self.describe(),
            "stopped": self.model.stop_training, "callbacks": [_described(c) for c in self._others],
        }  # fmt: skip
        return self.checkpoints.save({n: v.numpy() for n, v in self._state().items()}, training)

    def restored(self, found: Checkpoint) -> None:
        """Go on from this checkpoint."""
        training, position = found.training, self._position
        self._check(found)
        restore(found, self._state())
        position.epoch, position.batch = int(training["epoch"]), int(training["batch"])
        position.drawn, position.seed = int(training["drawn"]), training["seed"]
        position.logs = {n: float(v) for n, v in training["logs"].items()}
        self.model.stop_training = bool(training["stopped"])
        saved = list(training["callbacks"])
        for callback in self._others:
            for entry in [e for e in saved if e["class"] == type(callback).__name__][:1]:
                callback.set_state(entry["state"])
                saved.remove(entry)
        where = f", batch {position.batch + 1}" if position.batch else ""
        logger.info("going on from %s: epoch %d%s", found.path, position.epoch + 1, where)

    def _check(self, found: Checkpoint) -> None:
        if (found.training["seed"] is None) != (self._position.seed is None):
            raise FileFormatError(
                f"{found.path} is of a run with another shuffle=; go on with the same, or remove it"
            )
        before, now = found.training["run"], self.describe()
        if found.training["batch"] and before["batches"] != now["batches"]:
            raise FileFormatError(
                f"{found.path} was left within an epoch of {before['batches']} batches, and this "
                f"data has {now['batches']}: go on with the same data and batch_size, or remove it"
            )

    def _state(self) -> dict[str, Variable]:
        """``model/...``, ``optimizer/...``, and what else the step reads or writes as ``step/...``."""
        named = named_state(self.model)
        known = set(named.values())
        rest = [v for v in self._variables if v not in known]
        paths = state_names([v.path for v in rest])
        return named | {f"step/{n}": v for n, v in zip(paths, rest, strict=True)}


def _described(callback: Callback) -> dict[str, Any]:
    return {"class": type(callback).__name__, "state": callback.get_state()}


class CallbackList:
    """All callbacks of a run, called in order."""

    def __init__(self, callbacks: Sequence[Callback], model: Model, params: dict[str, Any]) -> None:
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            callback.set_model(model)
            callback.set_params(params)
        self._by_hook: dict[str, list[Callback]] = {}

    def overriding(self, hook: str) -> list[Callback]:
        """The callbacks that do something at ``hook``."""
        if hook not in self._by_hook:
            self._by_hook[hook] = [c for c in self.callbacks if _overrides(c, hook)]
        return self._by_hook[hook]

    def call(self, hook: str, *args: Any) -> None:
        """Call ``hook`` on all callbacks that override it."""
        for callback in self.overriding(hook):
            getattr(callback, hook)(*args)


def _overrides(callback: Callback, hook: str) -> bool:
    own = getattr(callback, hook)
    return getattr(own, "__func__", own) is not getattr(Callback, hook)


__all__ = [
    "BackupAndRestore", "Callback", "CallbackList", "History", "LambdaCallback", "ModelCheckpoint",
    "TerminateOnNaN",
]  # fmt: skip
