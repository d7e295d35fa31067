"""The cases, as models whose inputs and outputs are all tensors."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .widen import FLOATS, widened

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Case:
    """A model, what it is fed with, and what it should give.

    Sequences and optionals among inputs and outputs are given as their elements: how many there are is
    part of the type of our graph, and onnxruntime takes no gradients of sequences.
    """

    name: str
    model: onnx.ModelProto
    feeds: dict[str, Array]
    expected: dict[str, Array]
    rtol: float
    atol: float

    @property
    def op(self) -> str:
        """The operator that the case is about; of expanded cases that of the case expanded."""
        node = self.model.graph.node[-1]
        prefix = f"{node.domain}::" if node.domain not in ("", "ai.onnx") else ""
        return prefix + node.op_type

    def element(self, name: str) -> int:
        """The element type of an input or output."""
        for info in (*self.model.graph.input, *self.model.graph.output):
            if info.name == name:
                return int(info.type.tensor_type.elem_type)
        raise KeyError(name)

    def floats(self, names: Sequence[str]) -> list[str]:
        """Those among the names of inputs or outputs that gradients exist for."""
        return [n for n in names if self.element(n) in FLOATS]

    def every(self) -> list[str]:
        """Names of all inputs and outputs."""
        return [*self.feeds, *self.expected]

    def ops(self) -> set[str]:
        """All operators of the model, also within its subgraphs."""
        return {n.op_type for n in nodes_of(self.model.graph)}

    def widened(self, to: int) -> Case:
        """The same with floats of another width."""
        dtype = helper.tensor_dtype_to_np_dtype(to)
        wide = {*self.floats(self.every())}

        def cast(arrays: dict[str, Array]) -> dict[str, Array]:
            return {n: a.astype(dtype) if n in wide else a for n, a in arrays.items()}

        model = widened(self.model, to)
        return Case(self.name, model, cast(self.feeds), cast(self.expected), self.rtol, self.atol)

    def frozen(self, names: Sequence[str]) -> Case:
        """The same with some inputs stored in the model."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        kept = [i for i in model.graph.input if i.name not in names]
        held = []
        for name in names:
            array = self.feeds[name]
            if array.dtype == object:
                tensor = helper.make_tensor(
                    name, TensorProto.STRING, array.shape, array.ravel().tolist()
                )
            else:
                tensor = numpy_helper.from_array(array, name)
            held.append(tensor)
        del model.graph.input[:]
        model.graph.input.extend(kept)
        model.graph.initializer.extend(held)
        feeds = {n: a for n, a in self.feeds.items() if n not in names}
        return Case(self.name, model, feeds, self.expected, self.rtol, self.atol)


def nodes_of(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """All nodes of a graph and its subgraphs."""
    for node in graph.node:
        yield node
        for a in node.attribute:
            for sub in (a.g, *a.graphs) if a.type in (a.GRAPH, a.GRAPHS) else ():
                yield from nodes_of(sub)


def collect() -> list[Case]:
    """All node cases of the installed ``onnx`` package (about ten seconds)."""
    import onnx.backend.test.case.node as node_cases

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = node_cases.collect_testcases(None)
    return [_flat(c) for c in found]


def _flat(case: Any) -> Case:
    """One case with its sequences taken apart."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    graph = model.graph
    inputs, outputs = case.data_sets[0]
    feeds: dict[str, Array] = {}
    expected: dict[str, Array] = {}
    before: list[onnx.NodeProto] = []
    after: list[onnx.NodeProto] = []
    infos = []
    for info, value in zip(list(graph.input), inputs, strict=False):
        infos.extend(_taken(info, info.type, value, feeds, before))
    results = []
    for info, value in zip(list(graph.output), outputs, strict=False):
        results.extend(_given(info, info.type, value, expected, after))
    nodes = [*before, *graph.node, *after]
    for field, content in ((graph.input, infos), (graph.output, results), (graph.node, nodes)):
        del field[:]
        field.extend(content)
    return Case(case.name, model, feeds, expected, case.rtol, case.atol)


def _array(value: Any) -> Array:
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return np.asarray(value)


def _taken(
    info: Any,
    kind: onnx.TypeProto,
    value: Any,
    feeds: dict[str, Array],
    nodes: list[onnx.NodeProto],
) -> list[Any]:
    """Inputs in place of one, and nodes that put it together."""
    if kind.HasField("tensor_type"):
        feeds[info.name] = _array(value)
        return [info]
    if kind.HasField("optional_type"):
        inner = kind.optional_type.elem_type
        if value is None:
            nodes.append(helper.make_node("Optional", [], [info.name], type=inner))
            return []
        part = helper.make_value_info(f"{info.name}/content", inner)
        made = _taken(part, inner, value, feeds, nodes)
        nodes.append(helper.make_node("Optional", [part.name], [info.name]))
        return made
    inner = kind.sequence_type.elem_type
    parts = []
    for i, item in enumerate(value):
        array = _array(item)
        feeds[f"{info.name}/{i}"] = array
        parts.append(helper.make_tensor_value_info(
            f"{info.name}/{i}", inner.tensor_type.elem_type, array.shape))  # fmt: skip
    if parts:
        nodes.append(helper.make_node("SequenceConstruct", [p.name for p in parts], [info.name]))
    else:
        dtype = inner.tensor_type.elem_type
        nodes.append(helper.make_node("SequenceEmpty", [], [info.name], dtype=dtype))
    return parts


def _given(
    info: Any,
    kind: onnx.TypeProto,
    value: Any,
    expected: dict[str, Array],
    nodes: list[onnx.NodeProto],
) -> list[Any]:
    """Outputs in place of one, and nodes that take it apart."""
    if kind.HasField("tensor_type"):
        expected[info.name] = _array(value)
        return [info]
    if kind.HasField("optional_type"):
        inner = kind.optional_type.elem_type
        part = helper.make_value_info(f"{info.name}/content", inner)
        nodes.append(helper.make_node("OptionalGetElement", [info.name], [part.name]))
        return _given(part, inner, value, expected, nodes)
    element = kind.sequence_type.elem_type.tensor_type.elem_type
    parts = []
    for i, item in enumerate(value):
        name, array = f"{info.name}/{i}", _array(item)
        expected[name] = array
        index = numpy_helper.from_array(np.array(i, np.int64))
        nodes.append(helper.make_node("Constant", [], [f"{name}/index"], value=index))
        nodes.append(helper.make_node("SequenceAt", [info.name, f"{name}/index"], [name]))
        parts.append(helper.make_tensor_value_info(name, element, array.shape))
    return parts
