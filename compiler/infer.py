"""Types and shapes of an operator's outputs, by ONNX's own inference, one node at a time.

Results are remembered: a training graph applies few operators to few types, over and over, and ONNX
takes some 15 us to infer what a look into a table gives in one.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import onnx
from onnx import helper

from . import dims, dtypes, hazards, schema
from .dtypes import Dim, Shape, TensorType

_IMPORTS = [helper.make_opsetid("", schema.OPSET)]
_SAME_RANK = frozenset({
    "AveragePool", "CenterCropPad", "Conv", "ConvTranspose", "LpPool", "MaxPool", "MaxUnpool", "Pad",
    "Resize", "Slice", "Split", "Tile",
})  # fmt: skip
# standard functions without inference of their own
_SAME_SHAPE = frozenset({"GroupNormalization", "MeanVarianceNormalization"})


def infer(
    op: str,
    inputs: Sequence[TensorType | None],
    attrs: schema.Attributes,
    values: Sequence[schema.Literal | None],
    outputs: int,
) -> tuple[TensorType, ...]:
    """Types of the outputs. ``values`` holds small integer inputs that are known, else None.

    Dims that are not known get names (see ``dims``). Raises ``onnx.shape_inference.InferenceError``
    where the operands do not fit.
    """
    symbols: dict[str, str] = {}
    plain = tuple([None if t is None else _anonymous(t, symbols) for t in inputs])
    found = _infer(op, plain, attrs, tuple(values), outputs)
    if symbols:
        back = {v: k for k, v in symbols.items()}
        found = tuple(
            TensorType(
                t.dtype, tuple([back.get(d, d) if d.__class__ is str else d for d in t.shape])
            )
            for t in found
        )
    return dims.completed(op, inputs, attrs, values, found)


def _anonymous(kind: TensorType, symbols: dict[str, str]) -> TensorType:
    """The type with its names of dims replaced by the first few: fewer types to remember."""
    if str not in [d.__class__ for d in kind.shape]:
        return kind
    shape = tuple([
        symbols.setdefault(d, f"s{len(symbols)}") if d.__class__ is str else d for d in kind.shape
    ])  # fmt: skip
    return TensorType(kind.dtype, shape)


@functools.lru_cache(maxsize=16384)
def _infer(
    op: str,
    inputs: tuple[TensorType | None, ...],
    attrs: schema.Attributes,
    values: tuple[schema.Literal | None, ...],
    outputs: int,
) -> tuple[TensorType, ...]:
    hazards.check(op, inputs, dict(attrs), outputs)
    names = [f"i{k}" if t is not None else "" for k, t in enumerate(inputs)]
    proto = onnx.NodeProto(
        op_type=op,
        input=names,
        output=[f"o{k}" for k in range(outputs)],
        attribute=[schema.attribute_proto(n, v) for n, v in schema.written_attributes(op, attrs)],
    )
    types = {n: _type_proto(t) for n, t in zip(names, inputs, strict=True) if t is not None}
    data = {n: v.proto for n, v in zip(names, values, strict=True) if v is not None}
    found = onnx.shape_inference.infer_node_outputs(
        schema.signature(op).schema, proto, types, data, opset_imports=_IMPORTS,
        ir_version=schema.IR_VERSION,
    )  # fmt: skip
    options = dict(attrs)
    shape = _shape_by_rank(op, inputs, options)
    kinds = tuple(_read(found, f"o{k}", shape) for k in range(outputs))
    if options.get("ceil_mode") and inputs[0] is not None:
        return tuple(_without_empty_windows(k, inputs[0].shape, options) for k in kinds)
    return kinds


def _without_empty_windows(kind: TensorType, image: Shape, options: dict[str, Any]) -> TensorType:
    """Pooling leaves out a last window that would begin in the padding; ONNX's inference counts it.

    (It was mended there for opset 22; kernels never made it.)
    """
    shape = [*kind.shape]
    strides, pads = options.get("strides"), options.get("pads")
    for i, (size, out) in enumerate(zip(image[2:], shape[2:], strict=True)):
        if isinstance(size, int) and isinstance(out, int):
            stride, begin = strides[i] if strides else 1, pads[i] if pads else 0
            if (out - 1) * stride >= size + begin:
                shape[2 + i] = out - 1
    return TensorType(kind.dtype, tuple(shape))


@functools.lru_cache(maxsize=4096)
def _type_proto(kind: TensorType) -> onnx.TypeProto:
    return helper.make_tensor_type_proto(dtypes.to_onnx(kind.dtype), kind.shape)


def _shape_by_rank(
    op: str, inputs: Sequence[TensorType | None], attrs: dict[str, Any]
) -> Shape | None:
    """What is plain of the result's shape where ONNX gives up: its rank, and sometimes a dim."""
    position = {"Reshape": 1, "Expand": 1, "ConstantOfShape": 0}.get(op)
    if position is not None:
        target = inputs[position]
        length = target.shape[0] if target is not None and len(target.shape) == 1 else None
        return (None,) * length if isinstance(length, int) else None
    x = inputs[0] if inputs else None
    if x is None:
        return None
    if op.endswith("Window"):
        return (None,)
    if op == "Conv" and inputs[1] is not None:
        return (x.shape[0], inputs[1].shape[0], *(None for _ in x.shape[2:]))
    if op == "STFT":
        return (x.shape[0], None, None, 2)
    if op in _SAME_SHAPE:
        return x.shape
    if op in _SAME_RANK or (op.startswith("Reduce") and attrs.get("keepdims", 1)):
        return (None,) * len(x.shape)
    return _shape_by_axes(op, x, inputs[1] if len(inputs) > 1 else None)


def _shape_by_axes(op: str, x: TensorType, axes: TensorType | None) -> Shape | None:
    """The rank where axes are unknown, but not how many they are."""
    sign = {"Unsqueeze": 1, "Squeeze": -1}.get(op, -1 if op.startswith("Reduce") else 0)
    count = axes.shape[0] if axes is not None and len(axes.shape) == 1 else None
    if not sign or not isinstance(count, int):
        return None
    if op.startswith("Reduce") and not count:
        return None  # all axes or none, as noop_with_empty_axes has it
    return (None,) * (len(x.shape) + sign * count)


def _read(found: dict[str, onnx.TypeProto], name: str, shape: Shape | None) -> TensorType:
    if name not in found:
        raise onnx.shape_inference.InferenceError("the standard infers no type for this output")
    tensor = found[name].tensor_type
    dtype = dtypes.from_onnx(tensor.elem_type)
    if not tensor.HasField("shape"):
        if shape is None:
            raise onnx.shape_inference.InferenceError(
                "the rank of the result is unknown: give the target shape (or the axes) as numbers, "
                "or as a tensor of static length"
            )
        return TensorType(dtype, shape)
    return TensorType(
        dtype,
        tuple(
            d.dim_value if d.HasField("dim_value") else (d.dim_param or None)
            for d in tensor.shape.dim
        ),
    )


__all__ = ["Dim", "Shape", "TensorType", "infer"]
