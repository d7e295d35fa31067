"""What is differentiated: models with static shapes, weights as inputs, and one scalar as output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import differences
import model_inputs
import models
import numpy as np
import onnx
from differences import Array
from onnx import TensorProto, helper
from sketches import SYNTHETIC, Sketch

LOSS = "loss"
# What feeds these decides on shapes or ranges; moving statistics are not trained.
_FIXED = {
    "BatchNormalization": (3, 4), "Clip": (1, 2), "Dropout": (1,), "OneHot": (2,), "Pad": (2,),
    "QuantizeLinear": (1,), "DequantizeLinear": (1,), "Range": (0, 1, 2), "Resize": (1, 2, 3),
    "Upsample": (1,),
}  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """A model, values for all of its inputs, and the inputs that its loss is differentiated by."""

    name: str
    model: onnx.ModelProto
    feeds: Mapping[str, Array]
    wrt: tuple[str, ...]


def names() -> list[str]:
    """All that there are: ours, then other people's."""
    return [*SYNTHETIC, *models.SOURCES]


def problem(name: str) -> Problem:
    """The problem of that name; other people's models are fetched if need be."""
    return _sketched(SYNTHETIC[name]) if name in SYNTHETIC else _third_party(name)


def _sketched(sketch: Sketch) -> Problem:
    model, feeds, wrt = sketch.build()
    closed = _scalar(model)
    onnx.checker.check_model(closed, full_check=True)
    return Problem(sketch.name, closed, feeds, tuple(wrt))


def _third_party(name: str) -> Problem:
    proto = onnx.load(models.fetch(name))
    feeds = model_inputs.feeds(name)
    for value in proto.graph.input:
        if value.name in feeds:
            _fix(value, feeds[value.name].shape)
    del proto.graph.value_info[:]
    for value in proto.graph.output:
        value.type.tensor_type.ClearField("shape")
    stored = differences.values_of(proto)
    values = {**differences.scattered(stored, np.random.default_rng(0)), **feeds}
    # what has one number all over is made to differ, moving statistics too: they become inputs
    weights = _weights(proto)
    altered = [n for n, a in stored.items() if not np.array_equal(a, values[n], equal_nan=True)]
    closed = _scalar(differences.opened(proto, [*weights, *altered]))
    used = {i.name: values[i.name] for i in closed.graph.input if i.name in values}
    wrt = tuple(n for n in weights if n in used)
    return Problem(name, _annotated(closed, used), used, wrt)


def _annotated(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> onnx.ModelProto:
    """The model with the shapes that all of its tensors have in a run: nobody need infer them."""
    known = {o.name for o in model.graph.output}
    between = [o for n in model.graph.node for o in n.output if o and o not in known]
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    wide.graph.output.extend(onnx.ValueInfoProto(name=n) for n in between)
    found = differences.session(wide).run(between, dict(feeds))
    for name, value in zip(between, found, strict=True):
        if isinstance(value, np.ndarray):
            kind = helper.np_dtype_to_tensor_dtype(value.dtype)
            model.graph.value_info.append(helper.make_tensor_value_info(name, kind, value.shape))
    return model


def _fix(value: onnx.ValueInfoProto, shape: tuple[int, ...]) -> None:
    kind = value.type.tensor_type
    kind.ClearField("shape")
    kind.shape.SetInParent()
    for size in shape:
        kind.shape.dim.add().dim_value = size


def _weights(model: onnx.ModelProto) -> list[str]:
    """Stored float tensors of more than one element that may be trained."""
    fixed = {
        n.input[i] for n in model.graph.node for i in _FIXED.get(n.op_type, ()) if i < len(n.input)
    }
    constants = {
        n.output[0]: n for n in model.graph.node if n.op_type in ("Constant", "ConstantOfShape")
    }
    values = differences.values_of(model)
    large = {n: a for n, a in values.items() if a.ndim and a.size > 1 and n not in fixed}
    return [n for n, a in large.items() if n not in constants or a.size > 64]


def _scalar(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with one output: its loss, or the mean square of its first float output."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    floats = [o for o in graph.output if o.type.tensor_type.elem_type in differences.FLOATS]
    kind = floats[0].type.tensor_type
    name = floats[0].name
    if name != LOSS:
        if kind.elem_type != TensorProto.FLOAT:
            graph.node.append(helper.make_node("Cast", [name], ["wide"], to=TensorProto.FLOAT))
            name = "wide"
        graph.node.append(helper.make_node("Mul", [name, name], ["squares"]))
        graph.node.append(helper.make_node("ReduceMean", ["squares"], [LOSS], keepdims=0))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(LOSS, TensorProto.FLOAT, []))
    _prune(graph)
    return result


def _prune(graph: onnx.GraphProto) -> None:
    """Drop what the loss does not depend on, so that nobody is charged for it."""
    needed = {o.name for o in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(read(node))
    del graph.node[:]
    graph.node.extend(reversed(kept))
    for items in (graph.input, graph.initializer):
        left = [i for i in items if i.name in needed]
        del items[:]
        items.extend(left)


def read(node: onnx.NodeProto) -> set[str]:
    """All names that a node may read, those in its subgraphs included."""
    found = {i for i in node.input if i}
    for graph in subgraphs(node):
        found.update(o.name for o in graph.output)
        for inner in graph.node:
            found.update(read(inner))
    return found


def subgraphs(node: onnx.NodeProto) -> Iterable[onnx.GraphProto]:
    """The graphs among its attributes."""
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs
