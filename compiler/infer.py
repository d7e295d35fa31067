"""Types and shapes of an operator's outputs, by ONNX's own inference, one node at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import onnx
from onnx import helper, numpy_helper

from . import dtypes, schema

Dim: TypeAlias = "int | str | None"
Shape: TypeAlias = "tuple[Dim, ...]"


class TensorType(NamedTuple):
    """Element type and shape; a dim is a number, a name, or None where nothing is known."""

    dtype: dtypes.DType
    shape: Shape

    def __str__(self) -> str:
        return f"{self.dtype.name}[{', '.join('?' if d is None else str(d) for d in self.shape)}]"


def infer(
    op: str,
    inputs: Sequence[TensorType | None],
    attrs: tuple[tuple[str, schema.Attribute], ...],
    values: Sequence[np.ndarray[Any, Any] | None],
    outputs: int,
) -> tuple[TensorType, ...]:
    """Types of the outputs. ``values`` holds small integer inputs that are known, else None.

    Raises ``onnx.shape_inference.InferenceError`` where the operands do not fit.
    """
    names = [f"i{k}" if t is not None else "" for k, t in enumerate(inputs)]
    proto = helper.make_node(
        op, names, [f"o{k}" for k in range(outputs)], **schema.attribute_values(attrs)
    )
    types = {
        f"i{k}": helper.make_tensor_type_proto(dtypes.to_onnx(t.dtype), t.shape)
        for k, t in enumerate(inputs)
        if t is not None
    }
    data = {f"i{k}": numpy_helper.from_array(v) for k, v in enumerate(values) if v is not None}
    found = onnx.shape_inference.infer_node_outputs(
        schema.signature(op).schema, proto, types, data,
        opset_imports=[helper.make_opsetid("", schema.OPSET)], ir_version=schema.IR_VERSION,
    )  # fmt: skip
    rank = _rank_from_shape_input(op, inputs)
    return tuple(_read(found, f"o{k}", rank) for k in range(outputs))


def _rank_from_shape_input(op: str, inputs: Sequence[TensorType | None]) -> int | None:
    """The rank that a computed target shape gives away by its length; ONNX does not look there."""
    position = {"Reshape": 1, "Expand": 1, "ConstantOfShape": 0}.get(op)
    target = inputs[position] if position is not None else None
    length = target.shape[0] if target is not None and len(target.shape) == 1 else None
    return length if isinstance(length, int) else None


def _read(found: dict[str, onnx.TypeProto], name: str, rank: int | None) -> TensorType:
    if name not in found:
        raise onnx.shape_inference.InferenceError("the standard infers no type for this output")
    tensor = found[name].tensor_type
    dtype = dtypes.from_onnx(tensor.elem_type)
    if not tensor.HasField("shape"):
        if rank is None:
            raise onnx.shape_inference.InferenceError(
                "the rank of the result is unknown: give the target shape a static length"
            )
        return TensorType(dtype, (None,) * rank)
    return TensorType(
        dtype,
        tuple(
            d.dim_value if d.HasField("dim_value") else (d.dim_param or None)
            for d in tensor.shape.dim
        ),
    )
