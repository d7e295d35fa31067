"""Models as graphs of layers: functional, sequential or subclassed. Training them is ``runtime``'s job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, FileFormatError, ShapeError
from . import config, dims, dtypes, functional, tree
from .config import custom_object_scope
from .infer import TensorType
from .ir import Key, Node, Tensor, apply, constant, placeholder, toposort
from .layers.arguments import Arguments, masked, public_shape
from .layers.base import Layer
from .layers.core import InputLayer
from .program import TensorSpec, unique
from .schema import Literal


class Network(Layer):
    """A layer made of layers.

    ``Network(inputs, outputs)`` is what lies between tensors of a functional graph (nested as you
    like); a subclass defines ``call`` instead.
    """

    _is_network = True
    _untracked = Layer._untracked | {"_inputs", "_outputs", "_input_specs", "_graph_layers"}

    def __init__(
        self, inputs: Any = None, outputs: Any = None, name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self._inputs, self._outputs = inputs, outputs
        self._input_specs: Any = None
        self._graph_layers: list[Layer] = []
        if (inputs is None) != (outputs is None):
            raise ArgumentError("a functional model needs both inputs= and outputs=")
        if inputs is not None:
            self._connect(inputs, outputs)

    # -- functional graphs ----------------------------------------------------------------

    @property
    def is_functional(self) -> bool:
        """Whether the model was made from inputs and outputs."""
        return self._inputs is not None

    def _connect(self, inputs: Any, outputs: Any) -> None:
        for what, tensors in (("inputs", tree.leaves(inputs)), ("outputs", tree.leaves(outputs))):
            for t in tensors:
                if not isinstance(t, Tensor) or not t.node.placeholder:
                    raise ArgumentError(
                        f"{what} of a functional model are tensors that come from wh.Input; got "
                        f"{type(t).__name__}"
                    )
        names = input_names(inputs)
        if len(set(names)) != len(names):
            raise ArgumentError(f"two inputs have the same name: {names}")
        bound = {t.key: t for t in tree.leaves(inputs)}
        order = toposort(tree.leaves(outputs), bound)
        stray = [n.payload.name for n in order if n.op == "Placeholder"]
        if stray:
            raise ArgumentError(
                f"the outputs depend on {stray}, which are none of the model's inputs {names}"
            )
        starts: dict[Key, Layer | Node] = {
            t.key: InputLayer(input_tensor=t) if t.node.op == "Placeholder" else t.node
            for t in tree.leaves(inputs)
        }
        self._graph_layers = functional.layers_in_order(outputs, starts)
        self._check_names()
        used = {n.payload.layer for n in order if n.op == "Call"}
        self.nodes_layers = [layer for layer in self._graph_layers if layer in used]  # tracked
        self.built = True

    def _check_names(self) -> None:
        seen: dict[str, Layer] = {}
        for layer in self._graph_layers:
            if seen.setdefault(layer.name, layer) is not layer:
                raise ArgumentError(f"two layers of model {self.name!r} are named {layer.name!r}")

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The graph's outputs for other inputs; ``mask`` is nested as these, or there is none."""
        if not self.is_functional:
            return super().call(inputs)
        given = self._arranged(inputs)
        if mask is not None:
            given = masked(given, tree.leaves(mask))
        bindings: dict[Key, Tensor | None] = {
            t.key: x for t, x in zip(tree.leaves(self._inputs), given, strict=True)
        }
        found = functional.replay(tree.leaves(self._outputs), bindings)
        return tree.unflatten(tree.flatten(self._outputs)[1], found)

    def _arranged(self, inputs: Any) -> list[Tensor | None]:
        """The given tensors in the order of the model's inputs; dicts match by name."""
        wanted = tree.leaves(self._inputs)
        if isinstance(inputs, Mapping) and not isinstance(self._inputs, Mapping):
            inputs = _ordered(inputs, dict(zip(input_names(self._inputs), wanted, strict=True)))
        else:
            inputs = _ordered(inputs, self._inputs)
        given = tree.leaves(inputs)
        if len(given) != len(wanted):
            raise ArgumentError(
                f"model {self.name!r} has {len(wanted)} inputs {input_names(self._inputs)}; got "
                f"{len(given)} tensors"
            )
        return [_fits(self.name, x, w) for x, w in zip(given, wanted, strict=True)]

    # -- what it consists of --------------------------------------------------------------

    @property
    def layers(self) -> list[Layer]:
        """The layers, as Keras orders them: those furthest from the outputs first."""
        return list(self._graph_layers) if self.is_functional else self.sublayers()

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of this name, or at this place. Raises ``ArgumentError`` where there is none."""
        if (name is None) == (index is None):
            raise ArgumentError("get_layer takes either name= or index=")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ArgumentError(
                    f"model {self.name!r} has {len(self.layers)} layers, no {index}"
                )
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ArgumentError(f"no layer {name!r}; there are {[x.name for x in self.layers]}")

    @property
    def input(self) -> Any:
        return self._inputs if self.is_functional else super().input

    @property
    def output(self) -> Any:
        return self._outputs if self.is_functional else super().output

    @property
    def inputs(self) -> list[Tensor]:
        """The input placeholders, flat."""
        return tree.leaves(self.input)

    @property
    def outputs(self) -> list[Tensor]:
        """The output tensors, flat."""
        return tree.leaves(self.output)

    @property
    def input_shape(self) -> Any:
        return tree.map_leaves(lambda t: public_shape(t.shape), self.input)

    @property
    def output_shape(self) -> Any:
        return tree.map_leaves(lambda t: public_shape(t.shape), self.output)

    @property
    def input_specs(self) -> Any:
        """A ``TensorSpec`` per input, nested as the model takes them; None before the first call."""
        if self.is_functional:
            names = iter(input_names(self._inputs))
            return tree.map_leaves(
                lambda t: TensorSpec(t.shape, t.dtype, next(names)), self._inputs
            )
        return self._input_specs

    @property
    def output_names(self) -> list[str]:
        """One name per output: dict keys, else the layers that give them (numbered if several)."""
        if not self.is_functional:
            return ["output"]
        if isinstance(self._outputs, dict):
            return [str(k) for k in self._outputs]
        return unique([_producer(t.node) for t in tree.leaves(self._outputs)])

    def _build_once(self, given: Arguments) -> None:
        if self._input_specs is None and not self.is_functional:
            self._input_specs = _specs_like(given.first)
        super()._build_once(given)

    # -- configuration --------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        if not self.is_functional:
            return super().get_config()
        return {"name": self.name, "trainable": self.trainable, **graph_config(self)}

    @classmethod
    def from_config(
        cls: Any, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """The model of a configuration; ``custom_objects`` has classes and functions of one's own."""
        if "nodes" not in config:
            with custom_object_scope(custom_objects or {}):
                return super().from_config(config)  # type: ignore[misc]
        with custom_object_scope(custom_objects or {}):
            inputs, outputs = graph_from_config(config)
        model = cls(inputs, outputs, name=config["name"])
        if not config.get("trainable", True):
            model.trainable = False
        return model


