"""Operators that changed after our opset, and new ones that have no good body in the standard."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from ....errors import FileFormatError
from ... import dtypes, op
from ...block import Block
from ...ir import Tensor, TensorType, apply, argument, constant, retyped
from ..partial import literal
from ..values import Call
from .common import axis_of, known_attributes, moved, reshaped, shape_of, size_of, unsupported
from .table import adapter

_FLOAT = TensorProto.FLOAT


def _as(x: Tensor, dtype: dtypes.DType) -> Tensor:
    return x if x.dtype == dtype else op.Cast(x, to=dtype)


# -- changed operators ----------------------------------------------------------------------------


@adapter("QuantizeLinear", since=22)
def quantize_linear(call: Call) -> Any:
    """Since opset 23 operand and scale may differ in type, and ``precision`` says in which to divide."""
    x, scale = call.needed(0), call.needed(1)
    asked = int(call.get("precision", 0))
    dtype = dtypes.from_onnx(asked) if asked else scale.dtype
    if not dtypes.is_float(dtype):
        raise unsupported(call, "precision" if asked else "y_scale", "division needs floats")
    operands = [_as(x, dtype), _as(scale, dtype), call.input(2)]
    return moved(call, operands, "precision")


@adapter("DequantizeLinear", since=22)
def dequantize_linear(call: Call) -> Any:
    """Since opset 23 ``output_dtype`` says in which type to multiply."""
    asked, scale = int(call.get("output_dtype", 0)), call.needed(1)
    dtype = dtypes.from_onnx(asked) if asked else scale.dtype
    operands = [call.needed(0), _as(scale, dtype), call.input(2)]
    return moved(call, operands, "output_dtype")


@adapter("Range")
def range_(call: Call) -> Any:
    """Half precision is counted in single precision (``stash_type``).

    The standard asks for scalars, but its own body of AffineGrid gives vectors of one element.
    """
    bounds = [call.needed(i) for i in range(3)]
    scalars = [_scalar(b) for b in bounds]
    dtype = bounds[0].dtype
    if dtype.name not in ("float16", "bfloat16"):
        return moved(call, scalars, "stash_type")
    if int(call.get("stash_type", _FLOAT)) != _FLOAT:
        raise unsupported(call, "stash_type", "only 1 (float) is")
    known_attributes(call, "stash_type")
    return op.Cast(op.Range(*(op.Cast(b, to=dtypes.FLOAT32) for b in scalars)), to=dtype)


def _scalar(x: Tensor) -> Tensor:
    if x.shape != (1,):
        return x
    known = literal(x)
    return op.Squeeze(x, [0]) if known is None else constant(known.reshape(()))


@adapter("Mod", since=28)
def mod(call: Call) -> Any:
    """Floats have a floored remainder too (``fmod=0``)."""
    a, b = call.needed(0), call.needed(1)
    if call.get("fmod", 0) or not dtypes.is_float(a.dtype):
        return moved(call, [a, b])
    known_attributes(call, "fmod")
    zero = constant(0, a.dtype)
    rest = op.Mod(a, b, fmod=1)
    opposite = op.Less(op.Sign(rest) * op.Sign(b), zero)
    return rest + op.Where(opposite, b, zero)  # b may be infinite


@adapter("SpaceToDepth", since=28)
def space_to_depth(call: Call) -> Any:
    """Since opset 28 channels may come first in the order of the result."""
    mode, block = call.get("mode", "DCR"), int(call.get("blocksize", 0))
    if mode == "DCR":
        return moved(call, call.tensors, "mode")
    if mode != "CRD" or block < 1:
        raise unsupported(call, "mode")
    x = op.SpaceToDepth(call.needed(0), blocksize=block)  # rows, columns of a block; channels
    batch, channels = size_of(x, 0), size_of(call.needed(0), 1)
    rest = op.Concat(size_of(x, 2), size_of(x, 3), axis=0)
    split = op.Reshape(x, op.Concat(batch, [block * block], channels, rest, axis=0))
    return reshaped(op.Transpose(split, perm=(0, 2, 1, 3, 4)), x)


@adapter("BitShift")
def bit_shift(call: Call) -> Any:
    """Signed operands since opset 28, and any distance. What no kernel exists for runs in 64 bits."""
    x, by, direction = call.needed(0), call.needed(1), call.get("direction")
    if call.version < 28 and x.dtype.name != "uint16":
        return moved(call, [x, by])
    known_attributes(call, "direction")
    if direction not in ("LEFT", "RIGHT"):
        raise unsupported(call, "direction")
    distance = op.Cast(by, to=dtypes.INT64)
    inside = op.And(op.GreaterOrEqual(distance, 0), op.Less(distance, 8 * x.dtype.itemsize))
    distance = op.Cast(op.Where(inside, distance, 0), to=np.uint64)
    value, flip = op.Cast(x, to=dtypes.INT64), None
    if (
        x.dtype.kind == "i" and direction == "RIGHT"
    ):  # of a negative number the complement is shifted
        flip = op.Neg(op.Cast(op.Less(value, 0), to=dtypes.INT64))
        value = op.BitwiseXor(value, flip)
    shifted = op.BitShift(op.Cast(value, to=np.uint64), distance, direction=direction)
    kept = op.Cast(shifted, to=dtypes.INT64) * op.Cast(inside, to=dtypes.INT64)
    return op.Cast(kept if flip is None else op.BitwiseXor(kept, flip), to=x.dtype)


# -- new operators --------------------------------------------------------------------------------


@adapter("Swish", since=24)
def swish(call: Call) -> Any:
    """``x * sigmoid(alpha * x)``."""
    known_attributes(call, "alpha")
    return _swish(call.needed(0), float(call.get("alpha", 1.0)))


@adapter("SwiGLU", since=28)
def swiglu(call: Call) -> Any:
    """``swish(a) * b``."""
    known_attributes(call, "alpha")
    return _swish(call.needed(0), float(call.get("alpha", 1.0))) * call.needed(1)


def _swish(x: Tensor, alpha: float) -> Tensor:
    return x * op.Sigmoid(x if alpha == 1 else x * alpha)


@adapter("RMSNormalization", since=23)
def rms_normalization(call: Call) -> Any:
    """``x / sqrt(mean(x^2) + epsilon) * scale``, in single precision where ``stash_type`` says so."""
    known_attributes(call, "axis", "epsilon", "stash_type")
    x, scale = call.needed(0), call.needed(1)
    axes = [*range(axis_of(call, x.ndim, -1), x.ndim)]
    inner = _as(x, dtypes.from_onnx(int(call.get("stash_type", _FLOAT))))
    mean = op.ReduceMean(inner * inner, axes, keepdims=1)
    normalized = inner / op.Sqrt(mean + float(call.get("epsilon", 1e-5)))
    return _as(_as(normalized, x.dtype), scale.dtype) * scale


@adapter("BitCast", since=26)
def bit_cast(call: Call) -> Any:
    """Between integers of one width only: our opset has no other way to the bits."""
    known_attributes(call, "to")
    x, to = call.needed(0), dtypes.from_onnx(int(call.get("to", 0)))
    if x.dtype == to:
        return op.Identity(x)
    if x.dtype.kind in "iu" and to.kind in "iu" and x.dtype.itemsize == to.itemsize:
        return op.Cast(x, to=to)
    raise FileFormatError(
        f"BitCast from {x.dtype.name} to {to.name} is not supported: opset 21 has no operator for it"
    )


@adapter("TensorScatter", since=24)
def tensor_scatter(call: Call) -> Any:
    """Rows of a cache are replaced, from a position per sample on."""
    known_attributes(call, "axis", "mode")
    cache, update, start = call.needed(0), call.needed(1), call.input(2)
    axis, mode = axis_of(call, cache.ndim, -2), call.get("mode", "linear")
    if mode not in ("linear", "circular"):
        raise unsupported(call, "mode")
    if axis == 0:
        raise unsupported(call, "axis", "the first axis is that of the batch")
    zero, one = constant(np.array(0, np.int64)), constant(np.array(1, np.int64))
    places = op.Range(zero, op.Squeeze(size_of(update, axis), [0]), one)
    if start is not None:
        places = op.Unsqueeze(start, [1]) + places
        if mode == "circular":
            places = op.Mod(places, size_of(cache, axis))
    held = {axis} if start is None else {0, axis}
    shaped = op.Unsqueeze(places, [i for i in range(cache.ndim) if i not in held])
    indices = op.Expand(shaped, shape_of(update))
    return op.ScatterElements(cache, indices, update, axis=axis)


@adapter("CumProd", since=26)
def cum_prod(call: Call) -> Any:
    """By doubling: after k rounds an element holds the product of the last 2^k (also of zeros)."""
    known_attributes(call, "exclusive", "reverse")
    x, position = call.needed(0), literal(call.needed(1))
    if position is None or position.size != 1:
        raise FileFormatError("CumProd needs an axis that is known when the file is read")
    axis = int(position.item())
    if not -x.ndim <= axis < x.ndim:
        raise FileFormatError(f"CumProd: there is no axis {axis} in rank {x.ndim}")
    axis %= x.ndim
    reverse = bool(call.get("reverse", 0))
    if call.get("exclusive", 0):
        x = _shifted(x, axis, reverse)
    size = x.shape[axis]
    if not isinstance(size, int):
        return _scanned_product(x, axis, reverse)
    step = 1
    while step < size:
        low, high = (_part(x, axis, 0, -step), _part(x, axis, step, size))
        if reverse:
            x = op.Concat(low * high, _part(x, axis, -step, size), axis=axis)
        else:
            x = op.Concat(_part(x, axis, 0, step), high * low, axis=axis)
        step *= 2
    return x


def _part(x: Tensor, axis: int, start: int, end: int) -> Tensor:
    part: Tensor = op.Slice(x, [start], [end], [axis])
    return part


def _shifted(x: Tensor, axis: int, reverse: bool) -> Tensor:
    """A one comes in at one end, and the element at the other drops out."""
    last = np.iinfo(np.int64).max
    kept = _part(x, axis, 1, last) if reverse else _part(x, axis, 0, -1)
    edge = op.Concat(*([1] if i == axis else size_of(x, i) for i in range(x.ndim)), axis=0)
    ones = op.Expand(constant(1, x.dtype), edge)
    shifted = op.Concat(kept, ones, axis=axis) if reverse else op.Concat(ones, kept, axis=axis)
    return retyped(shifted, x.type)


def _scanned_product(x: Tensor, axis: int, reverse: bool) -> Tensor:
    """One element after the other, where their number is not known."""
    kind = TensorType(x.dtype, (*x.shape[:axis], *x.shape[axis + 1 :]))
    so_far, element = argument("so_far", kind), argument("element", kind)
    product = op.Mul(so_far, element)
    body = Block((so_far, element), (), (product, product))
    others = [size_of(x, i) for i in range(x.ndim) if i != axis]
    shape = op.Concat(*others, axis=0) if others else np.zeros(0, np.int64)
    ones = retyped(op.Expand(constant(1, x.dtype), shape), kind)
    found = apply(
        "Scan", ones, x, body=body, num_scan_inputs=1, outputs=2, scan_input_axes=[axis],
        scan_output_axes=[axis], scan_input_directions=[int(reverse)],
        scan_output_directions=[int(reverse)],
    )  # fmt: skip
    return retyped(found[1], x.type)
