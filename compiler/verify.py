"""What every well-formed graph satisfies. Tests call it after differentiation and before lowering."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from onnx.shape_inference import InferenceError

from ..errors import GraphError, OpError, ShapeError
from .block import Block, blocks_of, infer_blocks
from .dims import compatible
from .infer import TensorType, infer
from .ir import LEAVES, RANDOM, STOP, Node, Tensor, known_operands, toposort
from .schema import BLOCK_OPS, names, normalise, signature


def verify(outputs: Iterable[Tensor]) -> None:
    """Check the graph that ``outputs`` depend on.

    Each operator exists and has valid attributes; operands are existing outputs of their nodes; the
    declared types are what the standard infers; equal nodes are one; nothing is left to expand; there
    is no cycle. Raises ``GraphError`` that names the operator and the user's line.
    """
    seen: dict[Any, Node] = {}
    for node in _ordered(outputs):
        if node.op in LEAVES:
            _check_leaf(node)
            continue
        _check_operands(node)
        if node.op == "Foreign":
            continue
        _check_operator(node)
        _check_types(node)
        for block in blocks_of(node.attrs):
            _check_block(node, block)
        if node.op in RANDOM or node.payload is STOP:
            continue
        operands = tuple(x.key if x is not None else None for x in node.inputs)
        key = (node.op, operands, node.attrs, len(node.types))
        if seen.setdefault(key, node) is not node:
            raise _broken(node, "an equal node exists: it was made past the interning table")


def _broken(node: Node, reason: str) -> GraphError:
    where = f" [at {node.site}]" if node.site is not None else ""
    return GraphError(f"malformed graph at {node.op}: {reason}{where}")


def _ordered(outputs: Iterable[Tensor]) -> list[Node]:
    """Operands before users, without recursion; finds cycles, which ``toposort`` takes for granted."""
    order: list[Node] = []
    finished: dict[Node, bool] = {}
    stack = [(t.node, False) for t in outputs]
    while stack:
        node, done = stack.pop()
        if done:
            finished[node] = True
            order.append(node)
            continue
        if node in finished:
            if not finished[node]:
                raise _broken(node, "it depends on itself")
            continue
        finished[node] = False
        stack.append((node, True))
        for x in node.inputs:
            if x is not None and not isinstance(x, Tensor):
                raise _broken(node, f"the operand {x!r} is no Tensor")
            if x is not None and not finished.get(x.node, False):
                stack.append((x.node, False))
    return order


def _check_leaf(node: Node) -> None:
    if node.op == "Placeholder":
        raise _broken(node, "a placeholder is left; replay the model on an argument first")
    if node.inputs or len(node.types) != 1 or node.payload is None:
        raise _broken(node, "a leaf has no operands, one output, and something that it stands for")
    if node.op == "Data" and node.types[0] != (node.payload.array.dtype, node.payload.array.shape):
        raise _broken(node, f"declared {node.types[0]}, holds shape {node.payload.array.shape}")


def _check_operator(node: Node) -> None:
    if node.op not in names():
        left = "a layer call was not expanded" if node.op == "Call" else "no such operator"
        raise _broken(node, left)
    try:
        expected = normalise(node.op, dict(node.attrs))
    except OpError as error:
        raise _broken(node, str(error)) from error
    if expected != node.attrs:
        raise _broken(node, f"attributes {node.attrs} are not in normal form {expected}")
    facts = signature(node.op)
    if not facts.min_inputs <= len(node.inputs) <= facts.max_inputs:
        raise _broken(node, f"{len(node.inputs)} operands")
    if not facts.min_outputs <= len(node.types) <= facts.max_outputs:
        raise _broken(node, f"{len(node.types)} outputs")


def _check_operands(node: Node) -> None:
    for position, x in enumerate(node.inputs):
        if x is None:
            continue
        if not 0 <= x.index < len(x.node.types):
            raise _broken(node, f"operand {position} is output {x.index} of {x.node.op}, which has "
                          f"{len(x.node.types)}")  # fmt: skip
        if not _compatible(x.type, x.node.types[x.index]):
            made = x.node.types[x.index]
            raise _broken(
                node, f"operand {position} is taken for {x.type}; {x.node.op} gives {made}"
            )


def _check_types(node: Node) -> None:
    kinds = [x.type if x is not None else None for x in node.inputs]
    values = known_operands(node.op, node.inputs)
    try:
        count = len(node.types)
        if node.op in BLOCK_OPS:
            inferred = infer_blocks(node.op, kinds, node.attrs, count)
        else:
            inferred = infer(node.op, kinds, node.attrs, values, count)
    except (InferenceError, ShapeError) as error:
        raise _broken(node, f"its operands do not fit: {error}") from error
    for i, (declared, found) in enumerate(zip(node.types, inferred, strict=True)):
        if not _compatible(declared, found):
            raise _broken(node, f"output {i} is declared {declared}, the standard infers {found}")


def _check_block(node: Node, block: Block) -> None:
    """A block is well formed, and uses nothing from outside but what it captures."""
    verify(block.results)
    own = {p.node for p in (*block.parameters, *block.captures)}
    for inner in toposort(block.results):
        if inner.op in ("Argument", "Placeholder") and inner not in own:
            raise _broken(node, f"its block uses {inner.payload.name!r} without capturing it")


def _compatible(a: TensorType, b: TensorType) -> bool:
    """Same element type, and shapes that can be one."""
    return a.dtype == b.dtype and compatible(a.shape, b.shape)
