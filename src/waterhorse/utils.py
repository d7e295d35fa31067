"""Small helpers, under Keras' names."""

from typing import Any

from . import _boot as _boot
from .compiler.config import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from .compiler.naming import clear_session
from .compiler.random import set_random_seed
from .runtime.data import PyDataset
from .runtime.data.timeseries import timeseries_dataset_from_array
from .runtime.directory import (
    audio_dataset_from_directory,
    image_dataset_from_directory,
    text_dataset_from_directory,
)
from .runtime.drawing import model_to_dot, plot_model
from .runtime.feature_space import FeatureSpace
from .runtime.summary import summary_json
from .runtime.utils import (
    Progbar,
    array_to_img,
    deserialize_keras_object,
    disable_interactive_logging,
    enable_interactive_logging,
    get_file,
    get_source_inputs,
    img_to_array,
    is_interactive_logging_enabled,
    is_keras_tensor,
    load_img,
    normalize,
    pack_x_y_sample_weight,
    pad_sequences,
    save_img,
    serialize_keras_object,
    split_dataset,
    standardize_dtype,
    to_categorical,
    unpack_x_y_sample_weight,
)

# what Keras has and we do not -> what to use instead
MISSING = {
    "Config": "a dataclass, or a dict",
    "bounding_boxes": "NumPy: boxes are arrays",
    "legacy": "wh.utils.serialize_keras_object and deserialize_keras_object",
}

CustomObjectScope = custom_object_scope
Sequence = PyDataset

__all__ = [
    "CustomObjectScope",
    "FeatureSpace",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "audio_dataset_from_directory",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "load_img",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "summary_json",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]


def __getattr__(name: str) -> Any:
    if name in MISSING:
        raise NotImplementedError(f"wh.utils.{name} is not there: use {MISSING[name]}")
    raise AttributeError(f"module 'waterhorse.utils' has no attribute {name!r}")
