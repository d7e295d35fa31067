"""What old Keras programs look for in ``keras.backend``; ``wh.config`` is the better place."""

from typing import Any

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
from .runtime.utils.types import is_float_dtype, is_int_dtype, result_type, standardize_dtype

__all__ = [
    "backend", "clear_session", "epsilon", "floatx", "image_data_format", "is_float_dtype",
    "is_int_dtype", "is_keras_tensor", "result_type", "set_epsilon", "set_floatx",
    "set_image_data_format", "standardize_dtype",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "get_uid":
        raise NotImplementedError("wh.backend.get_uid is not there: give layers names of your own")
    raise AttributeError(f"module 'waterhorse.backend' has no attribute {name!r}")
