"""The tensors that an ONNX file holds, wherever they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import helper, numpy_helper

from .prepared import STANDARD, graphs, size


@dataclass(frozen=True)
class Stored:
    """A tensor that the file holds. ``where``: "initializer", "Constant", "ConstantOfShape" ...

    ``bytes`` is None for text; ``file`` names the file of external data; ``used_by`` the operators that
    take it.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    count: int
    bytes: int | None
    where: str
    file: str | None
    used_by: tuple[str, ...]

    @property
    def is_float(self) -> bool:
        return self.dtype.startswith(("float", "bfloat"))


def type_name(code: int) -> str:
    """``float32`` for 1: names of element types as NumPy has them."""
    try:
        name = onnx.TensorProto.DataType.Name(code).lower()
    except ValueError:
        return f"type {code}"
    return {"float": "float32", "double": "float64"}.get(name, name)


def _bytes(dtype: str, count: int) -> int | None:
    if dtype in ("string", "undefined") or dtype.startswith("type "):
        return None
    bits = re.search(r"\d+", dtype)
    return -(-count * (int(bits.group()) if bits else 8) // 8)


def stored_in(main: onnx.GraphProto) -> Iterator[Stored]:
    """All stored tensors of a graph and the subgraphs in it."""
    users: dict[str, dict[str, None]] = {}
    for graph in graphs(main):
        for node in graph.node:
            for name in node.input:
                users.setdefault(name, {})[node.op_type] = None
    for graph in graphs(main):
        inputs = {i.name for i in graph.input}
        for tensor in graph.initializer:
            where = "initializer and input" if tensor.name in inputs else "initializer"
            yield _stored_tensor(tensor.name, tensor, where, users)
        for sparse in graph.sparse_initializer:
            yield _stored_tensor(sparse.values.name, sparse.values, "sparse initializer", users)
        yield from _stored_by_nodes(graph, users)


def _stored_by_nodes(graph: onnx.GraphProto, users: Mapping[str, Any]) -> Iterator[Stored]:
    shapes = {t.name: t for t in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.domain in STANDARD:
            for attribute in node.attribute:
                tensor = _constant(attribute)
                if tensor is not None:
                    shapes[node.output[0]] = tensor
                    yield _stored_tensor(node.output[0], tensor, "Constant", users)
        elif node.op_type == "ConstantOfShape" and node.input[0] in shapes:
            shape = shapes[node.input[0]]
            if shape.data_location != onnx.TensorProto.EXTERNAL:
                dims = [int(d) for d in numpy_helper.to_array(shape)]
                value = next((a.t for a in node.attribute if a.name == "value"), None)
                code = value.data_type if value is not None else onnx.TensorProto.FLOAT
                made = onnx.TensorProto(dims=dims, data_type=code)
                yield _stored_tensor(node.output[0], made, "ConstantOfShape", users)


def _constant(attribute: onnx.AttributeProto) -> onnx.TensorProto | None:
    if attribute.name == "value":
        return attribute.t
    if attribute.name == "sparse_value":
        return attribute.sparse_tensor.values
    kinds = {"value_float": 1, "value_floats": 1, "value_int": 7, "value_ints": 7,
             "value_string": 8, "value_strings": 8}  # fmt: skip
    if attribute.name not in kinds:
        return None
    value = helper.get_attribute_value(attribute)
    dims = [] if not attribute.name.endswith("s") else [len(value)]
    return onnx.TensorProto(dims=dims, data_type=kinds[attribute.name])


def _stored_tensor(
    name: str, tensor: onnx.TensorProto, where: str, users: Mapping[str, Any]
) -> Stored:
    dtype = type_name(tensor.data_type)
    count = size(tensor.dims)
    file = next((e.value for e in tensor.external_data if e.key == "location"), None)
    external = tensor.data_location == onnx.TensorProto.EXTERNAL
    return Stored(
        name, dtype, tuple(tensor.dims), count, _bytes(dtype, count), where,
        file if external else None, tuple(users.get(name, ())),
    )  # fmt: skip
