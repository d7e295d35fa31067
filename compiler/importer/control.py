"""If, Loop and Scan of a file, as nodes with blocks (or unrolled, where that is all that can be done)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper

from ...errors import FileFormatError
from .. import dims, dtypes
from ..block import Block, common_shape
from ..infer import TensorType
from ..ir import Key, Tensor, apply, argument, constant
from .frame import Frame
from .partial import literal
from .reader import Reader, handler
from .values import Call, Maybe, Value

UNROLLED = 4096  # steps of a loop over sequences


class _Draft:
    """A subgraph that was read: results, and what it captured from the graph around it."""

    def __init__(
        self, parameters: Sequence[Tensor], results: Sequence[Value], frame: Frame
    ) -> None:
        self.parameters, self.results, self.frame = tuple(parameters), tuple(results), frame

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The results, where all are tensors."""
        found = []
        for value in self.results:
            inner = value.content if isinstance(value, Maybe) else value
            if not isinstance(inner, Tensor):
                raise FileFormatError(
                    "a subgraph that gives a sequence or nothing is not supported"
                )
            found.append(inner)
        return tuple(found)


def _read(
    reader: Reader, outer: Frame, graph: onnx.GraphProto, given: Sequence[Value | None]
) -> _Draft:
    """Read a subgraph with ``given`` for its inputs."""
    if len(graph.input) != len(given):
        raise FileFormatError(f"its subgraph takes {len(graph.input)} inputs, not {len(given)}")
    frame = Frame(outer.opsets, parent=outer, attributes=outer.attributes)
    if frame.depth > 64:
        raise FileFormatError("subgraphs are nested too deeply")
    for info, value in zip(graph.input, given, strict=True):
        frame.define(info.name, value)
    reader.initializers(frame, graph)
    reader.nodes(frame, graph.node)
    parameters = [x for x in given if isinstance(x, Tensor)]
    return _Draft(parameters, [reader.result(frame, o.name) for o in graph.output], frame)


def _closed(drafts: Sequence[_Draft]) -> tuple[list[Block], list[Tensor]]:
    """Blocks that capture the same outer tensors in the same order, and these."""
    outer: dict[Key, Tensor] = {}
    for draft in drafts:
        outer |= {key: x for key, (_, x) in draft.frame.captures.items()}
    blocks = []
    for draft in drafts:
        found = draft.frame.captures
        leaves = [
            found[k][0] if k in found else argument("unused", x.type) for k, x in outer.items()
        ]
        blocks.append(Block(draft.parameters, tuple(leaves), draft.tensors))
    return blocks, list(outer.values())


def subgraph(call: Call, name: str) -> onnx.GraphProto:
    """The subgraph that a node has as its attribute."""
    graph = call.get(name)
    if not isinstance(graph, onnx.GraphProto):
        raise FileFormatError(f"{call.op} needs the subgraph {name!r}")
    return graph


