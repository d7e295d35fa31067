"""Finding the files of a data set: a local copy first, else a download that is checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple

from ...errors import DatasetError
from ..utils.download import download
from ..utils.files import cache_folder as cache_folder


class RemoteFile(NamedTuple):
    """A file's name, its SHA-256 and the address of the folder where it lies (ends in a slash)."""

    name: str
    sha256: str
    base: str


def data_folder() -> Path | None:
    """``WATERHORSE_DATA``, where it is set. Raises ``DatasetError`` where it names no folder."""
    named = os.environ.get("WATERHORSE_DATA")
    if not named:
        return None
    if not Path(named).is_dir():
        raise DatasetError(f"WATERHORSE_DATA={named} is no folder: correct it, or unset it")
    return Path(named)


def find(name: str, folders: Sequence[Path]) -> Path | None:
    """The file ``name`` in the first folder that has it."""
    return next((f / name for f in folders if (f / name).is_file()), None)


def fetch(file: RemoteFile, folder: Path, looked: Sequence[Path]) -> Path:
    """Download ``file`` to ``folder``; it is put in place whole and checked, or not at all.

    Raises ``DatasetError`` where there is no network, or the content is not what it should be.
    """
    url = file.base + file.name
    try:
        found = download(url, folder / file.name, file.sha256)
    except (OSError, HTTPException, ValueError) as error:
        places = "".join(f"\n  {f}" for f in looked)
        raise DatasetError(
            f"{file.name} is in none of these folders:{places}\nand could not be downloaded from "
            f"{url}: {getattr(error, 'reason', error)}. Put the file in a folder and set "
            "WATERHORSE_DATA to it"
        ) from error
    if found != file.sha256:
        raise DatasetError(
            f"{url} has the SHA-256 {found}; expected {file.sha256}. It was not kept: the download "
            "was cut short or the file was changed"
        )
    return folder / file.name