def _ordered(given: Any, like: Any) -> Any:
    """``given`` with the entries of (nested) dicts in the order of ``like``; None for optional ones."""
    if isinstance(given, Mapping) and isinstance(like, Mapping):
        missing = [k for k, w in like.items() if k not in given and not _may_lack(w)]
        if missing:
            raise ArgumentError(f"inputs {missing} are missing; got {sorted(given)}")
        return {k: _ordered(given.get(k), w) for k, w in like.items()}
    if isinstance(like, (list, tuple)) and isinstance(given, (list, tuple)):
        pairs = zip(given, like, strict=False)
        return [*(_ordered(g, w) for g, w in pairs), *given[len(like) :]]
    return given


def _may_lack(start: Any) -> bool:
    return isinstance(start, Tensor) and _optional(start)


def _optional(start: Tensor) -> bool:
    return start.node.op == "Placeholder" and start.node.payload.optional


def _fits(owner: str, given: Tensor | None, wanted: Tensor) -> Tensor | None:
    """Raise ``ShapeError`` unless ``given`` can stand for the placeholder ``wanted``."""
    if given is None:
        if not _optional(wanted):
            raise ArgumentError(f"model {owner!r} needs its input {_producer(wanted.node)!r}")
        return None
    given = with_rank_of(wanted, given)
    if not dims.compatible(given.shape, wanted.shape):
        raise ShapeError(
            f"model {owner!r} takes {wanted.type} as its input {_producer(wanted.node)!r}; got "
            f"{given.type}"
        )
    return given


