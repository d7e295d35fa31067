"""Operators of a graph and their multiply-accumulates, subgraphs included."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import onnx
from onnx import helper, numpy_helper

from ...errors import FileFormatError
from ..block import blocks_of
from ..ir import Tensor, toposort
from .macs import NOTHING, Dims, Polynomial, UnknownShapeError, counted, fitted, macs
from .prepared import STANDARD, dims_of, prepared, size, subgraphs


@dataclass
class Operator:
    """All nodes of one operator. ``unknown``: how many of them have MACs that are not known.

    ``how`` it differentiates: one of ``differentiability.KINDS``; ``note`` says more.
    """

    domain: str
    name: str
    count: int = 0
    macs: Polynomial = NOTHING
    unknown: int = 0
    how: str = ""
    note: str = ""

    @property
    def title(self) -> str:
        return f"{self.domain}::{self.name}" if self.domain else self.name


Rows: TypeAlias = "dict[tuple[str, str], Operator]"


def rows_of(graph: onnx.GraphProto, outer: Mapping[str, Dims]) -> Rows:
    """Operators of a graph and the subgraphs in it; ``outer``: shapes of the names around it."""
    shapes = {**outer, **_shapes(graph)}
    known = _numbers(graph)
    rows: Rows = {}
    for node in graph.node:
        domain = "" if node.domain in STANDARD else node.domain
        row = rows.setdefault((domain, node.op_type), Operator(domain, node.op_type))
        row.count += 1
        if counted(domain, node.op_type):
            _count(row, node, shapes)
        _add_bodies(rows, node, shapes, known)
    return rows


def _count(row: Operator, node: onnx.NodeProto, shapes: Mapping[str, Dims]) -> None:
    attrs = {a.name: _attribute(a) for a in node.attribute}
    inputs = [shapes.get(n) if n else None for n in node.input]
    outputs = [shapes.get(n) if n else None for n in node.output]
    try:
        row.macs += macs(row.domain, row.name, inputs, outputs, attrs)
    except UnknownShapeError:
        row.unknown += 1


def _add_bodies(
    rows: Rows, node: onnx.NodeProto, shapes: Mapping[str, Dims], known: Mapping[str, int]
) -> None:
    bodies = [rows_of(g, shapes) for g in subgraphs(node)]
    if not bodies:
        return
    if node.op_type == "If":  # one of the branches runs: count the larger one
        largest = max(bodies, key=lambda b: sum(o.macs.at_one() for o in b.values()))
        for body in bodies:
            _merge(rows, body, Polynomial.of(1) if body is largest else NOTHING)
        return
    times = Polynomial.of(_iterations(node, shapes, known))
    for body in bodies:
        _merge(rows, body, times)


def _merge(rows: Rows, body: Rows, times: Polynomial) -> None:
    for key, inner in body.items():
        row = rows.setdefault(key, Operator(*key))
        row.count += inner.count
        row.macs += inner.macs * times
        row.unknown += inner.unknown


def _iterations(
    node: onnx.NodeProto, shapes: Mapping[str, Dims], known: Mapping[str, int]
) -> int | str:
    """How often a body runs, else a name for that number."""
    label = f"iterations of {node.name or node.output[0]}"
    if node.op_type == "Loop":
        # a trip count of the largest int64 stands for "until the condition ends it"
        count = known.get(node.input[0], None) if node.input[0] else None
        return count if count is not None and count < 2**31 else label
    if node.op_type == "Scan":
        attrs = {a.name: _attribute(a) for a in node.attribute}
        scanned = int(attrs["num_scan_inputs"])
        axes = attrs.get("scan_input_axes") or [0]
        shape = shapes.get(node.input[len(node.input) - scanned])
        length = shape[axes[0]] if shape else None
        return label if length is None else length
    return label


def _shapes(graph: onnx.GraphProto) -> dict[str, Dims]:
    found: dict[str, Dims] = {
        v.name: dims_of(v.type) for v in (*graph.value_info, *graph.output, *graph.input)
    }
    for tensor in graph.initializer:
        found[tensor.name] = tuple(tensor.dims)
    for sparse in graph.sparse_initializer:
        found[sparse.values.name] = tuple(sparse.dims)
    return found


def _numbers(graph: onnx.GraphProto) -> dict[str, int]:
    """Stored single integers by name."""
    found = {}
    constants = [(n.output[0], a.t) for n in graph.node if n.op_type == "Constant"
                 for a in n.attribute if a.name == "value"]  # fmt: skip
    for name, tensor in (*((t.name, t) for t in graph.initializer), *constants):
        if tensor.data_type == onnx.TensorProto.INT64 and size(tensor.dims) == 1:
            found[name] = int(numpy_helper.to_array(tensor).reshape(()))
    return found


def _attribute(attribute: onnx.AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def resolved(row: Operator, names: Iterable[str]) -> bool:
    """Whether the MACs are known, as a polynomial in ``names``."""
    return not row.unknown and row.macs.names <= {*names}


def fit(model: onnx.ModelProto, rows: Rows, dims: Mapping[str, int], names: Sequence[str]) -> None:
    """Replace MACs that depend on sizes within by polynomials in the inputs' sizes, where they are."""
    tried: dict[tuple[int, ...], Rows] = {}

    def value(key: tuple[str, str], sizes: Sequence[int]) -> int:
        if tuple(sizes) not in tried:
            given = {**dims, **dict(zip(names, sizes, strict=True))}
            tried[tuple(sizes)] = rows_of(prepared(model, given).graph, {})
        row = tried[tuple(sizes)][key]
        number = row.macs.number
        if number is None or row.unknown:
            raise UnknownShapeError
        return number

    for key, row in rows.items():
        if resolved(row, names):
            continue
        try:
            found = fitted(names, functools.partial(value, key))
        except (UnknownShapeError, FileFormatError):
            return
        if found is not None:
            row.macs, row.unknown = found, 0


def refine(operators: Iterable[Operator], outputs: Iterable[Tensor], names: Iterable[str]) -> None:
    """Replace MACs that are not known by those of the model as our graph, which follows more sizes.

    ``outputs``: of the model, read with the sizes that the operators were counted with.
    """
    rows = _rows_of_tensors(outputs)
    for operator in operators:
        found = rows.get((operator.domain, operator.name))
        if not resolved(operator, names) and found is not None and resolved(found, names):
            operator.macs, operator.unknown = found.macs, 0


def _rows_of_tensors(outputs: Iterable[Tensor]) -> Rows:
    rows: Rows = {}
    for node in toposort(outputs):
        attrs = dict(node.attrs)
        for block in blocks_of(node.attrs):
            # how often it runs, and which branch, is for the count by the file to say
            for row in _rows_of_tensors(block.results).values():
                rows.setdefault((row.domain, row.name), Operator(row.domain, row.name)).unknown += 1
        if not counted("", node.op):
            continue
        row = rows.setdefault(("", node.op), Operator("", node.op))
        shapes = [None if x is None else x.shape for x in node.inputs]
        try:
            row.macs += macs("", node.op, shapes, [t.shape for t in node.types], attrs)
        except UnknownShapeError:
            row.unknown += 1
    return rows
