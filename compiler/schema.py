"""What the ONNX standard says about an operator: inputs, attributes, defaults, outputs."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.defs import OpSchema

from ..errors import OpError
from .block import Block
from .dtypes import to_onnx

OPSET = 21
IR_VERSION = 10
BLOCK_OPS = frozenset({"If", "Loop", "Scan"})
MANY = 2**31 - 1

Attribute: TypeAlias = (
    "int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | Literal | Block"
)

Attributes: TypeAlias = "tuple[tuple[str, Attribute], ...]"


class Literal:
    """A tensor-valued attribute that can be compared and hashed, so that equal constants are one.

    Arrays above ``COMPARED`` bytes are compared by identity: hashing a weight would cost more than
    merging it could save.
    """

    COMPARED = 1024
    __slots__ = ("_hash", "_key", "array")

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = array
        small = array.nbytes <= self.COMPARED and array.dtype != object
        content = array.tobytes() if small else id(array)
        self._key = (array.dtype.str, array.dtype.name, array.shape, content)
        self._hash = hash(self._key)

    @property
    def proto(self) -> onnx.TensorProto:
        """The array as ONNX has it."""
        return numpy_helper.from_array(self.array)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and self._key == other._key

    def __repr__(self) -> str:
        return f"Literal({np.array2string(self.array, threshold=8)})"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One formal input: its name, the letter of its type constraint, the types it allows."""

    name: str
    type_str: str
    optional: bool
    variadic: bool
    allowed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Signature:
    """The facts of one operator at ``OPSET``."""

    op: str
    parameters: tuple[Parameter, ...]
    min_inputs: int
    max_inputs: int
    min_outputs: int
    max_outputs: int
    attributes: Mapping[str, OpSchema.Attribute]
    required: frozenset[str]
    schema: OpSchema

    def parameter(self, index: int) -> Parameter:
        """The formal input that actual input ``index`` belongs to (the last may be variadic)."""
        return self.parameters[min(index, len(self.parameters) - 1)]


@functools.cache
def names() -> tuple[str, ...]:
    """All operators of ``ai.onnx`` that exist at ``OPSET`` and are not deprecated, sorted."""
    found = {
        s.name
        for s in onnx.defs.get_all_schemas_with_history()
        if s.domain == "" and s.since_version <= OPSET
    }
    return tuple(sorted(n for n in found if not onnx.defs.get_schema(n, OPSET).deprecated))


@functools.cache
def signature(op: str) -> Signature:
    """The signature of ``op``. Raises ``OpError`` with a suggestion for an unknown name."""
    if op not in names():
        close = difflib.get_close_matches(op, names(), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise OpError(f"ai.onnx opset {OPSET} has no operator {op!r}{hint}")
    schema = onnx.defs.get_schema(op, OPSET)
    option = OpSchema.FormalParameterOption
    parameters = tuple(
        Parameter(
            p.name,
            p.type_str,
            p.option == option.Optional,
            p.option == option.Variadic,
            frozenset(p.types),
        )
        for p in schema.inputs
    )
    return Signature(
        op,
        parameters,
        schema.min_input,
        MANY if op in BLOCK_OPS else schema.max_input,  # captured values follow
        schema.min_output,
        schema.max_output,
        dict(schema.attributes),
        frozenset(n for n, a in schema.attributes.items() if a.required),
        schema,
    )


@functools.cache
def defaults(op: str) -> Mapping[str, Any]:
    """Attribute values that the standard assumes when none is given."""
    return {
        name: _decode(helper.get_attribute_value(a.default_value))
        for name, a in signature(op).attributes.items()
        if a.default_value.name
    }


def _decode(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (list, tuple)) or type(value).__name__.startswith("Repeated"):
        return tuple(_decode(v) for v in value)
    return value


def normalise(op: str, attrs: Mapping[str, Any]) -> Attributes:
    """Check attribute names and types against the standard; return them sorted and hashable.

    ``None`` means "not given"; values that are the standard's defaults are left out, so that equal
    nodes are one. Raises ``OpError`` for an unknown or missing attribute.
    """
    facts = signature(op)
    if not attrs and not facts.required:
        return ()
    known = facts.attributes
    unknown = sorted(set(attrs) - set(known))
    if unknown:
        close = difflib.get_close_matches(unknown[0], list(known), n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"it has {sorted(known)}"
        raise OpError(f"{op} has no attribute {unknown[0]!r}; {hint}")
    missing = sorted(n for n in facts.required if attrs.get(n) is None)
    if missing:
        raise OpError(f"{op} needs the attribute {missing[0]!r}")
    usual = defaults(op)
    given = [
        (n, _coerce(op, n, known[n].type.name, attrs[n]))
        for n in sorted(attrs) if attrs[n] is not None
    ]  # fmt: skip
    return tuple((n, v) for n, v in given if n not in usual or usual[n] != v)


def _coerce(op: str, name: str, kind: str, value: Any) -> Attribute:
    try:
        if kind == "INT":
            return to_onnx(value) if name in ("to", "dtype") else int(value)
        if kind == "FLOAT":
            return _single(value)
        if kind == "STRING":
            return value.decode() if isinstance(value, bytes) else str(value)
        if kind == "INTS":
            return tuple(int(v) for v in value)
        if kind == "FLOATS":
            return tuple(_single(v) for v in value)
        if kind == "STRINGS":
            return tuple(str(v) for v in value)
        if kind == "TENSOR":
            return value if isinstance(value, Literal) else Literal(np.asarray(value))
        if kind == "GRAPH" and isinstance(value, Block):
            return value
    except (TypeError, ValueError) as error:
        raise OpError(f"{op}: attribute {name}={value!r} is no {kind.lower()}") from error
    raise OpError(f"{op}: attributes of kind {kind} ({name!r}) are not supported")


def _single(value: Any) -> float:
    """Attributes are stored in single precision: what a rule reads must be what runs."""
    return float(np.float32(value))


@functools.lru_cache(maxsize=4096, typed=True)
def attribute_proto(name: str, value: Attribute) -> onnx.AttributeProto:
    """An attribute as ONNX has it (a block is lowered by ``lower``)."""
    if value == ():
        return helper.make_attribute(name, value, attr_type=onnx.AttributeProto.INTS)
    return helper.make_attribute(name, value.proto if isinstance(value, Literal) else value)


def written_attributes(op: str, attrs: Attributes) -> Attributes:
    """What to write into a file: a function's body refers to its attributes even when not given.

    And ONNX (1.23) infers the shape of STFT as if its attribute were 0 where it is not given.
    """
    facts = signature(op)
    if not facts.attributes or not (facts.schema.has_function or op == "STFT"):
        return attrs
    return tuple(sorted({**defaults(op), **dict(attrs)}.items()))
