"""Metrics as lines of a text file."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from ...errors import ExportError
from .base import Callback, Logs


class CSVLogger(Callback):
    """Write the metrics of each epoch as a line of a CSV file.

    The columns are ``epoch`` and the metrics of the first epoch by name; where that has none of
    validation, those of validation, too. What is missing in an epoch is "NA". A run that is resumed
    from a checkpoint goes on after the lines that were there when it was written.

    Args:
        filename: the file.
        separator: what stands between the fields.
        append: add to the file, without a second header, instead of writing it anew.

    Raises ``ExportError`` where the file cannot be written.
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        self.keys: list[str] | None = None
        self._file: TextIO | None = None
        self._resumed: int | None = None  # the file's size in bytes where a resumed run was left

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.keys = self._resumed = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        found = logs or {}
        first = self._file is None
        file = self._file = self._opened() if self._file is None else self._file
        if self.keys is None:
            self.keys = sorted(found)
            if not any(k.startswith("val_") for k in self.keys):
                self.keys += [f"val_{k}" for k in self.keys]
        writer = csv.writer(file, delimiter=self.sep)
        if first and file.tell() == 0:
            writer.writerow(["epoch", *self.keys])
        writer.writerow([epoch, *(_written(found.get(k, "NA")) for k in self.keys)])
        file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> TextIO:
        path = Path(self.filename)
        try:
            if self._resumed is not None and path.is_file():
                os.truncate(path, min(self._resumed, path.stat().st_size))
                return path.open("a", newline="")
            return path.open("a" if self.append else "w", newline="")
        except OSError as error:
            raise ExportError(
                f"CSVLogger: cannot write {self.filename}: {error.strerror}"
            ) from error

    def get_state(self) -> dict[str, Any]:
        return {"keys": self.keys, "size": None if self._file is None else self._file.tell()}

    def set_state(self, state: Mapping[str, Any]) -> None:
        self.keys, self._resumed = state["keys"], state["size"]


def _written(value: Any) -> Any:
    if isinstance(value, Iterable) and not isinstance(value, str) and np.ndim(value):
        return f'"[{", ".join(map(str, value))}]"'
    return value
