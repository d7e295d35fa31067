"""Functional models: layers applied to placeholders are recorded, and replayed on real tensors.

A recorded call is one node of the graph (``Call``), like a function call in any other IR; operators
applied to placeholders are ordinary nodes. Replaying walks the graph and calls the layers again, so
that a layer may do something else in training than in inference.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError
from . import dtypes, scope, tree
from .config import not_supported
from .hosted import host_calls
from .infer import TensorType
from .ir import Key, Node, Tensor, again, argument, placeholder, toposort
from .state import Trace, tracing

if TYPE_CHECKING:
    from .layers.base import Layer

_counter = itertools.count()


def Input(  # noqa: N802  # Keras' name
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> Tensor:
    """The start of a functional model: a placeholder.

    Args:
        shape: without the batch dim; None for dims that vary.
        batch_size: None (the default) means any.
        batch_shape: shape with the batch dim, instead of the two above.
        dtype: default "float32".
        name: of the model's input, also in exported files.
        tensor: another ``Input``, which is returned as it is.
        optional: whether the model may be given None for it; layers then get None.
    """
    not_supported("Input", sparse=(sparse or None, None), ragged=(ragged or None, None))
    if tensor is not None:
        if not isinstance(tensor, Tensor) or tensor.node.op != "Placeholder":
            raise ArgumentError("Input(tensor=...): expected what another wh.Input gave")
        return tensor
    if (shape is None) == (batch_shape is None):
        raise ArgumentError("Input needs either shape= (without the batch) or batch_shape=")
    full = tuple(batch_shape) if batch_shape is not None else (batch_size, *_dims(shape))
    label = name or _automatic_name()
    named = tuple(
        d if d is not None else ("batch" if i == 0 else f"{label}_dim_{i}")
        for i, d in enumerate(full)
    )
    return placeholder(label, TensorType(dtypes.as_dtype(dtype or "float32"), named), optional)


def _dims(shape: Any) -> tuple[Any, ...]:
    if isinstance(shape, int):
        raise ArgumentError(f"Input(shape={shape}): a shape is a tuple, so write ({shape},)")
    return tuple(shape)


def _automatic_name() -> str:
    n = next(_counter)
    return f"input_{n}" if n else "input"


@dataclass(frozen=True, eq=False, slots=True)
class Call:
    """The payload of a ``Call`` node: which layer, and how its arguments and results are nested."""

    layer: Layer
    leaves: tuple[Any, ...]
    structure: Any
    result_structure: Any
    masks: tuple[TensorType | None, ...]  # of the results that had one when the call was recorded
    node: list[Node] = field(default_factory=list)

    @property
    def results(self) -> Any:
        """The call's results, nested as the layer gave them."""
        return tree.unflatten(self.result_structure, self.node[0].outputs)

    @property
    def arguments(self) -> Any:
        """The first positional argument."""
        args, _ = tree.unflatten(self.structure, self.leaves)
        return args[0] if args else None

    def replay(
        self, tensors: Sequence[Tensor | None], layer: Callable[..., Any] | None = None
    ) -> list[Tensor]:
        """Call the layer (or another one) on other tensors."""
        feed = iter(tensors)
        filled = [next(feed) if isinstance(x, Tensor) else x for x in self.leaves]
        args, kwargs = tree.unflatten(self.structure, filled)
        found, structure = tree.flatten((layer or self.layer)(*args, **kwargs))
        if structure != self.result_structure:
            raise ArgumentError(
                f"layer {self.layer.name!r} returned {tree.describe(structure)}; it returned "
                f"{tree.describe(self.result_structure)} when the model was built"
            )
        return found


