"""Keras' optimizers and learning-rate schedules."""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError
from .. import config
from . import schedules
from .adagrad import Adagrad, Ftrl
from .adam import Adam, Adamax, AdamW, Lamb, Nadam
from .base import Optimizer
from .rmsprop import Adadelta, RMSprop
from .sgd import SGD, Lion

_ALL: tuple[Any, ...] = (
    SGD, Adadelta, Adagrad, Adam, AdamW, Adamax, Ftrl, Lamb, Lion, Nadam, RMSprop,
)  # fmt: skip
_NAMES: dict[str, Any] = {c.__name__.lower(): c for c in _ALL}


def get(identifier: Any) -> Optimizer:
    """An optimizer for a name (upper or lower case), an object, a class, or a saved dict."""
    if isinstance(identifier, str):
        made: Optimizer = config.lookup("optimizer", identifier.lower(), _NAMES)()
        return made
    if isinstance(identifier, dict):
        found: Optimizer = config.deserialize(identifier)
        return found
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()  # type: ignore[call-arg]  # the subclasses have defaults
    if isinstance(identifier, Optimizer):
        return identifier
    raise ArgumentError(f"{identifier!r} is no optimizer: expected a name or an object")


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The optimizer's class and arguments as JSON can hold them (not its state)."""
    return config.serialize(optimizer)


def deserialize(config_: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Optimizer:
    """The inverse of ``serialize``."""
    with config.custom_object_scope(custom_objects or {}):
        return get(config_)


# Keras has these and this version does not.
MISSING = ("LossScaleOptimizer", "MultiOptimizer", "Muon", "OptimizerMap", "ScheduleFreeAdamW")


def __getattr__(name: str) -> Any:
    if name in MISSING:
        raise NotImplementedError(
            f"wh.optimizers.{name} is not there yet: subclass wh.optimizers.Optimizer, or write the "
            "update in train_step with Variable.assign"
        )
    raise AttributeError(f"module 'waterhorse.optimizers' has no attribute {name!r}")


__all__ = [
    "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion", "Nadam",
    "Optimizer", "RMSprop", "deserialize", "get", "schedules", "serialize",
]  # fmt: skip
