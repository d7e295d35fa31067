"""What old Keras programs look for in ``keras.backend``; ``wh.config`` is the better place."""

from . import _boot as _boot
from .compiler.naming import clear_session
from .compiler.settings import (
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from .runtime.utils.objects import is_keras_tensor
from .runtime.utils.switches import backend

__all__ = [
    "backend", "clear_session", "epsilon", "floatx", "image_data_format", "is_keras_tensor",
    "set_epsilon", "set_floatx", "set_image_data_format",
]  # fmt: skip
