"""What is known of a vector of sizes while a graph is made: numbers, and names of dims.

``ops.reshape(x, (ops.shape(x)[0], 4, 48))`` has one size that only the run will tell, and two that are
known now. ONNX's inference looks at whole constants alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .dtypes import Dim, TensorType
from .schema import Attributes, Literal

if TYPE_CHECKING:
    from .ir import Node, Tensor

# operator -> which operand is the vector of sizes
PLACES = {"ConstantOfShape": 0, "Expand": 1, "Reshape": 1, "Tile": 1}


def refined(
    op: str,
    inputs: tuple[Tensor | None, ...],
    attrs: Attributes,
    found: tuple[TensorType, ...],
) -> tuple[TensorType, ...]:
    """``found`` with the dims that the vector of sizes tells."""
    if op not in PLACES or all(isinstance(d, int) for d in found[0].shape):
        return found
    allow_zero = bool(dict(attrs).get("allowzero"))
    vector = inputs[PLACES[op]]
    sizes = _sizes(vector.node) if vector is not None else None
    kind = found[0]
    if sizes is None or len(sizes) != len(kind.shape):
        return found
    own: tuple[Dim, ...] = ()
    if op != "ConstantOfShape" and inputs[0] is not None:
        own = inputs[0].shape
    shape = tuple(
        d if isinstance(d, int) else _told(op, s, own, i - len(kind.shape), allow_zero) or d
        for i, (d, s) in enumerate(zip(kind.shape, sizes, strict=True))
    )
    return (TensorType(kind.dtype, shape),)


def _told(op: str, size: Dim, own: tuple[Dim, ...], place: int, allow_zero: bool) -> Dim:
    """The dim at ``place`` (counted from the end), or None where ``size`` does not tell it."""
    if op == "Expand":  # a size of 1 leaves what is there
        before = own[place] if -place <= len(own) else 1
        return size if before == 1 or (isinstance(size, int) and size > 1) else None
    if op == "Tile":
        return size if own[place] == 1 else own[place] if size == 1 else None
    if size == 0 and not allow_zero:
        return None
    return None if isinstance(size, int) and size < 0 else size


def _sizes(node: Node) -> list[Dim] | None:
    """The elements of a vector (or scalar) of integers, None for each that nothing is known of."""
    operands = [x for x in node.inputs if x is not None]
    if node.op == "Constant":
        value = node.attrs[0][1]
        known = isinstance(value, Literal) and value.array.dtype.kind in "iu"
        return [int(v) for v in value.array.ravel()] if known else None  # type: ignore[union-attr]
    if node.op == "Shape":
        attrs = dict(node.attrs)
        end = attrs.get("end")
        return [*operands[0].shape[attrs.get("start") or 0 : end]]  # type: ignore[misc, index]
    if node.op == "Concat":
        parts = [_sizes(x.node) or _unknown(x) for x in operands]
        return None if None in parts else [s for part in parts for s in part or ()]
    if node.op in ("Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"):
        return _sizes(operands[0].node)
    if node.op in ("Gather", "Slice"):
        return _picked(node.op, operands)
    return None


def _unknown(x: Tensor) -> list[Dim] | None:
    count = x.shape[0] if x.shape else 1
    return [None] * count if isinstance(count, int) else None


def _picked(op: str, operands: list[Tensor]) -> list[Dim] | None:
    sizes = _sizes(operands[0].node)
    numbers = [_sizes(x.node) for x in operands[1:]]
    if sizes is None or any(n is None or None in n for n in numbers):
        return None
    if op == "Gather":
        return [sizes[int(i)] for i in numbers[0] or ()]  # type: ignore[arg-type]
    steps = numbers[3] if len(numbers) > 3 else [1]
    first, last, step = ((n or [None])[0] for n in (numbers[0], numbers[1], steps))
    return sizes[first:last:step]  # type: ignore[misc, index]
