"""What is in an ONNX model: operators, stored tensors, sizes that stay open, how it differentiates.

Nothing is run, and no external data is read. Shapes are inferred anew, for the sizes in the file's
annotations are often stale.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import onnx

from ...errors import ArgumentError, FileFormatError
from ..ir import Tensor
from .counting import Operator, fit, refine, resolved, rows_of
from .macs import NOTHING, Dim, Polynomial
from .prepared import dims_of, graphs, open_dims, prepared, true_inputs
from .stored import Stored, stored_in, type_name

How: TypeAlias = Callable[[str, str], tuple[str, str]]  # operator, domain -> kind, note
_FITTED = 2  # so many open dims


@dataclass(frozen=True)
class Value:
    """An input or output. ``kind``: "tensor", "sequence" or "optional"."""

    name: str
    kind: str
    dtype: str
    shape: tuple[Dim, ...] | None


@dataclass
class Report:
    """What ``inspect`` found.

    ``dims``: open sizes and where the inputs have them; ``training``: how many ``training_info`` there
    are; ``problem``: why shapes could not be inferred (then those that the file declares are taken).
    """

    name: str
    producer: str
    ir_version: int
    opsets: dict[str, int]
    inputs: list[Value]
    outputs: list[Value]
    dims: dict[str, list[str]]
    operators: list[Operator]
    stored: list[Stored]
    functions: dict[str, int] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    training: int = 0
    problem: str = ""

    @property
    def macs(self) -> Polynomial:
        total = NOTHING
        for operator in self.operators:
            total += operator.macs
        return total

    @property
    def unknown(self) -> int:
        """Nodes whose MACs are not known."""
        return sum(o.unknown for o in self.operators)

    def open_factors(self, polynomial: Polynomial) -> set[str]:
        """Sizes in it that are none of the inputs': only running the model shows them."""
        return polynomial.names - set(self.dims)

    @property
    def resolved(self) -> bool:
        """Whether all MACs are known, as polynomials in the sizes of the inputs."""
        return all(resolved(o, self.dims) for o in self.operators)

    def refine(self, outputs: Iterable[Tensor]) -> None:
        """Fill in what is not known from the model as our graph (with the same sizes)."""
        refine(self.operators, outputs, self.dims)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        rows = [{**vars(o), "macs": _terms(o.macs)} for o in self.operators]
        return {
            **vars(self), "operators": rows, "inputs": [asdict(v) for v in self.inputs],
            "outputs": [asdict(v) for v in self.outputs], "stored": [asdict(s) for s in self.stored],
            "macs": {"terms": _terms(self.macs), "unknown_nodes": self.unknown},
        }  # fmt: skip


def _terms(polynomial: Polynomial) -> list[dict[str, Any]]:
    return [{"factors": list(n), "count": c} for n, c in sorted(polynomial.terms.items())]


def inspect(model: onnx.ModelProto, how: How, dims: Mapping[str, int] | None = None) -> Report:
    """Describe a model.

    Args:
        how: operator and domain -> how it differentiates, and a note.
        dims: sizes for open dims of the inputs, by name. A dim without a name goes by its place:
            ``x.0`` is the first of input ``x``.

    Raises ``ArgumentError`` for a dim that the model does not have.
    """
    opened = open_dims(model.graph)
    unknown = sorted(set(dims or {}) - set(opened))
    if unknown:
        listed = ", ".join(opened) or "none"
        raise ArgumentError(f"the model has no open dim {unknown[0]!r}; it has: {listed}")
    plain, problem = model, ""
    try:
        plain = prepared(model, dims or {})
    except FileFormatError as error:
        problem = str(error)
    rows = rows_of(plain.graph, {})
    left = [n for n in opened if n not in (dims or {})]
    if (
        not problem
        and 1 <= len(left) <= _FITTED
        and any(not resolved(r, left) for r in rows.values())
    ):
        fit(model, rows, dims or {}, left)
    for row in rows.values():
        row.how, row.note = how(row.name, row.domain)
    known = {i.name: i for i in plain.graph.input}
    return Report(
        name=model.graph.name,
        producer=" ".join(filter(None, [model.producer_name, model.producer_version])),
        ir_version=model.ir_version,
        opsets={i.domain or "ai.onnx": i.version for i in model.opset_import},
        inputs=[_value(known.get(i.name, i)) for i in true_inputs(model.graph)],
        outputs=[_value(o) for o in plain.graph.output],
        dims={n: places for n, places in opened.items() if n not in (dims or {})},
        operators=sorted(rows.values(), key=lambda o: (-o.macs.at_one(), -o.count, o.title)),
        stored=list(stored_in(model.graph)),
        functions=_function_uses(model),
        metadata={p.key: p.value for p in model.metadata_props},
        training=len(model.training_info),
        problem=problem,
    )


def _function_uses(model: onnx.ModelProto) -> dict[str, int]:
    known = {(f.domain, f.name) for f in model.functions}
    uses = Counter(
        f"{n.domain}::{n.op_type}"
        for graph in graphs(model.graph)
        for n in graph.node
        if (n.domain, n.op_type) in known
    )
    return {f"{d}::{n}": uses[f"{d}::{n}"] for d, n in sorted(known)}


def _value(info: onnx.ValueInfoProto) -> Value:
    kind = info.type
    if kind.HasField("tensor_type"):
        return Value(info.name, "tensor", type_name(kind.tensor_type.elem_type), dims_of(kind))
    for label in ("sequence", "optional"):
        if kind.HasField(f"{label}_type"):
            inner = getattr(kind, f"{label}_type").elem_type
            return Value(info.name, label, type_name(inner.tensor_type.elem_type), None)
    return Value(info.name, "map" if kind.HasField("map_type") else "unknown", "", None)


__all__ = ["Operator", "Report", "Stored", "Value", "inspect"]
