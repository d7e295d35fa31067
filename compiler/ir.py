"""The symbolic graph: immutable, interned nodes whose vocabulary is ONNX's own.

A ``Tensor`` is one output of a ``Node``. Types and shapes come from ONNX's inference when the node is
made, so a mistake raises at the user's line. Interning merges equal subexpressions; what no output
reaches is never lowered; nothing has a name until ``lower`` gives it one.

Five pseudo operators stand beside ONNX's:

``Argument``     an input of a traced function, or the value of a ``Variable`` inside it
``Placeholder``  ``wh.Input``: what a functional model is drawn with
``Data``         a NumPy array that is too large, or too fleeting, to be a constant
``Call``         a layer applied to placeholders; replayed when the model is called
``Foreign``      an operator of a domain other than ``ai.onnx``, from a file
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from onnx.shape_inference import InferenceError

from ..errors import OpError, ShapeError, TraceError
from . import dims, dtypes, execution, sizes
from . import scope as scopes
from .block import infer_blocks
from .infer import Dim, Shape, TensorType, infer
from .operators import ENGINE, Operators
from .payloads import STOP, Content, Foreign, Origin
from .schema import BLOCK_OPS, Attribute, Literal, Signature, normalise, signature

Array: TypeAlias = np.ndarray[Any, Any]
Key: TypeAlias = "tuple[Node, int]"
LEAVES = frozenset({"Argument", "Placeholder", "Data"})
# Two draws are two draws: these are never merged. (Dropout draws where it is in training mode.)
RANDOM = frozenset({
    "Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform",
    "RandomUniformLike",
})  # fmt: skip
# operator -> function of operands and attributes: an equal tensor that is simpler, or None
SIMPLER: dict[str, Callable[[tuple[Tensor | None, ...], dict[str, Any]], Tensor | None]] = {}
DETOURS: list[Callable[..., None]] = []  # who wants to know what was made simpler


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Node:
    """One operator applied to tensors. Compared by identity: equal nodes are the same object."""

    op: str
    inputs: tuple[Tensor | None, ...]
    attrs: tuple[tuple[str, Attribute], ...]
    types: tuple[TensorType, ...]
    payload: Any = None
    scope: str = ""
    site: scopes.Site | None = None
    placeholder: bool = False
    concrete: bool = True
    detours: list[Any] = field(default_factory=list)  # see detours.py

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """A handle on each output."""
        return tuple(Tensor(self, i, t) for i, t in enumerate(self.types))


@dataclass(frozen=True, eq=False, slots=True)
class Tensor(Operators):
    """A symbolic value: one output of a node. Shapes may hold names or None for dynamic dims."""

    node: Node
    index: int
    type: TensorType
    mask: Tensor | None = None  # which steps are no padding; a matter of layers, not of the graph

    @property
    def dtype(self) -> dtypes.DType:
        return self.type.dtype

    @property
    def shape(self) -> Shape:
        return self.type.shape

    @property
    def ndim(self) -> int:
        return len(self.type.shape)

    @property
    def key(self) -> Key:
        """What identifies the value: two handles may differ in what is known of the shape."""
        return (self.node, self.index)

    def with_mask(self, mask: Tensor | None) -> Tensor:
        """Another handle of the same value, with this mask."""
        return Tensor(self.node, self.index, self.type, mask)

    @property
    def _keras_mask(self) -> Tensor | None:
        return self.mask  # programs made for Keras look for this name

    def numpy(self) -> Array:
        """The value. Raises ``TraceError`` where it depends on an input that has none yet."""
        if not self.node.concrete:
            raise TraceError(
                f"a symbolic {self.type} has no value: it depends on an input of the model or "
                "function being built. Return it from the function, or use wh.ops.where / cond "
                "where you wanted to branch on it"
            )
        return execution.evaluate([self])[0]

    def __repr__(self) -> str:
        if self.node.concrete:
            return f"<Tensor {self.type}: {np.array2string(self.numpy(), threshold=20)}>"
        return f"<Tensor {self.type} of {self.node.op}>"


Like: TypeAlias = "Operators | Array | np.generic | bool | int | float | Sequence[Any]"

_interned: weakref.WeakValueDictionary[Any, Node] = weakref.WeakValueDictionary()


def _intern(op: str, inputs: tuple[Tensor | None, ...], attrs: Any, count: int) -> Node:
    # The identities in the key cannot be reused while the entry lives: the node holds its inputs.
    key = (
        op,
        tuple((id(x.node), x.index) if x is not None else None for x in inputs),
        attrs,
        count,
    )
    node = _interned.get(key) if op not in RANDOM else None
    if node is None:
        site = scopes.site()
        node = Node(
            op,
            inputs,
            attrs,
            _infer(op, inputs, attrs, count, site),
            None,
            scopes.current(),
            site,
            any(x.node.placeholder for x in inputs if x is not None),
            all(x.node.concrete for x in inputs if x is not None),
        )
        if op not in RANDOM:
            _interned[key] = node
    return node


def _infer(
    op: str,
    inputs: tuple[Tensor | None, ...],
    attrs: tuple[tuple[str, Attribute], ...],
    count: int,
    site: scopes.Site | None,
) -> tuple[TensorType, ...]:
    kinds = [x.type if x is not None else None for x in inputs]
    values = known_operands(op, inputs)
    try:
        if op in BLOCK_OPS:
            return tuple([dims.named(t) for t in infer_blocks(op, kinds, attrs, count)])
        return sizes.refined(op, inputs, attrs, infer(op, kinds, attrs, values, count))
    except ShapeError as error:
        raise ShapeError(f"{error}" + (f" [at {site}]" if site else "")) from error
    except InferenceError as error:
        reason = str(error).rsplit("] ", 1)[-1].strip()
    except Exception as error:  # onnx raises bare RuntimeErrors for some malformed nodes
        reason = f"{type(error).__name__}: {error}"
    operands = ", ".join(str(x.type) if x is not None else "none" for x in inputs)
    options = "".join(f", {n}={v!r}" for n, v in attrs)
    raise ShapeError(f"{op}({operands}{options}): {reason}" + (f" [at {site}]" if site else ""))


def known_operands(op: str, inputs: Sequence[Tensor | None]) -> list[Literal | None]:
    """The operands whose values inference may look at: small integers, and the scales of Resize."""
    kinds = "iubf" if op == "Resize" else "iub"
    return [literal_if_known(x, kinds) if x is not None else None for x in inputs]


def value_if_known(x: Tensor) -> Array | None:
    """The value of a small integer constant (a shape, a list of axes), else None."""
    literal = literal_if_known(x)
    return literal.array if literal is not None else None


def literal_if_known(x: Tensor, kinds: str = "iub") -> Literal | None:
    """``value_if_known`` in a form that can be compared; also of other ``kinds`` of elements."""
    node = x.node
    if node.op == "Constant":
        value = node.attrs[0][1]
        literal = value if isinstance(value, Literal) else None
    elif node.op == "Data" and _small(node.payload.array, kinds):
        return Literal(node.payload.array)
    else:
        return None
    return literal if literal is not None and _small(literal.array, kinds) else None


def _small(array: Array, kinds: str) -> bool:
    return array.size <= 64 and array.dtype.kind in kinds


def constant(value: Any, dtype: dtypes.DTypeLike | None = None) -> Tensor:
    """A tensor with a fixed value. Small ones are part of the graph; larger ones become data."""
    array = np.asarray(value, None if dtype is None else dtypes.as_dtype(dtype))
    if array.nbytes > Literal.COMPARED:
        return data(array)
    return _intern("Constant", (), (("value", Literal(array)),), 1).outputs[0]


def data(array: Array, variable: Any = None) -> Tensor:
    """A leaf with a concrete value: lowered as an initializer, evaluated as an input."""
    kind = TensorType(array.dtype, array.shape)
    return Node("Data", (), (), (kind,), Content(array, variable), scopes.current()).outputs[0]


def argument(name: str, kind: TensorType, variable: Any = None) -> Tensor:
    """An input of the function being traced (or a variable's value in it)."""
    origin = Origin(name, variable)
    return Node("Argument", (), (), (kind,), origin, scopes.current(), concrete=False).outputs[0]


def placeholder(name: str, kind: TensorType, optional: bool = False) -> Tensor:
    """``wh.Input``: the start of a functional model."""
    origin = Origin(name, None, optional)
    node = Node("Placeholder", (), (), (kind,), origin, name, scopes.site(), True, concrete=False)
    return node.outputs[0]


def convert(value: Like, dtype: dtypes.DType | None = None) -> Tensor:
    """A tensor for anything that stands for one.

    Python numbers and lists are weak: they take ``dtype`` where it is given, else float32, int64 or
    bool. Arrays keep their type, except that NumPy's default double yields to ``dtype``.
    """
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Operators):
        tensor: Tensor = value.value  # type: ignore[attr-defined]  # a Variable
        return tensor
    if isinstance(value, np.ndarray) and value.ndim:
        wanted = dtype if dtype is not None and value.dtype == np.float64 else None
        return data(
            np.asarray(value, wanted if wanted is not None and wanted.kind == "f" else None)
        )
    return constant(_weak(value, dtype))


