"""Types of tensors: NumPy dtypes on our side, ``TensorProto`` numbers on ONNX's; and shapes."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from onnx import TensorProto, helper

from ..errors import ArgumentError

DType: TypeAlias = np.dtype[Any]
DTypeLike: TypeAlias = Any  # a name, a type or a dtype: whatever ``as_dtype`` takes

Dim: TypeAlias = "int | str | None"
Shape: TypeAlias = "tuple[Dim, ...]"


class TensorType(NamedTuple):
    """Element type and shape; a dim is a number, a name, or None where nothing is known."""

    dtype: DType
    shape: Shape

    def __str__(self) -> str:
        return f"{self.dtype.name}[{', '.join('?' if d is None else str(d) for d in self.shape)}]"


FLOAT32 = np.dtype(np.float32)
INT64 = np.dtype(np.int64)
BOOL = np.dtype(np.bool_)
OBJECT = np.dtype(np.object_)


@functools.cache
def as_dtype(dtype: DTypeLike) -> DType:
    """The NumPy dtype for a name, a type or a dtype ("bfloat16" and "string" included)."""
    if dtype == "bfloat16":
        return helper.tensor_dtype_to_np_dtype(TensorProto.BFLOAT16)
    if dtype in ("string", "str"):
        return np.dtype(object)
    try:
        return np.dtype(dtype)
    except TypeError as error:
        raise ArgumentError(
            f"{dtype!r} is no element type; expected one like 'float32', 'int64' or 'bool'"
        ) from error


@functools.cache
def to_onnx(dtype: DTypeLike | int) -> int:
    """The ``TensorProto.DataType`` number of a dtype; a number is returned as it is."""
    if isinstance(dtype, int):
        return dtype
    return helper.np_dtype_to_tensor_dtype(as_dtype(dtype))


@functools.cache
def from_onnx(number: int) -> DType:
    """The NumPy dtype of a ``TensorProto.DataType`` number."""
    return helper.tensor_dtype_to_np_dtype(number)


def is_float(dtype: DType) -> bool:
    """Whether gradients exist for this element type (bfloat16 counts)."""
    return dtype.kind == "f" or dtype.name in ("bfloat16", "float16")


def common(a: DType, b: DType) -> DType:
    """Integers with floats give the float's type (never double, which NumPy would give)."""
    if a == b:
        return a
    floats = [d for d in (a, b) if is_float(d)]
    return floats[0] if len(floats) == 1 else np.result_type(a, b)
