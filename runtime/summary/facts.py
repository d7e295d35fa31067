"""What a summary says, as data: layers, sizes, costs, and what becomes of them in ONNX."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...compiler import tree
from ...compiler.infer import TensorType
from ...compiler.inspection.macs import NOTHING, Polynomial
from ...compiler.ir import Tensor
from ...compiler.layers.arguments import public_shape
from ...compiler.layers.base import Layer
from ...compiler.layers.core import InputLayer
from ...compiler.state import Variable
from ...errors import ArgumentError
from .calls import Call, Edge, Flow, Traced, opens, traced
from .costs import bytes_of, elements, per_example
from .onnx_facts import onnx_facts

if TYPE_CHECKING:
    from ..model import Model


@dataclass
class Row:
    """One layer. ``types``: of its outputs, None where it was not called; ``depth``: models around it."""

    name: str
    kind: str
    depth: int
    built: bool
    weights: list[Variable]
    types: list[TensorType] | None = None
    macs: Polynomial | None = None
    activations: Polynomial | None = None
    sources: list[str] = field(default_factory=list)
    inside: list[Row] = field(default_factory=list)

    @property
    def parameters(self) -> int:
        return elements(v.shape for v in self.weights)

    @property
    def trainable(self) -> bool | None:
        """Whether its weights are trained; None where it has none."""
        return any(v.trainable for v in self.weights) if self.weights else None

    @property
    def shape(self) -> Any:
        """The output's shape with None for what is open; a list of shapes where there are several."""
        if self.types is None:
            return None
        shapes = [public_shape(t.shape) for t in self.types]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def dtype(self) -> str:
        names = dict.fromkeys(
            t.dtype.name if t.dtype.kind != "O" else "string" for t in self.types or ()
        )
        return ", ".join(names) or "?"


@dataclass
class Summary:
    """All of it. ``macs`` and ``activations`` are for one example.

    ``onnx``: opset, IR version, nodes (forward, and in the loss and its gradients, where it is
    compiled), open dims; empty where the model's inputs are not known.
    """

    name: str
    rows: list[Row]
    branches: bool
    weights: list[Variable]
    optimizer: list[Variable] | None
    macs: Polynomial | None
    activations: Polynomial | None
    onnx: dict[str, Any]

    def flat(self) -> Iterator[Row]:
        """The rows, each before what is in it."""
        return _flat(self.rows)


