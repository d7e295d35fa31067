"""What several adapters need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....errors import FileFormatError
from ...ir import Tensor, TensorType, apply, constant, retyped
from ...schema import OPSET
from ..values import Call


def moved(call: Call, inputs: Sequence[Tensor | None], *used: str, **changes: Any) -> Call:
    """The call as our opset writes it: other inputs, the attributes ``used`` gone, ``changes`` made."""
    rest = {k: v for k, v in call.attributes.items() if k not in used}
    kept = tuple(inputs)
    while kept and kept[-1] is None:
        kept = kept[:-1]
    return Call(call.op, OPSET, kept, {**rest, **changes}, call.outputs)


def renamed(call: Call, op: str) -> Call:
    """The same call of an operator with another name."""
    return Call(op, OPSET, call.inputs, call.attributes, call.outputs)


def known_attributes(call: Call, *names: str) -> None:
    """Raise ``FileFormatError`` where the call has an attribute that an adapter does not look at."""
    unknown = sorted(set(call.attributes) - set(names))
    if unknown:
        raise unsupported(call, unknown[0])


def unsupported(call: Call, attribute: str, why: str = "") -> FileFormatError:
    """The error for an attribute that our opset cannot express."""
    value = call.get(attribute)
    return FileFormatError(
        f"{call.op} of opset {call.version} with {attribute}={value!r} is not supported"
        + (f": {why}" if why else "")
    )


def numbers(values: Any) -> Tensor | None:
    """A list of integers as a constant vector; None stays None."""
    return None if values is None else constant(np.array(values, np.int64).reshape(-1))


def axis_of(call: Call, rank: int, default: int, name: str = "axis") -> int:
    """An axis, counted from the front. Raises ``FileFormatError`` where there is no such axis."""
    axis = int(call.get(name, default))
    if not -rank <= axis < rank:
        raise FileFormatError(f"{call.op}: there is no axis {axis} in rank {rank}")
    return axis % rank


def shape_of(x: Tensor) -> Tensor:
    """The shape as int64: a constant where it is known."""
    if all(isinstance(d, int) for d in x.shape):
        return constant(np.array(x.shape, np.int64))
    shape: Tensor = apply("Shape", x)
    return shape


def size_of(x: Tensor, axis: int) -> Tensor:
    """One dim as an int64 vector of one element: a constant where it is known."""
    size = x.shape[axis]
    if isinstance(size, int):
        return constant(np.array([size], np.int64))
    dim: Tensor = apply("Shape", x, start=axis, end=axis + 1)
    return dim


def reshaped(x: Tensor, like: Tensor) -> Tensor:
    """``x`` in the shape of ``like``, with all that is known of it."""
    target = [d if isinstance(d, int) else -1 for d in like.shape]
    to = numbers(target) if target.count(-1) <= 1 and 0 not in target else shape_of(like)
    return retyped(apply("Reshape", x, to), TensorType(x.dtype, like.shape))