def record(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Apply ``layer`` to placeholders: find out what it gives, and remember the call."""
    leaves, structure = tree.flatten((args, kwargs))
    tensors = tuple(x for x in leaves if isinstance(x, Tensor))
    symbols = iter([_symbol(f"x{i}", t) for i, t in enumerate(tensors)])
    trial_args, trial_kwargs = tree.unflatten(
        structure, [next(symbols) if isinstance(x, Tensor) else x for x in leaves]
    )
    with tracing(Trace()), host_calls():
        outputs, result_structure = tree.flatten(layer.invoke(trial_args, trial_kwargs))
    masks = tuple(t.mask.type if t.mask is not None else None for t in outputs)
    call = Call(layer, tuple(leaves), structure, result_structure, masks)
    node = Node(
        "Call", tensors, (), tuple(t.type for t in outputs), call, scope.current(), scope.site(),
        placeholder=True, concrete=False,
    )  # fmt: skip
    call.node.append(node)
    layer._inbound.append(call)
    return call.results


def _symbol(name: str, t: Tensor) -> Tensor:
    """A stand-in for a recorded result, with a mask where that will have one."""
    symbol = argument(name, t.type)
    kind = t.node.payload.masks[t.index] if t.node.op == "Call" else None
    return symbol if kind is None else symbol.with_mask(argument(f"{name}_mask", kind))


def replay(
    outputs: Sequence[Tensor],
    bindings: Mapping[Key, Tensor | None],
    replace: Callable[[Layer], Callable[..., Any]] | None = None,
) -> list[Any]:
    """``outputs`` computed with ``bindings`` in place of the placeholders (or of other tensors).

    ``replace`` gives what is called in place of a layer. An optional input may be None.
    """
    values: dict[Key, Tensor | None] = dict(bindings)
    for node in toposort(outputs, bindings):
        if all((node, i) in values for i in range(len(node.types))):
            continue
        # a layer names its nodes itself; an operator keeps the name that it has
        place = scope.at(node.site) if node.op == "Call" else scope.replaced(node.scope, node.site)
        with place:
            for i, tensor in enumerate(_again(node, values, replace)):
                values.setdefault((node, i), tensor)
    return [values[t.key] for t in outputs]


def _again(
    node: Node,
    values: Mapping[Key, Tensor | None],
    replace: Callable[[Layer], Callable[..., Any]] | None,
) -> Sequence[Tensor]:
    if node.op == "Placeholder":
        raise ArgumentError(
            f"the outputs depend on the input {node.payload.name!r}, which is none of the model's "
            "inputs"
        )
    if node.op == "Data":
        variable = node.payload.variable
        return node.outputs if variable is None else [variable.value]
    inputs = [values[x.key] if x is not None else None for x in node.inputs]
    if node.op == "Call":
        call: Call = node.payload
        return call.replay(inputs, None if replace is None else replace(call.layer))
    return again(node, inputs)


def layers_in_order(results: Any, starts: Mapping[Key, Layer | Node]) -> list[Layer]:
    """Layers as Keras lists them (and with them a model's weights).

    Those furthest from the outputs come first; of equally far ones, that which a walk from the outputs
    back to the inputs meets first. ``starts`` has the layer of each input; one that no output depends
    on comes last. Dicts of results count in the order of their keys.
    """
    outputs = _by_key(results)
    order = toposort(outputs, starts)
    distance: dict[Layer | Node, int] = {}
    depth: dict[Node, int] = {}
    for node in reversed(order):
        own = _layer_of(node)
        depth[node] = distance[own] = max(depth.get(node, 0), distance.get(own, 0))
        for x in node.inputs:
            if x is None:
                continue
            if x.key in starts:
                start = starts[x.key]
                distance[start] = max(distance.get(start, 0), depth[node] + 1)
            else:
                depth[x.node] = max(depth.get(x.node, 0), depth[node] + 1)
    met = {owner: i for i, owner in enumerate(_walk_back(outputs, starts))}
    for start in starts.values():
        distance.setdefault(start, 0)
    found = sorted(distance, key=lambda owner: (-distance[owner], met.get(owner, -1)))
    return [owner for owner in found if not isinstance(owner, Node)]


def _by_key(results: Any) -> list[Tensor]:
    """The leaves, those of dicts in the order of the keys."""
    if isinstance(results, Mapping):
        return [t for k in sorted(results) for t in _by_key(results[k])]
    if isinstance(results, (list, tuple)):
        return [t for x in results for t in _by_key(x)]
    return [results]


def _layer_of(node: Node) -> Layer | Node:
    """Whose node it is: a layer's, or its own."""
    if node.op == "Call":
        layer: Layer = node.payload.layer
        return layer
    return node


def _walk_back(outputs: Sequence[Tensor], starts: Mapping[Key, Layer | Node]) -> list[Layer | Node]:
    """Layers and operators in the order in which they are met on the way back from the outputs."""
    met: dict[Layer | Node, None] = {}
    done: set[Node] = set()
    stack = [*reversed(outputs)]
    while stack:
        tensor = stack.pop()
        if tensor.key in starts:
            met.setdefault(starts[tensor.key])
        elif tensor.node not in done:
            done.add(tensor.node)
            met.setdefault(_layer_of(tensor.node))
            stack.extend(x for x in reversed(tensor.node.inputs) if x is not None)
    return list(met)
