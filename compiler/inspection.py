"""What is in an ONNX model: operators, stored tensors, sizes that stay open, how it differentiates.

Nothing is run, and no external data is read. Shapes are inferred anew, for the sizes in the file's
annotations are often stale.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import onnx
from onnx import helper, inliner, numpy_helper, shape_inference

from ..errors import ArgumentError, FileFormatError
from .macs import NOTHING, Dim, Dims, Polynomial, UnknownShapeError, counted, macs

How: TypeAlias = Callable[[str, str], tuple[str, str]]  # operator, domain -> kind, note
_STANDARD = ("", "ai.onnx")
_SMALL = 1024  # elements of a stored tensor that may be a shape


@dataclass(frozen=True)
class Value:
    """An input or output. ``kind``: "tensor", "sequence" or "optional"."""

    name: str
    kind: str
    dtype: str
    shape: tuple[Dim, ...] | None


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


@dataclass
class Operator:
    """All nodes of one operator. ``unknown``: how many of them have MACs that are not known.

    ``how`` is "rule", "body", "zero" or "unsupported"; ``note`` says more.
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


@dataclass
class Report:
    """What ``inspect`` found. ``dims``: open sizes and where the inputs have them."""

    name: str
    producer: str
    ir_version: int
    opsets: dict[str, int]
    inputs: list[Value]
    outputs: list[Value]
    dims: dict[str, list[str]]
    operators: list[Operator]
    stored: list[Stored]
    functions: dict[str, int] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    training: int = 0

    @property
    def macs(self) -> Polynomial:
        total = NOTHING
        for operator in self.operators:
            total += operator.macs
        return total

    @property
    def unknown(self) -> int:
        """Nodes whose MACs are not known."""
        return sum(o.unknown for o in self.operators)

    def open_factors(self, polynomial: Polynomial) -> set[str]:
        """Sizes in it that are none of the inputs': only running the model shows them."""
        return polynomial.names - set(self.dims)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        rows = [{**vars(o), "macs": _terms(o.macs)} for o in self.operators]
        return {
            **vars(self), "operators": rows, "inputs": [asdict(v) for v in self.inputs],
            "outputs": [asdict(v) for v in self.outputs], "stored": [asdict(s) for s in self.stored],
            "macs": {"terms": _terms(self.macs), "unknown_nodes": self.unknown},
        }  # fmt: skip


def _terms(polynomial: Polynomial) -> list[dict[str, Any]]:
    return [{"factors": list(n), "count": c} for n, c in sorted(polynomial.terms.items())]


def inspect(model: onnx.ModelProto, how: How, dims: Mapping[str, int] | None = None) -> Report:
    """Describe a model.

    Args:
        how: operator and domain -> how it differentiates, and a note.
        dims: sizes for open dims of the inputs, by name. A dim without a name goes by its place:
            ``x.0`` is the first of input ``x``.

    Raises ``ArgumentError`` for a dim that the model does not have, ``FileFormatError`` where functions
    call each other in a circle or shapes contradict each other.
    """
    open_dims = _open_dims(model.graph)
    unknown = sorted(set(dims or {}) - set(open_dims))
    if unknown:
        listed = ", ".join(open_dims) or "none"
        raise ArgumentError(f"the model has no open dim {unknown[0]!r}; it has: {listed}")
    plain = _prepared(model, dims or {})
    walk = _Walk({i.domain: i.version for i in plain.opset_import})
    rows = walk.graph(plain.graph, {})
    for row in rows.values():
        row.how, row.note = how(row.name, row.domain)
    known = {i.name: i for i in plain.graph.input}
    return Report(
        name=model.graph.name,
        producer=" ".join(filter(None, [model.producer_name, model.producer_version])),
        ir_version=model.ir_version,
        opsets={i.domain or "ai.onnx": i.version for i in model.opset_import},
        inputs=[_value(known.get(i.name, i)) for i in _true_inputs(model.graph)],
        outputs=[_value(o) for o in plain.graph.output],
        dims={n: places for n, places in open_dims.items() if n not in (dims or {})},
        operators=sorted(rows.values(), key=lambda o: (-o.macs.at_one(), -o.count, o.title)),
        stored=list(_stored(model.graph)),
        functions=_function_uses(model),
        metadata={p.key: p.value for p in model.metadata_props},
        training=len(model.training_info),
    )


