"""Checkpoints: folders that are whole or not there; the newest one that is sound is used.

A checkpoint is a folder ``checkpoint-000012`` with two files: ``state.safetensors`` holds all
variables, ``training.json`` where the run was and the other file's checksum. It is written under
another name beside its place, forced to the disk, and then renamed: a process killed at any moment
leaves the older ones as they were. What can still go wrong (a disk, a careless hand) is found by the
checksums, said in a sentence, and the next older checkpoint is taken.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from safetensors import SafetensorError
from safetensors.numpy import load, save_file

from .._version import __version__
from ..compiler.ir import Array
from ..compiler.state import Variable
from ..errors import ArgumentError, ExportError, FileFormatError

logger = logging.getLogger("waterhorse")

FORMAT = 1
STATE, TRAINING = "state.safetensors", "training.json"
_NAME = re.compile(r"checkpoint-(\d+)")
_PARTIAL = ".partial"


@dataclass
class Position:
    """Where a training run is. The loop moves it on; a restored one decides where the loop begins.

    Attributes:
        epoch, batch: the epoch under way (or the next), and how many of its batches are done.
        drawn: batches taken from the data since the run began.
        seed: what the order of the examples depends on, with the epoch's number; None without
            shuffling.
        logs: loss and metrics at the last look within this epoch.
    """

    epoch: int = 0
    batch: int = 0
    drawn: int = 0
    seed: int | None = None
    logs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoint:
    """What a sound checkpoint holds."""

    path: Path
    arrays: Mapping[str, Array]
    training: Mapping[str, Any]


class Checkpoints:
    """The checkpoints in one folder, of which the newest ``keep`` are kept.

    Raises ``ArgumentError`` where ``keep`` is below 1.
    """

    def __init__(self, directory: str | os.PathLike[str], keep: int = 2) -> None:
        if keep < 1:
            raise ArgumentError(f"keep={keep}: at least the newest checkpoint is kept")
        self.directory = Path(directory)
        self.keep = keep
        self._damaged: set[Path] = set()

    def paths(self) -> list[Path]:
        """The folders of all checkpoints, the oldest first."""
        if not self.directory.is_dir():
            return []
        found = [p for p in self.directory.iterdir() if _NAME.fullmatch(p.name)]
        return sorted(found, key=_number)

    def save(self, arrays: Mapping[str, Array], training: Mapping[str, Any]) -> Path:
        """Write a checkpoint and remove those that are no longer kept. Returns its folder.

        Raises ``ExportError`` where it cannot be written; older checkpoints are untouched then.
        """
        known = self.paths()
        target = self.directory / f"checkpoint-{(_number(known[-1]) + 1) if known else 1:06d}"
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._sweep()
            partial = Path(tempfile.mkdtemp(_PARTIAL, f".{target.name}.", self.directory))
            try:
                _write(partial, arrays, training)
                partial.chmod(0o777 & ~_umask())
                partial.rename(target)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
            _force(self.directory)
            self._prune(known)
        except OSError as error:
            raise ExportError(
                f"cannot write a checkpoint to {self.directory}: {error.strerror or error}; older "
                "ones are untouched"
            ) from error
        return target

    def newest(self) -> Checkpoint | None:
        """The newest sound checkpoint, None where the folder has none at all.

        Says so where newer ones are damaged. Raises ``FileFormatError`` where all are.
        """
        problems: list[str] = []
        for path in reversed(self.paths()):
            try:
                found = _read(path)
            except FileFormatError as error:
                self._damaged.add(path)
                problems.append(str(error))
                continue
            for problem in problems:
                logger.warning("%s; going on from the older %s", problem, path.name)
            return found
        if problems:
            raise FileFormatError(
                f"{self.directory} has no checkpoint that could be used: {'; '.join(problems)}. "
                "Remove them to begin anew"
            )
        return None

    def clear(self) -> None:
        """Remove all checkpoints, and the folder if nothing else is in it."""
        for path in self.paths():
            self._remove(path)
        self._sweep()
        if self.directory.is_dir() and not any(self.directory.iterdir()):
            self.directory.rmdir()

    def _prune(self, older: list[Path]) -> None:
        sound = [p for p in older if p not in self._damaged]
        kept = set(sound[len(sound) - self.keep + 1 :]) if self.keep > 1 else set()
        for path in older:
            if path not in kept:
                self._remove(path)

    def _remove(self, path: Path) -> None:
        """First under a name that nobody reads, so that no half of it is ever taken for a whole."""
        aside = path.with_name(f".{path.name}{_PARTIAL}")
        path.rename(aside)
        shutil.rmtree(aside)

    def _sweep(self) -> None:
        """What an interrupted ``save`` left."""
        if self.directory.is_dir():
            for path in self.directory.glob(f".checkpoint-*{_PARTIAL}"):
                shutil.rmtree(path, ignore_errors=True)


def _number(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    return int(found.group(1)) if found else 0


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# -- files ------------------------------------------------------------------------------------


def _write(folder: Path, arrays: Mapping[str, Array], training: Mapping[str, Any]) -> None:
    state = folder / STATE
    save_file({n: np.ascontiguousarray(a).reshape(a.shape) for n, a in arrays.items()}, str(state))
    state.chmod(0o666 & ~_umask())
    content = {
        **_plain(training),
        "format": FORMAT,
        "variables": list(arrays),
        "versions": versions(),
        "files": {STATE: {"sha256": _digest(state), "bytes": state.stat().st_size}},
    }
    content["sha256"] = _checksum(content)
    (folder / TRAINING).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    for path in (state, folder / TRAINING, folder):
        _force(path)


def _force(path: Path) -> None:
    """Have the disk hold what was written. A folder can be forced on POSIX only."""
    if path.is_dir() and os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checksum(content: Mapping[str, Any]) -> str:
    rest = {k: v for k, v in content.items() if k != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def versions() -> dict[str, str]:
    """What a checkpoint was written by."""
    return {
        "waterhorse": __version__, "onnxruntime": ort.__version__, "onnx": onnx.__version__,
        "numpy": np.__version__, "python": platform.python_version(),
    }  # fmt: skip


def _plain(value: Any) -> Any:
    """As JSON has it: NumPy's numbers as Python's, and no NaN, which the standard does not know."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def numbers(values: list[Any]) -> list[Any]:
    """Floats that were written by ``save``, where NaN is the text "nan"; lists were arrays."""
    return [np.array(numbers([*v]), "float32") if np.ndim(v) else float(v) for v in values]


