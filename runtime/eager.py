"""Values of tensors that depend on no input: small graphs, compiled once per structure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import onnxruntime as ort

from ..compiler.block import Block
from ..compiler.ir import LEAVES, Array, Node, Tensor, toposort
from ..compiler.lower import lower
from .device import CPU
from .session import create
from .step import translated

_CACHED = 256
_sessions: OrderedDict[Any, tuple[ort.InferenceSession, Any]] = OrderedDict()


def evaluate(tensors: Sequence[Tensor]) -> list[Array]:
    """Compute ``tensors``; their ``Data`` leaves are fed, so that values do not make new graphs."""
    order = toposort(tensors)
    leaves = [n for n in order if n.op == "Data"]
    if all(t.node.op == "Data" for t in tensors):
        return [t.node.payload.array.copy() for t in tensors]
    key = _structure(order, tensors)
    if key not in _sessions:
        inputs = {f"data_{i}": n.outputs[0] for i, n in enumerate(leaves)}
        lowered = lower(inputs, {f"value_{i}": t for i, t in enumerate(tensors)})
        # one thread: such graphs are small, and threads cost more to start than they save
        session = create(lowered.model.SerializeToString(), device=CPU, threads=1)
        _sessions[key] = session, lowered.sites
        if len(_sessions) > _CACHED:
            _sessions.popitem(last=False)
    _sessions.move_to_end(key)
    session, sites = _sessions[key]
    feeds = {f"data_{i}": n.payload.array for i, n in enumerate(leaves)}
    used = {i.name for i in session.get_inputs()}
    try:
        found: list[Array] = session.run(None, {k: v for k, v in feeds.items() if k in used})
    except Exception as error:  # onnxruntime's exceptions share no base but this
        raise translated(error, sites) from error
    return found


def _structure(order: Sequence[Node], outputs: Sequence[Tensor]) -> Any:
    """What two graphs must share to be the same but for the values of their data."""
    number = {node: i for i, node in enumerate(order)}
    rows = tuple(
        (
            n.op,
            tuple((name, _block(v) if isinstance(v, Block) else v) for name, v in n.attrs),
            n.payload if n.op == "Foreign" else None,
            tuple((number[x.node], x.index) if x is not None else None for x in n.inputs),
            tuple(str(t) for t in n.types),
        )
        for n in order
    )
    return rows, tuple((number[t.node], t.index) for t in outputs)


def _block(block: Block) -> Any:
    """The same of a subgraph, in which data are no inputs: it must share them, too."""
    leaves = [t.node for t in (*block.parameters, *block.captures)]
    order = [*dict.fromkeys([*leaves, *toposort(block.results)])]
    known = set(leaves)
    others = tuple(n for n in order if n.op in LEAVES and n not in known)
    return len(block.parameters), len(block.captures), others, _structure(order, block.results)
