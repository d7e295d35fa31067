"""What ONNX Runtime has no kernel for, and what has no good gradient as it stands: the same, otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import dtypes, op
from ...ir import Tensor, TensorType, apply, constant, retyped
from ..partial import literal
from ..values import Call, results_of
from .common import moved, shape_of
from .half import half
from .table import adapter


@adapter("RNN", "GRU", "LSTM")
def recurrent(call: Call) -> Any:
    """``layout=1`` has the batch first in all that has one."""
    if not call.get("layout", 0):
        return half(call)

    def turned(x: Tensor | None) -> Tensor | None:
        return x if x is None else op.Transpose(x, perm=(1, 0, 2))

    operands = list(call.tensors)
    for i in (0, 5, 6):  # X, initial_h, initial_c; 7 is P, which has no batch
        if i < len(operands):
            operands[i] = turned(operands[i])
    usual = half(moved(call, operands, "layout"))
    if isinstance(usual, Call):
        usual = apply(usual.op, *usual.tensors, outputs=call.outputs, **usual.attributes)
    y, *states = results_of(usual)
    return (op.Transpose(y, perm=(2, 0, 1, 3)), *(turned(s) for s in states))


@adapter("Pow")
def power(call: Call) -> Any:
    """Exponents may be of any kind of integer; there are kernels for two of them."""
    base, exponent = call.needed(0), call.needed(1)
    if exponent.dtype.kind not in "iu" or exponent.dtype in (dtypes.INT64, np.int32):
        return call
    return moved(call, [base, op.Cast(exponent, to=dtypes.INT64)])


@adapter("Max", "Min")
def extremum(call: Call) -> Any:
    """There are kernels for integers of 8, 32 and 64 bits."""
    dtype = call.needed(0).dtype
    if dtype.name not in ("int16", "uint16"):
        return call
    wide = [op.Cast(x, to=np.int32) for x in call.tensors if x is not None]
    return op.Cast(apply(call.op, *wide), to=dtype)


@adapter("MaxUnpool")
def max_unpool(call: Call) -> Any:
    """Indices count in the shape that is inferred; ``output_shape`` adds zeros at the ends.

    ONNX Runtime takes indices to count in ``output_shape``, against the standard.
    """
    asked = call.input(2)
    if asked is None:
        return half(call)
    plain = half(moved(call, [call.needed(0), call.needed(1)]))
    if isinstance(plain, Call):
        plain = apply("MaxUnpool", *plain.tensors, **plain.attributes)
    (y,) = results_of(plain)
    after = op.Sub(asked, shape_of(y))
    known = literal(asked)
    if known is not None and all(isinstance(d, int) for d in y.shape):
        after = constant(known - np.array(y.shape))
    padded = op.Pad(y, op.Concat(constant(np.zeros(y.ndim, np.int64)), after, axis=0))
    if known is None:
        return padded
    return retyped(padded, TensorType(y.dtype, tuple(int(d) for d in known)))


@adapter("Where")
def where(call: Call) -> Any:
    """Zero for the rows of a Softmax that are masked altogether: their Softmax is made finite first.

    The bodies of attention compute NaN there and replace it. The gradient of what is replaced is zero, but
    zero times NaN is not.
    """
    rows, zero, y = (call.needed(i) for i in range(3))
    inner, known = y, literal(zero)
    while inner.node.op in ("Cast", "Identity") and inner.node.inputs[0] is not None:
        inner = inner.node.inputs[0]
    x = inner.node.inputs[0] if inner.node.op == "Softmax" else None
    if x is None or known is None or known.size != 1 or known.item() != 0:
        return call
    axis = int(dict(inner.node.attrs).get("axis", -1)) % x.ndim  # type: ignore[arg-type]
    if axis != x.ndim - 1 or not rows.ndim or rows.shape[-1] != 1 or rows.ndim > x.ndim:
        return call
    safe = op.Softmax(_unmasked(x, rows), axis=axis)
    return moved(call, [rows, zero, safe if safe.dtype == y.dtype else op.Cast(safe, to=y.dtype)])


def _unmasked(x: Tensor, rows: Tensor) -> Tensor:
    """``x``, but zero in these rows; where the rows come from a bias that is added, that is changed."""
    nothing = constant(0, x.dtype)
    bias = _reduced(rows)
    if x.node.op == "Add" and bias is not None:
        for i, operand in enumerate(x.node.inputs):
            if operand is not None and operand.key == bias.key:
                other = x.node.inputs[1 - i]
                total: Tensor = apply("Add", other, op.Where(rows, nothing, operand))
                return total
    unmasked: Tensor = op.Where(rows, nothing, x)
    return unmasked


def _reduced(rows: Tensor) -> Tensor | None:
    """``b`` where ``rows`` is ``max(b) == ...``."""
    if rows.node.op != "Equal":
        return None
    for side in rows.node.inputs:
        if side is not None and side.node.op == "ReduceMax":
            return side.node.inputs[0]
    return None
