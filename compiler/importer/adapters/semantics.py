"""Operators whose meaning, defaults or names of modes changed up to our opset."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....errors import FileFormatError
from ... import op
from ...ir import Tensor, TensorType, apply, constant, retyped
from ..partial import literal
from ..values import Call
from .common import axis_of, known_attributes, moved, renamed, reshaped, size_of, unsupported
from .table import adapter


@adapter("Softmax", "LogSoftmax", "Hardmax", until=12)
def softmax(call: Call) -> Any:
    """Over all axes from ``axis`` on, as one: a matrix was meant."""
    known_attributes(call, "axis")
    x = call.needed(0)
    axis = axis_of(call, x.ndim, 1) if x.ndim != 1 or call.get("axis") is not None else 0
    if all(d == 1 for d in x.shape[axis + 1 :]):
        return apply(call.op, x, axis=axis)
    return reshaped(apply(call.op, op.Flatten(x, axis=axis), axis=-1), x)


@adapter("Scatter", until=10)
def scatter(call: Call) -> Any:
    """ScatterElements by its first name."""
    return renamed(call, "ScatterElements")


@adapter("OneHot", until=10)
def one_hot(call: Call) -> Any:
    """A negative index is outside, as one that is too large is; since opset 11 it counts from the end."""
    indices, depth = call.needed(0), call.needed(1)
    beyond = op.Reshape(op.Cast(depth, to=indices.dtype), [1] * indices.ndim)
    negative = op.Less(indices, constant(0, indices.dtype))
    return moved(call, [op.Where(negative, beyond, indices), depth, call.needed(2)])


@adapter("RoiAlign", until=15)
def roi_align(call: Call) -> Any:
    """Without the shift by half a pixel, which is the default since opset 16."""
    return moved(call, call.tensors, coordinate_transformation_mode="output_half_pixel")


@adapter("GridSample", until=19)
def grid_sample(call: Call) -> Any:
    """The modes were called after their two-dimensional cases."""
    names = {"bilinear": "linear", "bicubic": "cubic", "nearest": "nearest"}
    mode = call.get("mode", "bilinear")
    if mode not in names:
        raise unsupported(call, "mode", f"it has {sorted(names)}")
    return moved(call, call.tensors, mode=names[mode])


@adapter("GroupNormalization", until=20)
def group_normalization(call: Call) -> Any:
    """Scale and bias are given per group; since opset 21, per channel."""
    x, groups = call.needed(0), int(call.get("num_groups", 1))
    channels = x.shape[1]

    def per_channel(vector: Tensor) -> Tensor:
        each = op.Div(size_of(x, 1), constant(np.array([groups], np.int64)))
        if isinstance(channels, int):
            each = constant(np.array([channels // groups], np.int64))
        wide = op.Expand(op.Unsqueeze(vector, [1]), op.Concat([groups], each, axis=0))
        return retyped(op.Reshape(wide, [-1]), TensorType(vector.dtype, (channels,)))

    return moved(call, [x, per_channel(call.needed(1)), per_channel(call.needed(2))])


@adapter("BatchNormalization", until=13)
def batch_normalization(call: Call) -> Any:
    """Training is meant where more than one output is asked for; ``spatial=0`` has statistics per element.

    What ``saved_mean`` and ``saved_var`` hold is not said; nobody can use them.
    """
    operands = [call.needed(i) for i in range(5)]
    spatial = call.version >= 9 or call.get("spatial", 1)
    if call.outputs == 1 and spatial:
        return moved(call, operands, "spatial")
    known_attributes(call, "epsilon", "momentum", "spatial")
    if not spatial:
        return _per_element(call, *operands)
    options = {k: call.get(k) for k in ("epsilon", "momentum")}
    return op.BatchNormalization(*operands, **options, training_mode=1, outputs=3)


def _per_element(
    call: Call, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor
) -> Any:
    if call.outputs > 1:
        raise unsupported(call, "spatial", "in training there are no statistics per element")
    deviation = op.Sqrt(variance + float(call.get("epsilon", 1e-5)))
    return (x - mean) / deviation * scale + bias


# -- Upsample and Resize --------------------------------------------------------------------------


def _ones(scales: Tensor) -> Tensor:
    return constant(np.ones(1), scales.dtype)


def _nearest_or_linear(call: Call, x: Tensor, scales: Tensor) -> Any:
    """Resize as it was up to opset 10: from the corner, without a choice of how to round.

    The standard's example and ONNX Runtime round down where an axis grows, and up where it shrinks.
    """
    known_attributes(call, "mode", "scales")
    mode = call.get("mode", "nearest")
    if mode not in ("nearest", "linear", "bilinear"):
        raise unsupported(call, "mode")
    if mode != "nearest":
        return _from_corner(x, scales, mode="linear")
    factors = literal(scales)
    if factors is None or (factors >= 1).all() or (factors > 1).any():
        up = op.Max(scales, _ones(scales)) if factors is None else constant(np.maximum(factors, 1))
        x = _from_corner(x, up, mode="nearest", nearest_mode="floor")
    if factors is None or (factors < 1).any():
        down = (
            op.Min(scales, _ones(scales)) if factors is None else constant(np.minimum(factors, 1))
        )
        x = _from_corner(x, down, mode="nearest", nearest_mode="ceil")
    return x


def _from_corner(x: Tensor, scales: Tensor, **options: Any) -> Tensor:
    resized: Tensor = apply(
        "Resize", x, None, scales, coordinate_transformation_mode="asymmetric", **options
    )
    return resized


@adapter("Upsample", until=9)
def upsample(call: Call) -> Any:
    """Resize by its first name; ``scales`` is an input since opset 9."""
    given = call.get("scales")
    if call.version >= 9 and given is None:
        return _nearest_or_linear(call, call.needed(0), call.needed(1))
    if given is None:
        raise FileFormatError("Upsample needs the attribute 'scales'")
    scales = constant(np.array(given, np.float32))
    return _nearest_or_linear(call, call.needed(0), scales)


@adapter("Resize", until=10)
def resize_10(call: Call) -> Any:
    return _nearest_or_linear(call, call.needed(0), call.needed(1))


@adapter("Resize", since=11)
def resize(call: Call) -> Any:
    """Empty operands stood for those left out; a mode for TensorFlow's files was dropped at opset 13."""
    x, *rest = (*call.tensors, None, None, None)[:4]
    operands = [x, *(None if r is None or r.shape == (0,) else r for r in rest)]
    if call.get("coordinate_transformation_mode") != "tf_half_pixel_for_nn":
        return moved(call, operands)
    if call.get("mode", "nearest") != "nearest" or call.get("nearest_mode") != "floor":
        raise unsupported(
            call, "coordinate_transformation_mode", "only for nearest neighbours, rounding down"
        )
    # floor(u + 1/2) of the usual half-pixel coordinate u is u rounded, halves up
    return moved(
        call, operands, coordinate_transformation_mode="half_pixel",
        nearest_mode="round_prefer_ceil",
    )  # fmt: skip