@handler("If")
def if_(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> object:
    condition = call.needed(0)
    if len(call.inputs) > 1:
        raise FileFormatError(f"If takes a condition alone, not {len(call.inputs)} inputs")
    known = literal(condition)
    if known is not None and known.size == 1:
        name = "then_branch" if known.item() else "else_branch"
        return tuple(inlined(reader, frame, subgraph(call, name), ()))
    drafts = [_read(reader, frame, subgraph(call, n), ()) for n in ("then_branch", "else_branch")]
    (then, other), captured = _closed(drafts)
    return apply("If", condition, *captured, then_branch=then, else_branch=other,
                 outputs=len(then.results))  # fmt: skip


def inlined(
    reader: Reader, outer: Frame, graph: onnx.GraphProto, given: Sequence[Value | None]
) -> list[Value]:
    """A subgraph that runs exactly once is part of the graph around it."""
    if len(graph.input) != len(given):
        raise FileFormatError(f"its subgraph takes {len(graph.input)} inputs, not {len(given)}")
    frame = _Inner(outer)
    for info, value in zip(graph.input, given, strict=True):
        frame.define(info.name, value)
    reader.initializers(frame, graph)
    reader.nodes(frame, graph.node)
    return [reader.result(frame, o.name) for o in graph.output]


class _Inner(Frame):
    """Sees the names of another frame as they are: nothing is captured."""

    def __init__(self, outer: Frame) -> None:
        super().__init__(outer.opsets, caller=outer, attributes=outer.attributes)
        self.outer = outer

    def lookup(self, name: str) -> Value | None:
        return self.values[name] if name in self.values else self.outer.lookup(name)


def _settled(
    reader: Reader, frame: Frame, graph: onnx.GraphProto, fixed: Sequence[TensorType],
    initial: Sequence[Tensor], after: Sequence[TensorType], skip: int,
) -> _Draft:  # fmt: skip
    """Read a loop's body with types of the states that hold for every step.

    A dim that changes from step to step is unknown; one that is unknown may make others so.
    """
    kinds = [x.type for x in initial]
    count = len(fixed) + len(kinds) + len(after)
    if len(graph.input) != count:
        raise FileFormatError(f"its subgraph takes {len(graph.input)} inputs, not {count}")
    for _ in range(2 + sum(len(k.shape) for k in kinds)):
        given = [argument(i.name or "x", dims.named(k)) for i, k in
                 zip(graph.input, (*fixed, *kinds, *after), strict=True)]  # fmt: skip
        draft = _read(reader, frame, graph, given)
        found = [t.type for t in draft.tensors[skip : skip + len(kinds)]]
        if len(found) < len(kinds):
            raise FileFormatError(f"the body gives {len(found)} states for {len(kinds)}")
        for a, b in zip(kinds, found, strict=True):
            if a.dtype != b.dtype or len(a.shape) != len(b.shape):
                raise FileFormatError(f"a state is {a} before a step and {b} after it")
        wider = [
            TensorType(a.dtype, common_shape(a.shape, b.shape))
            for a, b in zip(kinds, found, strict=True)
        ]
        if wider == kinds:
            return draft
        kinds = wider
    raise FileFormatError("the shapes of the body's states do not settle")


@handler("Loop")
def loop(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> object:
    body = subgraph(call, "body")
    inputs = (*call.inputs, *(None,) * (2 - len(call.inputs)))
    trips, proceed, states = call.input(0), call.input(1), inputs[2:]
    if any(not isinstance(s, Tensor) for s in states):
        return _unrolled(reader, frame, body, trips, proceed, states)
    scalars = [TensorType(dtypes.INT64, ()), TensorType(dtypes.BOOL, ())]
    initial = [s for s in states if isinstance(s, Tensor)]
    if trips is not None and trips.ndim:
        trips = apply("Reshape", trips, constant(np.zeros(0, np.int64)))
    if proceed is not None and proceed.ndim:
        proceed = apply("Reshape", proceed, constant(np.zeros(0, np.int64)))
    try:
        draft = _settled(reader, frame, body, scalars, initial, (), 1)
    except FileFormatError as error:
        if literal(trips) is None if trips is not None else True:
            raise
        try:  # a state of changing rank, or a sequence made inside
            return _unrolled(reader, frame, body, trips, proceed, states)
        except FileFormatError:
            raise error from None
    if draft.tensors[0].dtype != dtypes.BOOL:
        raise FileFormatError(f"the condition of a Loop is a bool, not {draft.tensors[0].type}")
    (block,), captured = _closed([draft])
    count = len(block.results) - 1
    return apply("Loop", trips, proceed, *initial, *captured, body=block, outputs=count)


def _unrolled(
    reader: Reader, frame: Frame, body: onnx.GraphProto, trips: Tensor | None,
    proceed: Tensor | None, states: Sequence[Value | None],
) -> object:  # fmt: skip
    """Step by step, where the number of steps is known."""
    limit = literal(trips) if trips is not None else None
    go: Tensor = proceed if proceed is not None else constant(np.array(True))
    if limit is None or limit.item() > UNROLLED:
        raise FileFormatError(
            "a Loop over sequences, or over a state of changing rank, needs a known number of steps"
        )
    emitted: list[list[Tensor]] = [[] for _ in range(len(body.output) - 1 - len(states))]
    for i in range(int(limit.item())):
        known = literal(go)
        if known is None:
            raise FileFormatError("a Loop over sequences needs a condition that is known")
        if not known.item():
            break
        number = constant(np.array(i, np.int64))
        go_value, *rest = inlined(reader, frame, body, (number, go, *states))
        if not isinstance(go_value, Tensor):
            raise FileFormatError("the condition of a Loop is a bool")
        go = go_value
        states = rest[: len(states)]
        for rows, value in zip(emitted, rest[len(states) :], strict=True):
            if not isinstance(value, Tensor):
                raise FileFormatError("a Loop stacks tensors only")
            rows.append(apply("Unsqueeze", value, [0]))
    if any(not rows for rows in emitted):
        raise FileFormatError("a Loop without steps has nothing to stack")
    stacked = [apply("Concat", *rows, axis=0) for rows in emitted]
    return (*states, *stacked)


def _over_batch(call: Call) -> Call:
    """Scan of opset 8, for each element of a batch: a Scan over the batch, of Scans as they are since."""
    operands = call.inputs[1:]
    if call.input(0) is not None:
        raise FileFormatError(
            "Scan of opset 8 with sequence_lens is not supported: make all sequences equally long"
        )
    scanned = int(call.get("num_scan_inputs", 0))
    directions = call.get("directions") or (0,) * scanned
    given = [f"slice_{i}" for i in range(len(operands))]
    results = [f"result_{i}" for i in range(len(subgraph(call, "body").output))]
    inner = helper.make_node(
        "Scan", given, results, body=subgraph(call, "body"), num_scan_inputs=scanned,
        scan_input_directions=list(directions),
    )  # fmt: skip
    graph = helper.make_graph(
        [inner], "batch", [onnx.ValueInfoProto(name=n) for n in given],
        [onnx.ValueInfoProto(name=n) for n in results],
    )  # fmt: skip
    options = {
        "body": graph, "num_scan_inputs": len(given), "scan_input_directions": (0,) * len(given)
    }  # fmt: skip
    return Call(call.op, call.version, operands, options, call.outputs)


@handler("Scan")
def scan(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> object:
    if call.version < 9 and "scan_input_directions" not in call.attributes:
        call = _over_batch(call)
    body = subgraph(call, "body")
    operands = [x for x in call.tensors if x is not None]
    scanned = int(call.get("num_scan_inputs", 0))
    if not 0 < scanned <= len(operands):
        raise FileFormatError(f"Scan with num_scan_inputs={scanned} and {len(operands)} inputs")
    initial, sequences = operands[: len(operands) - scanned], operands[len(operands) - scanned :]
    axes = tuple(call.get("scan_input_axes") or (0,) * scanned)
    slices = []
    for x, axis in zip(sequences, axes, strict=True):
        place = axis % max(x.ndim, 1)
        slices.append(TensorType(x.dtype, (*x.shape[:place], *x.shape[place + 1 :])))
    draft = _settled(reader, frame, body, (), initial, slices, 0)
    (block,), captured = _closed([draft])
    options = {k: v for k, v in call.attributes.items() if k.startswith("scan_")}
    return apply("Scan", *operands, *captured, body=block, num_scan_inputs=scanned,
                 outputs=len(block.results), **options)  # fmt: skip
