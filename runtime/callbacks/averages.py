"""Evaluate with the moving averages of the weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...compiler.optimizers import LossScaleOptimizer, Optimizer
from ...compiler.optimizers.base import AVERAGE
from ...compiler.state import Variable
from ...errors import ArgumentError
from .base import Callback, Logs


class SwapEMAWeights(Callback):
    """Exchange weights and their moving averages before each evaluation, and back after it.

    For optimizers with ``use_ema=True``. With ``swap_on_epoch`` they are exchanged from the end of an
    epoch to the beginning of the next, too, so that a ``ModelCheckpoint`` after this callback saves
    the averages. Unlike Keras' own it changes back after ``predict`` as well.

    Raises ``ArgumentError`` where the optimizer keeps no averages.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        self.swap_on_epoch = swap_on_epoch
        self._averages_in_model = False

    def _pairs(self) -> Iterator[tuple[Variable, Variable]]:
        """Each weight with its average."""
        optimizer = self.model.optimizer
        if isinstance(optimizer, LossScaleOptimizer):
            optimizer = optimizer.inner_optimizer
        several: list[Optimizer] = getattr(optimizer, "optimizers", [optimizer])
        averaging = [o for o in several if o.use_ema and o.built]
        if not averaging:
            raise ArgumentError(
                "SwapEMAWeights: the optimizer keeps no averages: make it with use_ema=True, and "
                "train before evaluating"
            )
        for one in averaging:
            yield from ((v, one.slot(v, AVERAGE)) for v in one._trainable_variables)

    def _exchange(self, averages_in_model: bool) -> None:
        if self._averages_in_model != averages_in_model:
            for weight, average in self._pairs():
                value = weight.numpy()
                weight.assign(average.numpy())
                average.assign(value)
            self._averages_in_model = averages_in_model

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._exchange(averages_in_model=False)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if not self.swap_on_epoch:
            return
        self._exchange(averages_in_model=True)
        if epoch == self.params["epochs"] - 1 or self.model.stop_training:
            # the end: what fit is about to give to the weights must be the averages
            for weight, average in self._pairs():
                average.assign(weight.numpy())

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._exchange(averages_in_model=True)

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._exchange(averages_in_model=False)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._exchange(averages_in_model=True)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._exchange(averages_in_model=False)

    def get_state(self) -> dict[str, Any]:
        return {"averages_in_model": self._averages_in_model}

    def set_state(self, state: Mapping[str, Any]) -> None:
        self._averages_in_model = bool(state["averages_in_model"])
