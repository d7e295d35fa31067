"""Small helpers, under Keras' names."""

from . import _boot as _boot
from .compiler.config import custom_object_scope, register_keras_serializable
from .compiler.layers.context import clear_session
from .compiler.random import set_random_seed
from .runtime.utils import normalize, split_dataset, to_categorical

__all__ = [
    "clear_session",
    "custom_object_scope",
    "normalize",
    "register_keras_serializable",
    "set_random_seed",
    "split_dataset",
    "to_categorical",
]
