"""Reads an ONNX graph node by node into ours."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper

from ...errors import ArgumentError, FileFormatError, WaterhorseError
from .. import dims, dtypes, schema, scope
from ..infer import Dim, TensorType
from ..ir import Array, Tensor, apply, argument
from ..schema import Literal
from . import adapters, attributes, stored
from .foreign import applied, declared_types
from .frame import Frame
from .partial import Knowledge
from .tensors import array_of, sparse_array
from .values import Call, Value, Weight, results_of

LOWEST, HIGHEST = 7, 28  # opsets
STANDARD = ("", "ai.onnx")
DEEPEST = 64  # functions and subgraphs within each other
MOST_NODES = (
    1 << 20
)  # that are read: 64 functions, each calling another twice, are more than anyone can
LARGEST_FILL = 1 << 28  # elements of a weight that is one number over and over
# with all outputs, which gradients need and a file may have left out
_FULL = {"BatchNormalization": 3, "Dropout": 2}
Handler = Callable[["Reader", Frame, Call, onnx.NodeProto], Any]
HANDLERS: dict[str, Handler] = {}


def handler(*names: str) -> Callable[[Handler], Handler]:
    """Register what reads operators that are more than a node: ``name``, or ``domain::name``."""

    def register(function: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, function))
        return function

    return register


class Reader:
    """Reads one model.

    Args:
        folder: where external data may be; None for a model without a place.
        masters: whether weights stored in fewer bits, and only ever cast or dequantised, become
            float32 weights.
        shapes: of inputs, instead of those that are declared.
        state: stored tensors that the file's own training changes.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        folder: Path | None,
        masters: bool,
        shapes: Mapping[str, Sequence[int | None]],
        state: Collection[str] = (),
    ) -> None:
        self.model = model
        self.state = frozenset(state)
        self.shapes = dict(shapes)
        self.folder = folder
        self.masters = masters
        self.weights: dict[str, Weight] = {}
        self.knowledge = Knowledge()
        self.functions = {(f.domain, f.name, f.overload): f for f in model.functions}
        self.stored: dict[str, Array] = {}
        self.inputs: dict[str, Tensor] = {}
        self.uses = stored.Uses(model.graph)
        self.declared = declared_types(model.graph)
        self._calling: list[Any] = []
        self.read = 0

    # -- a graph ------------------------------------------------------------------------------

    def graph(self, proto: onnx.GraphProto) -> dict[str, Value]:
        """Read the outermost graph; returns its outputs."""
        frame = Frame(opsets(self.model.opset_import))
        self.initializers(frame, proto)
        for info in proto.input:
            if info.name in self.inputs:
                raise FileFormatError(f"the input {info.name!r} is defined twice")
            if info.name in frame.values:  # a stored tensor that may be overridden: it is a weight
                continue
            value = _input(info, self.shapes.pop(info.name, None))
            frame.define(info.name, value)
            if isinstance(value, Tensor):
                self.inputs[info.name] = value
        if self.shapes:
            raise ArgumentError(
                f"the model has no input {next(iter(self.shapes))!r}; it has {[*self.inputs]}"
            )
        self.nodes(frame, proto.node)
        return {o.name: self.result(frame, o.name) for o in proto.output}

    def result(self, frame: Frame, name: str) -> Value:
        """An output of a graph. Raises ``FileFormatError`` where nothing computes it."""
        found = frame.lookup(name)
        if found is None:
            raise FileFormatError(f"the output {name!r} has no value")
        return found

    def initializers(self, frame: Frame, proto: onnx.GraphProto) -> None:
        """Define what a graph stores."""
        for tensor in proto.initializer:
            self.store(frame, tensor.name, array_of(tensor, self.folder), "initializer")
        for sparse in proto.sparse_initializer:
            array = sparse_array(sparse, self.folder)
            self.store(frame, sparse.values.name, array, "initializer")

    def store(self, frame: Frame, name: str, array: Array, origin: str) -> None:
        """Define a stored tensor: a weight of the model, or a constant."""
        if name in self.state and frame.depth == 1:
            self.weights[name] = changed = stored.as_state(name, array, self.uses)
            frame.define(name, changed.leaf)
            return
        self.stored.setdefault(name, array)
        array = stored.representable(name, array, self.uses)
        weight = stored.as_weight(name, array, origin, self.uses)
        if weight is None:
            frame.define(name, stored.as_constant(array))
            return
        self.weights[self._unused(name)] = weight
        frame.define(name, frame.rooted(weight.leaf))

    def _unused(self, name: str) -> str:
        unique, n = name, 0
        while unique in self.weights:
            n += 1
            unique = f"{name}_{n}"
        return unique

    def nodes(self, frame: Frame, nodes: Sequence[onnx.NodeProto]) -> None:
        """Apply nodes in order, and define their outputs."""
        self.read += len(nodes)
        if self.read > MOST_NODES:
            raise FileFormatError(
                f"the model has more than {MOST_NODES} nodes, counting functions and loops that are "
                "read again and again"
            )
        for node in nodes:
            label = f"{node.op_type} node {node.name or '/'.join(node.output)!r}"
            try:
                with scope.replaced(_scope(node)):
                    found = self._node(frame, node)
                for name, value in zip(node.output, found, strict=False):
                    if name and value is not None:
                        frame.define(name, value)
            except FileFormatError as error:
                text = str(error)
                raise FileFormatError(text if " node '" in text else f"{label}: {text}") from error
            except WaterhorseError as error:
                raise FileFormatError(f"{label}: {error}") from error
            except (RecursionError, MemoryError):
                raise
            except Exception as error:  # a damaged attribute may fail anywhere
                reason = f"{type(error).__name__}: {error}"
                raise FileFormatError(f"{label} makes no sense: {reason}") from error

    # -- a node -------------------------------------------------------------------------------

    def _node(self, frame: Frame, node: onnx.NodeProto) -> Sequence[Value | None]:
        inputs = tuple(frame.lookup(name) for name in node.input)
        given = attributes.decoded(node, frame.attributes, self.folder)
        outputs = len(node.output)
        while outputs > 1 and not node.output[outputs - 1]:
            outputs -= 1
        domain = "" if node.domain in STANDARD else node.domain
        if domain not in frame.opsets:
            raise FileFormatError(
                f"the file does not say which version of domain {domain or 'ai.onnx'!r} it uses"
            )
        version = frame.opsets[domain]
        while inputs and inputs[-1] is None:
            inputs = inputs[:-1]
        call = Call(node.op_type, version, inputs, given, outputs)
        function = self.functions.get((node.domain, node.op_type, node.overload))
        if function is not None:
            return self.inlined(frame, function, call)
        special = HANDLERS.get(f"{domain}::{node.op_type}" if domain else node.op_type)
        if special is not None:
            return results_of(special(self, frame, call, node))
        if domain:
            explained = _explained(domain, call)
            return (
                self._body(frame, call, node) if explained else applied(call, node, self.declared)
            )
        return self.standard(frame, call, node)

    def standard(self, frame: Frame, call: Call, node: onnx.NodeProto) -> Sequence[Value | None]:
        """An operator of ``ai.onnx``: by its adapter, as it stands, or by its function body."""
        folded = self._folded(frame, call, node)
        if folded is not None:
            return (folded,)
        adapt = adapters.find(call.op, call.version)
        if adapt is not None:
            found = adapt(call)
            if not isinstance(found, Call):
                return [self._simplified(t) for t in results_of(found)]
            call = found  # the same, as our opset writes it
        if call.op in schema.names():
            return [self._simplified(t) for t in self.applied(call)]
        return self._body(frame, call, node)

    def applied(self, call: Call) -> Sequence[Tensor]:
        """The operator of the same name at our opset."""
        count = max(call.outputs, _FULL.get(call.op, 0) if _trains(call) else 0)
        return results_of(apply(call.op, *call.tensors, outputs=count, **call.attributes))

    def _simplified(self, value: Any) -> Any:
        """A result with what is known of it (only operators with one result are looked into)."""
        if not isinstance(value, Tensor) or len(value.node.types) > 1 or not value.node.inputs:
            return value
        node = value.node
        return self.knowledge.simplified(node.op, node.inputs, dict(node.attrs), value)

    def _folded(self, frame: Frame, call: Call, node: onnx.NodeProto) -> Value | None:
        """A stored tensor that is only ever cast or dequantised, as the float weight that it means."""
        name = node.input[0] if node.input else ""
        # within a function a name means something else
        array = self.stored.get(name) if frame.caller is None else None
        if call.op == "Constant":
            return self._constant(frame, call, node)
        if call.op == "ConstantOfShape":
            return self._filled(frame, call, node)
        if not self.masters or array is None or array.size < 2:
            return None
        if not self.uses.only(name, frozenset({(call.op, 0)})) or len(self.uses.of(name)) > 1:
            return None
        value = None
        if (
            call.op == "Cast"
            and call.get("to") == onnx.TensorProto.FLOAT
            and array.dtype.kind != "O"
        ):
            value = array.astype(np.float32)
        elif call.op == "DequantizeLinear":
            rest = [self.stored.get(n) for n in node.input[1:]]
            if all(r is not None for r in rest):
                value = _dequantised(array, rest, call)
        if value is None or not dtypes.is_float(value.dtype) or value.ndim == 0:
            return None
        self.weights.pop(name, None)
        leaf = argument(name, TensorType(value.dtype, value.shape))
        self.weights[name] = Weight(leaf, value, "dequantised", True)
        return frame.rooted(leaf)

    def _constant(self, frame: Frame, call: Call, node: onnx.NodeProto) -> Value | None:
        array = _constant_value(call.attributes)
        if frame.caller is not None:  # the same body may be read many times
            return stored.as_constant(array)
        return self._held(frame, node.output[0], array, "Constant")

    def _filled(self, frame: Frame, call: Call, node: onnx.NodeProto) -> Value | None:
        """ConstantOfShape with a stored shape, where a weight is expected."""
        shape = self.stored.get(node.input[0]) if node.input else None
        given = call.get("value")
        fill = given.array if isinstance(given, Literal) else np.zeros(1, np.float32)
        if shape is None or frame.caller is not None or not dtypes.is_float(fill.dtype):
            return None
        sizes = shape.tolist() if shape.ndim == 1 and shape.dtype.kind in "iu" else [-1]
        wanted = self.uses.some(node.output[0], stored.WEIGHTS) and min(sizes, default=0) >= 0
        if not wanted or fill.size != 1 or math.prod(sizes) > LARGEST_FILL:
            return None
        array = np.full(sizes, fill.reshape(-1)[0], fill.dtype)
        return self._held(frame, node.output[0], array, "ConstantOfShape")

    def _held(self, frame: Frame, name: str, array: Array, origin: str) -> Value | None:
        """What a stored tensor is, whose name is yet to be defined in ``frame``."""
        holder = Frame(frame.opsets, caller=frame)
        self.store(holder, name, array, origin)
        return holder.lookup(name)

    # -- functions ------------------------------------------------------------------------------

    def inlined(
        self, frame: Frame, function: onnx.FunctionProto, call: Call
    ) -> Sequence[Value | None]:
        """The body of a function in place of a call."""
        key = (function.domain, function.name, function.overload)
        if key in self._calling or frame.depth > DEEPEST:
            raise FileFormatError(f"function {function.domain}::{function.name} calls itself")
        if len(call.inputs) > len(function.input):
            raise FileFormatError(
                f"function {function.name} takes {len(function.input)} inputs, not {len(call.inputs)}"
            )
        given = {a.name: attributes.value_of(a, self.folder) for a in function.attribute_proto}
        given |= {n: None for n in function.attribute if n not in given}
        unknown = sorted(set(call.attributes) - set(given))
        if unknown:
            raise FileFormatError(f"function {function.name} has no attribute {unknown[0]!r}")
        inner = Frame(
            {**frame.opsets, **opsets(function.opset_import)}, caller=frame,
            attributes={**given, **call.attributes},
        )  # fmt: skip
        for i, name in enumerate(function.input):
            inner.define(name, call.inputs[i] if i < len(call.inputs) else None)
        self._calling.append(key)
        try:
            self.nodes(inner, function.node)
        finally:
            self._calling.pop()
        # a body need not compute the outputs that a call does not ask for
        return [inner.values.get(name) for name in function.output]

    def _body(self, frame: Frame, call: Call, node: onnx.NodeProto) -> Sequence[Value | None]:
        """An operator that our opset does not have, by the body that the standard gives it."""
        domain = "" if node.domain in STANDARD else node.domain
        try:
            facts = onnx.defs.get_schema(call.op, call.version, domain)
        except onnx.defs.SchemaError as error:
            raise FileFormatError(
                f"ai.onnx has no operator {call.op!r} at opset {call.version}"
            ) from error
        function = _standard_function(facts, call, node)
        if function is None:
            raise FileFormatError(f"{call.op} of opset {call.version} is not supported")
        defaults = {
            n: attributes.value_of(a.default_value, None)
            for n, a in facts.attributes.items() if a.default_value.name
        }  # fmt: skip
        named = onnx.FunctionProto()
        named.CopyFrom(function)
        named.name, named.domain = call.op, domain or "ai.onnx"
        named.attribute.extend(n for n in facts.attributes if n not in named.attribute)
        full = Call(
            call.op, call.version, call.inputs, {**defaults, **call.attributes}, call.outputs
        )
        return self.inlined(frame, named, full)


