"""The history that ``fit`` returns."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from .. import curves
from ..checkpoint import numbers
from .base import Callback, Logs


class History(Callback):
    """``history``: a list of values per metric, one per epoch; ``epoch``: the epochs' numbers.

    Values are floats; those of a metric with several, such as ``F1Score(average=None)``, are arrays.
    """

    def __init__(self) -> None:
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self

    def plot(
        self,
        metrics: str | Sequence[str] | None = None,
        to_file: str | os.PathLike[str] | None = None,
        smoothing: float = 0.0,
    ) -> Any:
        """Draw the metrics over the epochs: training solid, validation dashed.

        Args:
            metrics: names without ``val_``; all by default.
            to_file: also write a .png, .svg or .pdf file.
            smoothing: from 0 (none) to below 1: how much of the mean so far goes into each point; the
                values themselves stay behind, pale.

        Returns the ``matplotlib.figure.Figure``. Without matplotlib (extra ``viz``), prints
        ``sparklines()`` and returns None; then ``to_file`` raises ``ImportError``. Raises
        ``ArgumentError`` for names that the history lacks, and where there is no epoch.
        """
        names = curves.chosen(self.history, metrics)
        curves.check_smoothing(smoothing)
        try:
            from .. import figures  # noqa: PLC0415  # an optional extra
        except ImportError:
            if to_file is not None:
                raise
            print(self.sparklines(names))
            return None
        figure = figures.curves(self.history, names, self.epoch, smoothing)
        if to_file is not None:
            figures.save(figure, to_file)
        return figure

    def sparklines(self, metrics: str | Sequence[str] | None = None) -> str:
        """The metrics over the epochs as text: a line of bars for each, with its first and last value."""
        return curves.sparklines(self.history, curves.chosen(self.history, metrics))

    def get_state(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "history": self.history}

    def set_state(self, state: Mapping[str, Any]) -> None:
        self.epoch = [int(e) for e in state["epoch"]]
        self.history = {n: numbers(values) for n, values in state["history"].items()}
