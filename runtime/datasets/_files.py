"""Finding the files of a data set: a local copy first, else a download that is checked."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from ...errors import DatasetError

_CHUNK = 1 << 16
_TIMEOUT = 20


class RemoteFile(NamedTuple):
    """A file's name, the checksum (md5) that its publishers state, and where it lies."""

    name: str
    md5: str
    base: str


def cache_folder() -> Path:
    """Where downloads are kept: ``$XDG_CACHE_HOME/waterhorse`` or ``~/.cache/waterhorse``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "waterhorse"


def data_folder() -> Path | None:
    """``WATERHORSE_DATA``, where it is set."""
    named = os.environ.get("WATERHORSE_DATA")
    return Path(named) if named else None


def find(name: str, folders: Sequence[Path]) -> Path | None:
    """The file ``name`` in the first folder that has it."""
    return next((f / name for f in folders if (f / name).is_file()), None)


def fetch(file: RemoteFile, folder: Path, looked: Sequence[Path]) -> Path:
    """Download ``file`` to ``folder``; it is put in place whole and checked, or not at all.

    Raises ``DatasetError`` where there is no network, or the content is not what it should be.
    """
    target = folder / file.name
    url = file.base + file.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (
            urllib.request.urlopen(url, timeout=_TIMEOUT) as source,
            tempfile.NamedTemporaryFile(dir=folder, prefix=f".{file.name}.", delete=False) as out,
        ):
            temporary = Path(out.name)
            try:
                size = int(source.headers.get("Content-Length") or 0)
                found = _copy(source, out, size, file.name)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except (urllib.error.URLError, OSError, ValueError) as error:
        places = "".join(f"\n  {f}" for f in looked)
        raise DatasetError(
            f"{file.name} is on none of these places:{places}\nand could not be downloaded from {url}: "
            f"{getattr(error, 'reason', error)}. Put the file in a folder and set WATERHORSE_DATA to it"
        ) from error
    if found != file.md5:
        temporary.unlink(missing_ok=True)
        raise DatasetError(
            f"{url} has checksum {found}; expected {file.md5}. It was not kept: the download was cut "
            "short or the file was changed"
        )
    temporary.replace(target)
    return target


def _copy(source: IO[bytes], out: IO[bytes], size: int, label: str) -> str:
    """Copy with progress on a terminal (one plain line elsewhere); the md5 of what was copied."""
    digest = hashlib.md5(usedforsecurity=False)
    if not sys.stderr.isatty():
        print(f"downloading {label} ({size / 1e6:.1f} MB)", file=sys.stderr)
    columns = (TextColumn(label), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task(label, total=size or None)
        while chunk := source.read(_CHUNK):
            out.write(chunk)
            digest.update(chunk)
            progress.advance(task, len(chunk))
    return digest.hexdigest()