def with_rank_of(wanted: Tensor, given: Tensor) -> Tensor:
    """``given`` with one more or one less last dim of 1, as Keras does where that makes it fit."""
    more = len(wanted.shape) - len(given.shape)
    if more == 1 and wanted.shape[-1] == 1:
        return apply("Unsqueeze", given, constant([-1]))
    if more == -1 and given.shape[-1] == 1:
        return apply("Squeeze", given, constant([-1]))
    return given


def _producer(node: Node) -> str:
    if node.op == "Call":
        return str(node.payload.layer.name)
    return str(node.payload.name) if node.op == "Placeholder" else node.op.lower()


def input_names(inputs: Any) -> list[str]:
    """Names of the placeholders (or of the layers whose outputs serve as inputs)."""
    return [_producer(t.node) for t in tree.leaves(inputs)]


def _specs_like(value: Any) -> Any:
    count = len(tree.leaves(value))
    numbers = iter(range(count))

    def spec(t: Tensor) -> TensorSpec:
        n = next(numbers)
        dims = ["batch", *t.shape[1:]] if t.ndim else []
        return TensorSpec(dims, t.dtype, "input" if count == 1 else f"input_{n}")

    if isinstance(value, dict):
        return {k: TensorSpec(["batch", *t.shape[1:]], t.dtype, k) for k, t in value.items()}
    return tree.map_leaves(spec, value)


# -- a functional graph as JSON ---------------------------------------------------------------


def graph_config(network: Network) -> dict[str, Any]:
    """The graph as layers, nodes (calls and operators) and references ``[node, output]``."""
    starts = tree.leaves(network._inputs)
    order = toposort(tree.leaves(network._outputs), {t.key: t for t in starts})
    number: dict[Key, list[int]] = {t.key: [-1, i] for i, t in enumerate(starts)}
    layers: dict[Layer, int] = {}
    nodes: list[dict[str, Any]] = []
    for node in order:
        for i in range(len(node.types)):
            number[node, i] = [len(nodes), i]
        nodes.append(_node_config(node, number, layers))
    return {
        "inputs": _nested(network._inputs, _input_config),
        "outputs": _nested(network._outputs, lambda t: {"ref": number[t.key]}),
        "layers": [config.serialize(layer) for layer in layers],
        "nodes": nodes,
    }


def _input_config(t: Tensor) -> dict[str, Any]:
    facts = {"name": _producer(t.node), "shape": list(t.shape), "dtype": t.dtype.name}
    return {**facts, "optional": True} if _optional(t) else facts


def _nested(value: Any, leaf: Any) -> Any:
    if isinstance(value, dict):
        return {"dict": {k: _nested(v, leaf) for k, v in value.items()}}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [_nested(v, leaf) for v in value]}
    return {"leaf": leaf(value)}


def _unnested(data: Mapping[str, Any], leaf: Any) -> Any:
    ((kind, content),) = data.items()
    if kind == "dict":
        return {k: _unnested(v, leaf) for k, v in content.items()}
    if kind in ("list", "tuple"):
        items = [_unnested(v, leaf) for v in content]
        return items if kind == "list" else tuple(items)
    return leaf(content)


