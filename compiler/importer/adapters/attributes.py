"""Operators whose attributes became inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....errors import FileFormatError
from ... import dtypes, op
from ...dims import is_anonymous
from ...ir import constant
from ..partial import literal
from ..values import Call
from .common import known_attributes, moved, numbers
from .table import adapter


@adapter("Unsqueeze", until=12)
def unsqueeze(call: Call) -> Any:
    """``axes`` is an input since opset 13."""
    if call.get("axes") is None:
        raise FileFormatError("Unsqueeze needs the attribute 'axes'")
    return moved(call, [call.needed(0), numbers(call.get("axes"))], "axes")


@adapter("Squeeze", until=12)
def squeeze(call: Call) -> Any:
    """``axes`` is an input since opset 13."""
    if call.get("axes") is not None:
        return moved(call, [call.needed(0), numbers(call.get("axes"))], "axes")
    return squeeze_all(call)


@adapter("Squeeze", since=13)
def squeeze_all(call: Call) -> Any:
    """Without axes all that have size 1: those with a name in the file are taken to be larger."""
    x, axes = call.needed(0), call.input(1)
    if axes is None and any(is_anonymous(d) for d in x.shape):
        raise FileFormatError(
            f"Squeeze without axes of {x.type}: which axes have size 1 is unknown; give the sizes of "
            "the model's inputs with input_shapes="
        )
    if axes is None and not all(isinstance(d, int) for d in x.shape):
        axes = numbers([i for i, d in enumerate(x.shape) if d == 1])
    return moved(call, [x, axes], "axes")


@adapter("ReduceSum", until=12)
@adapter(
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin",
    "ReduceProd", "ReduceSumSquare", until=17,
)  # fmt: skip
def reduction(call: Call) -> Any:
    """``axes`` is an input since opset 18 (of ReduceSum: 13); none at all means all of them."""
    return moved(call, [call.needed(0), numbers(call.get("axes") or None)], "axes")


@adapter("Slice", until=9)
def slice_(call: Call) -> Any:
    """``starts``, ``ends`` and ``axes`` are inputs since opset 10; steps came with that."""
    starts, ends = call.get("starts"), call.get("ends")
    if starts is None or ends is None or len(starts) != len(ends):
        raise FileFormatError(f"Slice from {starts} to {ends}: both need one number per axis")
    axes = call.get("axes", range(len(starts)))
    operands = [call.needed(0), numbers(starts), numbers(ends), numbers(axes)]
    return moved(call, operands, "starts", "ends", "axes")


@adapter("Pad", until=10)
def pad(call: Call) -> Any:
    """``pads`` and ``value`` are inputs since opset 11."""
    x = call.needed(0)
    if call.get("pads") is None:
        raise FileFormatError("Pad needs the attribute 'pads'")
    fill = constant(np.array(call.get("value", 0.0)), x.dtype)
    plain = call.get("mode", "constant") != "constant" or not call.get("value", 0.0)
    operands = [x, numbers(call.get("pads")), None if plain else fill]
    return moved(call, operands, "pads", "value")


@adapter("Clip", until=10)
def clip(call: Call) -> Any:
    """``min`` and ``max`` are inputs since opset 11."""
    x = call.needed(0)
    bounds = [call.get(n) for n in ("min", "max")]
    limits = [None if b is None else constant(np.array(b), x.dtype) for b in bounds]
    return moved(call, [x, *limits], "min", "max")


@adapter("Dropout", until=11)
def dropout(call: Call) -> Any:
    """There is no training flag before opset 12: it passes its input on.

    The mask was of the input's type before opset 10, and is bool since.
    """
    known_attributes(call, "ratio")
    x = call.needed(0)
    if call.outputs == 1:
        return x
    _, mask = op.Dropout(x, outputs=2)
    return x, op.Cast(mask, to=x.dtype) if call.version < 10 else mask


@adapter("Split")
def split(call: Call) -> Any:
    """``split`` is an input since opset 13; without it, parts are equal before opset 18.

    A small constant is split here: the sizes of a shape are needed one by one.
    """
    usual = call if call.version >= 18 else _split_by_input(call)
    x, sizes, axis = call.needed(0), usual.input(1), int(usual.get("axis", 0))
    known, parts = literal(x), literal(sizes) if sizes is not None else None
    if (
        known is None
        or known.ndim != 1
        or axis not in (0, -1)
        or (sizes is not None and parts is None)
    ):
        return usual
    if parts is None:
        step = -(-known.size // int(usual.get("num_outputs", call.outputs)))
        places = [*range(step, known.size, step)]
    else:
        places = np.cumsum(parts)[:-1].tolist()
    return tuple(constant(np.ascontiguousarray(a)) for a in np.split(known, places))


def _split_by_input(call: Call) -> Call:
    x, sizes = call.needed(0), call.get("split")
    if call.version < 13 and sizes is not None:
        return moved(call, [x, numbers(sizes)], "split")
    if call.version >= 13 and call.input(1) is not None:
        return call
    axis = int(call.get("axis", 0))
    if not -x.ndim <= axis < x.ndim:
        raise FileFormatError(f"Split: there is no axis {axis} in rank {x.ndim}")
    size = x.shape[axis]
    if isinstance(size, int) and size % call.outputs:
        raise FileFormatError(f"Split: {call.outputs} equal parts of {size} there are not")
    return moved(call, [x], num_outputs=call.outputs)


@adapter("TopK", until=9)
def top_k(call: Call) -> Any:
    """``k`` is an input since opset 10."""
    if call.get("k") is None:
        raise FileFormatError("TopK needs the attribute 'k'")
    return moved(call, [call.needed(0), numbers(call.get("k"))], "k")


@adapter("DFT", until=19)
def dft(call: Call) -> Any:
    """``axis`` is an input since opset 20, with another default."""
    axis = constant(np.array(call.get("axis", 1), np.int64))
    return moved(call, [call.needed(0), call.input(1), axis], "axis")


@adapter("CastLike")
def cast_like(call: Call) -> Any:
    """The type is known when the file is read."""
    to = dtypes.to_onnx(call.needed(1).dtype)
    cast = Call("Cast", call.version, call.inputs[:1], {**call.attributes, "to": to}, 1)
    return cast_to(cast)


@adapter("Cast", since=24)
def cast_to(call: Call) -> Any:
    """``round_mode`` is for float8e8m0 alone, which our opset cannot cast to."""
    return moved(call, [call.needed(0)], "round_mode")