def _weak(value: Any, dtype: dtypes.DType | None) -> Array:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise OpError(f"{value!r} is no tensor: {error}") from error
    if array.dtype.kind == "O" and dtype != dtypes.OBJECT:
        raise OpError(
            f"a {type(value).__name__} cannot be an operand; expected a tensor, a Variable, an "
            "array or numbers"
        )
    if array.dtype.kind in "US":
        return array.astype(object)
    if dtype is None:
        floats, whole = dtypes.FLOAT32, dtypes.INT64
        weak: dict[str, dtypes.DType] = {"f": floats, "i": whole, "u": whole}
        dtype = weak.get(array.dtype.kind, array.dtype)
    if array.dtype.kind == "f" and dtype.kind in "iub" and not np.all(array == np.floor(array)):
        raise OpError(f"{value!r} is no operand for a {dtype.name} tensor: cast the tensor first")
    return array.astype(dtype)


def apply(op: str, *inputs: Like | None, outputs: int | None = None, **attrs: Any) -> Any:
    """Apply the ONNX operator ``op``. Returns a Tensor, or a tuple of them for several outputs.

    Raises ``OpError`` for an unknown operator or attribute or a wrong number of inputs, and
    ``ShapeError`` where types or shapes do not fit.
    """
    facts = signature(op)
    tensors = _operands(facts, inputs)
    if outputs is None and facts.min_outputs == 1 and op != "Split":
        count = 1
    else:
        count = _count_outputs(facts, outputs, tensors, attrs)
    # the gradient of a Dropout that may draw needs its mask, whether it was asked for or not
    made = 2 if op == "Dropout" and len(tensors) > 2 else count
    normal = normalise(op, attrs)
    simplify = SIMPLER.get(op) if made == 1 else None
    if simplify is not None and (simple := simplify(tensors, dict(normal))) is not None:
        for note in DETOURS:
            note(op, tensors, normal, simple)
        return simple
    node = _intern(op, tensors, normal, made)
    return node.outputs if count > 1 else Tensor(node, 0, node.types[0])


