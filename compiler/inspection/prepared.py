"""Models made ready for looking at: no large data, functions inlined, shapes inferred anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import onnx
from onnx import inliner, shape_inference

from ...errors import FileFormatError
from .. import hazards
from .macs import Dims

STANDARD = ("", "ai.onnx")
_SMALL = 1024  # elements of a stored tensor that may be a shape


def graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The graph, and those in it."""
    yield graph
    for node in graph.node:
        for sub in subgraphs(node):
            yield from graphs(sub)


def subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """What If, Loop and Scan run."""
    for attribute in node.attribute:
        if attribute.type == attribute.GRAPH:
            yield attribute.g
        elif attribute.type == attribute.GRAPHS:
            yield from attribute.graphs


def dims_of(kind: onnx.TypeProto) -> Dims:
    """A shape as numbers and names; None where not even the rank is known."""
    if not kind.HasField("tensor_type") or not kind.tensor_type.HasField("shape"):
        return None
    return tuple(
        d.dim_value if d.HasField("dim_value") else d.dim_param or None
        for d in kind.tensor_type.shape.dim
    )


def size(dims: Sequence[int]) -> int:
    """The number of elements."""
    total = 1
    for dim in dims:
        total *= dim
    return total


def true_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """Inputs without a default: before IR 4 each initializer had to be an input as well."""
    given = {t.name for t in graph.initializer}
    return [i for i in graph.input if i.name not in given]


def open_dims(graph: onnx.GraphProto) -> dict[str, list[str]]:
    """Dims of the inputs without a number, by name, and where they are."""
    found: dict[str, list[str]] = {}
    for info in true_inputs(graph):
        for axis, dim in enumerate(info.type.tensor_type.shape.dim):
            if not dim.HasField("dim_value"):
                name = dim.dim_param or f"{info.name}.{axis}"
                found.setdefault(name, []).append(f"{info.name}.{axis}")
    return found


def prepared(model: onnx.ModelProto, dims: Mapping[str, int]) -> onnx.ModelProto:
    """A copy whose shapes are inferred, with these sizes for open dims. ``FileFormatError`` if not."""
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    for graph in graphs(plain.graph):
        for tensor in graph.initializer:
            _emptied(tensor)
    try:
        if plain.functions:
            plain = inliner.inline_local_functions(plain)
        for graph in graphs(plain.graph):
            _forget_annotations(graph)
        _name_dims(plain.graph, dims)
        hazards.check_graph(plain.graph)
        return shape_inference.infer_shapes(plain, data_prop=True)
    except Exception as error:  # onnx raises several unrelated types
        raise FileFormatError(f"the model's shapes cannot be inferred: {error}") from error


def _emptied(tensor: onnx.TensorProto) -> None:
    """Inference reads the values of shapes only; a large weight is known by its dims."""
    external = tensor.data_location == onnx.TensorProto.EXTERNAL
    if size(tensor.dims) > _SMALL or external:
        for name in ("raw_data", "float_data", "double_data", "int32_data", "int64_data",
                     "uint64_data", "string_data", "external_data", "data_location"):  # fmt: skip
            tensor.ClearField(name)


def _forget_annotations(graph: onnx.GraphProto) -> None:
    """Keep what is declared for results of operators that inference does not know."""
    foreign = {o for n in graph.node if n.domain not in STANDARD for o in n.output}
    kept = [v for v in graph.value_info if v.name in foreign]
    del graph.value_info[:]
    graph.value_info.extend(kept)
    for output in graph.output:
        if output.name not in foreign:
            output.type.tensor_type.ClearField("shape")


def _name_dims(graph: onnx.GraphProto, dims: Mapping[str, int]) -> None:
    for info in true_inputs(graph):
        for axis, dim in enumerate(info.type.tensor_type.shape.dim):
            if not dim.HasField("dim_value"):
                name = dim.dim_param or f"{info.name}.{axis}"
                dim.dim_param = name
                if name in dims:
                    dim.dim_value = dims[name]
