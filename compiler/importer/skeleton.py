"""A model without its weights: what a saved file keeps beside them."""

from __future__ import annotations

from collections.abc import Iterable

import onnx
from onnx import TensorProto


def skeleton(model: onnx.ModelProto, names: Iterable[str]) -> onnx.ModelProto:
    """A copy of ``model`` in which the stored tensors ``names`` are zeros that take no space.

    They are sparse tensors without an element; reading them gives weights of the same names and shapes.
    """
    dropped = set(names)
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    for graph in (bare.graph, *(info.algorithm for info in bare.training_info)):
        _thin(graph, dropped)
    for node in bare.graph.node:
        if node.op_type == "Constant" and node.output and node.output[0] in dropped:
            (attribute,) = node.attribute
            if attribute.type == onnx.AttributeProto.TENSOR:
                empty = _empty(attribute.t, "")
                del node.attribute[:]
                node.attribute.append(onnx.helper.make_attribute("sparse_value", empty))
    return bare


def _thin(graph: onnx.GraphProto, dropped: set[str]) -> None:
    kept = []
    for tensor in graph.initializer:
        if tensor.name in dropped and tensor.data_type != TensorProto.STRING:
            graph.sparse_initializer.append(_empty(tensor, tensor.name))
        else:
            kept.append(_copy(tensor))
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _copy(tensor: onnx.TensorProto) -> onnx.TensorProto:
    made = onnx.TensorProto()
    made.CopyFrom(tensor)
    return made


def _empty(tensor: onnx.TensorProto, name: str) -> onnx.SparseTensorProto:
    sparse = onnx.SparseTensorProto(dims=tensor.dims)
    sparse.values.name = name
    sparse.values.data_type = tensor.data_type
    sparse.values.dims.append(0)
    sparse.indices.data_type = TensorProto.INT64
    sparse.indices.dims.append(0)
    return sparse
