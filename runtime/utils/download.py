"""Downloads that are whole and checked, or not there."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

_CHUNK = 1 << 16
_TIMEOUT = 20


def download(url: str, target: Path, expected: str | None, algorithm: str = "sha256") -> str:
    """The checksum of what came; it lies at ``target`` only where that is the expected one, or none is.

    Raises ``OSError``, ``ValueError`` or ``http.client.HTTPException``, whatever went wrong.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as source:
        size = int(source.headers.get("Content-Length") or 0)
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as out:
            temporary = Path(out.name)
            try:
                found = _copy(source, out, size, target.name, algorithm)
                out.flush()
                if expected is None or found == expected:
                    temporary.replace(target)
            finally:  # also on Ctrl-C; nothing is left to remove where it was put in place
                temporary.unlink(missing_ok=True)
    return found


def _copy(source: IO[bytes], out: IO[bytes], size: int, label: str, algorithm: str) -> str:
    """Copy with progress on a terminal (one plain line elsewhere); the checksum of what was copied."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
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


def checksum(path: Path, algorithm: str) -> str:
    """The checksum of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        digest = hashlib.new(algorithm, usedforsecurity=False)
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
