"""A model with another floating-point type in place of all that it has."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOATS = frozenset(
    {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16}
)
# types that cannot be fed from Python
NARROW = frozenset({
    TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E4M3FNUZ, TensorProto.FLOAT8E5M2,
    TensorProto.FLOAT8E5M2FNUZ, TensorProto.FLOAT8E8M0, TensorProto.FLOAT4E2M1, TensorProto.INT4,
    TensorProto.UINT4, TensorProto.INT2, TensorProto.UINT2,
})  # fmt: skip
# attributes that name an element type
TYPES = frozenset({"to", "dtype", "output_dtype", "stash_type", "softmax_precision", "precision"})


def widened(model: onnx.ModelProto, to: int) -> onnx.ModelProto:
    """A copy in which floats of 16, 32 and 64 bits are all of type ``to``."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    _graph(copy.graph, to)
    for function in copy.functions:
        _nodes(function.node, to)
    return copy


def _graph(graph: onnx.GraphProto, to: int) -> None:
    for info in (*graph.input, *graph.output, *graph.value_info):
        _type(info.type, to)
    for tensor in graph.initializer:
        _tensor(tensor, to)
    _nodes(graph.node, to)


def _nodes(nodes: Iterator[onnx.NodeProto], to: int) -> None:
    for node in nodes:
        for a in node.attribute:
            _attribute(node, a, to)


def _attribute(node: onnx.NodeProto, a: onnx.AttributeProto, to: int) -> None:
    if a.type == a.TENSOR:
        _tensor(a.t, to)
    elif a.type == a.GRAPH:
        _graph(a.g, to)
    elif a.type == a.TYPE_PROTO:
        _type(a.tp, to)
    elif a.type == a.INT and a.name in TYPES and a.i in FLOATS:
        a.i = to
    elif node.op_type == "Constant" and a.name in ("value_float", "value_floats"):
        value = np.array(a.f if a.name == "value_float" else list(a.floats))
        dtype = helper.tensor_dtype_to_np_dtype(to)
        made = helper.make_attribute("value", numpy_helper.from_array(value.astype(dtype)))
        a.CopyFrom(made)


def _type(kind: onnx.TypeProto, to: int) -> None:
    if kind.HasField("tensor_type"):
        if kind.tensor_type.elem_type in FLOATS:
            kind.tensor_type.elem_type = to
    elif kind.HasField("sequence_type"):
        _type(kind.sequence_type.elem_type, to)
    elif kind.HasField("optional_type"):
        _type(kind.optional_type.elem_type, to)


def _tensor(tensor: onnx.TensorProto, to: int) -> None:
    if tensor.data_type in FLOATS and tensor.data_type != to:
        array = numpy_helper.to_array(tensor).astype(helper.tensor_dtype_to_np_dtype(to))
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