ENGINE.apply, ENGINE.convert = apply, convert


def _operands(facts: Signature, inputs: tuple[Like | None, ...]) -> tuple[Tensor | None, ...]:
    while inputs and inputs[-1] is None:
        inputs = inputs[:-1]
    if not facts.min_inputs <= len(inputs) <= facts.max_inputs:
        raise OpError(
            f"{facts.op} takes {[p.name for p in facts.parameters]}; got {len(inputs)} inputs"
        )
    fixed = [
        x if isinstance(x, Tensor) else convert(x) if isinstance(x, Operators) else None
        for x in inputs
    ]
    if all(x is not None or raw is None for x, raw in zip(fixed, inputs, strict=True)):
        return tuple(fixed)
    known: dict[str, dtypes.DType] = {}
    for i, x in enumerate(fixed):
        if x is not None:
            known.setdefault(facts.parameter(i).type_str, x.dtype)
    return tuple(
        x if x is not None or raw is None else _operand(facts, i, raw, known)
        for i, (x, raw) in enumerate(zip(fixed, inputs, strict=True))
    )


def _operand(facts: Signature, i: int, raw: Like, known: dict[str, dtypes.DType]) -> Tensor:
    parameter = facts.parameter(i)
    dtype = known.get(parameter.type_str)
    if dtype is None and "tensor(float)" not in parameter.allowed:
        dtype = dtypes.INT64 if "tensor(int64)" in parameter.allowed else None
        if isinstance(raw, np.ndarray) and raw.ndim:
            dtype = None
    tensor = convert(raw, dtype)
    known.setdefault(parameter.type_str, tensor.dtype)
    return tensor


