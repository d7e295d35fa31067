"""Which layers a model calls, on what: found by tracing it, whether functional or subclassed.

Each layer's outputs are marked by a node of their own (an Identity), so that what a later layer is
given says where it comes from, even where a layer returns its input as it is.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...compiler import tree
from ...compiler.infer import TensorType
from ...compiler.inspection.macs import NOTHING, Polynomial
from ...compiler.ir import Key, Node, Tensor, retyped, stopped, toposort
from ...compiler.layers import context
from ...compiler.layers.base import Layer
from ...compiler.program import TensorSpec, trace
from ...errors import ArgumentError
from .costs import macs_of

if TYPE_CHECKING:
    from ..model import Model

_TRANSPARENT = frozenset({"Cast", "Identity"})
_SIZES = frozenset({"Shape", "Size"})  # what is computed of sizes is no flow of data


@dataclass(eq=False)
class Call:
    """One call of a layer; or an input of a model, or an operator between layers.

    ``operator``: the operator's name, where it is one; ``number``: which call of its layer it is;
    ``inside``: the calls that it makes; ``macs``: None where they are not known.
    """

    layer: Layer | None
    name: str
    kind: str
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    results: list[Tensor] = field(default_factory=list)
    inside: list[Call] = field(default_factory=list)
    macs: Polynomial | None = NOTHING
    number: int = 0
    operator: bool = False

    @property
    def output_types(self) -> list[TensorType]:
        return [t.type for t in self.outputs]

    @property
    def input_types(self) -> list[TensorType]:
        return [t.type for t in self.inputs]


@dataclass(frozen=True)
class Edge:
    """Output ``index`` of ``source`` goes into ``target``."""

    source: Call
    index: int
    target: Call


@dataclass
class Flow:
    """What happens inside one call: its inputs, the calls and operators in it, what flows between.

    ``edges`` has one entry per operand: a layer may be given the same tensor twice. ``outputs``: who
    gives each of the results, and as its which output.
    """

    inputs: list[Call]
    calls: list[Call]
    operators: list[Call]
    edges: list[Edge]
    outputs: list[tuple[Call, int]]

    @functools.cached_property
    def _coming(self) -> dict[Call, list[Edge]]:
        found: dict[Call, list[Edge]] = {}
        for edge in self.edges:
            found.setdefault(edge.target, []).append(edge)
        return found

    def into(self, call: Call) -> list[Edge]:
        """What flows into a call, operand by operand."""
        return self._coming.get(call, [])


class Recorder:
    """Sees the calls of layers while a model is traced."""

    def __init__(self) -> None:
        self.marks: dict[Key, tuple[Call, int]] = {}  # marked output -> whose, and which
        self._top = Call(None, "", "")
        self._stack = [self._top]
        self._numbers: dict[Layer, int] = {}
        self._seen: dict[Node, int] = {}  # in the order in which nodes were reached

    @property
    def root(self) -> Call:
        """The call of the model itself."""
        return self._top.inside[0]

    def __call__(self, layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = [t for t in tree.leaves((args, kwargs)) if isinstance(t, Tensor)]
        number = self._numbers.get(layer, 0)
        self._numbers[layer] = number + 1
        call = Call(layer, layer.name, type(layer).__name__, given, number=number)
        self._stack[-1].inside.append(call)
        self._stack.append(call)
        before = len(self._seen)
        try:
            flat, structure = tree.flatten(layer.invoke(args, kwargs))
        finally:
            self._stack.pop()
        call.results = [t for t in flat if isinstance(t, Tensor)]
        reached = toposort(call.results, {t.key for t in given})
        # what there was before is not this call's, even if it is reached (a Transpose is taken back)
        own = [n for n in reached if self._seen.setdefault(n, len(self._seen)) >= before]
        call.macs = macs_of(own)
        return tree.unflatten(structure, [self._marked(call, x) for x in flat])

    def _marked(self, call: Call, value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        tensor = retyped(stopped(value), value.type).with_mask(value.mask)
        self.marks[tensor.key] = call, len(call.outputs)
        call.outputs.append(tensor)
        return tensor

    # -- what flows where -------------------------------------------------------------------------

    def flow(self, call: Call, names: Sequence[str] = ()) -> Flow:
        """What happens inside ``call``, whose inputs get ``names``."""
        return _Tracer(self, call, names).flow()


class _Tracer:
    """Follows tensors back to who made them, within one call."""

    def __init__(self, recorder: Recorder, call: Call, names: Sequence[str]) -> None:
        self._marks, self._call = recorder.marks, call
        self._siblings = set(call.inside)
        self._starts: dict[Key, Call] = {}
        self._operators: dict[Node, Call] = {}
        self._kinds: Counter[str] = Counter()
        self._edges: list[Edge] = []
        for i, t in enumerate(call.inputs):
            label = names[i] if i < len(names) else (f"input_{i}" if i else "input")
            self._starts.setdefault(t.key, Call(None, label, "InputLayer", [], [t]))

    def flow(self) -> Flow:
        for sibling in self._call.inside:
            self._prepare(sibling.inputs)
            for t in sibling.inputs:
                for source, index in self._sources(t):
                    self._edges.append(Edge(source, index, sibling))
        self._prepare(self._call.results)
        outputs = [found for t in self._call.results for found in self._sources(t)]
        return Flow(
            list(self._starts.values()), self._call.inside, list(self._operators.values()),
            self._edges, outputs,
        )  # fmt: skip

    def _prepare(self, tensors: Sequence[Tensor]) -> None:
        """Operators before ``tensors``, operands first: so recursion does not go deep."""
        for node in toposort(tensors, self):
            if node.op not in _TRANSPARENT:
                self._operator(node)

    def __contains__(self, key: object) -> bool:
        """Whether a tensor is given here: an input, a call's output, or what is known already."""
        mark = self._marks.get(key)  # type: ignore[call-overload]
        given = key in self._starts or (mark is not None and mark[0] in self._siblings)
        return given or (isinstance(key, tuple) and key[0] in self._operators)

    def _sources(self, t: Tensor) -> list[tuple[Call, int]]:
        """The calls, inputs or operators that ``t`` is an output of (none, one, or what it is cast of)."""
        while True:
            if t.key in self._starts:
                return [(self._starts[t.key], 0)]
            mark = self._marks.get(t.key)
            if mark is not None and mark[0] in self._siblings:
                return [mark]
            node = t.node
            if node.op not in _TRANSPARENT or node.inputs[0] is None:
                break
            t = node.inputs[0]
        found = self._operator(node)
        return [] if found is None else [(found, t.index)]

    def _operator(self, node: Node) -> Call | None:
        """The operator as an item of its own; None where nothing flows into it but sizes and weights."""
        if node in self._operators:
            return self._operators[node]
        if node.op in _SIZES or not node.inputs:
            return None
        operands = [x for x in node.inputs if x is not None]
        sources = [found for x in operands for found in self._sources(x)]
        if not sources:
            return None
        item = Call(None, node.op.lower(), node.op, operands, list(node.outputs), operator=True,
                    number=self._kinds[node.op],
                    macs=macs_of([node]))  # fmt: skip
        self._operators[node] = item
        self._kinds[node.op] += 1
        for source, index in sources:
            self._edges.append(Edge(source, index, item))
        return item


