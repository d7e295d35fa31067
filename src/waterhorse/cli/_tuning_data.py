"""The arrays that ``waterhorse finetune`` is given, checked against the model's inputs and outputs."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..compiler.infer import TensorType
from ..compiler.ir import Array
from ..errors import ArgumentError, DataError


@dataclass(frozen=True)
class Data:
    """Inputs by name, targets, and names of arrays that nothing uses."""

    x: Mapping[str, Array]
    y: Array
    unused: Sequence[str]

    @property
    def count(self) -> int:
        return len(self.y)

    def part(self, rows: slice) -> tuple[Any, Array]:
        """Some of the examples as ``fit`` takes them."""
        arrays = {n: a[rows] for n, a in self.x.items()}
        return arrays if len(arrays) > 1 else next(iter(arrays.values())), self.y[rows]

    def split(self, fraction: float) -> tuple[Any, Any]:
        """(x, y) to train on, and the last part (or None) to hold out."""
        if not 0 <= fraction < 1:
            raise ArgumentError(
                f"--validation-split {fraction}: expected a number from 0 to below 1"
            )
        cut = int(self.count * (1 - fraction))
        if fraction and cut in (0, self.count):
            raise DataError(
                f"--validation-split {fraction} of {self.count} examples leaves one part empty"
            )
        held = self.part(slice(cut, None)) if cut < self.count else None
        return self.part(slice(0, cut)), held


def fingerprint(path: Path) -> str:
    """A checksum by which a resumed run knows its files again."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error


def load(path: Path, inputs: Mapping[str, TensorType], target: str) -> Data:
    """Read an .npz file.

    Args:
        inputs: the types of the model's inputs, by name. A single input may be called ``x`` in the file.
        target: which array holds the targets.

    Raises ``DataError`` where the file cannot be read, where arrays are missing, and where one does not
    fit its input in element type or shape.
    """
    arrays = _read(path)
    names = {n: n for n in inputs}
    if len(inputs) == 1 and next(iter(inputs)) not in arrays:
        names = {next(iter(inputs)): "x"}
    missing = [n for n in (*names.values(), target) if n not in arrays]
    if missing:
        single = " (a single input may be called x)" if len(inputs) == 1 else ""
        raise DataError(
            f"{path} has no array {missing[0]!r}; it has {_listed(arrays)}. Expected one array per "
            f"input of the model, {', '.join(inputs)}{single}, and the targets as {target!r} "
            "(--target names another)"
        )
    x = {n: _fitting(path, key, arrays[key], n, inputs[n]) for n, key in names.items()}
    y = arrays[target]
    if y.ndim == 0 or y.dtype.kind not in "fiub":
        raise DataError(
            f"{path}: {target!r} is {_type(y)}; expected numbers, one entry per example"
        )
    counts = {key: len(arrays[key]) for key in (*names.values(), target)}
    if len(set(counts.values())) > 1:
        each = ", ".join(f"{n} has {c}" for n, c in counts.items())
        raise DataError(f"{path}: all arrays need the same number of examples; {each}")
    if not len(y):
        raise DataError(f"{path} is empty: there is not one example")
    unused = sorted(set(arrays) - {*names.values(), target})
    return Data(x, y, unused)


def _read(path: Path) -> dict[str, Array]:
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path} is no .npz file, or is damaged: np.savez writes one")
    try:
        with np.load(path, allow_pickle=False) as found:
            return {n: found[n] for n in found.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def _fitting(path: Path, key: str, array: Array, name: str, kind: TensorType) -> Array:
    takes = f"the model's input {name!r} takes {kind.dtype.name} {_public(kind.shape)}"
    good = {"f": "fiub", "i": "iub", "u": "iub", "b": "b"}.get(kind.dtype.kind, "")
    if array.dtype.kind not in good:
        raise DataError(f"{path}: {key!r} is {_type(array)}; {takes}")
    same = array.ndim == len(kind.shape) and all(
        not isinstance(w, int) or w == d
        for w, d in zip(kind.shape[1:], array.shape[1:], strict=True)
    )
    if not same:
        raise DataError(f"{path}: {key!r} is {_type(array)}; {takes}")
    return array


def check_targets(y: Array, output: TensorType, name: str, sparse: bool) -> Array:
    """Targets as the loss takes them: (n,) stands for (n, 1).

    Raises ``DataError`` where shape or type do not fit, and for class numbers that no output has.
    """
    wanted = output.shape[1:-1] if sparse else output.shape[1:]
    if not sparse and y.ndim == 1 and wanted == (1,):
        return y[:, None]
    trailing = sparse and y.shape[1:] == (*wanted, 1)
    fits = len(wanted) == y.ndim - 1 and all(
        not isinstance(w, int) or w == d for w, d in zip(wanted, y.shape[1:], strict=True)
    )
    if not (fits or trailing):
        raise DataError(
            f"the targets are {_type(y)}; this loss and the output {name!r}, {_public(output.shape)}, "
            f"need {_public((None, *wanted))}"
        )
    if sparse and y.dtype.kind not in "iu":
        raise DataError(f"the targets are {_type(y)}; this loss needs class numbers (integers)")
    classes = output.shape[-1]
    if sparse and isinstance(classes, int) and not (y.min() >= 0 and y.max() < classes):
        raise DataError(
            f"the targets go from {y.min()} to {y.max()}, and the output {name!r} has {classes} "
            f"classes: 0 to {classes - 1}"
        )
    return y


def _public(shape: Sequence[Any]) -> str:
    """``(n, 28, 28)``: n examples, ? for other open sizes."""
    rest = [str(d) if isinstance(d, int) else "?" for d in shape[1:]]
    return f"({', '.join(['n', *rest])}{',' if not rest else ''})"


def _type(array: Array) -> str:
    return f"{array.dtype} {array.shape}"


def _listed(arrays: Mapping[str, Array]) -> str:
    return ", ".join(f"{n} {_type(a)}" for n, a in arrays.items()) or "no arrays at all"
