"""Element types by their three names: the protocol's, NumPy's, ONNX Runtime's."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import ModelError, RequestError

# protocol name -> (NumPy dtype, ONNX Runtime's name, field of InferTensorContents)
_TABLE: dict[str, tuple[Any, str, str]] = {
    "BOOL": (np.bool_, "bool", "bool_contents"),
    "UINT8": (np.uint8, "uint8", "uint_contents"),
    "UINT16": (np.uint16, "uint16", "uint_contents"),
    "UINT32": (np.uint32, "uint32", "uint_contents"),
    "UINT64": (np.uint64, "uint64", "uint64_contents"),
    "INT8": (np.int8, "int8", "int_contents"),
    "INT16": (np.int16, "int16", "int_contents"),
    "INT32": (np.int32, "int32", "int_contents"),
    "INT64": (np.int64, "int64", "int64_contents"),
    "FP16": (np.float16, "float16", ""),
    "FP32": (np.float32, "float", "fp32_contents"),
    "FP64": (np.float64, "double", "fp64_contents"),
    "BYTES": (np.object_, "string", "bytes_contents"),
}
_BY_RUNTIME = {f"tensor({runtime})": name for name, (_, runtime, _) in _TABLE.items()}
_BY_NUMPY = {np.dtype(dtype): name for name, (dtype, _, _) in _TABLE.items()}


def from_runtime(kind: str) -> str:
    """The protocol's name for ONNX Runtime's ``tensor(float)``. Raises ``ModelError`` for others."""
    if kind not in _BY_RUNTIME:
        raise ModelError(f"the model uses {kind}, which the protocol cannot carry")
    return _BY_RUNTIME[kind]


def from_numpy(dtype: np.dtype[Any]) -> str:
    """The protocol's name for a NumPy dtype. Raises ``RequestError`` for one it does not have."""
    if dtype.kind in "USO":
        return "BYTES"
    if dtype not in _BY_NUMPY:
        raise RequestError(f"dtype {dtype} has no counterpart in the protocol: convert it first")
    return _BY_NUMPY[dtype]


def to_numpy(name: str) -> np.dtype[Any]:
    """The NumPy dtype of a protocol datatype. Raises ``RequestError`` for an unknown name."""
    if name not in _TABLE:
        raise RequestError(f"unknown datatype {name!r}; expected one of {', '.join(_TABLE)}")
    return np.dtype(_TABLE[name][0])


def contents_field(name: str) -> str:
    """Which field of ``InferTensorContents`` carries this datatype; empty where only raw bytes can."""
    return _TABLE[name][2]
