"""Writing models and reading them back."""

from typing import Any

from . import _boot as _boot
from .compiler.config import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from .runtime import feature_space as feature_space  # files may hold one
from .runtime.saving import load_model, load_weights, save_model, save_weights
from .runtime.utils import deserialize_keras_object, serialize_keras_object

CustomObjectScope = custom_object_scope

__all__ = [
    "CustomObjectScope", "custom_object_scope", "deserialize_keras_object", "get_custom_objects",
    "get_registered_name", "get_registered_object", "load_model", "load_weights",
    "register_keras_serializable", "save_model", "save_weights", "serialize_keras_object",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "KerasFileEditor":
        raise NotImplementedError(
            "wh.saving.KerasFileEditor is not there: load the model, change it, save it; or open the "
            "file with zipfile"
        )
    raise AttributeError(f"module 'waterhorse.saving' has no attribute {name!r}")
