"""Save the model while it is trained."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import ArgumentError, ExportError
from .base import Logs
from .every import EveryFewBatches
from .monitored import check_mode, improves_upwards


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
        check_mode("ModelCheckpoint", mode)

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

    def best_by(self, logs: Logs) -> str:
        value = logs.get(self.monitor) if self.save_best_only else None
        return self.monitor if value is not None and self._better(value) else ""

    def _better(self, value: float) -> bool:
        up = improves_upwards("ModelCheckpoint", self.monitor, self.mode, self.model)
        return self.best is None or (value > self.best if up else value < self.best)

    def _improved(self, epoch: int, logs: Logs) -> bool:
        value = logs.get(self.monitor)
        if value is None:
            raise ArgumentError(
                f"ModelCheckpoint: there is no {self.monitor!r} to tell the best model by; there "
                f"are {', '.join(logs)} (val_... needs validation data in every epoch)"
            )
        better = self._better(value)
        if self.verbose:
            change = f"improved to {value:.5f}" if better else "did not improve"
            since = "" if self.best is None else f" (best before: {self.best:.5f})"
            print(f"epoch {epoch}: {self.monitor} {change}{since}")
        if better:
            self.best = value
        return better
