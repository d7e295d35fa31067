"""MNIST's file format (idx): four files, two of images and two of labels."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DatasetError
from ._files import RemoteFile, cache_folder, data_folder, fetch, find

Array = np.ndarray[Any, Any]
Split = tuple[tuple[Array, Array], tuple[Array, Array]]


def read_idx(path: Path) -> Array:
    """The uint8 array in a (gzipped) idx file. Raises ``DatasetError`` where it is damaged."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        zero, kind, rank = struct.unpack_from(">HBB", data)
        shape = struct.unpack_from(f">{rank}I", data, 4)
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise DatasetError(f"{path} is damaged: {error}") from error
    if zero != 0 or kind != 8 or rank not in (1, 3):
        raise DatasetError(f"{path} is no idx file of bytes (it starts with {data[:4].hex()})")
    values = np.frombuffer(data, np.uint8, offset=4 + 4 * rank)
    if values.size != np.prod(shape):
        raise DatasetError(f"{path} is cut short: {values.size} values for shape {shape}")
    return values.reshape(shape)


def load_split(name: str, files: Sequence[RemoteFile], places: Sequence[Path]) -> Split:
    """Training and test part from four idx files (images and labels of each), or ``<name>.npz``."""
    given = data_folder()
    local = [] if given is None else [given, given / name, given / name.replace("_", "-")]
    archive = find(f"{name}.npz", local)
    if archive is not None:
        return _from_npz(archive)
    folders = [*local, *places, cache_folder() / name]
    paths = []
    for file in files:
        found = find(file.name, folders) or find(file.name.removesuffix(".gz"), folders)
        paths.append(found or fetch(file, cache_folder() / name, folders))
    arrays = [read_idx(p) for p in paths]
    return _checked(name, (arrays[0], arrays[1]), (arrays[2], arrays[3]))


def _from_npz(path: Path) -> Split:
    """Keras' own archive: x_train, y_train, x_test, y_test."""
    try:
        with np.load(path, allow_pickle=False) as file:
            train = file["x_train"], file["y_train"]
            test = file["x_test"], file["y_test"]
    except (OSError, KeyError, ValueError, EOFError) as error:
        raise DatasetError(
            f"{path} is no archive of x_train, y_train, x_test, y_test: {error}"
        ) from error
    return _checked(str(path), train, test)


def _checked(owner: str, train: tuple[Array, Array], test: tuple[Array, Array]) -> Split:
    for images, labels in (train, test):
        fits = (
            images.ndim == 3 and images.shape[1:] == (28, 28) and labels.shape == images.shape[:1]
        )
        if not fits or labels.max(initial=0) > 9:
            raise DatasetError(
                f"{owner}: images {images.shape} and labels {labels.shape} are not 28x28 images with "
                "one label from 0 to 9 each"
            )
    return train, test
