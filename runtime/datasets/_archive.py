"""Keras' published files: from a folder of yours, the cache, or downloaded and checked; NumPy archives."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...compiler.ir import Array
from ...errors import ArgumentError, DatasetError
from ..utils.files import cache_folder, get_file
from ._files import data_folder, find
from ._pickled import load

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
Pair = tuple[Array, Array]


def located(path: str, origin: str, file_hash: str) -> Path:
    """The file ``path``: itself where it names one, in ``WATERHORSE_DATA``, in the cache, or downloaded.

    A file of yours is taken as it is; what is downloaded must have ``file_hash`` (SHA-256 or MD5).
    Raises ``DatasetError`` that says where to put the file.
    """
    if Path(path).is_file():
        return Path(path)
    folder = data_folder()
    name = Path(path).name
    own = None if folder is None else find(name, [folder, folder / name.split(".")[0]])
    if own is not None:
        return own
    try:
        return Path(get_file(name, origin, file_hash=file_hash))
    except DatasetError as error:
        raise DatasetError(
            f"{name} is not in {folder or 'WATERHORSE_DATA (which is not set)'}, nor in "
            f"{cache_folder() / 'datasets'}, and {error}, or set WATERHORSE_DATA to the folder that has it"
        ) from error


def arrays(path: Path, names: Sequence[str], ragged: bool = False) -> list[Array]:
    """These arrays of an ``.npz`` file. Raises ``DatasetError`` where it has them not.

    With ``ragged``, arrays of Python lists are read too; they are pickled, and of pickle's classes only
    those that make lists and arrays are allowed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return [_array(archive, name, ragged) for name in names]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetError(f"{path} is no archive of {', '.join(names)}: {error}") from error


def _array(archive: zipfile.ZipFile, name: str, ragged: bool) -> Array:
    with archive.open(f"{name}.npy") as file:
        version = np.lib.format.read_magic(file)
        reader = {(1, 0): np.lib.format.read_array_header_1_0}.get(
            version, np.lib.format.read_array_header_2_0
        )
        _, _, dtype = reader(file)
        if ragged and dtype.kind == "O":
            return np.asarray(load(file), object)
    with archive.open(f"{name}.npy") as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def shuffled(seed: int, *columns: Array) -> list[Array]:
    """The columns' rows in the order that NumPy's legacy generator gives for ``seed``."""
    order = np.arange(len(columns[0]))
    np.random.RandomState(seed).shuffle(order)
    return [c[order] for c in columns]


def parted(x: Any, y: Any, test_split: float) -> tuple[Pair, Pair]:
    """The first part for training, the last ``test_split`` of it for testing."""
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


def check_split(test_split: float) -> None:
    """Raises ``ArgumentError`` unless it is from 0 to below 1."""
    if not 0 <= test_split < 1:
        raise ArgumentError(f"test_split={test_split}: expected 0 to below 1")


def read_json(path: Path) -> Any:
    """What a JSON file says. Raises ``DatasetError`` for what is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} is no JSON: {error}") from error
