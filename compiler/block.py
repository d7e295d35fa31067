"""Subgraphs: what If, Loop and Scan run, as a value that an attribute can hold.

A ``Block`` is closed: what it uses from outside comes in through ``captures``, whose outer values are
the last operands of the node. So a graph walk never has to look inside to know what a node depends on.
ONNX leaves captured values implicit; lowering gives them their outer names.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ShapeError
from .dtypes import Dim, Shape, TensorType

if TYPE_CHECKING:
    from .ir import Tensor


@dataclass(frozen=True, eq=False, slots=True)
class Block:
    """A subgraph: leaves that it is fed with, and what it computes. Compared by identity.

    Args:
        parameters: ``Argument`` leaves for what the operator passes in, in the standard's order.
        captures: ``Argument`` leaves for the operands that follow the operator's own.
        results: in the standard's order.
        extends: the block of which this one is a copy with more results; both need run only once.
    """

    parameters: tuple[Tensor, ...]
    captures: tuple[Tensor, ...]
    results: tuple[Tensor, ...]
    extends: Block | None = None

    @property
    def root(self) -> Block:
        """The block that this one extends, or itself."""
        return self if self.extends is None else self.extends

    def extended(self, results: Sequence[Tensor]) -> Block:
        """The same computation with more results."""
        return Block(
            self.parameters, self.captures, (*self.results, *results), self.extends or self
        )

    def __repr__(self) -> str:
        return f"<Block of {len(self.parameters)} to {len(self.results)}>"


class Custom(Block):
    """A branch of an If that brings the gradient of that If: what the other branch is does not matter."""

    __slots__ = ()

    @abstractmethod
    def pull(
        self, dys: Sequence[Tensor | None], operands: Sequence[Tensor]
    ) -> Sequence[Tensor | None]:
        """The gradients of the captured operands."""


def blocks_of(attrs: Sequence[tuple[str, Any]]) -> list[Block]:
    """The subgraphs among a node's attributes."""
    return [value for _, value in attrs if isinstance(value, Block)]


def capture_count(attrs: Sequence[tuple[str, Any]]) -> int:
    """How many operands of a node are captured values rather than the operator's own inputs."""
    return max((len(b.captures) for b in blocks_of(attrs)), default=0)


def infer_blocks(
    op: str, inputs: Sequence[TensorType | None], attrs: Sequence[tuple[str, Any]], outputs: int
) -> tuple[TensorType, ...]:
    """Types of the outputs of If, Loop or Scan, from the results of their blocks.

    Raises ``ShapeError`` where operands do not fit the parameters, or branches each other.
    """
    options = dict(attrs)
    own = inputs[: len(inputs) - capture_count(attrs)]
    for block in blocks_of(attrs):
        captured = inputs[len(own) :]
        _check("captured value", captured, [p.type for p in block.captures])
    found = {"If": _if, "Loop": _loop, "Scan": _scan}[op](own, options)
    if len(found) != outputs:
        raise ShapeError(f"{op} gives {len(found)} results, not {outputs}")
    return found


def _if(inputs: Sequence[TensorType | None], options: dict[str, Any]) -> tuple[TensorType, ...]:
    then, other = options["then_branch"].results, options["else_branch"].results
    if len(then) != len(other):
        raise ShapeError(f"If: the branches give {len(then)} and {len(other)} results")
    return tuple(_merged("If", a.type, b.type) for a, b in zip(then, other, strict=True))


def _loop(inputs: Sequence[TensorType | None], options: dict[str, Any]) -> tuple[TensorType, ...]:
    body: Block = options["body"]
    states = len(body.parameters) - 2
    _check("state of Loop", inputs[2:], [p.type for p in body.parameters[2:]])
    results = [t.type for t in body.results[1:]]
    carried = [_merged("Loop", p.type, r) for p, r in
               zip(body.parameters[2:], results[:states], strict=True)]  # fmt: skip
    return (*carried, *(_stacked(r, 0, None) for r in results[states:]))


def _scan(inputs: Sequence[TensorType | None], options: dict[str, Any]) -> tuple[TensorType, ...]:
    body: Block = options["body"]
    scanned = int(options["num_scan_inputs"])
    states = len(inputs) - scanned
    axes = options.get("scan_input_axes") or (0,) * scanned
    length: Dim = None
    for kind, axis in zip(inputs[states:], axes, strict=True):
        if kind is None or not kind.shape:
            raise ShapeError("Scan: what it scans needs at least one axis")
        length = kind.shape[axis] if length is None else length
    _check("state of Scan", inputs[:states], [p.type for p in body.parameters[:states]])
    results = [t.type for t in body.results]
    stacked = results[states:]
    places = options.get("scan_output_axes") or (0,) * len(stacked)
    carried = [_merged("Scan", p.type, r) for p, r in
               zip(body.parameters[:states], results[:states], strict=True)]  # fmt: skip
    return (*carried, *(_stacked(r, a, length) for r, a in zip(stacked, places, strict=True)))


def _stacked(kind: TensorType, axis: int, length: Dim) -> TensorType:
    place = axis % (len(kind.shape) + 1)
    return TensorType(kind.dtype, (*kind.shape[:place], length, *kind.shape[place:]))


def _check(what: str, given: Sequence[TensorType | None], wanted: Sequence[TensorType]) -> None:
    if len(given) != len(wanted):
        raise ShapeError(f"{what}: {len(given)} given, the block takes {len(wanted)}")
    for a, b in zip(given, wanted, strict=True):
        if a is None or a.dtype != b.dtype or len(a.shape) != len(b.shape):
            raise ShapeError(f"{what}: {a} given, the block takes {b}")


def _merged(op: str, a: TensorType, b: TensorType) -> TensorType:
    if a.dtype != b.dtype or len(a.shape) != len(b.shape):
        raise ShapeError(f"{op}: a result is {a} one time and {b} another")
    return TensorType(a.dtype, common_shape(a.shape, b.shape))


def common_shape(a: Shape, b: Shape) -> Shape:
    """What two shapes of one rank have in common; None where they differ."""
    return tuple(p if p == q else None for p, q in zip(a, b, strict=True))
