"""Rules for quantisation, as the mathematics has it.

Rounding is piecewise constant: nothing flows through QuantizeLinear to what it quantises. The
straight-through estimator (Bengio, Leonard and Courville 2013), which takes rounding for the identity,
is no gradient and never put in silently: write ``x + stop_gradient(quantised - x)`` where it is wanted.
Scales are another matter: what DequantizeLinear gives is linear in its scale.
"""

from __future__ import annotations

from typing import Any

from .. import op
from ..autodiff import nondifferentiable, vjp
from ..ir import Tensor, constant
from .common import padded, reshape_like, shape_of
from .composed import composed

nondifferentiable("QuantizeLinear", reason="rounds: piecewise constant in all of its inputs")


@vjp("DequantizeLinear")
def dequantize_linear(
    dy: Tensor, y: Tensor, x: Tensor, scale: Tensor, zero_point: Tensor | None = None, *, axis: int,
    block_size: int,
) -> Any:  # fmt: skip
    """By the scale alone: dy times (x - zero point), summed to the scale's shape."""
    one = constant(1, scale.dtype)
    ones = op.Expand(one, shape_of(scale)) if scale.ndim else one
    steps = op.DequantizeLinear(x, ones, zero_point, axis=axis, block_size=block_size)
    part = dy * steps
    if scale.ndim == 0:
        dscale = op.ReduceSum(part, keepdims=0)
    elif scale.ndim == 1 and not block_size:
        whole = scale.shape == (1,) and x.shape[axis] != 1  # one scale for all, as a vector
        others = [i for i in range(x.ndim) if whole or i != axis % x.ndim]
        dscale = op.ReduceSum(part, others, keepdims=0) if others else part
        dscale = reshape_like(dscale, scale) if whole else dscale
    else:
        dscale = _sum_blocks(part, scale, axis % x.ndim, block_size)
    return (None, dscale) if zero_point is None else (None, dscale, None)


def _sum_blocks(part: Tensor, scale: Tensor, axis: int, block: int) -> Tensor:
    """Sums over blocks along ``axis``; the last block may be short."""
    count = op.Gather(shape_of(scale), [axis])
    short = count * block - op.Gather(shape_of(part), [axis])
    filled = padded(part, op.Concat([0], short, axis=0), op.Reshape(axis, [1]))
    shape = shape_of(scale)
    split = op.Concat(shape[: axis + 1], [block], shape[axis + 1 :], axis=0)
    return op.ReduceSum(op.Reshape(filled, split), [axis + 1], keepdims=0)


@composed("DynamicQuantizeLinear")
def dynamic_quantize_linear(x: Tensor) -> Any:
    """By the scale alone: (max(x, 0) - min(x, 0)) / 255; the rounded outputs are constant."""
    high = op.Max(op.ReduceMax(x, keepdims=0), 0)
    low = op.Min(op.ReduceMin(x, keepdims=0), 0)
    return None, (high - low) / 255, None
