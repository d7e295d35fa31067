"""CIFAR-10 and CIFAR-100 from Krizhevsky's archives of Python pickles (2009)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...compiler import settings
from ...compiler.ir import Array
from ...errors import DatasetError
from ..utils.files import cache_folder, get_file
from ._files import data_folder
from ._pickled import batch, images

Split = tuple[tuple[Array, Array], tuple[Array, Array]]


def folder_of(name: str, first: str, origin: str, file_hash: str) -> Path:
    """The folder ``name`` that has the file ``first``: of yours, of the cache, or downloaded.

    Raises ``DatasetError`` that says where to put what.
    """
    given = data_folder()
    for place in [] if given is None else [given, given / name]:
        if (place / first).is_file():
            return place
    try:
        found = get_file(f"{name}-target", origin, file_hash=file_hash, extract=True)
    except DatasetError as error:
        raise DatasetError(
            f"the folder {name} is not in {given or 'WATERHORSE_DATA (which is not set)'}, nor in "
            f"{cache_folder() / 'datasets' / f'{name}-target'}, and {error}, or unpack it to a folder and "
            "set WATERHORSE_DATA to that"
        ) from error
    return Path(found) / name


def split(folder: Path, train: list[str], test: str, labels: str) -> Split:
    """``(x_train, y_train), (x_test, y_test)`` of these files, laid out as ``config`` says."""
    found = []
    for names in (train, [test]):
        parts = [images(batch(folder / n), labels, folder / n) for n in names]
        x, y = (np.concatenate(column) for column in zip(*parts, strict=True))
        if settings.image_data_format() == "channels_last":
            x = x.transpose(0, 2, 3, 1)
        found.append((x, y))
    return found[0], found[1]
