"""Training runs with callbacks, as plain data: played by Keras (make_callback_goldens.py) and by the tests.

Each case is one ``fit`` of ``w * x`` to ``3 * x``. ``script`` puts values into the logs at the end of
each epoch, before the callbacks see them: so that what they decide does not depend on rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

EPOCHS = 12
FALLING = [1.0, 0.8, 0.79, 0.785, 0.9, 0.7, 0.71, 0.72, 0.73, 0.69, 0.8, 0.81]
FLAT = [0.5, 0.6, 0.55, 0.7, 0.65, 0.5, 0.4, 0.6, 0.6, 0.6, 0.6, 0.6]
RISING = [0.1, 0.3, 0.2, 0.25, 0.5, 0.4, 0.45, 0.48, 0.6, 0.55, 0.5, 0.5]
GAPS = [1.0, 0.9, float("nan"), 0.95, 0.92, 0.91, 0.93, 0.9, 0.9, 0.9, 0.9, 0.9]

Spec = tuple[str, dict[str, Any]]


def _stop(script: Any, **arguments: Any) -> dict[str, Any]:
    return {"script": {"val_loss": script}, "callbacks": [("EarlyStopping", arguments)]}


def _reduce(script: Any, **arguments: Any) -> dict[str, Any]:
    return {"script": {"val_loss": script}, "callbacks": [("ReduceLROnPlateau", arguments)]}


CASES: dict[str, dict[str, Any]] = {
    "stop": _stop(FALLING),
    "stop_patience": _stop(FALLING, patience=3),
    "stop_patience_long": _stop(FALLING, patience=20),
    "stop_delta": _stop(FALLING, patience=2, min_delta=0.05),
    "stop_negative_delta": _stop(FALLING, patience=2, min_delta=-0.05),
    "stop_baseline": _stop(FALLING, patience=3, baseline=0.75),
    "stop_baseline_never": _stop(FALLING, patience=4, baseline=0.1, restore_best_weights=True),
    "stop_restore": _stop(FALLING, patience=3, restore_best_weights=True),
    "stop_restore_unstopped": _stop(FALLING, patience=30, restore_best_weights=True),
    "stop_restore_delta": _stop(FALLING, patience=2, min_delta=0.15, restore_best_weights=True),
    "stop_late_start": _stop(FLAT, patience=1, start_from_epoch=4, restore_best_weights=True),
    "stop_nan": _stop(GAPS, patience=2, restore_best_weights=True),
    "stop_first_nan": _stop([float("nan"), *FALLING], patience=2),
    "stop_max": {
        "script": {"quality": RISING},
        "callbacks": [("EarlyStopping", {"monitor": "quality", "mode": "max", "patience": 2,
                                         "min_delta": 0.15})],
    },
    "stop_auto_metric": {
        "script": {"val_mae": FALLING},
        "callbacks": [("EarlyStopping", {"monitor": "val_mae", "patience": 1})],
    },
    "reduce": _reduce(FALLING, patience=2),
    "reduce_each": _reduce(FLAT, patience=1, factor=0.5),
    "reduce_cooldown": _reduce(FLAT, patience=1, factor=0.5, cooldown=2),
    "reduce_at_once": _reduce(FLAT, patience=0, factor=0.5, cooldown=1),
    "reduce_least": _reduce(FLAT, patience=1, factor=0.5, min_lr=0.01),
    "reduce_delta": _reduce(FALLING, patience=2, factor=0.3, min_delta=0.05),
    "reduce_nan": _reduce(GAPS, patience=2, factor=0.3),
    "reduce_max": {
        "script": {"quality": RISING},
        "callbacks": [("ReduceLROnPlateau", {"monitor": "quality", "mode": "max", "patience": 1})],
    },
    "reduce_and_stop": {
        "script": {"val_loss": FALLING},
        "callbacks": [("ReduceLROnPlateau", {"patience": 1, "factor": 0.5}),
                      ("EarlyStopping", {"patience": 3, "restore_best_weights": True})],
    },
    "reduce_several": {
        "script": {"val_loss": FLAT},
        "optimizer": ("MultiOptimizer", {"default": ("SGD", {"learning_rate": 0.05, "name": "only"})}),
        "callbacks": [("ReduceLROnPlateau", {"patience": 2, "factor": 0.5})],
    },
    "rate_by_epoch": {"callbacks": [("LearningRateScheduler", {"schedule": "by_epoch"})]},
    "rate_by_rate": {"callbacks": [("LearningRateScheduler", {"schedule": "halved"})]},
    "swap": {
        "optimizer": ("SGD", {"learning_rate": 0.05, "use_ema": True, "ema_momentum": 0.5}),
        "callbacks": [("SwapEMAWeights", {})],
    },
    "swap_on_epoch": {
        "optimizer": ("SGD", {"learning_rate": 0.05, "use_ema": True, "ema_momentum": 0.7}),
        "callbacks": [("SwapEMAWeights", {"swap_on_epoch": True}), ("Weights", {})],
    },
    "stopped_within": {"callbacks": [("Stopper", {"epoch": 2, "batch": 1})]},
    "nan": {
        "optimizer": ("SGD", {"learning_rate": 1e30}), "callbacks": [("TerminateOnNaN", {})],
    },
    "hooks": {"epochs": 2, "callbacks": [("Recorder", {})]},
}  # fmt: skip

CSV: dict[str, dict[str, Any]] = {
    "plain": {"arguments": {}},
    "separator": {"arguments": {"separator": ";"}},
    "append": {
        "arguments": {"append": True},
        "before": "epoch,loss,mae,val_loss,val_mae\n7,1,2,3,4\n",
    },
    "append_empty": {"arguments": {"append": True}, "before": ""},
    "replaced": {"arguments": {}, "before": "rubbish\n"},
    "no_validation": {"arguments": {}, "fit": {"validation_data": None}},
    "some_validation": {"arguments": {}, "fit": {"validation_freq": 2}},
    "text": {"arguments": {}, "script": {"label": ["a", "b,c", 'd"e']}},
    "array": {"arguments": {}, "script": {"pair": [np.array([1.5, 2.5])] * 3}},
}


def by_epoch(epoch: int) -> float:
    return 0.1 / (1 + epoch)


def halved(epoch: int, rate: float) -> float:
    return rate * 0.5 if epoch % 3 == 2 else rate


FUNCTIONS = {"by_epoch": by_epoch, "halved": halved}
HOOKS = [
    f"on_{part}_{side}"
    for part in ("train", "epoch", "train_batch", "test", "test_batch", "predict", "predict_batch")
    for side in ("begin", "end")
]


def data() -> dict[str, Any]:
    """Ten examples in batches of four, and six for validation."""
    x = np.linspace(-1, 2, 10, dtype=np.float32).reshape(-1, 1)
    held = np.linspace(0, 1, 6, dtype=np.float32).reshape(-1, 1)
    return {
        "x": x, "y": 3 * x, "batch_size": 4, "validation_data": (held, 2.5 * held),
        "shuffle": False, "verbose": 0,
    }  # fmt: skip


def helpers(base: Any) -> dict[str, Any]:
    """Callbacks of the cases' own, made of a framework's ``Callback``."""

    class Scripted(base):
        def __init__(self, script: dict[str, list[Any]]) -> None:
            super().__init__()
            self.script = script

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs.update({k: v[epoch] for k, v in self.script.items()})

    class Stopper(base):
        def __init__(self, epoch: int, batch: int) -> None:
            super().__init__()
            self.at, self.epoch = (epoch, batch), 0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.epoch = epoch

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if (self.epoch, batch) == self.at:
                self.model.stop_training = True

    class Weights(base):
        """Puts the weight at the end of the epoch into the logs."""

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["weight"] = float(self.model.get_weights()[0][0, 0])

    class Recorder(base):
        """Writes down which hooks are called, with what number and which logs."""

        def __init__(self) -> None:
            super().__init__()
            self.calls: list[list[Any]] = []
            for hook in HOOKS:
                setattr(self, hook, self._noting(hook))

        def _noting(self, hook: str) -> Any:
            def note(*args: Any, logs: Any = None) -> None:
                numbers = [a for a in args if isinstance(a, int)]
                given = [a for a in args if isinstance(a, dict)] or [logs]
                self.calls.append([hook, numbers, sorted(given[0] or {})])

            return note

    return {c.__name__: c for c in (Scripted, Stopper, Weights, Recorder)}


# what callbacks know at the end of a run
REMEMBERED = ("wait", "best", "stopped_epoch", "best_epoch", "cooldown_counter", "calls")


def remembered(callbacks: list[Any]) -> list[dict[str, Any]]:
    found = []
    for callback in callbacks:
        values = {n: getattr(callback, n) for n in REMEMBERED if hasattr(callback, n)}
        if not getattr(callback, "restore_best_weights", True):
            values.pop("best_epoch", None)
        found.append(values)
    return found
