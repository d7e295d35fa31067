"""Stored tensors of a file: in the file itself, or in files of the same folder.

External data is as trustworthy as whoever made the model. A location may only name a regular file within
the model's own folder: no absolute path, no way up, no link of either kind, and offset and length must
lie within that file and be what the tensor's type and shape ask for.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ...errors import FileFormatError
from .. import dtypes

Array = np.ndarray[Any, Any]
_SUB_BYTE = frozenset({
    TensorProto.INT4, TensorProto.UINT4, TensorProto.FLOAT4E2M1,
    *(getattr(TensorProto, n) for n in ("INT2", "UINT2") if hasattr(TensorProto, n)),
})  # fmt: skip


def array_of(tensor: onnx.TensorProto, folder: Path | None) -> Array:
    """The value of a stored tensor.

    Args:
        folder: where the model's file is; None for a model that was given as an object.

    Raises ``FileFormatError`` where type, shape and data do not fit, or external data is refused.
    """
    name = tensor.name or "a constant"
    if any(d < 0 for d in tensor.dims):
        raise FileFormatError(f"stored tensor {name!r} has a negative dim: {list(tensor.dims)}")
    if tensor.HasField("segment"):
        raise FileFormatError(f"stored tensor {name!r} is in segments, which nobody reads any more")
    try:
        if tensor.data_location == TensorProto.EXTERNAL:
            return _external(tensor, name, folder)
        array = numpy_helper.to_array(tensor)
    except FileFormatError:
        raise
    except Exception as error:  # to_array raises what NumPy and protobuf happen to raise
        raise FileFormatError(f"stored tensor {name!r} is damaged: {error}") from error
    return _native(array)


def _native(array: Array) -> Array:
    """Strings as objects; everything else contiguous and our own."""
    if array.dtype.kind in "OSU":
        texts = [x.decode() if isinstance(x, bytes) else str(x) for x in array.ravel().tolist()]
        return np.array(texts, object).reshape(array.shape)
    return np.ascontiguousarray(array).reshape(array.shape)


def _external(tensor: onnx.TensorProto, name: str, folder: Path | None) -> Array:
    entries = {e.key: e.value for e in tensor.external_data}
    if folder is None:
        raise FileFormatError(
            f"{name!r} is stored in another file ({entries.get('location', '?')!r}): load the model by "
            "its path, so that its folder is known"
        )
    if tensor.data_type in _SUB_BYTE or tensor.data_type == TensorProto.STRING:
        raise FileFormatError(f"{name!r} cannot be external data: its elements are no whole bytes")
    dtype = dtypes.from_onnx(tensor.data_type)
    shape = tuple(tensor.dims)
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    offset, length = _number(entries, "offset", 0, name), _number(entries, "length", size, name)
    if length != size:
        raise FileFormatError(
            f"{name!r} is {helper.tensor_dtype_to_string(tensor.data_type)} of shape {shape}, which "
            f"takes {size} bytes; the file says {length}"
        )
    path = _checked(entries.get("location", ""), name, folder)
    data = _bytes(path, offset, length, name)
    return np.frombuffer(data, dtype.newbyteorder("<") if dtype.kind in "iuf" else dtype).astype(
        dtype).reshape(shape)  # fmt: skip


def _number(entries: dict[str, str], key: str, default: int, name: str) -> int:
    text = entries.get(key)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 20:
        raise FileFormatError(f"{name!r}: {key} of its external data is {text[:40]!r}, no number")
    return int(text)


def _checked(location: str, name: str, folder: Path) -> Path:
    """The file that holds the data. Raises ``FileFormatError`` unless it may be read."""
    parts = PurePosixPath(location.replace("\\", "/")).parts
    if not parts or "\0" in location or ":" in location or parts[0] == "/" or ".." in parts:
        raise FileFormatError(
            f"{name!r} is stored in {location[:80]!r}, which is not a place within the model's folder"
        )
    path = folder
    for i, part in enumerate(parts):
        path = path / part
        try:
            facts = os.lstat(path)
        except OSError as error:
            raise FileFormatError(
                f"{name!r} is stored in {location!r}, which is not there: copy it beside the model"
            ) from error
        last = i == len(parts) - 1
        if not (stat.S_ISREG(facts.st_mode) if last else stat.S_ISDIR(facts.st_mode)):
            raise FileFormatError(f"{name!r} is stored in {location!r}, which is no plain file")
        if last and facts.st_nlink > 1:
            raise FileFormatError(f"{name!r} is stored in {location!r}, which is a link")
    return path


def _bytes(path: Path, offset: int, length: int, name: str) -> bytes:
    # no link may take the file's place between the check and this
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(handle, "rb") as file:
        total = os.fstat(handle).st_size
        if offset + length > total:
            raise FileFormatError(
                f"{name!r} is bytes {offset} to {offset + length} of {path.name}, which has {total}"
            )
        file.seek(offset)
        return file.read(length)


def sparse_array(sparse: onnx.SparseTensorProto, folder: Path | None) -> Array:
    """A sparse tensor, dense. Raises ``FileFormatError`` where its indices do not fit."""
    values, indices = array_of(sparse.values, folder), array_of(sparse.indices, folder)
    shape = tuple(sparse.dims)
    if any(d < 0 for d in shape) or int(np.prod(shape, dtype=object)) > 1 << 31:
        raise FileFormatError(
            f"sparse tensor {sparse.values.name!r} has an impossible shape {shape}"
        )
    dense = np.zeros(shape, values.dtype)
    if indices.dtype.kind not in "iu" or indices.ndim not in (1, 2):
        raise FileFormatError(
            f"sparse tensor {sparse.values.name!r} has indices of {indices.dtype} and rank {indices.ndim}"
        )
    try:
        if indices.ndim == 1:
            dense.reshape(-1)[indices] = values
        else:
            dense[tuple(indices.T)] = values
    except (IndexError, ValueError, TypeError) as error:
        raise FileFormatError(f"sparse tensor {sparse.values.name!r}: {error}") from error
    return dense