def _node_config(
    node: Node, number: Mapping[Key, list[int]], layers: dict[Layer, int]
) -> dict[str, Any]:
    inputs = [None if x is None else number[x.key] for x in node.inputs]
    if node.op == "Call":
        call: functional.Call = node.payload
        place = layers.setdefault(call.layer, len(layers))
        refs = iter(inputs)
        leaves = [
            {"ref": next(refs)} if isinstance(x, Tensor) else {"value": x} for x in call.leaves
        ]
        args, kwargs = tree.unflatten(call.structure, leaves)
        return {"layer": place, "args": _nested_refs(args), "kwargs": _nested_refs(kwargs)}
    if node.op == "Data":
        if node.payload.variable is not None:
            raise ArgumentError(
                f"the functional model uses the variable {node.payload.variable.path!r} outside of "
                "any layer, so it cannot be saved: make it a weight of a layer"
            )
        return {"op": "Constant", "inputs": [], "attrs": {"value": _array(node.payload.array)}}
    attrs = {n: _array(v.array) if isinstance(v, Literal) else v for n, v in node.attrs}
    return {"op": node.op, "inputs": inputs, "attrs": attrs, "outputs": len(node.types)}


def _nested_refs(value: Any) -> Any:
    """Leaves here are dicts themselves, so they are wrapped before nesting."""
    if isinstance(value, dict) and set(value) in ({"ref"}, {"value"}):
        return {"leaf": value}
    if isinstance(value, dict):
        return {"dict": {k: _nested_refs(v) for k, v in value.items()}}
    return {type(value).__name__: [_nested_refs(v) for v in value]}


def _array(array: Any) -> dict[str, Any]:
    return {"dtype": array.dtype.name, "shape": list(array.shape), "value": array.tolist()}


def graph_from_config(data: Mapping[str, Any]) -> tuple[Any, Any]:
    """Inputs and outputs of the functional graph that ``graph_config`` wrote."""
    starts: list[Tensor] = []

    def start(spec: Mapping[str, Any]) -> Tensor:
        kind = TensorType(dtypes.as_dtype(spec["dtype"]), tuple(spec["shape"]))
        starts.append(placeholder(spec["name"], kind, spec.get("optional", False)))
        return starts[-1]

    inputs = _unnested(data["inputs"], start)
    layers = [config.deserialize(item) for item in data["layers"]]
    made: list[Sequence[Tensor]] = []

    def resolve(ref: Sequence[int]) -> Tensor:
        return starts[ref[1]] if ref[0] == -1 else made[ref[0]][ref[1]]

    def leaf(item: Mapping[str, Any]) -> Any:
        return resolve(item["ref"]) if "ref" in item else item["value"]

    for item in data["nodes"]:  # each may refer to those before it
        made += [_node_from_config(item, layers, resolve, leaf)]
    return inputs, _unnested(data["outputs"], lambda item: resolve(item["ref"]))


def _node_from_config(
    item: Mapping[str, Any], layers: Sequence[Layer], resolve: Any, leaf: Any
) -> Sequence[Tensor]:
    if "layer" in item:
        args = _unnested(item["args"], leaf)
        kwargs = _unnested(item["kwargs"], leaf)
        found: list[Tensor] = tree.leaves(layers[item["layer"]](*args, **kwargs))
        return found
    if item["op"] == "Constant":
        value = item["attrs"]["value"]
        return [constant(_numpy(value), value["dtype"])]
    attrs = {k: _numpy(v) if isinstance(v, dict) else v for k, v in item["attrs"].items()}
    inputs = [None if ref is None else resolve(ref) for ref in item["inputs"]]
    try:
        result = apply(item["op"], *inputs, outputs=item["outputs"], **attrs)
    except TypeError as error:
        raise FileFormatError(
            f"the model's graph has a bad node {item['op']!r}: {error}"
        ) from error
    return result if isinstance(result, tuple) else (result,)


def _numpy(value: Mapping[str, Any]) -> Any:
    return np.array(value["value"], dtypes.as_dtype(value["dtype"])).reshape(value["shape"])
