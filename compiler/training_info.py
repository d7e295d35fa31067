"""``TrainingInfoProto`` as graphs: the step is the inference graph and the algorithm, one after the other.

Source: the comments of ``TrainingInfoProto`` in onnx.proto.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import onnx

DOMAIN = "ai.onnx.preview.training"
OPTIMIZERS = ("Adagrad", "Adam", "Momentum")
_LISTS = ("input", "initializer", "sparse_initializer", "output", "node", "value_info")


def combined(model: onnx.ModelProto, algorithm: onnx.GraphProto) -> onnx.ModelProto:
    """The model that runs one training step: all lists of the two graphs are put together."""
    made = onnx.ModelProto()
    for field, value in model.ListFields():
        if field.name not in ("graph", "training_info"):
            _copy(made, field.name, value)
    made.graph.name = algorithm.name or model.graph.name
    for name in _LISTS:
        getattr(made.graph, name).extend(getattr(model.graph, name))
        getattr(made.graph, name).extend(getattr(algorithm, name))
    return made


def _copy(target: Any, name: str, value: Any) -> None:
    if isinstance(value, (str, bytes, int)):
        setattr(target, name, value)
    else:
        getattr(target, name).extend(value)


def split(
    graph: onnx.GraphProto, outputs: Collection[str]
) -> tuple[onnx.GraphProto, onnx.GraphProto]:
    """What ``outputs`` depend on, and all the rest: the inverse of ``combined``."""
    needed = set(outputs)
    kept: set[int] = set()
    for i in reversed(range(len(graph.node))):
        if not needed.isdisjoint(graph.node[i].output):
            kept.add(i)
            needed.update(uses(graph.node[i]))
    first, second = onnx.GraphProto(name=graph.name), onnx.GraphProto(name=graph.name)
    for i, node in enumerate(graph.node):
        (first if i in kept else second).node.append(node)
    for name in _LISTS:
        if name != "node":
            wanted = set(outputs) if name == "output" else needed
            _distribute(getattr(graph, name), wanted, getattr(first, name), getattr(second, name))
    return first, second


def _distribute(items: Iterable[Any], wanted: set[str], first: Any, second: Any) -> None:
    for item in items:
        label = item.values.name if isinstance(item, onnx.SparseTensorProto) else item.name
        (first if label in wanted else second).append(item)


def uses(node: onnx.NodeProto) -> Iterator[str]:
    """All names that a node may depend on, those in its subgraphs and a Gradient's target included."""
    yield from (n for n in node.input if n)
    for a in node.attribute:
        for sub in (a.g, *a.graphs) if a.type in (a.GRAPH, a.GRAPHS) else ():
            for inner in sub.node:
                yield from uses(inner)
            yield from (o.name for o in sub.output)
        if node.domain == DOMAIN and node.op_type == "Gradient" and a.name == "y":
            yield a.s.decode(errors="replace")


def stored_names(graph: onnx.GraphProto) -> set[str]:
    """The names of a graph's initializers."""
    return {t.name for t in graph.initializer} | {t.values.name for t in graph.sparse_initializer}
