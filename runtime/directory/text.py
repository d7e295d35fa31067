"""``text_dataset_from_directory``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import DatasetError
from ._files import Request, read
from .image import in_batches, own_format


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Texts (``.txt``, UTF-8) in a folder with a folder per class, read when they are asked for.

    Elements are arrays [batch] of strings, or (texts, labels). The arguments are those of
    ``image_dataset_from_directory``; ``max_length`` cuts texts after so many bytes, as Keras does (a
    character that is cut in two is dropped).

    Raises ``ArgumentError`` for arguments that make no sense, ``DatasetError`` where there are no files
    or one is no UTF-8.
    """
    own_format(format)

    def load(path: str) -> str:
        content = Path(path).read_bytes()
        if max_length is not None:
            return content[:max_length].decode("utf-8", "ignore")
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DatasetError(f"{path} is no UTF-8 text: {error}") from error

    request = Request(
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split,
        subset, follow_links, verbose, (".txt",),
    )  # fmt: skip
    return read(request, load, lambda d: in_batches(d, batch_size), threads=1)
