"""Data sets from folders and arrays, under Keras' names."""

from .. import _boot as _boot
from ..runtime.data.timeseries import timeseries_dataset_from_array
from ..runtime.directory import image_dataset_from_directory, text_dataset_from_directory
from . import image, sequence

__all__ = [
    "image", "image_dataset_from_directory", "sequence", "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]  # fmt: skip
