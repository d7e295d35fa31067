"""A file of Keras as parts: configuration, weights, vocabularies. Nothing is unpacked to disk."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from ...errors import ArgumentError, FileFormatError
from . import hdf5

CONFIG, WEIGHTS, PICKLED = "config.json", "model.weights.h5", "model.weights.npz"
ASSETS = "assets/"
VOCABULARY = "vocabulary.txt"
_MIB = 1 << 20
_MAX_TEXT = 256 * _MIB
# HDF5 takes a few KB for each group; an optimizer keeps some copies of the weights
_ROOM, _COPIES = 64 * _MIB, 8
_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"


def kind_of(filepath: str | os.PathLike[str]) -> str | None:
    """What kind of Keras' files this is, by its content: "folder", "zip", "hdf5", or None for another.

    "index" is the list of the parts of weights that were saved in several files.
    """
    path = Path(filepath)
    if path.is_dir():
        return "folder"
    if not path.is_file():
        return None
    with path.open("rb") as file:
        start = file.read(8)
        if start.startswith(_ZIP):
            return "zip"
        if start == _HDF5:
            return "hdf5"
        if start[:1] != b"{" or path.stat().st_size > _MAX_TEXT:
            return None
    return "index" if '"weight_map"' in path.read_text("utf-8", "replace") else None


class Archive:
    """The members of a zip file or of a folder, which are read one by one and never beyond a limit."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path, self._stack = path, stack
        self._zip: zipfile.ZipFile | None = None
        if path.is_dir():
            files = [p for p in path.rglob("*") if p.is_file()]
            self._sizes = {p.relative_to(path).as_posix(): p.stat().st_size for p in files}
            for file in files:
                if not file.resolve().is_relative_to(path.resolve()):
                    raise FileFormatError(f"{file} is a link to somewhere else: refused")
        else:
            self._zip = stack.enter_context(zipfile.ZipFile(path))
            self._sizes = _checked(path, self._zip)

    def text(self, name: str) -> str:
        """A member as text."""
        return self._bytes(name, _MAX_TEXT).decode("utf-8")

    def json(self, name: str) -> Any:
        """A member that is JSON. Raises ``FileFormatError`` where it is missing."""
        if name not in self._sizes:
            raise FileFormatError(
                f"{self.path} has no {name}, so it is no model that Keras saved: expected {CONFIG} and "
                f"{WEIGHTS} in it"
            )
        return json.loads(self.text(name))

    def vocabularies(self) -> dict[str, list[str]]:
        """The tokens of each layer that learnt some, by the layer's path."""
        names = [PurePosixPath(n) for n in self._sizes if n.startswith(ASSETS)]
        found = {}
        for name in names:
            if name.name == VOCABULARY:
                lines = self.text(str(name)).splitlines()
                while lines and not lines[-1]:
                    lines.pop()
                found[name.parent.as_posix().removeprefix(ASSETS)] = lines
        return found

    def weights(self) -> hdf5.Stored:
        """The arrays of ``model.weights.h5``. The file stays open as long as the archive."""
        if WEIGHTS not in self._sizes:
            raise FileFormatError(self._without_weights())
        if self._zip is None:
            return self._stack.enter_context(hdf5.opened(self.path / WEIGHTS))
        member = self._zip.getinfo(WEIGHTS)
        if member.compress_type == zipfile.ZIP_STORED:
            file: BinaryIO = cast("BinaryIO", self._stack.enter_context(self._zip.open(member)))
        else:
            self._check_ratio(member)
            file = io.BytesIO(self._bytes(WEIGHTS, member.file_size))
        return self._stack.enter_context(hdf5.opened(file, str(self.path)))

    def check_size(self, needed: int) -> None:
        """Raises ``FileFormatError`` where the weights have many more bytes than the model needs."""
        size = self._sizes.get(WEIGHTS, 0)
        if size > _ROOM + _COPIES * needed:
            raise FileFormatError(
                f"{self.path}: {WEIGHTS} has {size:,} bytes, but the model's weights take {needed:,}: "
                "refused"
            )

    def _without_weights(self) -> str:
        if PICKLED in self._sizes:
            return (
                f"{self.path} holds its weights as pickled Python objects ({PICKLED}), which can run code "
                "when they are read; Keras 3.15 does not read them either. Save the model with the weights "
                "as HDF5, which is Keras' default"
            )
        return f"{self.path} has no {WEIGHTS}"

    def _check_ratio(self, member: zipfile.ZipInfo) -> None:
        """A packed file may be large only if much of it is there."""
        if member.file_size > _ROOM + 100 * member.compress_size:
            raise FileFormatError(
                f"{self.path}: {member.filename} unpacks from {member.compress_size:,} to "
                f"{member.file_size:,} bytes: refused"
            )

    def _bytes(self, name: str, limit: int) -> bytes:
        size = self._sizes[name]
        if size > limit:
            raise FileFormatError(
                f"{self.path}: {name} has {size:,} bytes; at most {limit:,} are read"
            )
        if self._zip is None:
            return (self.path / name).read_bytes()
        self._check_ratio(self._zip.getinfo(name))
        with self._zip.open(name) as file:
            found = file.read(size + 1)  # the end is reached, so the checksum is checked
        if len(found) != size:
            raise FileFormatError(f"{self.path}: {name} is longer or shorter than it says")
        return found


def _checked(path: Path, archive: zipfile.ZipFile) -> dict[str, int]:
    """Sizes of the members. Raises ``FileFormatError`` for names that no file of Keras has."""
    sizes: dict[str, int] = {}
    for member in archive.infolist():
        name = member.filename
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or "\\" in name or ":" in name:
            raise FileFormatError(f"{path}: a member is named {name!r}: refused")
        if name in sizes:
            raise FileFormatError(f"{path}: there are two members named {name!r}")
        if member.flag_bits & 1:
            raise FileFormatError(f"{path}: {name} is encrypted")
        sizes[name] = member.file_size
    return sizes


@contextmanager
def opened(filepath: str | os.PathLike[str]) -> Iterator[Archive]:
    """The archive; whatever is damaged within it is a ``FileFormatError``."""
    path = Path(filepath)
    if not path.exists():
        raise ArgumentError(f"there is no file {path}")
    with translated(path), ExitStack() as stack:
        yield Archive(path, stack)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Errors of damaged files as ``FileFormatError``."""
    try:
        yield
    except zipfile.BadZipFile as error:
        raise FileFormatError(f"{path} is a damaged zip file: {error}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path}: its text is damaged: {error}") from error
    except RecursionError as error:
        raise FileFormatError(f"{path}: its configuration is nested too deeply") from error
    except (OSError, EOFError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        raise FileFormatError(f"{path} is damaged: {error}") from error
