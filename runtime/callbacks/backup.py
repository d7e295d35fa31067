"""Go on after an interruption, as if there had been none."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...compiler.ir import Array
from ...compiler.lower import state_names
from ...compiler.state import Variable
from ...errors import ArgumentError, FileFormatError
from ..checkpoint import Checkpoint, Checkpoints, Position, numbers, restore
from ..saving import named_state
from .base import Callback, Logs
from .every import EveryFewBatches

logger = logging.getLogger("waterhorse")

_CALLBACKS = "callback/"  # the first part of the names of arrays that are not variables
_ARRAY = "__array__"


class BackupAndRestore(EveryFewBatches):
    """Go on after an interruption: keep the state of the run, and begin with what is kept.

    What is kept is all that the run depends on: variables, optimizer, random numbers, metrics, order
    of the data, history, the state of the other callbacks. So the resumed run equals, bit for bit on
    a CPU, the one that was not interrupted. Data that comes from an iterable must come in the same
    order again; what a generator gave before the interruption is drawn from it and left out.

    Args:
        backup_dir: a folder for this run alone. See ``docs/files.md`` for what is in it.
        save_freq: "epoch", or a number of batches.
        double_checkpoint: keep the checkpoint before the newest, too; so it is anyway, with ``keep=2``.
        delete_checkpoint: remove the checkpoints when the training has come to its end.
        keep: how many of the newest checkpoints to keep (not in Keras).

    Raises ``FileFormatError`` where the checkpoint is of another model or other data, and where all
    checkpoints are damaged; ``ExportError`` where one cannot be written.
    """

    def __init__(
        self, backup_dir: str | os.PathLike[str], save_freq: Any = "epoch",
        double_checkpoint: bool = False, delete_checkpoint: bool = True, *, keep: int = 2,
    ) -> None:  # fmt: skip
        super().__init__(save_freq)
        if not os.fspath(backup_dir):
            raise ArgumentError("BackupAndRestore: backup_dir is empty")
        self.checkpoints = Checkpoints(backup_dir, max(keep, 2) if double_checkpoint else keep)
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
        training: dict[str, Any] = {
            "epoch": position.epoch, "batch": position.batch, "drawn": position.drawn,
            "seed": position.seed, "logs": position.logs, "run": self.describe(),
            "stopped": self.model.stop_training, "callbacks": [],
        }  # fmt: skip
        arrays = {n: v.numpy() for n, v in self._state().items()}
        for i, callback in enumerate(self._others):
            state = _without_arrays(callback.get_state(), f"{_CALLBACKS}{i}", arrays)
            training["callbacks"].append({"class": type(callback).__name__, "state": state})
        return self.checkpoints.save(arrays, training)

    def restored(self, found: Checkpoint) -> None:
        """Go on from this checkpoint."""
        training, position = found.training, self._position
        self._check(found)
        own = [n for n in training["variables"] if not n.startswith(_CALLBACKS)]
        restore(replace(found, training={**training, "variables": own}), self._state())
        position.epoch, position.batch = int(training["epoch"]), int(training["batch"])
        position.drawn, position.seed = int(training["drawn"]), training["seed"]
        logs = training["logs"]
        position.logs = dict(zip(logs, numbers([*logs.values()]), strict=True))
        self.model.stop_training = bool(training["stopped"])
        saved = list(training["callbacks"])
        for callback in self._others:
            for entry in [e for e in saved if e["class"] == type(callback).__name__][:1]:
                callback.set_state(_with_arrays(entry["state"], found.arrays))
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


def _without_arrays(state: Any, path: str, arrays: dict[str, Array]) -> Any:
    """A callback's state as JSON has it: arrays are moved to ``arrays``, and named in their place."""
    if isinstance(state, np.ndarray):
        arrays[path] = state
        return {_ARRAY: path}
    if isinstance(state, Mapping):
        return {k: _without_arrays(v, f"{path}/{k}", arrays) for k, v in state.items()}
    if isinstance(state, (list, tuple)):
        return [_without_arrays(v, f"{path}/{i}", arrays) for i, v in enumerate(state)]
    return state


def _with_arrays(state: Any, arrays: Mapping[str, Array]) -> Any:
    """The inverse of ``_without_arrays``."""
    if isinstance(state, Mapping):
        if _ARRAY in state:
            return arrays[state[_ARRAY]]
        return {k: _with_arrays(v, arrays) for k, v in state.items()}
    return [_with_arrays(v, arrays) for v in state] if isinstance(state, list) else state
