"""Learning rates that follow the number of the epoch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...compiler.optimizers import Optimizer
from ...errors import ArgumentError
from .base import Callback, Logs

if TYPE_CHECKING:
    from ..model import Model


def named_optimizers(model: Model) -> dict[str, Optimizer]:
    """``learning_rate`` and the optimizer, or ``learning_rate_<name>`` and each of several.

    Raises ``ArgumentError`` where the model has none.
    """
    if model.optimizer is None:
        raise ArgumentError(f"model {model.name!r} has no optimizer whose rate could be set")
    several = getattr(model.optimizer, "optimizers", None)
    if several is None:
        return {"learning_rate": model.optimizer}
    found: dict[str, Optimizer] = {}
    for optimizer in several:
        label, count = f"learning_rate_{optimizer.name}", 0
        while label in found:
            count += 1
            label = f"learning_rate_{optimizer.name}_{count}"
        found[label] = optimizer
    return found


def report(model: Model, logs: Logs) -> None:
    """Add the present rates to the logs."""
    for name, optimizer in named_optimizers(model).items():
        logs[name] = float(optimizer.learning_rate)


class LearningRateScheduler(Callback):
    """Set the learning rate at the beginning of each epoch, and add it to the logs at its end.

    Args:
        schedule: a function of the epoch's number (from 0) and the present rate, or of the number
            alone, that gives the rate as a float.
        verbose: 1 says what is done.

    Raises ``ArgumentError`` where it gives something else, and where the optimizer was made with a
    schedule.
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        self.schedule, self.verbose = schedule, verbose
        self._last: int | None = None
        try:
            inspect.signature(schedule).bind(0, 0.1)
            self._with_rate = True
        except TypeError:
            self._with_rate = False
        except ValueError:  # a function that is not written in Python does not say
            self._with_rate = True

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._last = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        if epoch == self._last:
            return  # resumed within this epoch: the rate is set already
        self._last = epoch
        for name, optimizer in named_optimizers(self.model).items():
            present = float(optimizer.learning_rate)
            rate = self.schedule(epoch, present) if self._with_rate else self.schedule(epoch)
            number = np.asarray(rate)
            if number.shape or number.dtype.kind != "f":
                raise ArgumentError(
                    f"LearningRateScheduler: the schedule gave {rate!r} for epoch {epoch}; "
                    "expected a float"
                )
            optimizer.learning_rate = float(number)
            if self.verbose > 0:
                print(f"epoch {epoch + 1}: {name} is set to {float(number):.6g}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        report(self.model, logs if logs is not None else {})

    def get_state(self) -> dict[str, Any]:
        return {"epoch": self._last}

    def set_state(self, state: Mapping[str, Any]) -> None:
        self._last = state["epoch"]