def opsets(imports: Sequence[onnx.OperatorSetIdProto]) -> dict[str, int]:
    """Domain -> version. Raises ``FileFormatError`` for a version of ai.onnx out of reach."""
    found = {"" if o.domain in STANDARD else o.domain: o.version for o in imports}
    version = found.get("", HIGHEST)
    if not LOWEST <= version <= HIGHEST:
        raise FileFormatError(
            f"the model is of opset {version}; opsets {LOWEST} to {HIGHEST} can be read"
        )
    return found


def _scope(node: onnx.NodeProto) -> str:
    name = node.name.strip("/").removesuffix(node.op_type).rstrip("/")
    return f"forward/{name}" if name else "forward"


def _trains(call: Call) -> bool:
    if call.op == "BatchNormalization":
        return bool(call.get("training_mode", 0))
    return call.op == "Dropout" and len(call.inputs) > 2


def _input(info: onnx.ValueInfoProto, shape: Sequence[int | None] | None) -> Value:
    kind = info.type
    if not kind.HasField("tensor_type"):
        raise FileFormatError(
            f"the input {info.name!r} is a {kind.WhichOneof('value') or 'value without a type'}; only "
            "tensors can be inputs"
        )
    tensor = kind.tensor_type
    if not tensor.elem_type or not (tensor.HasField("shape") or shape is not None):
        raise FileFormatError(
            f"the input {info.name!r} has no declared rank or element type; input_shapes= can give "
            "the shape"
        )
    try:
        dtype = dtypes.from_onnx(tensor.elem_type)
    except KeyError as error:
        raise FileFormatError(
            f"the input {info.name!r} has an unknown element type {tensor.elem_type}"
        ) from error
    declared = tuple(_dim(d) for d in tensor.shape.dim)
    if shape is None:
        return argument(info.name, dims.named(TensorType(dtype, declared)))
    if tensor.HasField("shape") and len(shape) != len(declared):
        raise ArgumentError(
            f"input_shapes: {info.name!r} has {len(declared)} axes, not {len(shape)}"
        )
    known = (*declared, *(None for _ in range(len(shape) - len(declared))))
    named = tuple(
        size if size is not None else name if isinstance(name, str) else f"{info.name}_{i}"
        for i, (size, name) in enumerate(zip(shape, known, strict=True))
    )
    return argument(info.name, TensorType(dtype, named))


