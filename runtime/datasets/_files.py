"""Finding the files of a data set: a local copy first, else a download that is checked."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from typing import IO, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from ...errors import DatasetError

_CHUNK = 1 << 16
_TIMEOUT = 20


class RemoteFile(NamedTuple):
    """A file's name, its SHA-256 and the address of the folder where it lies (ends in a slash)."""

    name: str
    sha256: str
    base: str


def cache_folder() -> Path:
    """Where downloads are kept: ``$XDG_CACHE_HOME/waterhorse`` or ``~/.cache/waterhorse``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "waterhorse"


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
        found = _download(url, file, folder)
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


def _download(url: str, file: RemoteFile, folder: Path) -> str:
    """The checksum of what came; it lies in ``folder`` only where that is the expected one."""
    folder.mkdir(parents=True, exist_ok=True)
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as source:
        size = int(source.headers.get("Content-Length") or 0)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{file.name}.", delete=False) as out:
            temporary = Path(out.name)
            try:
                found = _copy(source, out, size, file.name)
                out.flush()
                if found == file.sha256:
                    temporary.replace(folder / file.name)
            finally:  # also on Ctrl-C; nothing is left to remove where it was put in place
                temporary.unlink(missing_ok=True)
    return found


def _copy(source: IO[bytes], out: IO[bytes], size: int, label: str) -> str:
    """Copy with progress on a terminal (one plain line elsewhere); the SHA-256 of what was copied."""
    digest = hashlib.sha256()
    if not sys.stderr.isatty():
        print(f"downloading {label} ({size / 1e6:.1f} MB)", file=sys.stderr)
    columns = (TextColumn(label), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    hidden, where = not sys.stderr.isatty(), Console(stderr=True)
    with Progress(*columns, console=where, disable=hidden, transient=True) as progress:
        task = progress.add_task(label, total=size or None)
        while chunk := source.read(_CHUNK):
            out.write(chunk)
            digest.update(chunk)
            progress.advance(task, len(chunk))
    return digest.hexdigest()
