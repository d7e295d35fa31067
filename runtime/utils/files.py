"""``get_file``: a file from an address, kept in a cache, checked, extracted."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ...errors import ArgumentError, DatasetError
from .download import checksum, download

_OPENERS = {"tar": (tarfile.is_tarfile, tarfile.open), "zip": (zipfile.is_zipfile, zipfile.ZipFile)}


def cache_folder() -> Path:
    """Where downloads are kept: ``$XDG_CACHE_HOME/waterhorse`` or ``~/.cache/waterhorse``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "waterhorse"


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | Sequence[str] | None = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """The path of a file that is downloaded unless the cache has it; or of the folder it was extracted to.

    A file is put in place whole and checked, or not at all.

    Args:
        fname: the file's name in the cache; default: its name in ``origin``.
        origin: the address (http, https, ftp, file).
        file_hash: the expected checksum; a file in the cache that has another one is replaced.
        hash_algorithm: "sha256", "md5", or "auto": which of both, by the length of ``file_hash``.
        extract: unpack the archive, to a folder beside it (``untar``: the same for tar alone).
        archive_format: "tar", "zip", a list of them, or "auto": whichever it is.
        cache_dir: default: ``$XDG_CACHE_HOME/waterhorse`` or ``~/.cache/waterhorse``; the file lies in
            its folder ``cache_subdir``.

    Raises ``DatasetError`` where the download fails, is not what was expected, or is no archive, and
    ``ArgumentError`` for names that are none.
    """
    if origin is None:
        raise ArgumentError("get_file needs origin=, the address of the file")
    name = os.fspath(fname) if fname else Path(unquote(urlsplit(origin).path)).name
    if Path(name).name != name or name in ("", ".."):
        raise ArgumentError(f"fname={name!r}: expected a name without folders (see cache_dir)")
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    folder = Path(cache_dir).expanduser() if cache_dir is not None else cache_folder()
    folder = folder / cache_subdir
    unpack = extract or untar
    target, unpacked = folder / name, folder / name
    if unpack:
        target, unpacked = _archive_names(folder, name, bool(fname))
    algorithm = _algorithm(hash_algorithm, file_hash)
    fresh = force_download or not _have(target, file_hash, algorithm)
    if fresh:
        _fetch(origin, target, file_hash, algorithm)
    if not unpack:
        return str(target)
    if fresh or not unpacked.exists():
        _extract(target, unpacked, "tar" if untar else archive_format)
    return str(unpacked)


def _archive_names(folder: Path, name: str, given: bool) -> tuple[Path, Path]:
    """Where the archive and what is in it are kept, as Keras names them."""
    if given and "." in name:
        return folder / name, folder / f"{name[: name.find('.')]}_extracted"
    return folder / f"{name}_archive", folder / name


def _algorithm(named: str, file_hash: str | None) -> str:
    if named not in ("auto", "sha256", "md5"):
        raise ArgumentError(f"hash_algorithm={named!r}: expected 'auto', 'sha256' or 'md5'")
    if named != "auto":
        return named
    return "md5" if file_hash is not None and len(file_hash) == 32 else "sha256"


def _have(target: Path, file_hash: str | None, algorithm: str) -> bool:
    if not target.is_file():
        return False
    return file_hash is None or checksum(target, algorithm) == file_hash


def _fetch(origin: str, target: Path, file_hash: str | None, algorithm: str) -> None:
    try:
        found = download(origin, target, file_hash, algorithm)
    except (OSError, HTTPException, ValueError) as error:
        raise DatasetError(
            f"{origin} could not be downloaded: {getattr(error, 'reason', error)}. Where there is no "
            f"network, put the file at {target}"
        ) from error
    if file_hash is not None and found != file_hash:
        raise DatasetError(
            f"{origin} has the {algorithm} checksum {found}; expected {file_hash}. It was not kept: the "
            "download was cut short or the file was changed"
        )


def _extract(archive: Path, folder: Path, formats: str | Sequence[str] | None) -> None:
    """Unpack to ``folder``, whole or not at all. Nothing in the archive can write elsewhere."""
    if formats is None:
        raise ArgumentError("extract=True needs archive_format='auto', 'tar' or 'zip'")
    wanted = (
        ["tar", "zip"] if formats == "auto" else [formats] if isinstance(formats, str) else formats
    )
    unknown = [f for f in wanted if f not in _OPENERS]
    if unknown:
        raise ArgumentError(f"archive_format={unknown[0]!r}: expected 'auto', 'tar' or 'zip'")
    for kind in wanted:
        is_match, opened = _OPENERS[kind]
        if is_match(archive):
            break
    else:
        raise DatasetError(
            f"{archive} is no archive of a kind that was asked for ({', '.join(wanted)})"
        )
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=f".{folder.name}.") as temporary:
        content = Path(temporary) / "content"
        content.mkdir()
        try:
            with opened(archive) as file:  # type: ignore[operator]
                if kind == "tar":
                    file.extractall(content, filter="data")  # the filter refuses
                else:
                    file.extractall(content)  # noqa: S202  # zipfile drops ".." and leading slashes
        except (OSError, tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise DatasetError(f"{archive} could not be unpacked: {error}") from error
        if folder.is_dir():
            shutil.rmtree(folder)
        content.rename(folder)
