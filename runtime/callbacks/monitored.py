"""Callbacks that follow a metric: stop when it no longer improves, or lower the learning rate."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...compiler import losses, metrics
from ...compiler.ir import Array
from ...errors import ArgumentError
from .base import Callback, Logs
from .rates import named_optimizers, report

if TYPE_CHECKING:
    from ..model import Model

# By name, and with all subclasses. A metric that is in neither has no better and worse of its own.
_HIGHER = frozenset({
    "Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy",
    "TopKCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "CosineSimilarity", "AUC",
    "Precision", "Recall", "SensitivitySpecificityBase", "SensitivityAtSpecificity",
    "SpecificityAtSensitivity", "PrecisionAtRecall", "RecallAtPrecision", "FBetaScore", "F1Score",
    "IoU", "BinaryIoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU", "R2Score", "PearsonCorrelation",
    "ConcordanceCorrelation",
})  # fmt: skip
_LOWER = frozenset({
    "MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError",
    "MeanSquaredLogarithmicError", "LogCoshError", "BinaryCrossentropy", "CategoricalCrossentropy",
    "SparseCategoricalCrossentropy", "KLDivergence", "Poisson", "Hinge", "SquaredHinge",
    "CategoricalHinge",
})  # fmt: skip


def _metric_is_higher(metric: metrics.Metric) -> bool | None:
    """Whether larger values are better: by the nearest class that says so, None where none does."""
    for cls in type(metric).__mro__:
        if cls.__name__ in _HIGHER | _LOWER:
            return cls.__name__ in _HIGHER
    if isinstance(metric, metrics.MeanMetricWrapper):
        # a loss as a metric
        module = str(getattr(metric.fn, "__module__", ""))
        if isinstance(metric.fn, losses.Loss) or module.startswith(losses.__name__):
            return False
    return None


def improves_upwards(owner: str, monitor: str, mode: str, model: Model) -> bool:
    """Whether larger values of ``monitor`` are better: as ``mode`` says, else by the metric's kind.

    Raises ``ArgumentError`` for an unknown mode, and where "auto" cannot know.
    """
    check_mode(owner, mode)
    if mode != "auto":
        return mode == "max"
    name = monitor.removeprefix("val_")
    if name == "loss" or name.endswith("_loss"):
        return False
    for metric in model.metrics:
        higher = _metric_is_higher(metric) if metric.name == name else None
        if higher is not None:
            return higher
    raise ArgumentError(
        f"{owner}: whether {monitor!r} should be large or small is not known; give mode='max' or "
        "mode='min'"
    )


def check_mode(owner: str, mode: str) -> None:
    """Raises ``ArgumentError`` for an unknown mode."""
    if mode not in ("auto", "min", "max"):
        raise ArgumentError(f"{owner}: mode={mode!r}; expected 'auto', 'min' or 'max'")


class MonitorCallback(Callback):
    """Base of callbacks that wait for ``monitor`` to improve by more than ``min_delta``."""

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        check_mode(type(self).__name__, mode)
        self.monitor, self.mode, self.min_delta = monitor, mode, abs(min_delta)
        self.best: float | None = None
        self.wait = 0

    def value(self, logs: Logs) -> float | None:
        """The metric's value; None, with a warning, where it is not among the logs."""
        if self.monitor not in logs:
            warnings.warn(
                f"{type(self).__name__}: there is no {self.monitor!r}; there are {', '.join(logs)} "
                "(val_... needs validation data)",
                stacklevel=4,
            )
            return None
        return float(logs[self.monitor])

    def improved(self, value: float, reference: float | None) -> bool:
        """Whether ``value`` is better than ``reference``, by more than ``min_delta``."""
        up = improves_upwards(type(self).__name__, self.monitor, self.mode, self.model)
        if reference is None:
            return True
        least = self.min_delta
        return value - least > reference if up else value + least < reference

    def best_by(self, logs: Logs) -> str:
        value = logs.get(self.monitor)
        better = value is not None and self.improved(float(value), self.best)
        return self.monitor if better else ""

    def get_state(self) -> dict[str, Any]:
        return {"best": self.best, "wait": self.wait}

    def set_state(self, state: Mapping[str, Any]) -> None:
        self.best = None if state["best"] is None else float(state["best"])
        self.wait = int(state["wait"])


class EarlyStopping(MonitorCallback):
    """Stop training when a metric has not improved for ``patience`` epochs.

    Args:
        monitor: the metric.
        min_delta: an improvement is more than this.
        patience: so many epochs without improvement are borne.
        verbose: 1 says what is done.
        mode: "min" or "max" of ``monitor`` is best; "auto" knows for losses and our own metrics.
        baseline: only values better than this end the waiting.
        restore_best_weights: at the end give the model the weights of its best epoch, whether that
            was better than the baseline or not.
        start_from_epoch: the first epochs, so many, are not looked at.

    Raises ``ArgumentError`` where "auto" cannot know which values are better.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.stopped_epoch = self.best_epoch = 0
        self.best_weights: list[Array] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        current = self.value(logs or {})
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self.improved(current, self.best):
            self.best = current
            self._keep(epoch)
            if self.baseline is None or self.improved(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose > 0:
                print(f"weights of the best epoch are restored: {self.best_epoch + 1}")
            self.model.set_weights(self.best_weights)

    def get_state(self) -> dict[str, Any]:
        return {
            **super().get_state(), "stopped_epoch": self.stopped_epoch,
            "best_epoch": self.best_epoch, "best_weights": self.best_weights,
        }  # fmt: skip

    def set_state(self, state: Mapping[str, Any]) -> None:
        super().set_state(state)
        self.stopped_epoch, self.best_epoch = int(state["stopped_epoch"]), int(state["best_epoch"])
        self.best_weights = state["best_weights"]


class ReduceLROnPlateau(MonitorCallback):
    """Multiply the learning rate by ``factor`` when a metric has not improved for ``patience`` epochs.

    The rate is added to the logs as ``learning_rate``.

    Args:
        monitor, min_delta, mode, verbose: as in ``EarlyStopping``.
        factor: less than 1.
        patience: so many epochs without improvement are borne.
        cooldown: after a reduction so many epochs do not count.
        min_lr: the rate is never set below this.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if factor >= 1.0:
            raise ArgumentError(f"ReduceLROnPlateau(factor={factor}): expected less than 1")
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self.cooldown_counter = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.best, self.cooldown_counter, self.wait = None, 0, 0

    def in_cooldown(self) -> bool:
        """Whether epochs do not count at present."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        seen = logs if logs is not None else {}
        report(self.model, seen)
        current = self.value(seen)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improved(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduced(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduced(self, epoch: int) -> bool:
        """Lower all rates that are above ``min_lr``. Whether there was one."""
        above = {
            name: optimizer for name, optimizer in named_optimizers(self.model).items()
            if float(optimizer.learning_rate) > float(np.float32(self.min_lr))
        }  # fmt: skip
        for name, optimizer in above.items():
            rate = max(float(optimizer.learning_rate) * self.factor, self.min_lr)
            optimizer.learning_rate = rate
            if self.verbose > 0:
                print(f"epoch {epoch + 1}: {name} is reduced to {rate:.6g}")
        return bool(above)

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "cooldown_counter": self.cooldown_counter}

    def set_state(self, state: Mapping[str, Any]) -> None:
        super().set_state(state)
        self.cooldown_counter = int(state["cooldown_counter"])
