"""Operators whose meaning changed."""

from __future__ import annotations

from typing import Any

from ... import op
from ...ir import apply
from ..values import Call
from .table import adapter


@adapter("Softmax", "LogSoftmax", "Hardmax", until=12)
def softmax(call: Call) -> Any:
    """Over all axes from ``axis`` on, as one: a matrix was meant."""
    x = call.needed(0)
    axis = int(call.get("axis", 1))
    axis = axis + x.ndim if axis < 0 else axis
    if axis == x.ndim - 1:
        return apply(call.op, x, axis=-1)
    flat = op.Flatten(x, axis=axis)
    return op.Reshape(apply(call.op, flat, axis=-1), op.Shape(x))
