"""What happens at the end of each epoch, or every so many batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .base import Callback, Logs


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
