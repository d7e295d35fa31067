"""Writing models and reading them back."""

from . import _boot as _boot
from .compiler.config import custom_object_scope, register_keras_serializable
from .runtime import feature_space as feature_space  # files may hold one
from .runtime.saving import load_model, load_weights, save_model, save_weights

__all__ = [
    "custom_object_scope",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
]