def _dim(dim: onnx.TensorShapeProto.Dimension) -> Dim:
    """A declared dim; "?" and the like are no names."""
    if dim.HasField("dim_value"):
        return dim.dim_value if dim.dim_value >= 0 else None
    return dim.dim_param if dim.dim_param.strip("?") else None


def _constant_value(given: Mapping[str, Any]) -> Array:
    if len(given) != 1:
        raise FileFormatError(f"a Constant has one value, not {sorted(given)}")
    ((name, value),) = given.items()
    if isinstance(value, Literal):
        return value.array
    kinds = {
        "value_float": np.float32, "value_floats": np.float32, "value_int": np.int64,
        "value_ints": np.int64, "value_string": object, "value_strings": object,
    }  # fmt: skip
    if name not in kinds:
        raise FileFormatError(f"a Constant has no attribute {name!r}")
    return np.array(value, kinds[name])


def _dequantised(array: Array, rest: Sequence[Array | None], call: Call) -> Array | None:
    """``(x - zero_point) * scale`` as DequantizeLinear has it, per tensor, axis or block."""
    scale = rest[0]
    if scale is None or scale.dtype.name not in ("float32", "float16"):
        return None
    zero = rest[1] if len(rest) > 1 else None
    axis, block = int(call.get("axis", 1)), int(call.get("block_size", 0))
    x = array.astype(np.float32)

    def shaped(a: Array) -> Array:
        wide = a.astype(np.float32)
        if block:
            return np.repeat(wide, block, axis).take(np.arange(x.shape[axis]), axis)
        if wide.size == 1:
            return wide.reshape(())
        return wide.reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])

    if zero is not None:
        x = x - shaped(zero)
    return np.asarray(x * shaped(scale), scale.dtype)


def _explained(domain: str, call: Call) -> bool:
    """Whether the standard gives an operator of another domain a body, as FlexAttention has one."""
    try:
        facts = onnx.defs.get_schema(call.op, call.version, domain)
    except onnx.defs.SchemaError:
        return False
    return bool(facts.has_function or facts.has_context_dependent_function)


def _standard_function(
    facts: Any, call: Call, node: onnx.NodeProto
) -> onnx.FunctionProto | None:  # fmt: skip
    """The standard's body of an operator, which may depend on its inputs' types."""
    if facts.has_context_dependent_function:
        kinds = []
        for x in call.tensors:
            kind = onnx.TypeProto()
            if x is not None:
                kind = helper.make_tensor_type_proto(dtypes.to_onnx(x.dtype), x.shape)
            kinds.append(kind.SerializeToString())
        plain = onnx.NodeProto()
        plain.CopyFrom(node)
        body = facts.get_context_dependent_function(plain.SerializeToString(), kinds)
        return onnx.FunctionProto.FromString(body) if body else None
    return facts.function_body if facts.has_function else None


__all__ = ["HANDLERS", "Handler", "Reader", "handler", "opsets"]
