"""Names in a file are text: protobuf hands bytes that are no UTF-8 on as they are, and lets us find out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import onnx

from ...errors import FileFormatError

_MODEL = ("domain", "producer_name", "producer_version")
_NODE = ("name", "op_type", "domain", "overload")
_FUNCTION = ("name", "domain", "overload", "input", "output", "attribute")


def check_texts(model: onnx.ModelProto) -> None:
    """Raises ``FileFormatError`` where a name is no UTF-8 text."""
    for text in _model(model):
        if not isinstance(text, str):
            raise FileFormatError(f"the model is damaged: the name {text!r} is no UTF-8 text")


def _fields(message: Any, names: Iterable[str]) -> Iterator[Any]:
    for name in names:
        value = getattr(message, name)
        if isinstance(value, (str, bytes)):
            yield value
        else:
            yield from value


def _pairs(entries: Iterable[Any]) -> Iterator[Any]:
    for entry in entries:
        yield from (entry.key, entry.value)


def _model(model: onnx.ModelProto) -> Iterator[Any]:
    yield from _fields(model, _MODEL)
    yield from _pairs(model.metadata_props)
    yield from (o.domain for o in model.opset_import)
    yield from _graph(model.graph)
    for function in model.functions:
        yield from _fields(function, _FUNCTION)
        yield from (o.domain for o in function.opset_import)
        yield from _attributes(function.attribute_proto)
        yield from _nodes(function.node)
    for info in model.training_info:
        for graph in (info.algorithm, info.initialization):
            yield from _graph(graph)
        yield from _pairs((*info.update_binding, *info.initialization_binding))


def _graph(graph: onnx.GraphProto) -> Iterator[Any]:
    yield graph.name
    for tensor in (*graph.initializer, *(s.values for s in graph.sparse_initializer)):
        yield tensor.name
        yield from _pairs(tensor.external_data)
    for info in (*graph.input, *graph.output, *graph.value_info):
        yield info.name
        yield from (d.dim_param for d in info.type.tensor_type.shape.dim)
    yield from _nodes(graph.node)


def _nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[Any]:
    for node in nodes:
        yield from _fields(node, _NODE)
        yield from node.input
        yield from node.output
        yield from _attributes(node.attribute)


def _attributes(attributes: Iterable[onnx.AttributeProto]) -> Iterator[Any]:
    for attribute in attributes:
        yield attribute.name
        yield attribute.ref_attr_name
        if attribute.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS):
            for graph in (attribute.g, *attribute.graphs):
                yield from _graph(graph)
        elif attribute.type == onnx.AttributeProto.TENSOR:
            yield attribute.t.name
            yield from _pairs(attribute.t.external_data)
