"""Hooks into the training loop, and the history that ``fit`` returns."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .averages import SwapEMAWeights
from .backup import BackupAndRestore
from .base import Callback
from .base import Logs as Logs
from .callback_list import CallbackList
from .callback_list import listed as listed
from .csv_logger import CSVLogger
from .every import EveryFewBatches as EveryFewBatches
from .history import History
from .model_checkpoint import ModelCheckpoint
from .monitored import EarlyStopping, ReduceLROnPlateau
from .monitored import improves_upwards as improves_upwards
from .progbar import ProgbarLogger
from .rates import LearningRateScheduler
from .simple import LambdaCallback, TerminateOnNaN
from .tensorboard import TensorBoard

if TYPE_CHECKING:
    from .remote_monitor import RemoteMonitor


def __getattr__(name: str) -> Any:
    if name == "RemoteMonitor":
        # loaded when it is used: HTTP and TLS would make every start slower
        return importlib.import_module(".remote_monitor", __name__).RemoteMonitor
    if name == "OrbaxCheckpoint":
        raise NotImplementedError(
            "wh.callbacks.OrbaxCheckpoint needs JAX's file format: use BackupAndRestore to go on after "
            "an interruption, ModelCheckpoint to keep models"
        )
    raise AttributeError(f"module 'waterhorse.callbacks' has no attribute {name!r}")


__all__ = [
    "BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History",
    "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint", "ProgbarLogger",
    "ReduceLROnPlateau", "RemoteMonitor", "SwapEMAWeights", "TensorBoard", "TerminateOnNaN",
]  # fmt: skip
