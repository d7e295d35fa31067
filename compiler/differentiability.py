"""How each operator differentiates, for those who want to know before they try.

``how("Softmax")`` answers from the tables that the work is done with: rules, declarations, adapters and
handlers of the importer, bodies of the standard. ``docs/operators.md`` and ``waterhorse inspect`` are made
of it.
"""

from __future__ import annotations

import functools
import inspect
import re
from typing import Any, NamedTuple

import onnx
from onnx.defs import OpSchema

from . import autodiff, schema
from . import gradients as gradients  # fills the table of rules
from .importer.adapters import find
from .importer.reader import HANDLERS, HIGHEST, LOWEST, STANDARD

KINDS = {
    "rule": "a gradient rule",
    "body": "the body that the standard gives it, whose operators have rules",
    "adapter": "written with other operators when a file is read; these have rules",
    "handler": "worked out when a file is read: what remains are ordinary tensors, or nothing",
    "zero": "no gradient flows through it: it is zero almost everywhere",
    "none": "there is nothing to differentiate: no floating-point operand, or no such result",
    "unsupported": "it may have a gradient, and there is none here",
}
_FLOATS = frozenset({
    f"tensor({t})" for t in ("float", "double", "float16", "bfloat16", "complex64", "complex128")
})  # fmt: skip
_INTEGERS = frozenset({"BitCast"})  # read for integers alone
_NOTES = {
    "SequenceEmpty": "a sequence is a list of tensors while the file is read",
    "SequenceConstruct": "a sequence is a list of tensors while the file is read",
    "SequenceAt": "the element itself, as the position is known when the file is read",
    "SequenceInsert": "a longer list, as the position is known when the file is read",
    "SequenceErase": "a shorter list, as the position is known when the file is read",
    "SequenceLength": "a number that is known when the file is read",
    "ConcatFromSequence": "Concat, with Unsqueeze for a new axis",
    "SplitToSequence": "Split; the number of parts is known when the file is read",
    "Optional": "its content, or nothing",
    "OptionalGetElement": "the content itself",
    "OptionalHasElement": "true or false, known when the file is read",
}


class Differentiability(NamedTuple):
    """How an operator differentiates: one of ``KINDS``, and a line on it."""

    kind: str
    note: str


class Opsets(NamedTuple):
    """The first and the last opset at which a file may use an operator; ``first > last`` where none."""

    first: int
    last: int


def how(op_type: str, domain: str = "") -> Differentiability:
    """How an operator differentiates. One that the standard does not know is "unsupported"."""
    if domain not in STANDARD:
        return _foreign(op_type, domain)
    declared = _declared(op_type)
    if declared is not None:
        return declared
    adapt = next((f for v in _versions(op_type) if (f := find(op_type, v)) is not None), None)
    if op_type not in schema.names() and adapt is not None:
        return Differentiability("none" if op_type in _INTEGERS else "adapter", _first_line(adapt))
    if op_type in HANDLERS:
        return Differentiability("handler", _NOTES.get(op_type) or _first_line(HANDLERS[op_type]))
    facts = latest(op_type)
    if facts is None:
        return Differentiability("unsupported", "no operator of ai.onnx that can be read")
    if facts.has_function or facts.has_context_dependent_function:
        return Differentiability("body", "the standard defines it by simpler operators")
    return Differentiability("unsupported", "there is no rule for it")


def _declared(op: str) -> Differentiability | None:
    """By a rule, or by a declaration that there is no gradient."""
    if op in autodiff.RULES:
        return Differentiability("rule", autodiff.note(op) or "")
    if op not in autodiff.NONDIFFERENTIABLE:
        return None
    facts = schema.signature(op).schema
    floats = _has_floats(facts.inputs) and _has_floats(facts.outputs)
    return Differentiability("zero" if floats else "none", autodiff.note(op) or "")


def _has_floats(parameters: Any) -> bool:
    return any(not _FLOATS.isdisjoint(p.types) for p in parameters)


def limits(op_type: str) -> str:
    """Where the rule of an operator gives no gradient but an error: what its docstring says of that."""
    text = " ".join((inspect.getdoc(autodiff.RULES.get(op_type)) or "").split())
    found = re.search(r"Raises ``GradientError`` (.*?)[.:](?: |$)", text)
    return found[1] if found else ""


def _foreign(op: str, domain: str) -> Differentiability:
    known = HANDLERS.get(f"{domain}::{op}")
    if known is not None:
        return Differentiability("adapter", _first_line(known))
    note = f"an operator of {domain}: it is carried along where nothing trainable lies before it"
    return Differentiability("unsupported", note)


def _first_line(function: Any) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0]


def _versions(op: str) -> range:
    first, last = opsets(op)
    return range(first, last + 1)


def opsets(op_type: str) -> Opsets:
    """Of the opsets that can be read, those that have the operator."""
    history = _history().get(op_type, ())
    if not history:
        return Opsets(1, 0)
    first = max(LOWEST, history[0].since_version)
    newest = history[-1]  # GroupNormalization was deprecated, and came back
    return Opsets(first, newest.since_version - 1 if newest.deprecated else HIGHEST)


def latest(op_type: str) -> OpSchema | None:
    """The operator as the newest opset has it that can be read and does not deprecate it."""
    usable = [s for s in _history().get(op_type, ()) if not s.deprecated]
    return usable[-1] if usable else None


def operators() -> tuple[str, ...]:
    """The operators of ``ai.onnx`` that some opset has that can be read."""
    return tuple(n for n in sorted(_history()) if opsets(n).first <= opsets(n).last)


@functools.cache
def _history() -> dict[str, list[OpSchema]]:
    """All versions of each operator, oldest first."""
    found: dict[str, list[OpSchema]] = {}
    for facts in onnx.defs.get_all_schemas_with_history():
        if facts.domain == "" and facts.since_version <= HIGHEST:
            found.setdefault(facts.name, []).append(facts)
    return {n: sorted(v, key=lambda s: s.since_version) for n, v in found.items()}
