"""Keras' optimizers and learning-rate schedules."""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError
from .. import config, naming
from ..config import custom_object_scope
from . import schedules
from .adafactor import Adafactor
from .adagrad import Adagrad, Ftrl
from .adam import Adam, Adamax, AdamW, Lamb, Nadam
from .base import Optimizer
from .muon import Muon
from .rmsprop import Adadelta, RMSprop
from .schedule_free import ScheduleFreeAdamW
from .sgd import SGD, Lion
from .wrappers import LossScaleOptimizer, MultiOptimizer, OptimizerMap

_ALL: tuple[Any, ...] = (
    SGD, Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl, Lamb, Lion, Muon, Nadam, RMSprop,
    ScheduleFreeAdamW,
)  # fmt: skip
_NAMES: dict[str, Any] = {c.__name__.lower(): c for c in _ALL}


def get(identifier: Any) -> Optimizer:
    """An optimizer for a name (upper or lower case), an object, a class, or a saved dict."""
    if isinstance(identifier, str):
        made: Optimizer = config.lookup("optimizer", identifier.lower(), _NAMES)()
        return made
    if isinstance(identifier, dict):
        found: Optimizer = config.deserialize(naming.qualified("optimizers", identifier, __all__))
        return found
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()  # type: ignore[call-arg]  # the subclasses have defaults
    if isinstance(identifier, Optimizer):
        return identifier
    raise ArgumentError(f"{identifier!r} is no optimizer: expected a name or an object")


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The optimizer's class and arguments as JSON can hold them (not its state)."""
    return config.serialize(optimizer)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Optimizer:
    """The inverse of ``serialize``."""
    with custom_object_scope(custom_objects or {}):
        return get(config)


__all__ = [
    "SGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion",
    "LossScaleOptimizer", "MultiOptimizer", "Muon", "Nadam", "Optimizer", "OptimizerMap", "RMSprop",
    "ScheduleFreeAdamW", "deserialize", "get", "schedules", "serialize",
]  # fmt: skip