def _flat(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        yield row
        yield from _flat(row.inside)


def collect(model: Model, layer_range: Sequence[str] | None = None) -> Summary:
    """Trace the model and count. Raises ``ArgumentError`` where ``layer_range`` names no layer."""
    try:
        calls: Traced | None = traced(model)
    except ArgumentError:
        calls = None
    batch = _batch(model)
    if calls is None:
        rows, branches = [_unknown(layer, 0) for layer in model.layers], False
    else:
        flow = calls.flow()
        rows = _rows(model, calls, flow, batch, 0)
        branches = not _chain(flow)
    optimizer = model.optimizer
    total = None if calls is None else _outer(calls)
    return Summary(
        model.name, _ranged(rows, layer_range), branches, model.weights,
        None if optimizer is None else list(optimizer.variables), per_example(total, batch),
        _sum(r.activations for r in rows) if calls is not None else None,
        {} if calls is None else onnx_facts(model),
    )  # fmt: skip


def _batch(model: Model) -> str:
    """The name of the batch's dim."""
    for spec in tree.leaves(model.input_specs) if model.input_specs is not None else ():
        if spec.shape and isinstance(spec.shape[0], str):
            return str(spec.shape[0])
    return "batch"


def _outer(calls: Traced) -> Polynomial | None:
    """The MACs of the whole model: those of its layers and operators, which were counted before."""
    flow = calls.flow()
    return _sum(c.macs for c in (*flow.calls, *flow.operators))


def _sum(counts: Iterable[Polynomial | None]) -> Polynomial | None:
    total = NOTHING
    for count in counts:
        if count is None:
            return None
        total += count
    return total


# -- rows -----------------------------------------------------------------------------------------


def _rows(owner: Any, calls: Traced, flow: Flow, batch: str, depth: int) -> list[Row]:
    """One row per layer of ``owner``, in its order; operators of functional graphs where they come."""
    made: dict[Layer, list[Call]] = {}
    for call in flow.calls:
        if call.layer is not None:
            made.setdefault(call.layer, []).append(call)
    layers = dict.fromkeys([*_layers_of(owner), *made])
    functional = bool(getattr(owner, "is_functional", False))
    rows = []
    starts = {c.name: c for c in flow.inputs}
    pending = dict.fromkeys(flow.operators) if functional else {}
    for layer in layers:
        for operator in _operators_before(made.get(layer, []), flow):
            if operator in pending:
                del pending[operator]
                rows.append(_operator_row(operator, flow, batch, depth))
        if isinstance(layer, InputLayer) and layer not in made:
            if depth == 0 or layer.name in starts:
                rows.append(_input_row(layer, starts.get(layer.name), batch, depth))
        elif layer in made:
            rows.append(_row(layer, made[layer], calls, flow, batch, depth, functional))
        else:
            rows.append(_unknown(layer, depth))
    return rows + [_operator_row(c, flow, batch, depth) for c in pending]


def _operators_before(calls: Iterable[Call], flow: Flow) -> list[Call]:
    """The operators that lie between earlier layers and these calls, in order."""
    found: set[Call] = set()
    stack = list(calls)
    while stack:
        for edge in flow.into(stack.pop()):
            if edge.source.operator and edge.source not in found:
                found.add(edge.source)
                stack.append(edge.source)
    return [o for o in flow.operators if o in found] if found else []


def _layers_of(owner: Any) -> list[Layer]:
    return list(owner.layers) if getattr(owner, "_is_network", False) else list(owner.sublayers())


def _row(
    layer: Layer, calls: list[Call], traced_: Traced, flow: Flow, batch: str, depth: int,
    functional: bool,
) -> Row:  # fmt: skip
    types = _common([c.output_types for c in calls])
    activations = _sum(bytes_of(c.output_types, batch) for c in calls)
    inside = []
    if opens(layer):
        inner = traced_.recorder.flow(calls[0], [])
        inside = _rows(layer, traced_, inner, batch, depth + 1)
    return Row(
        layer.name, type(layer).__name__, depth, layer.built, layer.weights, types,
        per_example(_sum(c.macs for c in calls), batch), activations,
        _sources(calls, flow, functional), inside,
    )  # fmt: skip


def _common(types: list[list[TensorType]]) -> list[TensorType]:
    """The outputs' types; of layers that were called with several shapes, the types of each."""
    return types[0] if all(t == types[0] for t in types) else [t for call in types for t in call]


def _input_row(layer: InputLayer, call: Call | None, batch: str, depth: int) -> Row:
    types = [layer.tensor.type] if call is None else call.output_types
    return Row(layer.name, "InputLayer", depth, True, [], types, NOTHING, bytes_of(types, batch))


def _operator_row(call: Call, flow: Flow, batch: str, depth: int) -> Row:
    return Row(
        _label(call), f"operator {call.kind}", depth, True, [], call.output_types,
        per_example(call.macs, batch), bytes_of(call.output_types, batch), _sources([call], flow, True),
    )  # fmt: skip


def _unknown(layer: Layer, depth: int) -> Row:
    if isinstance(layer, InputLayer):
        return _input_row(layer, None, "batch", depth)
    inside = [_unknown(x, depth + 1) for x in _layers_of(layer)] if opens(layer) else []
    types = None
    if layer._inbound:
        types = [t.type for t in tree.leaves(layer.output) if isinstance(t, Tensor)]
    return Row(
        layer.name, type(layer).__name__, depth, layer.built, layer.weights, types, inside=inside
    )


def _label(call: Call) -> str:
    return f"{call.name}_{call.number}" if call.operator and call.number else call.name


def _sources(calls: list[Call], flow: Flow, operators: bool) -> list[str]:
    """``layer[call][output]`` of all that flows in; operators are looked through unless they are rows."""
    found = []
    for call in calls:
        for edge in flow.into(call):
            for source, index in _through(edge, flow, operators):
                number = 0 if source.operator else source.number
                found.append(f"{_label(source)}[{number}][{index}]")
    return found


def _through(edge: Edge, flow: Flow, operators: bool) -> list[tuple[Call, int]]:
    """Where an operand comes from; through operators unless they are rows, each source once."""
    found: dict[tuple[Call, int], None] = {}
    seen: set[Call] = set()
    stack = [edge]
    while stack:
        edge = stack.pop()
        if not edge.source.operator or operators:
            found[edge.source, edge.index] = None
        elif edge.source not in seen:
            seen.add(edge.source)
            stack += reversed(flow.into(edge.source))
    return list(found)


def _chain(flow: Flow) -> bool:
    """Whether each layer takes what the one before it gives, and nothing else."""
    line = [*flow.inputs, *flow.calls]
    if len(flow.inputs) != 1 or flow.operators:
        return False
    pairs = {(e.source, e.target) for e in flow.edges}
    once = len(flow.edges) == len(line) - 1 and len({c.layer for c in line}) == len(line)
    return once and pairs == set(itertools.pairwise(line))


def _ranged(rows: list[Row], layer_range: Sequence[str] | None) -> list[Row]:
    """From the first layer that the first pattern fits to the last that the second does."""
    if layer_range is None:
        return rows
    if isinstance(layer_range, str) or len(layer_range) != 2:
        raise ArgumentError(
            "layer_range is two names (or patterns): of the first layer and of the last"
        )
    first, last = layer_range
    starts = [i for i, r in enumerate(rows) if re.match(first, r.name)]
    ends = [i for i, r in enumerate(rows) if re.match(last, r.name)]
    for found, pattern in ((starts, first), (ends, last)):
        if not found:
            raise ArgumentError(
                f"layer_range: no layer fits {pattern!r}; there are {[r.name for r in rows]}"
            )
    if starts[0] > ends[-1]:
        raise ArgumentError(f"layer_range: {first!r} comes after {last!r}")
    return rows[starts[0] : ends[-1] + 1]
