"""Protocol tensors to NumPy arrays and back, with every size checked."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..protos import classifier_pb2, inference_pb2
from . import datatypes
from .errors import RequestError

Array = np.ndarray[Any, Any]
MAX_ELEMENTS = 1 << 31
MAX_DIMS = 64  # NumPy's own


def checked_shape(owner: str, dims: Sequence[int]) -> tuple[int, ...]:
    """A request's shape. Raises ``RequestError`` for negative dims and absurd sizes."""
    shape = tuple(int(d) for d in dims)
    if any(d < 0 for d in shape):
        raise RequestError(f"{owner} has shape {list(shape)}: a request's dims are at least 0")
    # zero dims are left out: NumPy refuses [0, 2**62] although it has no elements
    if math.prod(d for d in shape if d) > MAX_ELEMENTS:
        raise RequestError(f"{owner} has shape {list(shape)}: more than {MAX_ELEMENTS} elements")
    if len(shape) > MAX_DIMS:
        raise RequestError(f"{owner} has {len(shape)} dims; at most {MAX_DIMS} are possible")
    return shape


def from_raw(owner: str, datatype: str, dims: Sequence[int], raw: bytes) -> Array:
    """Little-endian bytes as an array (a view where possible)."""
    dtype = datatypes.to_numpy(datatype)
    shape = checked_shape(owner, dims)
    if datatype == "BYTES":
        return _from_framed(owner, shape, raw)
    wanted = math.prod(shape) * dtype.itemsize
    if len(raw) != wanted:
        raise RequestError(
            f"{owner} has {len(raw)} bytes; {datatype} of shape {list(shape)} needs {wanted}"
        )
    if datatype == "BOOL" and raw and max(raw) > 1:
        raise RequestError(f"{owner} is BOOL, but has bytes other than 0 and 1")
    return np.frombuffer(raw, dtype.newbyteorder("<")).reshape(shape)


def _from_framed(owner: str, shape: tuple[int, ...], raw: bytes) -> Array:
    """BYTES: four bytes of length before each element."""
    items: list[bytes] = []
    at = 0
    while at < len(raw):
        if at + 4 > len(raw):
            raise RequestError(f"{owner}: the last BYTES element has no complete length")
        (size,) = struct.unpack_from("<I", raw, at)
        if at + 4 + size > len(raw):
            raise RequestError(f"{owner}: a BYTES element of {size} bytes reaches past the end")
        items.append(raw[at + 4 : at + 4 + size])
        at += 4 + size
    if len(items) != math.prod(shape):
        raise RequestError(f"{owner} has {len(items)} BYTES elements for shape {list(shape)}")
    array = np.empty(len(items), object)
    array[:] = [_text(owner, item) for item in items]
    return array.reshape(shape)


def _text(owner: str, item: bytes) -> str:
    try:
        return item.decode()
    except UnicodeDecodeError as error:
        raise RequestError(f"{owner}: a BYTES element is no UTF-8 text") from error


def to_raw(array: Array) -> bytes:
    """An array as the protocol's bytes."""
    if array.dtype.kind in "OUS":
        parts = [x if isinstance(x, bytes) else str(x).encode() for x in array.reshape(-1)]
        return b"".join(struct.pack("<I", len(p)) + p for p in parts)
    return np.asarray(array, array.dtype.newbyteorder("<"), order="C").tobytes()


def request_tensors(request: inference_pb2.ModelInferRequest) -> dict[str, Array]:
    """The inputs of an inference request by name."""
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise RequestError(
            f"{len(raw)} raw_input_contents for {len(request.inputs)} inputs: expected one each"
        )
    found: dict[str, Array] = {}
    for i, tensor in enumerate(request.inputs):
        if tensor.name in found:
            raise RequestError(f"input {tensor.name!r} is given twice")
        owner = f"input {tensor.name!r}"
        if raw:
            if tensor.HasField("contents"):
                raise RequestError(f"{owner} has contents beside raw_input_contents: give only one")
            found[tensor.name] = from_raw(owner, tensor.datatype, tensor.shape, raw[i])
        else:
            found[tensor.name] = _from_contents(owner, tensor)
    return found


def _from_contents(owner: str, tensor: inference_pb2.ModelInferRequest.InferInputTensor) -> Array:
    dtype = datatypes.to_numpy(tensor.datatype)
    shape = checked_shape(owner, tensor.shape)
    field = datatypes.contents_field(tensor.datatype)
    if not field:
        raise RequestError(f"{owner}: {tensor.datatype} travels in raw_input_contents only")
    stray = [d.name for d, _ in tensor.contents.ListFields() if d.name != field]
    if stray:
        raise RequestError(
            f"{owner} is {tensor.datatype}: its elements belong in {field}, not {stray[0]}"
        )
    values = getattr(tensor.contents, field)
    if len(values) != math.prod(shape):
        raise RequestError(f"{owner} has {len(values)} elements for shape {list(shape)}")
    if dtype.kind == "O":
        array = np.empty(len(values), object)
        array[:] = [_text(owner, v) for v in values]
        return array.reshape(shape)
    wide = np.array(values, np.int64 if dtype.kind in "iu" and dtype.itemsize < 8 else dtype)
    array = wide.astype(dtype)
    if wide.dtype != dtype and not np.array_equal(array, wide):
        raise RequestError(f"{owner} has elements outside of {tensor.datatype}")
    return array.reshape(shape)


def response(
    model: str, version: str, request_id: str, outputs: Mapping[str, Array]
) -> inference_pb2.ModelInferResponse:
    """Outputs as raw contents, which every client reads (some read nothing else)."""
    answer = inference_pb2.ModelInferResponse(
        model_name=model, model_version=version, id=request_id
    )
    for name, array in outputs.items():
        answer.outputs.add(
            name=name, datatype=datatypes.from_numpy(array.dtype), shape=list(array.shape)
        )
        answer.raw_output_contents.append(to_raw(array))
    return answer


def instances(message: classifier_pb2.Instances) -> Array:
    """The batch of a classification request."""
    datatype = message.datatype or "FP32"
    if message.raw and message.values:
        raise RequestError("instances have both raw and values: give only one")
    if message.values:
        if datatype != "FP32":
            raise RequestError(f"instances of {datatype} travel in raw; values are FP32")
        shape = checked_shape("instances", message.shape)
        if len(message.values) != math.prod(shape):
            raise RequestError(
                f"instances have {len(message.values)} values for shape {list(shape)}"
            )
        return np.array(message.values, np.float32).reshape(shape)
    return from_raw("instances", datatype, message.shape, message.raw)