# -- tracing a model ------------------------------------------------------------------------------


@dataclass
class Traced:
    """A model's calls; ``names`` are those of its inputs."""

    recorder: Recorder
    names: list[str]

    @property
    def root(self) -> Call:
        return self.recorder.root

    def flow(self) -> Flow:
        return self.recorder.flow(self.root, self.names)


def traced(model: Model) -> Traced:
    """The calls that the model makes in inference.

    Raises ``ArgumentError`` where it does not know its inputs yet.
    """
    specs = model.input_specs
    if specs is None or not model.built:
        raise ArgumentError(
            f"model {model.name!r} does not know its inputs yet: call it on data, fit it, or give it "
            "a wh.Input first"
        )
    found = _recorded(model, specs)
    if any(c.macs is None for c in everything(found.root)):
        _complete(found, model, specs)
    return found


def _complete(found: Traced, model: Model, specs: Any) -> None:
    """MACs that could not be followed by names of sizes, for a batch of one."""
    alone = _recorded(model, tree.map_leaves(_one_example, specs))
    pairs = zip(everything(found.root), everything(alone.root), strict=True)
    for call, other in pairs:
        if call.macs is None:
            call.macs = other.macs


def _one_example(spec: TensorSpec) -> TensorSpec:
    shape = (
        (1, *spec.shape[1:]) if spec.shape and not isinstance(spec.shape[0], int) else spec.shape
    )
    return TensorSpec(shape, spec.dtype, spec.name)


def _recorded(model: Model, specs: Any) -> Traced:
    recorder = Recorder()
    flat, structure = tree.flatten(specs)

    def run(inputs: Any) -> Any:
        with context.observed(recorder):
            return model(inputs, training=False)

    with losses_kept(model), context.outside():
        trace(run, flat, lambda tensors: ((tree.unflatten(structure, tensors),), {}), host=True)
    return Traced(recorder, [s.name for s in flat])


@contextmanager
def losses_kept(model: Model) -> Iterator[None]:
    """What ``add_loss`` was given in the last call stays as it is."""
    before = [(layer, layer._losses) for layer in model._flattened()]
    try:
        yield
    finally:
        for layer, losses in before:
            layer._losses = losses


def everything(call: Call) -> Iterator[Call]:
    """The call and all calls in it, depth first."""
    yield call
    for inner in call.inside:
        yield from everything(inner)


def opens(layer: Layer | None) -> bool:
    """Whether a layer is shown with what is in it: models, and composite layers of the user's own."""
    if layer is None:
        return False
    own = not type(layer).__module__.startswith(_PACKAGE)
    return layer._is_network or (own and bool(layer.sublayers()))


_PACKAGE = __name__.split(".runtime.")[0] + "."
