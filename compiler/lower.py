"""From the symbolic graph to an ``onnx.ModelProto``: names, initializers, node order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import onnx
from onnx import helper, numpy_helper

from ..errors import TraceError
from . import dtypes
from .block import Block, blocks_of, capture_count
from .dims import written
from .ir import LEAVES, RANDOM, Array, Key, Node, Tensor, toposort
from .payloads import Foreign
from .program import unique
from .schema import IR_VERSION, OPSET, Literal, attribute_proto, written_attributes
from .scope import Site

PRODUCER = "waterhorse"
Names: TypeAlias = "dict[Key, str]"


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
    writer = _Writer({*inputs, *(initializers or {}), *outputs})
    names: Names = {t.key: n for n, t in inputs.items()}
    for label, (tensor, array) in (initializers or {}).items():
        names[tensor.key] = label
        writer.arrays.append(numpy_helper.from_array(array, label))
    nodes = writer.nodes(outputs, names)
    graph = helper.make_graph(
        nodes,
        name,
        [_value_info(n, t) for n, t in inputs.items()],
        [_value_info(n, t) for n, t in outputs.items()],
        writer.arrays,
    )
    imports = [helper.make_opsetid(domain, v) for domain, v in writer.versions.items()]
    model = helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION)
    model.producer_name = PRODUCER
    helper.set_model_props(model, dict(metadata or {}))
    return Lowered(model, writer.sites)


class _Writer:
    """Writes graphs and their subgraphs, in which names are unique and constants stored once."""

    def __init__(self, taken: set[str]) -> None:
        self.arrays: list[onnx.TensorProto] = []
        self.sites: dict[str, Site] = {}
        self.versions = {"": OPSET}
        self._taken = taken
        self._counter: Counter[str] = Counter()
        self._constants: Names = {}

    def nodes(self, outputs: Mapping[str, Tensor], names: Names) -> list[onnx.NodeProto]:
        """The nodes of one graph in order. ``names`` has what is visible, and gets what is made."""
        order = toposort(outputs.values(), names)
        instead = widest(order)
        if instead:
            order = toposort(outputs.values(), names, instead)
        narrow: dict[Node, list[Node]] = {}
        for small, large in instead.items():
            narrow.setdefault(large, []).append(small)
        labels = _labels(outputs, names, instead)
        made = []
        for node in order:
            if node.op in LEAVES or _literal(node) is not None:
                self._store(node, names)
                continue
            made.append(self._node(node, names, labels))
            for small in narrow.get(node, ()):
                names.update({(small, i): names[node, i] for i in range(len(small.types))})
        for name, tensor in outputs.items():
            if names[tensor.key] != name:
                source = names[tensor.key]
                made.append(helper.make_node("Identity", [source], [name], f"output/{name}"))
        return made

    def _store(self, node: Node, names: Names) -> None:
        """Keep the value of a leaf beside the outermost graph, unless it has a name already."""
        key = (node, 0)
        if key in names:
            return
        if key not in self._constants:
            # interned constants belong to no layer: they may come from another graph
            self._constants[key] = label = self._fresh("constant")
            self.arrays.append(numpy_helper.from_array(_content(node), label))
        names[key] = self._constants[key]

    def _node(self, node: Node, names: Names, labels: Names) -> onnx.NodeProto:
        """A node, whose outputs share its name unless they are outputs of the graph."""
        operator: Foreign | None = node.payload if isinstance(node.payload, Foreign) else None
        op = operator.op_type if operator is not None else node.op
        label = self._fresh(f"{node.scope}/{op}")
        if node.site is not None:
            self.sites[label] = node.site
        if operator is not None:
            self.versions[operator.domain] = operator.version
            attributes = list(operator.attributes)
        else:
            attributes = self._attributes(node, names)
        own = node.inputs[: len(node.inputs) - capture_count(node.attrs)]
        inputs = [names[x.key] if x is not None else "" for x in own]
        while inputs and not inputs[-1]:
            inputs.pop()
        for i in range(len(node.types)):
            usual = label if i == 0 else f"{label}:{i}"
            names[node, i] = labels.get((node, i), usual)
        return onnx.NodeProto(
            op_type=op, name=label, input=inputs, attribute=attributes,
            output=[names[node, i] for i in range(len(node.types))],
            domain=operator.domain if operator is not None else "",
        )  # fmt: skip

    def _attributes(self, node: Node, names: Names) -> list[onnx.AttributeProto]:
        if node.op == "Call":
            raise TraceError("a layer call was not expanded; this is a defect of waterhorse")
        return [
            helper.make_attribute(n, self._subgraph(v, node, names, n))
            if isinstance(v, Block) else attribute_proto(n, v)
            for n, v in written_attributes(node.op, node.attrs)
        ]  # fmt: skip

    def _subgraph(self, block: Block, node: Node, names: Names, label: str) -> onnx.GraphProto:
        """A block; what it captures is visible in it by the name that it has outside."""
        inner = dict(names)
        operands = node.inputs[len(node.inputs) - len(block.captures) :]
        for leaf, x in zip(block.captures, operands, strict=True):
            if x is not None:
                inner[leaf.key] = names[x.key]
        given: dict[str, Tensor] = {}
        for p in block.parameters:
            inner[p.key] = name = self._fresh(f"{node.scope}/{label}/{p.node.payload.name}")
            given[name] = p
        results = {
            self._fresh(f"{node.scope}/{label}/result"): t for t in block.results
        }  # fmt: skip
        nodes = self.nodes(results, inner)
        return helper.make_graph(
            nodes, label, [_value_info(n, t) for n, t in given.items()],
            [_value_info(n, t) for n, t in results.items()],
        )  # fmt: skip

    def _fresh(self, base: str) -> str:
        while True:
            n = self._counter[base]
            self._counter[base] += 1
            label = f"{base}_{n}" if n else base
            if label not in self._taken:
                self._taken.add(label)
                return label


def widest(order: Sequence[Node]) -> dict[Node, Node]:
    """Nodes that another node makes superfluous, which computes the same and more.

    A gradient may ask for outputs that the forward pass left out (MaxPool's indices, LayerNormalization's
    statistics, the states that Scan went through): run once, with all outputs.
    """
    families: dict[Any, Node] = {}
    kin: dict[Node, Any] = {}
    for node in order:
        if not node.inputs or node.op in RANDOM or node.op in ("Foreign", "Split"):
            continue
        attrs = tuple((n, v.root if isinstance(v, Block) else v) for n, v in node.attrs)
        if blocks_of(node.attrs):  # extended results bring attributes of their own
            attrs = tuple((n, v) for n, v in attrs if not n.startswith("scan_output"))
        key = (node.op, tuple(x.key if x is not None else None for x in node.inputs), attrs)
        kin[node] = key
        known = families.get(key)
        if known is None or len(known.types) < len(node.types):
            families[key] = node
    return {n: families[k] for n, k in kin.items() if len(families[k].types) > len(n.types)}


def _labels(
    outputs: Mapping[str, Tensor], names: Names, instead: Mapping[Node, Node]
) -> Names:  # fmt: skip
    """Names for the nodes' outputs that are outputs of the graph; the first name of each counts."""
    labels: Names = {}
    for name, tensor in outputs.items():
        given = tensor.node.op in LEAVES or _literal(tensor.node) is not None
        if not given and tensor.key not in names:
            labels.setdefault((instead.get(tensor.node, tensor.node), tensor.index), name)
    return labels


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


def _value_info(name: str, tensor: Tensor) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtypes.to_onnx(tensor.dtype), written(tensor.shape))


def state_names(paths: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """Graph input names for variables: their paths, made unique, also beside the names ``taken``."""
    return unique([*taken, *paths])[len(taken) :]