def _read(path: Path) -> Checkpoint:
    """A checkpoint, complete and with the right checksums, else ``FileFormatError``."""
    try:
        training = json.loads((path / TRAINING).read_text())
        if not isinstance(training, dict):
            raise TypeError("no JSON object")
        claimed = training["sha256"], training["files"][STATE]["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileFormatError(f"{path} is damaged ({TRAINING} cannot be read: {error})") from error
    if claimed[0] != _checksum(training):
        raise FileFormatError(f"{path} is damaged ({TRAINING} is not what was written)")
    if training["format"] != FORMAT:
        raise FileFormatError(
            f"{path} has format {training['format']}; this version reads {FORMAT}"
        )
    try:
        content = (path / STATE).read_bytes()
        if hashlib.sha256(content).hexdigest() != claimed[1]:
            raise FileFormatError(f"{path} is damaged ({STATE} is not what was written)")
        return Checkpoint(path, load(content), training)
    except (OSError, SafetensorError) as error:
        raise FileFormatError(f"{path} is damaged ({STATE} cannot be read: {error})") from error


# -- variables --------------------------------------------------------------------------------


def restore(checkpoint: Checkpoint, state: Mapping[str, Variable]) -> None:
    """Give the variables the values of the checkpoint: all of them, or none and an error.

    Names must be equal, but for the numbers in automatic ones ("dense_2/kernel" for
    "dense/kernel", where a process has made several models): then the order decides, as in Keras.
    Raises ``FileFormatError`` where names, shapes or element types differ.
    """
    saved = list(checkpoint.training["variables"])
    wanted = list(state)
    matched = dict(zip(wanted, saved, strict=False)) if _renumbered(saved, wanted) else None
    source = {n: (matched[n] if matched is not None else n) for n in wanted}
    missing = [n for n in wanted if source[n] not in checkpoint.arrays]
    surplus = sorted(set(saved) - set(source.values()))
    if missing or surplus:
        raise FileFormatError(
            f"{checkpoint.path} is of another model or another compile(): "
            + "; ".join(
                [f"it has no {', '.join(missing[:3])}"] * bool(missing)
                + [f"here is no {', '.join(surplus[:3])}"] * bool(surplus)
            )
        )
    for name, variable in state.items():
        value = checkpoint.arrays[source[name]]
        if value.shape != variable.shape or value.dtype != variable.dtype:
            raise FileFormatError(
                f"{checkpoint.path} is of another model: {source[name]} is {value.dtype} "
                f"{value.shape} there, here {variable.dtype} {variable.shape}"
            )
    for name, variable in state.items():
        variable.assign(checkpoint.arrays[source[name]])


def _renumbered(saved: list[str], wanted: list[str]) -> bool:
    """Whether the names differ, but only by the numbers of automatic names."""
    return sorted(saved) != sorted(wanted) and [*map(_bare, saved)] == [*map(_bare, wanted)]


def _bare(name: str) -> str:
    return re.sub(r"_\d+(?=/|$)", "", name)
