"""Keras' optimizers and learning-rate schedules."""

from __future__ import annotations

from typing import Any

from .. import config
from . import schedules
from .algorithms import SGD, Adagrad, Adam, AdamW, RMSprop
from .base import Optimizer

_NAMES: dict[str, Any] = {
    "sgd": SGD, "adam": Adam, "adamw": AdamW, "rmsprop": RMSprop, "adagrad": Adagrad,
}  # fmt: skip


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
    raise TypeError(f"{identifier!r} is no optimizer: expected a name or an object")


__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "get", "schedules"]
