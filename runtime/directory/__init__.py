"""Data sets of files in folders, one folder per class, read when they are asked for."""

from .audio import audio_dataset_from_directory
from .image import image_dataset_from_directory
from .text import text_dataset_from_directory

__all__ = [
    "audio_dataset_from_directory", "image_dataset_from_directory", "text_dataset_from_directory",
]  # fmt: skip
