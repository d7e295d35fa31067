"""What layers cost: multiply-accumulates, and bytes of what they give."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ...compiler.block import Block, blocks_of
from ...compiler.infer import TensorType
from ...compiler.inspection.macs import NOTHING, Polynomial, UnknownShapeError, counted, macs
from ...compiler.ir import Node, toposort, value_if_known


def macs_of(nodes: Iterable[Node]) -> Polynomial | None:
    """The MACs of these nodes and the blocks in them; None where they are not known."""
    try:
        return _macs(nodes)
    except UnknownShapeError:
        return None


def _macs(nodes: Iterable[Node]) -> Polynomial:
    total = NOTHING
    for node in nodes:
        blocks = blocks_of(node.attrs)
        if blocks:
            total += _of_blocks(node, blocks)
        elif counted("", node.op):
            shapes = [None if x is None else x.shape for x in node.inputs]
            attrs: dict[str, Any] = dict(node.attrs)
            total += macs("", node.op, shapes, [t.shape for t in node.types], attrs)
    return total


def _of_blocks(node: Node, blocks: list[Block]) -> Polynomial:
    """One branch of an If (the larger one); the body of a Loop or Scan, as often as it runs."""
    found = [_macs(toposort(b.results)) for b in blocks]
    if node.op == "If":
        return max(found, key=Polynomial.at_one)
    return found[0] * Polynomial.of(_iterations(node)) if found[0] else NOTHING


def _iterations(node: Node) -> int | str:
    if node.op == "Loop":
        count = None if node.inputs[0] is None else value_if_known(node.inputs[0])
        if count is None:
            raise UnknownShapeError
        return int(count.reshape(()))
    attrs: dict[str, Any] = dict(node.attrs)
    body: Block = attrs["body"]
    scanned = int(attrs["num_scan_inputs"])
    axes = attrs.get("scan_input_axes") or (0,) * scanned
    own = node.inputs[: len(node.inputs) - len(body.captures)]
    first = own[len(own) - scanned]
    length = None if first is None else first.shape[axes[0]]
    if length is None:
        raise UnknownShapeError
    return length


def per_example(count: Polynomial | None, batch: str) -> Polynomial | None:
    """What a batch of one costs."""
    if count is None:
        return None
    total = NOTHING
    for names, number in count.terms.items():
        total += Polynomial.of(number, *(n for n in names if n != batch))
    return total


def bytes_of(types: Iterable[TensorType], batch: str) -> Polynomial | None:
    """Bytes of tensors of these types for one example; None where a dim has no name, or for text."""
    total = NOTHING
    for kind in types:
        if kind.dtype.kind == "O" or None in kind.shape[1:]:
            return None
        dims = [d for d in kind.shape if d is not None and d != batch]
        if kind.shape and isinstance(kind.shape[0], str):
            dims = [d for d in kind.shape[1:] if d is not None]
        total += Polynomial.of(kind.dtype.itemsize, *dims)
    return total


def words(count: Polynomial | None, form: Any = None) -> str:
    """A count for people: ``1,234``, ``64*time``, ``?``."""
    if count is None:
        return "?"
    shown = form or (lambda n: f"{n:,}")
    if count.number is not None:
        return str(shown(count.number))
    terms = ["*".join([shown(number), *names]) for names, number in count.terms.items()]
    return " + ".join(terms)


def size(number: float) -> str:
    """Bytes as Keras writes them: ``668.00 B``, ``1.89 KB``."""
    for unit in ("B", "KB", "MB", "GB"):
        if number < 1024:
            return f"{number:.2f} {unit}"
        number /= 1024
    return f"{number:.2f} TB"


def elements(shapes: Iterable[tuple[int, ...]]) -> int:
    """How many numbers arrays of these shapes have."""
    return sum(math.prod(s) for s in shapes)
