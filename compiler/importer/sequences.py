"""Operators on sequences and optionals, carried out while the file is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from ...errors import FileFormatError
from ..ir import Tensor, apply, constant
from .control import UNROLLED, inlined, subgraph
from .frame import Frame
from .partial import literal
from .reader import Reader, handler
from .values import Call, Maybe, TensorList, Value


def _list(call: Call, index: int = 0) -> TensorList:
    found = call.inputs[index] if index < len(call.inputs) else None
    found = found.content if isinstance(found, Maybe) else found
    if not isinstance(found, TensorList):
        raise FileFormatError(f"{call.op} takes a sequence as its input {index}")
    return found


def _position(call: Call, index: int, length: int, default: int) -> int:
    """A position that may count from the end. Raises ``FileFormatError`` where it is not known."""
    x = call.input(index)
    if x is None:
        return default
    known = literal(x)
    if known is None:
        raise FileFormatError(f"{call.op} needs a position that is known when the file is read")
    place = int(known.item())
    place = place + length if place < 0 else place
    if not 0 <= place <= length:
        raise FileFormatError(f"{call.op}: there is no position {place} in {length}")
    return place


@handler("SequenceEmpty")
def sequence_empty(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> Value:
    return TensorList(())


@handler("SequenceConstruct")
def sequence_construct(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> Value:
    return TensorList(tuple(t for t in call.tensors if t is not None))


@handler("SequenceAt")
def sequence_at(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> Value:
    items = _list(call).items
    place = _position(call, 1, len(items), 0)
    if place == len(items):
        raise FileFormatError(f"SequenceAt: there is no position {place} in {len(items)}")
    return items[place]


@handler("SequenceInsert")
def sequence_insert(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> Value:
    items = _list(call).items
    added = call.inputs[1]
    if not isinstance(added, Tensor):
        raise FileFormatError("SequenceInsert puts a tensor into a sequence")
    place = len(items)
    if len(call.inputs) > 2:
        rest = Call(call.op, call.version, (call.inputs[2],), {}, 1)
        place = _position(rest, 0, len(items), place)
    return TensorList((*items[:place], added, *items[place:]))


@handler("SequenceErase")
def sequence_erase(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> Value:
    items = _list(call).items
    place = len(items) - 1
    if len(call.inputs) > 1:
        rest = Call(call.op, call.version, (call.inputs[1],), {}, 1)
        place = _position(rest, 0, len(items), place)
    if not 0 <= place < len(items):
        raise FileFormatError(f"SequenceErase: there is no position {place} in {len(items)}")
    return TensorList((*items[:place], *items[place + 1 :]))


@handler("SequenceLength")
def sequence_length(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> Value:
    return constant(np.array(len(_list(call).items), np.int64))


@handler("ConcatFromSequence")
def concat_from_sequence(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> Any:
    items, axis = _list(call).items, call.get("axis")
    if axis is None or not items:
        raise FileFormatError("ConcatFromSequence needs an axis and a sequence that is not empty")
    if call.get("new_axis", 0):
        items = tuple(apply("Unsqueeze", t, [axis]) for t in items)
    return items[0] if len(items) == 1 else apply("Concat", *items, axis=axis)


@handler("SplitToSequence")
def split_to_sequence(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> Value:
    x, axis = call.needed(0), int(call.get("axis", 0))
    if not -x.ndim <= axis < x.ndim:
        raise FileFormatError(f"SplitToSequence: there is no axis {axis} in rank {x.ndim}")
    size = x.shape[axis]
    split = call.input(1)
    sizes = literal(split) if split is not None else np.array(1)
    if sizes is not None and not sizes.ndim and isinstance(size, int):
        step = int(sizes.item())
        if step < 1 or size > step * UNROLLED:
            raise FileFormatError(
                f"SplitToSequence: {size} elements in parts of {step} are more than {UNROLLED} parts"
            )
        sizes = np.array([min(step, size - i) for i in range(0, size, step)], np.int64)
    if sizes is None or not sizes.ndim:
        raise FileFormatError(
            "SplitToSequence needs a number of parts that is known when the file is read"
        )
    parts = apply("Split", x, sizes.astype(np.int64), axis=axis, outputs=len(sizes))
    parts = parts if isinstance(parts, tuple) else (parts,)
    if split is None and not call.get("keepdims", 1):
        parts = tuple(apply("Squeeze", p, [axis]) for p in parts)
    return TensorList(parts)


@handler("SequenceMap")
def sequence_map(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> Any:
    """The body once per element."""
    count = len(_list(call).items)
    columns: list[list[Tensor]] = [[] for _ in range(len(node.output))]
    for i in range(count):
        given = []
        for value in call.inputs:
            if isinstance(value, TensorList) and len(value.items) != count:
                raise FileFormatError("SequenceMap: its sequences have different lengths")
            given.append(value.items[i] if isinstance(value, TensorList) else value)
        for column, found in zip(
            columns, inlined(reader, frame, subgraph(call, "body"), given), strict=True
        ):
            if not isinstance(found, Tensor):
                raise FileFormatError("SequenceMap: its body gives tensors")
            column.append(found)
    return tuple(TensorList(tuple(column)) for column in columns)


@handler("Optional")
def optional(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> Value:
    found = call.inputs[0] if call.inputs else None
    return found if isinstance(found, Maybe) else Maybe(found)


@handler("OptionalHasElement")
def optional_has_element(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> Value:
    found = call.inputs[0] if call.inputs else None
    found = found.content if isinstance(found, Maybe) else found
    return constant(np.array(found is not None))


@handler("OptionalGetElement")
def optional_get_element(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> Value:
    found = call.inputs[0] if call.inputs else None
    found = found.content if isinstance(found, Maybe) else found
    if found is None:
        raise FileFormatError("OptionalGetElement of an optional that has none")
    return found


@handler("Identity")
def identity(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> Any:
    """Of a tensor, a sequence or an optional: the same."""
    found = call.inputs[0] if call.inputs else None
    if found is None:
        raise FileFormatError("Identity needs its input")
    return found
