"""Bodies of If, Loop and Scan: a Python function traced, and closed over what it uses from outside.

A body gets a trace of its own. A variable that it reads is captured; one that it assigns becomes one
more result (of a branch) or one more state (of a loop), and is assigned outside afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError
from .. import dims, scope, tree
from ..block import Block
from ..infer import TensorType
from ..ir import LEAVES, RANDOM, Key, Node, Operators, Tensor, again, argument, convert, retyped
from ..ir import toposort as ordered
from ..state import Trace, Variable, tracing


@dataclass(frozen=True)
class Draft:
    """A body that was traced: what it was given, its leaves as it returned them, how they nest."""

    parameters: tuple[Tensor, ...]
    leaves: tuple[Any, ...]
    structure: Any
    trace: Trace
    place: str

    @property
    def written(self) -> list[Variable]:
        """The variables that the body assigns."""
        return [*self.trace.writes]

    def reads(self, variables: Sequence[Variable]) -> list[Tensor]:
        """What stands in the body for the values that ``variables`` have before it."""
        found = []
        for v in variables:
            if v not in self.trace.reads:
                self.trace.reads[v] = argument(v.path, v.type, v)
            found.append(self.trace.reads[v])
        return found

    def last(self, variables: Sequence[Variable]) -> list[Tensor]:
        """The values of ``variables`` when the body has run."""
        before = self.reads(variables)
        return [self.trace.writes.get(v, x) for v, x in zip(variables, before, strict=True)]


def draft(name: str, function: Callable[..., Any], parameters: Sequence[Tensor]) -> Draft:
    """Call ``function`` with the parameters; what it computes is named under ``name``."""
    with tracing(Trace()) as trace, scope.entered(name):
        leaves, structure = tree.flatten(function(*parameters))
        return Draft(tuple(parameters), tuple(leaves), structure, trace, scope.current())


def is_number(value: Any) -> bool:
    """Whether ``value`` takes its element type from what it meets."""
    return not isinstance(value, (Operators, np.ndarray, np.generic))


def closed(
    drafts: Sequence[tuple[Draft, Sequence[Tensor], Sequence[Tensor]]], lazily: bool
) -> tuple[list[Block], list[Tensor]]:
    """Blocks for (draft, parameters, results), and the outer values that all of them capture.

    With ``lazily`` (branches) all that the body has computed stays in it. Without (loops) what does
    not change from step to step is computed once, outside.
    """
    captured: dict[Key, Tensor] = {}
    outer: dict[Key, Tensor] = {}
    for body, parameters, results in drafts:
        given = {p.key for p in parameters}
        captured |= _outside(results, given, body.place, lazily)
        outer |= {
            leaf.key: v.value for v, leaf in body.trace.reads.items() if leaf.key not in given
        }
    blocks = []
    for _, parameters, results in drafts:
        leaves = [argument(f"captured_{i}", x.type) for i, x in enumerate(captured.values())]
        bound = dict(zip(captured, leaves, strict=True)) | {p.key: p for p in parameters}
        blocks.append(Block(tuple(parameters), tuple(leaves), tuple(_rebuilt(results, bound))))
    return blocks, _rebuilt([*captured.values()], outer)


def _outside(
    results: Sequence[Tensor], given: set[Key], place: str, lazily: bool
) -> dict[Key, Tensor]:
    """The tensors that a body uses and need not (or must not) compute."""
    inside: set[Node] = set()

    def within(x: Tensor) -> bool:
        return x.key in given or x.node in inside

    def anywhere(
        x: Tensor,
    ) -> bool:  # constants need no capturing, but what uses them stays outside
        return x.node.op == "Constant"

    captured: dict[Key, Tensor] = {}
    for node in ordered(results, given):
        own = (lazily and node.op not in (*LEAVES, "Constant")) or node.op in RANDOM
        operands = [x for x in node.inputs if x is not None]
        if (own and f"{node.scope}/".startswith(f"{place}/")) or any(within(x) for x in operands):
            inside.add(node)
            captured |= {x.key: x for x in operands if not within(x) and not anywhere(x)}
    return captured | {x.key: x for x in results if not within(x) and not anywhere(x)}


def _rebuilt(outputs: Sequence[Tensor], bindings: Mapping[Key, Tensor]) -> list[Tensor]:
    """``outputs`` with other tensors in the place of some; what does not depend on these stays."""
    values = dict(bindings)
    for node in ordered(outputs, bindings):
        changed = any(x is not None and x.key in values for x in node.inputs)
        if not changed:
            continue
        inputs = [values.get(x.key, x) if x is not None else None for x in node.inputs]
        with scope.replaced(node.scope, node.site):
            if node.op == "Call":  # a layer called with placeholders
                found: Sequence[Tensor] = node.payload.replay([x for x in inputs if x is not None])
            else:
                found = again(node, inputs)
        for i, tensor in enumerate(found):
            values.setdefault((node, i), tensor)
    # what was known of a shape beyond what inference finds
    return [retyped(values[t.key], t.type) if t.key in values else t for t in outputs]


def stateful(
    owner: str, body: Callable[..., Any], before: Sequence[Tensor], states: Sequence[Any],
    after: Sequence[Tensor], skip: int,
) -> tuple[Draft, list[Tensor]]:  # fmt: skip
    """Trace a loop's body with states whose types hold for every step, and their initial values.

    The body takes ``before``, the states and ``after``, and returns ``skip`` results before the
    states. A dim that changes from step to step is unknown; a number given as a state takes the
    element type that the body gives it.
    """
    initial = [convert(s) for s in states]
    kinds = [x.type for x in initial]
    for _ in range(3 + sum(len(k.shape) for k in kinds)):
        given = [argument(f"state_{i}", kind) for i, kind in enumerate(kinds)]
        body_draft = draft(owner, body, [*before, *given, *after])
        found = body_draft.leaves[skip : skip + len(kinds)]
        if len(found) < len(kinds):
            raise ArgumentError(f"{owner}: the body gave {len(found)} states for {len(kinds)}")
        wider = []
        for i, (kind, x) in enumerate(zip(kinds, found, strict=True)):
            other = kind if is_number(x) else convert(x).type
            if kind.dtype != other.dtype and is_number(states[i]):
                initial[i] = convert(states[i], other.dtype)
            wider.append(_wider(owner, kind._replace(dtype=initial[i].dtype), other))
        if wider == kinds:
            return body_draft, initial
        kinds = wider
    raise ShapeError(f"{owner}: the shapes of its states do not settle")


def _wider(owner: str, a: TensorType, b: TensorType) -> TensorType:
    """The type of a state that is ``a`` before a step and ``b`` after it."""
    if a.dtype != b.dtype or len(a.shape) != len(b.shape):
        raise ShapeError(
            f"{owner}: a state is {a} before a step and {b} after it; its element type and rank "
            "must stay"
        )
    return TensorType(a.dtype, tuple(
        p if p == q or dims.is_anonymous(p) else dims.fresh()
        for p, q in zip(a.shape, b.shape, strict=True)
    ))  # fmt: skip


def same_structure(owner: str, wanted: Any, found: Any) -> None:
    """Raise ``ArgumentError`` where a body returned something nested in another way."""
    if wanted != found:
        raise ArgumentError(
            f"{owner}: expected {tree.describe(wanted)}, the body returned {tree.describe(found)}"
        )


def several(found: Any) -> list[Tensor]:
    """The results of ``apply`` as a list, however many there are."""
    return list(found) if isinstance(found, tuple) else [found]


def assigned(variables: Sequence[Variable], values: Sequence[Tensor]) -> None:
    """Assign what a body has assigned within."""
    for v, value in zip(variables, values, strict=True):
        v.assign(retyped(value, v.type))


__all__: list[str] = []