# -- preparing: no large data, functions inlined, shapes inferred ---------------------------------


def _true_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """Inputs without a default: before IR 4 each initializer had to be an input as well."""
    given = {t.name for t in graph.initializer}
    return [i for i in graph.input if i.name not in given]


def _open_dims(graph: onnx.GraphProto) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for info in _true_inputs(graph):
        for axis, dim in enumerate(info.type.tensor_type.shape.dim):
            if not dim.HasField("dim_value"):
                name = dim.dim_param or f"{info.name}.{axis}"
                found.setdefault(name, []).append(f"{info.name}.{axis}")
    return found


def _prepared(model: onnx.ModelProto, dims: Mapping[str, int]) -> onnx.ModelProto:
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    for graph in _graphs(plain.graph):
        for tensor in graph.initializer:
            _emptied(tensor)
    try:
        if plain.functions:
            plain = inliner.inline_local_functions(plain)
        for graph in _graphs(plain.graph):
            _forget_annotations(graph)
        _name_dims(plain.graph, dims)
        return shape_inference.infer_shapes(plain, data_prop=True)
    except Exception as error:  # onnx raises several unrelated types
        raise FileFormatError(f"the model's shapes cannot be inferred: {error}") from error


def _emptied(tensor: onnx.TensorProto) -> None:
    """Inference reads the values of shapes only; a large weight is known by its dims."""
    external = tensor.data_location == onnx.TensorProto.EXTERNAL
    if _size(tensor.dims) > _SMALL or external:
        for name in ("raw_data", "float_data", "double_data", "int32_data", "int64_data",
                     "uint64_data", "string_data", "external_data", "data_location"):  # fmt: skip
            tensor.ClearField(name)


def _forget_annotations(graph: onnx.GraphProto) -> None:
    """Keep what is declared for results of operators that inference does not know."""
    foreign = {o for n in graph.node if n.domain not in _STANDARD for o in n.output}
    kept = [v for v in graph.value_info if v.name in foreign]
    del graph.value_info[:]
    graph.value_info.extend(kept)
    for output in graph.output:
        if output.name not in foreign:
            output.type.tensor_type.ClearField("shape")


def _name_dims(graph: onnx.GraphProto, dims: Mapping[str, int]) -> None:
    for info in _true_inputs(graph):
        for axis, dim in enumerate(info.type.tensor_type.shape.dim):
            if not dim.HasField("dim_value"):
                name = dim.dim_param or f"{info.name}.{axis}"
                dim.dim_param = name
                if name in dims:
                    dim.dim_value = dims[name]


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for sub in _subgraphs(node):
            yield from _graphs(sub)


def _subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for attribute in node.attribute:
        if attribute.type == attribute.GRAPH:
            yield attribute.g
        elif attribute.type == attribute.GRAPHS:
            yield from attribute.graphs


def _function_uses(model: onnx.ModelProto) -> dict[str, int]:
    known = {(f.domain, f.name) for f in model.functions}
    uses = Counter(
        f"{n.domain}::{n.op_type}"
        for graph in _graphs(model.graph)
        for n in graph.node
        if (n.domain, n.op_type) in known
    )
    return {f"{d}::{n}": uses[f"{d}::{n}"] for d, n in sorted(known)}


# -- counting ---------------------------------------------------------------------------------

Rows: TypeAlias = "dict[tuple[str, str], Operator]"


