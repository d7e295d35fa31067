"""From the symbolic graph to an ``onnx.ModelProto``: names, initializers, node order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx
from onnx import helper, numpy_helper

from ..errors import TraceError
from . import dtypes
from .ir import LEAVES, Array, Key, Node, Tensor, toposort
from .program import unique
from .schema import IR_VERSION, OPSET, Literal, attribute_proto, written_attributes
from .scope import Site

PRODUCER = "waterhorse"


@dataclass(frozen=True, slots=True)
class Lowered:
    """The model, and for each node name the line of the user's program that it comes from."""

    model: onnx.ModelProto
    sites: Mapping[str, Site]


def lower(
    inputs: Mapping[str, Tensor],
    outputs: Mapping[str, Tensor],
    initializers: Mapping[str, tuple[Tensor, Array]] | None = None,
    *,
    name: str = "main",
    metadata: Mapping[str, str] | None = None,
) -> Lowered:
    """Lower what ``outputs`` depend on.

    Args:
        inputs: graph input name -> ``Argument`` (or ``Data``) tensor.
        outputs: graph output name -> tensor.
        initializers: name -> (leaf tensor, value) for leaves that become weights of the file.
        metadata: ``metadata_props`` of the model.

    Raises ``TraceError`` where a leaf is neither an input nor an initializer.
    """
    found = _Names(inputs, outputs, initializers or {})
    nodes: list[onnx.NodeProto] = []
    sites: dict[str, Site] = {}
    for node in toposort(outputs.values()):
        if node.op in LEAVES or _literal(node) is not None:
            found.store(node)
            continue
        label = found.name_node(node)
        nodes.append(_proto(node, label, found.names))
        if node.site is not None:
            sites[label] = node.site
    nodes += [
        helper.make_node("Identity", [found.names[t.key]], [n], f"output/{n}")
        for n, t in found.aliases.items()
    ]
    graph = helper.make_graph(
        nodes,
        name,
        [_value_info(n, t) for n, t in inputs.items()],
        [_value_info(n, t) for n, t in outputs.items()],
        found.arrays,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    model.producer_name = PRODUCER
    helper.set_model_props(model, dict(metadata or {}))
    return Lowered(model, sites)


class _Names:
    """The names of all values of one graph, and the values that are stored in it."""

    def __init__(
        self,
        inputs: Mapping[str, Tensor],
        outputs: Mapping[str, Tensor],
        weights: Mapping[str, tuple[Tensor, Array]],
    ) -> None:
        self.names: dict[Key, str] = {t.key: n for n, t in inputs.items()}
        self.names |= {t.key: n for n, (t, _) in weights.items()}
        self._taken = {*self.names.values(), *outputs}
        self._counter: Counter[str] = Counter()
        self.arrays = [numpy_helper.from_array(a, n) for n, (_, a) in weights.items()]
        self.aliases = _name_outputs(outputs, self.names)

    def store(self, node: Node) -> None:
        """Keep the value of a leaf, unless it is an input or a weight already."""
        if (node, 0) not in self.names:
            # interned constants belong to no layer: they may come from another graph
            self.names[node, 0] = label = self._fresh("constant")
            self.arrays.append(numpy_helper.from_array(_content(node), label))

    def name_node(self, node: Node) -> str:
        """The node's name, which its outputs share unless they are outputs of the graph."""
        label = self._fresh(f"{node.scope}/{node.op}")
        for i in range(len(node.types)):
            self.names.setdefault((node, i), label if i == 0 else f"{label}:{i}")
        return label

    def _fresh(self, base: str) -> str:
        while True:
            n = self._counter[base]
            self._counter[base] += 1
            label = f"{base}_{n}" if n else base
            if label not in self._taken:
                self._taken.add(label)
                return label


def _name_outputs(outputs: Mapping[str, Tensor], names: dict[Key, str]) -> dict[str, Tensor]:
    """Give outputs their names; those whose tensor has a name already are returned as aliases."""
    aliases: dict[str, Tensor] = {}
    for name, tensor in outputs.items():
        given = tensor.node.op in LEAVES or _literal(tensor.node) is not None
        if tensor.key in names or given:
            aliases[name] = tensor
        else:
            names[tensor.key] = name
    return aliases


def _literal(node: Node) -> Array | None:
    """The value of a constant, which is stored beside the weights rather than as a node."""
    value = dict(node.attrs).get("value") if node.op == "Constant" else None
    return value.array if isinstance(value, Literal) else None


def _content(node: Node) -> Array:
    constant = _literal(node)
    if constant is not None:
        return constant
    if node.op != "Data":
        raise TraceError(
            f"{node.payload.name!r} has no value in this graph: it is no argument of the function"
        )
    array: Array = node.payload.array
    return array


def _proto(node: Node, label: str, names: Mapping[Key, str]) -> onnx.NodeProto:
    if node.op == "Call":
        raise TraceError("a layer call was not expanded; this is a defect of waterhorse")
    return onnx.NodeProto(
        op_type=node.op,
        name=label,
        input=[names[x.key] if x is not None else "" for x in node.inputs],
        output=[names[node, i] for i in range(len(node.types))],
        attribute=[attribute_proto(n, v) for n, v in written_attributes(node.op, node.attrs)],
    )


def _value_info(name: str, tensor: Tensor) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtypes.to_onnx(tensor.dtype), tensor.shape)


def state_names(paths: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """Graph input names for variables: their paths, made unique, also beside the names ``taken``."""
    return unique([*taken, *paths])[len(taken) :]
