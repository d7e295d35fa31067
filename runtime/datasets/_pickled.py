"""Pickles of plain data: nothing but arrays, lists, dicts, strings and numbers can come out of them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import IO, Any

import numpy as np

from ...compiler.ir import Array
from ...errors import DatasetError

_multiarray = np._core.multiarray  # type: ignore[attr-defined]  # as pickles name it
_KNOWN = {
    ("multiarray", "_reconstruct"): _multiarray._reconstruct,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _PlainData(pickle.Unpickler):
    """Looks up the few functions of NumPy that make arrays, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        short = module.rsplit(".", 1)[-1] if module.startswith("numpy.") else module
        found = _KNOWN.get((short, name))
        if found is None:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no plain data needs")
        return found


def load(file: IO[bytes], encoding: str = "ASCII") -> Any:
    """What a pickle holds. Raises ``ValueError`` where that is more than plain data, or damaged."""
    try:
        return _PlainData(file, encoding=encoding).load()
    except (pickle.UnpicklingError, AttributeError, IndexError, TypeError) as error:
        raise ValueError(f"no plain data: {error}") from error


def batch(path: Path) -> dict[str, Any]:
    """One of CIFAR's files: a pickled dict with byte strings as keys."""
    try:
        with path.open("rb") as file:
            found = load(file, "bytes")
        return {k.decode() if isinstance(k, bytes) else str(k): v for k, v in found.items()}
    except (OSError, EOFError, ValueError, AttributeError) as error:
        raise DatasetError(f"{path} is no file of CIFAR: {error}") from error


def images(batch_: dict[str, Any], labels: str, path: Path) -> tuple[Array, Array]:
    """Images uint8 [n, 3, 32, 32] and labels int64 [n, 1]."""
    try:
        x = np.asarray(batch_["data"], np.uint8).reshape(-1, 3, 32, 32)
        return x, np.asarray(batch_[labels], np.int64).reshape(len(x), 1)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise DatasetError(f"{path} has no images and {labels} of CIFAR: {error}") from error
