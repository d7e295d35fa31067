"""Where Keras keeps what belongs to a layer: ``layers/dense_1/vars/0`` and so on.

A model's layers are numbered by class, in Keras' order; what a layer has in attributes lies under
their names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ...compiler import naming
from ...compiler.ir import Node, Tensor
from ...compiler.layers.base import Layer
from ...compiler.layers.low_rank import LowRank
from ...compiler.layers.quantized import Quantizable
from ...compiler.network import Network
from ...compiler.random import SeedGenerator
from ...compiler.state import Variable

snake = naming.snake_case
Place = tuple[str, Any]


class Numbering:
    """``dense``, ``dense_1``, ... for the classes of one container."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def __call__(self, kind: str) -> str:
        base = snake(kind)
        n = self._seen[base]
        self._seen[base] += 1
        return f"{base}_{n}" if n else base


class Places:
    """The layers of models by their names in the container "layers", in Keras' order."""

    def __init__(self) -> None:
        self._layers: dict[Layer, list[tuple[str, Layer]]] = {}
        self.exact: set[Layer] = set()  # models whose order a file gave

    def note(self, model: Layer, layers: Sequence[tuple[str, Layer]]) -> None:
        """The file's own order."""
        self._layers[model] = list(layers)
        self.exact.add(model)

    def layers(self, model: Network) -> list[tuple[str, Layer]]:
        """Names and layers of a functional or sequential model."""
        if model not in self._layers:
            number = Numbering()
            found = _by_depth(model) if model.is_functional else model.layers
            self._layers[model] = [(number(_class_name(x)), x) for x in found]
        return self._layers[model]

    def children(self, layer: Layer) -> Iterator[Place]:
        """All that lies below a layer, by relative paths, in Keras' order; some of it repeatedly."""
        if is_chain(layer):
            for name, child in self.layers(layer):  # type: ignore[arg-type]
                yield f"layers/{name}", child
        attributes = {k: v for k, v in vars(layer).items() if k not in layer._untracked}
        if isinstance(layer, Network) and not is_chain(layer):
            attributes["layers"] = layer.sublayers()  # a property of Keras' models
        for name in sorted(attributes, key=lambda n: (n[:1] == "_", n)):
            yield from _within(name, attributes[name])

    def variables(self, layer: Layer, seen: set[int] | None = None) -> list[Variable]:
        """A layer's variables in Keras' order, which optimizers follow."""
        seen = set() if seen is None else seen
        found = []
        for variable in own_variables(layer):
            if id(variable) not in seen:
                seen.add(id(variable))
                found.append(variable)
        inner = [x for _, x in self.layers(layer)] if is_chain(layer) else []  # type: ignore[arg-type]
        for child in [*inner, *layer.sublayers()]:
            found += self.variables(child, seen)
        return found


def is_chain(layer: Layer) -> bool:
    """Whether Keras keeps its layers in a container: functional and sequential models."""
    return isinstance(layer, Network) and (layer.is_functional or hasattr(layer, "_chain"))


def _within(name: str, value: Any) -> Iterator[Place]:
    if isinstance(value, (Layer, SeedGenerator)):
        yield name, value
    elif isinstance(value, (list, tuple, dict)):
        number = Numbering()
        for item in value.values() if isinstance(value, dict) else value:
            if isinstance(item, (Layer, SeedGenerator)):
                yield f"{name}/{number(_class_name(item))}", item
            elif isinstance(item, (list, tuple, dict)):
                yield from _within(f"{name}/{number('container')}", item)


def _class_name(value: Any) -> str:
    if isinstance(value, Network) and value.is_functional and type(value).__name__ == "Model":
        return "Functional"
    return type(value).__name__


def saved_variables(layer: Layer) -> list[Variable]:
    """What Keras saves for the layer itself. Low-rank factors are added to the weight before."""
    if isinstance(layer, Quantizable) and layer.quantization_mode is not None:
        return layer.quantized_variables
    found = own_variables(layer)
    if not isinstance(layer, LowRank) or not layer.lora_enabled:
        return found
    others = {id(v) for v in (layer._lora_a, layer._lora_b, layer._kernel)}
    return [layer._kernel, *(v for v in found if id(v) not in others)]


def own_variables(layer: Layer) -> list[Variable]:
    """A layer's variables without those of layers in it: first what was trainable when it was made."""
    found = [v for v in dict.fromkeys(layer._own()) if isinstance(v, Variable)]
    frozen = {id(v) for v in layer._frozen}
    return sorted(found, key=lambda v: not v.trainable and id(v) not in frozen)  # is stable


def _by_depth(model: Network) -> list[Layer]:
    """The layers of a functional graph as Keras has them: farthest from the outputs first.

    Layers of the same distance come in the order of a walk from the outputs back.
    """
    visited, order = _walk(model.outputs)
    depths: dict[Any, int] = {}
    at: dict[Node, int] = {}
    for node in reversed(order):
        owner = _owner(node)
        depth = max(at.get(node, 0), depths.get(owner, 0))
        depths[owner] = depth
        for x in node.inputs if node.op != "Placeholder" else ():
            if x is not None:
                at[x.node] = max(depth + 1, at.get(x.node, 0))
    layers = {k: d for k, d in depths.items() if isinstance(k, Layer)}
    return sorted(layers, key=lambda x: (-depths[x], visited[x]))


def _owner(node: Node) -> Any:
    return node.payload.layer if node.op == "Call" else node


def _walk(outputs: Sequence[Tensor]) -> tuple[dict[Any, int], list[Node]]:
    """When each layer is met first, going from the outputs back; and all nodes, operands first."""
    visited: dict[Any, int] = {}
    done: dict[Node, None] = {}
    stack = [(t.node, False) for t in reversed(outputs)]
    while stack:
        node, finished = stack.pop()
        if node in done:
            continue
        if finished:
            done[node] = None
            continue
        visited.setdefault(_owner(node), len(visited))
        stack.append((node, True))
        stack += [
            (x.node, False)
            for x in reversed(node.inputs)
            if x is not None and node.op != "Placeholder"
        ]
    return visited, list(done)
