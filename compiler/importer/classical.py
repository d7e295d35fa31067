"""Operators of ``ai.onnx.ml`` that are ordinary arithmetic: written as that, they can be differentiated."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from ...errors import FileFormatError
from .. import dtypes, op
from ..ir import Tensor
from .foreign import applied
from .frame import Frame
from .reader import Reader, handler
from .values import Call


def _floats(call: Call) -> Tensor:
    x = call.needed(0)
    return x if x.dtype == dtypes.FLOAT32 else op.Cast(x, to=dtypes.FLOAT32)


@handler("ai.onnx.ml::Scaler")
def scaler(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> Any:
    """``(x - offset) * scale``, each one number or one per feature."""
    x = _floats(call)
    offset, scale = call.get("offset", ()), call.get("scale", ())
    if offset:
        x = x - np.array(offset, np.float32)
    return x * np.array(scale, np.float32) if scale else x


@handler("ai.onnx.ml::Normalizer")
def normalizer(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> Any:
    """Each row divided by its norm; rows of zeros stay."""
    x = _floats(call)
    norm = call.get("norm", "MAX")
    if norm not in ("MAX", "L1", "L2"):
        raise FileFormatError(f"Normalizer(norm={norm!r}): expected 'MAX', 'L1' or 'L2'")
    axis = [max(x.ndim - 1, 0)]
    if norm == "MAX":  # of the values, not of their sizes: as ONNX Runtime has it
        size = op.ReduceMax(x, axis, keepdims=1)
    else:
        size = (op.ReduceL1 if norm == "L1" else op.ReduceL2)(x, axis, keepdims=1)
    return x / (size + op.Cast(op.Equal(size, 0), to=dtypes.FLOAT32))


@handler("ai.onnx.ml::LinearRegressor")
def linear_regressor(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> Any:
    """A matrix product; what the scores are put through afterwards is left to the runtime."""
    targets = int(call.get("targets", 1))
    weights = np.array(call.get("coefficients", ()), np.float32)
    if call.get("post_transform", "NONE") != "NONE" or weights.size % max(targets, 1):
        return applied(call, node, reader.declared)
    x = _floats(call)
    x = op.Unsqueeze(x, [0]) if x.ndim == 1 else x
    y = op.MatMul(x, weights.reshape(targets, -1).T)
    intercepts = call.get("intercepts", ())
    return y + np.array(intercepts, np.float32) if intercepts else y
