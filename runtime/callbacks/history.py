"""The history that ``fit`` returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..checkpoint import numbers
from .base import Callback, Logs


class History(Callback):
    """``history``: a list of values per metric, one per epoch; ``epoch``: the epochs' numbers."""

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self

    def get_state(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "history": self.history}

    def set_state(self, state: Mapping[str, Any]) -> None:
        self.epoch = [int(e) for e in state["epoch"]]
        self.history = {n: numbers(values) for n, values in state["history"].items()}
