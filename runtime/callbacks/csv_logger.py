"""Metrics as lines of a text file."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

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
        self._mode = "w"

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.keys = None
        self._mode = "a" if self.append else "w"

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        found = logs or {}
        if self.keys is None:
            self.keys = sorted(found)
            if not any(k.startswith("val_") for k in self.keys):
                self.keys += [f"val_{k}" for k in self.keys]
        try:
            with Path(self.filename).open(self._mode, newline="") as file:
                writer = csv.writer(file, delimiter=self.sep)
                if file.tell() == 0:
                    writer.writerow(["epoch", *self.keys])
                writer.writerow([epoch, *(_written(found.get(k, "NA")) for k in self.keys)])
        except OSError as error:
            raise ExportError(
                f"CSVLogger: cannot write {self.filename}: {error.strerror}"
            ) from error
        self._mode = "a"

    def get_state(self) -> dict[str, Any]:
        path = Path(self.filename)
        return {"keys": self.keys, "size": path.stat().st_size if path.is_file() else 0}

    def set_state(self, state: Mapping[str, Any]) -> None:
        self.keys = state["keys"]
        path = Path(self.filename)
        if self.keys is not None and path.is_file():
            os.truncate(path, min(int(state["size"]), path.stat().st_size))
            self._mode = "a"


def _written(value: Any) -> Any:
    if isinstance(value, Iterable) and not isinstance(value, str) and np.asarray(value).shape:
        return f'"[{", ".join(map(str, value))}]"'
    return value
