"""Arrays in HDF5 files by their paths. Links, external and virtual data sets are refused."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ...compiler import dtypes
from ...compiler.ir import Array
from ...errors import FileFormatError

VARS = "/vars"
_DEEPEST = 200


@dataclass
class Stored:
    """Data sets by their paths, and the names of the layers whose values they are."""

    arrays: dict[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    label: str = ""
    used: set[str] = field(default_factory=set)

    def of(self, path: str) -> list[str]:
        """The paths of what belongs to the object at ``path`` itself, in order."""
        prefix = f"{path}{VARS}/".lstrip("/")
        own = [k for k in self._under(path) if k.startswith(prefix) and "/" not in k[len(prefix) :]]
        return sorted(own, key=lambda k: (len(k), k))

    def has(self, path: str) -> bool:
        """Whether there is anything at ``path`` or below."""
        return path in self._index

    def _under(self, path: str) -> list[str]:
        return self._index.get(path, [])

    @property
    def _index(self) -> dict[str, list[str]]:
        """Data sets by every group that they are in; a group that is empty but named counts, too."""
        found = self.__dict__.get("_groups")
        if found is None:
            found = {"": []}
            for key in [*self.arrays, *(f"{p}{VARS}/" for p in self.names)]:
                parts = key.split("/")[:-1]
                for n in range(len(parts) + 1):
                    group = found.setdefault("/".join(parts[:n]), [])
                    if key in self.arrays:
                        group.append(key)
            self.__dict__["_groups"] = found
        return found

    def read(self, key: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """The array at ``key``, of this shape: nothing larger is ever read."""
        data = self.arrays[key]
        if tuple(data.shape) != tuple(shape):
            raise FileFormatError(
                f"{self.label}: {key} has shape {tuple(data.shape)}; the model needs {tuple(shape)}"
            )
        self.used.add(key)
        values = np.asarray(data[()])
        if data.attrs.get("dtype") == "bfloat16":
            values = values.view(dtypes.as_dtype("bfloat16"))
        if values.dtype.kind not in "fiub" and not dtypes.is_float(values.dtype):
            raise FileFormatError(f"{self.label}: {key} holds {values.dtype}, no numbers")
        return values.astype(dtype)


def _h5py() -> Any:
    try:
        import h5py  # noqa: PLC0415  # an optional extra
    except ImportError as error:
        raise ImportError(
            "Keras' weights are HDF5 files, which need h5py: pip install 'waterhorse[keras]'"
        ) from error
    return h5py


@contextmanager
def file(source: str | os.PathLike[str] | BinaryIO, label: str) -> Iterator[Any]:
    """An HDF5 file, open for reading."""
    h5py = _h5py()
    try:
        found = h5py.File(source, "r")
    except OSError as error:
        raise FileFormatError(f"{label}: the HDF5 part is damaged: {error}") from error
    with found:
        try:
            yield found
        except (KeyError, RuntimeError, OSError) as error:
            if isinstance(error, NotImplementedError):
                raise
            raise FileFormatError(f"{label}: the HDF5 part is damaged: {error}") from error


@contextmanager
def opened(source: str | os.PathLike[str] | BinaryIO, label: str = "") -> Iterator[Stored]:
    """All data sets of a file."""
    label = label or os.fspath(source)  # type: ignore[arg-type]
    with file(source, label) as root:
        found = Stored(label=label)
        _collect(root, "", found, set())
        yield found


@contextmanager
def opened_parts(path: Path) -> Iterator[Stored]:
    """The data sets of all files that an index (``NAME.weights.json``) names."""
    index = json.loads(path.read_text("utf-8"))
    listed: Mapping[str, Any] = index["weight_map"]
    names: dict[str, None] = {}
    for entry in listed.values():
        names |= dict.fromkeys([entry] if isinstance(entry, str) else entry)
    with ExitStack() as stack:
        found = Stored(label=str(path))
        for name in names:
            part = path.with_name(Path(name).name)
            if not part.is_file():
                raise FileFormatError(f"{path} names the part {name}, which is not beside it")
            one = stack.enter_context(opened(part))
            found.arrays |= one.arrays
            found.names |= one.names
        yield found


def _collect(group: Any, path: str, found: Stored, seen: set[int]) -> None:
    h5py = _h5py()
    place = h5py.h5o.get_info(group.id).addr
    if place in seen or path.count("/") > _DEEPEST:
        raise FileFormatError(
            f"{found.label}: the group {path!r} lies in itself, in two places or too deep: refused"
        )
    seen.add(place)
    label = group.attrs.get("name")
    if path.endswith("vars") and isinstance(label, str):
        found.names[path.removesuffix("vars").rstrip("/")] = label
    for name in group:
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise FileFormatError(
                f"{found.label}: {path}/{name} is a link, which files of Keras do not have: refused"
            )
        item, inner = group[name], f"{path}/{name}".lstrip("/")
        if isinstance(item, h5py.Group):
            _collect(item, inner, found, seen)
        elif item.external or item.is_virtual:
            raise FileFormatError(
                f"{found.label}: the data of {inner} are in another file: refused"
            )
        else:
            found.arrays[inner] = item


def strings(value: Any) -> list[str]:
    """An attribute that is a list of strings."""
    items: Sequence[Any] = np.asarray(value).ravel().tolist()
    return [v.decode("utf-8") if isinstance(v, bytes) else str(v) for v in items]
