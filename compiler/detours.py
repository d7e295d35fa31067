"""Ways round a tensor: nodes that were made of what it is made of, though the program made them of it.

Simpler nodes are made while the graph is built: ``Reshape(Reshape(z))`` is a reshape of ``z``, and a
convolution behind a Transpose takes what was transposed. So a loss may depend on a tensor without
reaching it, and a gradient by that tensor would miss something. What was simplified is noted here;
``reinstated`` makes it again where it is asked for. The notes live as long as the tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .ir import DETOURS, Key, Node, Tensor, again, apply, toposort


@dataclass(frozen=True, slots=True)
class _Detour:
    """``result`` stands for ``op(*operands)``; the tensor gone round is the operand at ``place``."""

    result: Tensor
    op: str
    operands: tuple[Tensor | None, ...]
    attributes: Any
    place: int


def note(op: str, operands: Sequence[Tensor | None], attributes: Any, result: Tensor) -> None:
    """``result`` was made instead of ``op(*operands)``."""
    for place, x in enumerate(operands):
        if x is None or not x.node.inputs or x.node is result.node:
            continue
        if all(d.result.key != result.key or d.place != place for d in x.node.detours):
            x.node.detours.append(_Detour(result, op, tuple(operands), attributes, place))


DETOURS.append(note)


def reinstated(outputs: Sequence[Tensor], wrt: Sequence[Any]) -> Sequence[Tensor]:
    """Equal outputs in which all that the program made of the tensors in ``wrt`` reaches them."""
    for x in wrt:
        if isinstance(x, Tensor) and x.node.detours:
            outputs = _reaching(outputs, x)
    return outputs


def _reaching(outputs: Sequence[Tensor], x: Tensor) -> Sequence[Tensor]:
    order = toposort(outputs)
    replaced: dict[Key, Tensor] = {}
    _collect(x, _held(x), set(order), replaced, {x.key})
    if not replaced:
        return outputs
    before = set(toposort([x]))
    for node in order:
        if node in before:
            continue
        operands = [None if t is None else replaced.get(t.key, t) for t in node.inputs]
        if any(a is not b for a, b in zip(operands, node.inputs, strict=True)):
            for i, made in enumerate(again(node, operands)):
                replaced.setdefault((node, i), made)
    return [t if t.node in before else replaced.get(t.key, t) for t in outputs]


def _collect(
    x: Tensor, stand_in: Tensor, reached: set[Node], found: dict[Key, Tensor], seen: set[Key]
) -> None:
    """What in ``reached`` goes round ``x``, made of ``stand_in`` instead; also in several steps."""
    for detour in x.node.detours:
        operands: list[Any] = list(detour.operands)
        if operands[detour.place].key != x.key or detour.result.key in seen:
            continue
        seen.add(detour.result.key)
        operands[detour.place] = stand_in
        made: Tensor = apply(detour.op, *operands, **dict(detour.attributes))
        if detour.result.node in reached:
            found[detour.result.key] = made
        _collect(detour.result, made, reached, found, seen)


def _held(x: Tensor) -> Tensor:
    """The same value behind an Identity that no simplification looks through."""
    node = Node("Identity", (x,), (), (x.type,), None, x.node.scope, x.node.site,
                x.node.placeholder, x.node.concrete)  # fmt: skip
    return node.outputs[0]
