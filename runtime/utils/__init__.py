"""Keras' utilities: arrays, images, files, progress, objects as data."""

from .arrays import (
    normalize,
    pack_x_y_sample_weight,
    pad_sequences,
    to_categorical,
    unpack_x_y_sample_weight,
)
from .files import get_file
from .images import array_to_img, img_to_array, load_img, save_img, smart_resize
from .messages import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from .objects import (
    deserialize_keras_object,
    get_source_inputs,
    is_keras_tensor,
    serialize_keras_object,
)
from .progbar import Progbar
from .splitting import split_dataset
from .types import standardize_dtype

__all__ = [
    "Progbar", "array_to_img", "deserialize_keras_object", "disable_interactive_logging",
    "enable_interactive_logging", "get_file", "get_source_inputs", "img_to_array",
    "is_interactive_logging_enabled", "is_keras_tensor", "load_img", "normalize",
    "pack_x_y_sample_weight", "pad_sequences", "save_img", "serialize_keras_object", "smart_resize",
    "split_dataset", "standardize_dtype", "to_categorical", "unpack_x_y_sample_weight",
]  # fmt: skip