def _count_outputs(
    facts: Signature, asked: int | None, inputs: tuple[Tensor | None, ...], attrs: dict[str, Any]
) -> int:
    if asked is None and facts.op == "Split":
        sizes = value_if_known(inputs[1]) if len(inputs) > 1 and inputs[1] is not None else None
        asked = len(sizes) if sizes is not None else attrs.get("num_outputs")
        if asked is None:
            raise OpError("Split needs constant sizes, num_outputs=, or outputs=")
    count = max(facts.min_outputs, 1) if asked is None else int(asked)
    if not max(facts.min_outputs, 1) <= count <= facts.max_outputs:
        raise OpError(
            f"{facts.op} has {facts.min_outputs} to {facts.max_outputs} outputs, not {count}"
        )
    return count


def stopped(x: Tensor) -> Tensor:
    """The same value, through which no gradient flows (an Identity that autodiff does not cross)."""
    node = Node("Identity", (x,), (), (x.type,), STOP, scopes.current(), scopes.site(),
                x.node.placeholder, x.node.concrete)  # fmt: skip
    return node.outputs[0]


def foreign(
    operator: Foreign, inputs: Sequence[Tensor | None], types: Sequence[TensorType]
) -> tuple[Tensor, ...]:
    """Apply an operator that only the runtime knows: it has types, but no gradient."""
    node = Node("Foreign", tuple(inputs), (), tuple(types), operator, scopes.current(), scopes.site(),
                any(x.node.placeholder for x in inputs if x is not None),
                all(x.node.concrete for x in inputs if x is not None))  # fmt: skip
    return node.outputs


def retyped(x: Tensor, kind: TensorType) -> Tensor:
    """The same value with what else is known of its type (inference loses named dims)."""
    return Tensor(x.node, x.index, kind, x.mask)


def again(node: Node, operands: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """The node applied to other operands (a leaf stays what it is)."""
    if node.op in LEAVES:
        return node.outputs
    if node.payload is STOP and operands[0] is not None:
        return (stopped(operands[0]),)
    if node.op == "Foreign":
        return foreign(node.payload, operands, node.types)
    result = apply(node.op, *operands, outputs=len(node.types), **dict(node.attrs))
    return result if isinstance(result, tuple) else (result,)


def toposort(
    outputs: Iterable[Tensor],
    stops: Container[Key] = (),
    instead: Mapping[Node, Node] | None = None,
) -> list[Node]:
    """All nodes that ``outputs`` depend on, operands before users. Iterative: graphs are deep.

    What only tensors in ``stops`` depend on is left out: they are given. The values of ``instead``
    take the place of its keys.
    """
    order: dict[Node, None] = {}
    stack = [(t.node, False) for t in reversed([*outputs]) if t.key not in stops]
    while stack:
        node, done = stack.pop()
        if instead is not None:
            node = instead.get(node, node)
        if node in order:
            continue
        if done:
            order[node] = None
            continue
        stack.append((node, True))
        stack.extend(
            (x.node, False)
            for x in reversed(node.inputs)
            if x is not None and x.node not in order and x.key not in stops
        )
    return list(order)


__all__ = [
    "LEAVES", "STOP", "Array", "Content", "Dim", "Foreign", "Key", "Like", "Node", "Operators",
    "Origin", "Shape", "Tensor", "TensorType", "again", "apply", "argument", "constant", "convert",
    "data", "foreign", "placeholder", "retyped", "stopped", "toposort", "value_if_known",
]  # fmt: skip
