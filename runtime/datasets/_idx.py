"""Sets in MNIST's form: 28x28 images of ten classes, in four idx files or one npz archive."""

from __future__ import annotations

import gzip
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...errors import DatasetError
from ._files import RemoteFile, cache_folder, data_folder, fetch, find

Array = np.ndarray[Any, Any]
Split = tuple[tuple[Array, Array], tuple[Array, Array]]

_CLASSES = 10
_SIDE = 28
_NAMES = (
    "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz",
)  # fmt: skip


class ImageSet(NamedTuple):
    """What is known of a set: where its files lie, and how to tell that they are the right ones."""

    name: str
    base: str
    sha256: tuple[str, str, str, str]  # of the four files, in the order of _NAMES
    first_labels: tuple[int, ...]  # all these sets name their files alike; this tells them apart
    places: tuple[Path, ...] = ()  # where an operating system's package puts the files
    counts: tuple[int, int] = (60_000, 10_000)


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
        raise DatasetError(
            f"{path} has the wrong length: {values.size} values, {shape} were announced"
        )
    return values.reshape(shape).copy()  # writable, as from an npz


def load_split(what: ImageSet, path: str | None = None) -> Split:
    """Training and test part of a set, from where it is found first, checked.

    ``path`` is an ``.npz`` file, or the name of one (default: the set's). Looks in ``WATERHORSE_DATA``
    (that name, or the four idx files, gzipped or not, in it or in a folder of the set's name),
    ``what.places``, the cache; then downloads what is missing. Raises ``DatasetError`` where that fails
    or the content is not the set's.
    """
    if path is not None and Path(path).is_file():
        return _checked(what, path, *_from_npz(Path(path)))
    given = data_folder()
    name = what.name
    local = [] if given is None else [given / name, given / name.replace("_", "-"), given]
    archive = find(f"{name}.npz" if path is None else Path(path).name, local)
    if archive is not None:
        return _checked(what, str(archive), *_from_npz(archive))
    cache = cache_folder() / name
    folders = [*local, *what.places, cache]
    paths = [
        find(file, folders)
        or find(file.removesuffix(".gz"), folders)
        or fetch(RemoteFile(file, checksum, what.base), cache, folders)
        for file, checksum in zip(_NAMES, what.sha256, strict=True)
    ]
    x_train, y_train, x_test, y_test = (read_idx(path) for path in paths)
    return _checked(what, str(paths[0].parent), (x_train, y_train), (x_test, y_test))


def _from_npz(path: Path) -> Split:
    """Keras' own archive: x_train, y_train, x_test, y_test."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return (file["x_train"], file["y_train"]), (file["x_test"], file["y_test"])
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetError(
            f"{path} is no archive of x_train, y_train, x_test, y_test: {error}"
        ) from error


def _checked(
    what: ImageSet, owner: str, train: tuple[Array, Array], test: tuple[Array, Array]
) -> Split:
    """The two parts, where they are what the set is known to be."""
    for (images, labels), count in zip((train, test), what.counts, strict=True):
        shapes = images.shape == (count, _SIDE, _SIDE) and labels.shape == (count,)
        if not shapes or images.dtype != np.uint8 or labels.dtype != np.uint8:
            raise DatasetError(
                f"{owner}: expected uint8 images ({count}, {_SIDE}, {_SIDE}) and labels ({count},); "
                f"found {images.dtype} {images.shape} and {labels.dtype} {labels.shape}"
            )
        if labels.max(initial=0) >= _CLASSES:
            raise DatasetError(f"{owner}: label {labels.max()}; expected 0 to {_CLASSES - 1}")
    found = tuple(train[1][: len(what.first_labels)].tolist())
    if found != what.first_labels:
        raise DatasetError(
            f"{owner}: this is not {what.name}: its training labels start with {found}, not with "
            f"{what.first_labels}"
        )
    return train, test