class _Walk:
    """Operators and MACs of a graph and the subgraphs in it."""

    def __init__(self, opsets: Mapping[str, int]) -> None:
        self._opsets = opsets

    def graph(self, graph: onnx.GraphProto, outer: Mapping[str, Dims]) -> Rows:
        """The operators of a graph; ``outer``: shapes of the names around it."""
        shapes = {**outer, **_shapes(graph)}
        known = _numbers(graph)
        rows: Rows = {}
        for node in graph.node:
            domain = "" if node.domain in _STANDARD else node.domain
            row = rows.setdefault((domain, node.op_type), Operator(domain, node.op_type))
            row.count += 1
            if counted(domain, node.op_type):
                self._count(row, node, shapes)
            self._inner(rows, node, shapes, known)
        return rows

    @staticmethod
    def _count(row: Operator, node: onnx.NodeProto, shapes: Mapping[str, Dims]) -> None:
        attrs = {a.name: _attribute(a) for a in node.attribute}
        inputs = [shapes.get(n) if n else None for n in node.input]
        outputs = [shapes.get(n) if n else None for n in node.output]
        try:
            row.macs += macs(row.domain, row.name, inputs, outputs, attrs)
        except UnknownShapeError:
            row.unknown += 1

    def _inner(
        self, rows: Rows, node: onnx.NodeProto, shapes: Mapping[str, Dims],
        known: Mapping[str, int],
    ) -> None:  # fmt: skip
        bodies = [self.graph(g, shapes) for g in _subgraphs(node)]
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
        v.name: _dims(v.type) for v in (*graph.value_info, *graph.output, *graph.input)
    }
    for tensor in graph.initializer:
        found[tensor.name] = tuple(tensor.dims)
    for sparse in graph.sparse_initializer:
        found[sparse.values.name] = tuple(sparse.dims)
    return found


def _dims(kind: onnx.TypeProto) -> Dims:
    if not kind.HasField("tensor_type") or not kind.tensor_type.HasField("shape"):
        return None
    return tuple(
        d.dim_value if d.HasField("dim_value") else d.dim_param or None
        for d in kind.tensor_type.shape.dim
    )


def _numbers(graph: onnx.GraphProto) -> dict[str, int]:
    """Stored single integers by name."""
    found = {}
    constants = [(n.output[0], a.t) for n in graph.node if n.op_type == "Constant"
                 for a in n.attribute if a.name == "value"]  # fmt: skip
    for name, tensor in (*((t.name, t) for t in graph.initializer), *constants):
        if tensor.data_type == onnx.TensorProto.INT64 and _size(tensor.dims) == 1:
            found[name] = int(numpy_helper.to_array(tensor).reshape(()))
    return found


def _attribute(attribute: onnx.AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


# -- what is stored ---------------------------------------------------------------------------


def _size(dims: Sequence[int]) -> int:
    total = 1
    for dim in dims:
        total *= dim
    return total


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


def _stored(main: onnx.GraphProto) -> Iterator[Stored]:
    users: dict[str, dict[str, None]] = {}
    for graph in _graphs(main):
        for node in graph.node:
            for name in node.input:
                users.setdefault(name, {})[node.op_type] = None
    for graph in _graphs(main):
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
        if node.op_type == "Constant" and node.domain in _STANDARD:
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
    count = _size(tensor.dims)
    file = next((e.value for e in tensor.external_data if e.key == "location"), None)
    external = tensor.data_location == onnx.TensorProto.EXTERNAL
    return Stored(
        name, dtype, tuple(tensor.dims), count, _bytes(dtype, count), where,
        file if external else None, tuple(users.get(name, ())),
    )  # fmt: skip


def _value(info: onnx.ValueInfoProto) -> Value:
    kind = info.type
    if kind.HasField("tensor_type"):
        return Value(info.name, "tensor", type_name(kind.tensor_type.elem_type), _dims(kind))
    for label in ("sequence", "optional"):
        if kind.HasField(f"{label}_type"):
            inner = getattr(kind, f"{label}_type").elem_type
            return Value(info.name, label, type_name(inner.tensor_type.elem_type), None)
    return Value(info.name, "map" if kind.HasField("map_type") else "unknown", "", None)


__all__ = ["Operator", "Report", "Stored", "Value", "inspect"]
