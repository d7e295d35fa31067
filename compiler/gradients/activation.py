"""Rules for activation functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import GradientError
from .. import dtypes, op
from ..autodiff import nondifferentiable, vjp
from ..ir import Tensor, constant, value_if_known
from .common import mask, reshape_like

nondifferentiable("Hardmax", reason="piecewise constant")

_SQRT_2_PI = math.sqrt(2 / math.pi)


@vjp("Relu")
def relu(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` where y > 0; 0 at 0."""
    return dy * mask(op.Greater(y, 0), dy)  # Sign(y) would do, but takes twice as long as these two


@vjp("LeakyRelu")
def leaky_relu(dy: Tensor, y: Tensor, x: Tensor, *, alpha: float) -> Tensor:
    """``dy``, times alpha where x <= 0."""
    return dy * (mask(op.Greater(x, 0), dy) * (1 - alpha) + alpha)


@vjp("PRelu", broadcasts=True)
def prelu(dy: Tensor, y: Tensor, x: Tensor, slope: Tensor) -> Any:
    """``dy``, times the slope where x <= 0; for the slope dy x there."""
    negative = mask(op.LessOrEqual(x, 0), dy)
    return dy * (1 - negative) + dy * negative * slope, dy * negative * x


@vjp("ThresholdedRelu")
def thresholded_relu(dy: Tensor, y: Tensor, x: Tensor, *, alpha: float) -> Tensor:
    """``dy`` where x > alpha."""
    return dy * mask(op.Greater(x, alpha), dy)


def _linear_above_zero(dy: Tensor, x: Tensor, above: float, below: Tensor) -> Tensor:
    """Slope ``above`` for positive x, the tensor ``below`` for the rest."""
    positive = mask(op.Greater(x, 0), dy)
    return dy * (positive * above + (1 - positive) * below)


@vjp("Elu")
def elu(dy: Tensor, y: Tensor, x: Tensor, *, alpha: float) -> Tensor:
    """``dy``, times y + alpha where x <= 0."""
    return _linear_above_zero(dy, x, 1.0, y + alpha)


@vjp("Selu")
def selu(dy: Tensor, y: Tensor, x: Tensor, *, alpha: float, gamma: float) -> Tensor:
    """``dy`` gamma, times alpha e^x where x <= 0."""
    return _linear_above_zero(dy, x, gamma, y + alpha * gamma)


@vjp("Celu")
def celu(dy: Tensor, y: Tensor, x: Tensor, *, alpha: float) -> Tensor:
    """``dy``, times e^(x / alpha) where x <= 0."""
    return _linear_above_zero(dy, x, 1.0, y / alpha + 1)


@vjp("Sigmoid")
def sigmoid(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` y (1 - y)."""
    return dy * y * (1 - y)


@vjp("Tanh")
def tanh(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` (1 - y^2)."""
    return dy * (1 - y * y)


@vjp("Softplus")
def softplus(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` sigmoid(x)."""
    return dy * op.Sigmoid(x)


@vjp("Softsign")
def softsign(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` / (1 + abs x)^2."""
    scale = op.Abs(x) + 1
    return dy / (scale * scale)


@vjp("HardSigmoid")
def hard_sigmoid(dy: Tensor, y: Tensor, x: Tensor, *, alpha: float, beta: float) -> Tensor:
    """``dy`` alpha where 0 < y < 1."""
    inside = op.And(op.Greater(y, 0), op.Less(y, 1))
    return dy * mask(inside, dy) * alpha


@vjp("HardSwish")
def hard_swish(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` (gate + x / 6 where abs x < 3), with gate = hard sigmoid of x."""
    gate = op.HardSigmoid(x, alpha=1 / 6, beta=0.5)
    sloped = mask(op.Less(op.Abs(x), 3), dy)
    return dy * (gate + x * sloped * (1 / 6))


@vjp("Mish")
def mish(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """By the product rule, with tanh(softplus(x)) as a gate."""
    gate = op.Tanh(op.Softplus(x))
    return dy * (gate + x * (1 - gate * gate) * op.Sigmoid(x))


@vjp("Gelu")
def gelu(dy: Tensor, y: Tensor, x: Tensor, *, approximate: str) -> Tensor:
    """``dy`` (cdf + x pdf) of the normal distribution; in its tanh form by that formula."""
    if approximate == "tanh":
        inner = (x + x * x * x * 0.044715) * _SQRT_2_PI
        gate = op.Tanh(inner)
        slope = (x * x * (3 * 0.044715) + 1) * _SQRT_2_PI
        return dy * ((gate + 1) * 0.5 + x * (1 - gate * gate) * slope * 0.5)
    normal_cdf = (op.Erf(x * math.sqrt(0.5)) + 1) * 0.5
    normal_pdf = op.Exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))
    return dy * (normal_cdf + x * normal_pdf)


@vjp("Shrink")
def shrink(dy: Tensor, y: Tensor, x: Tensor, *, bias: float, lambd: float) -> Tensor:
    """``dy`` where abs x > lambd."""
    return dy * mask(op.Greater(op.Abs(x), lambd), dy)


@vjp("Dropout")
def dropout(
    dys: Any, ys: Any, x: Tensor, ratio: Tensor | None = None, training: Tensor | None = None, *,
    seed: Any = None,
) -> Any:  # fmt: skip
    """By the node's own mask: dy mask / (1 - ratio); the ratio by its scale, with the mask given.

    Raises ``GradientError`` for a node that may be in training mode and has no mask.
    """
    dy, y = (dys[0], ys[0]) if isinstance(dys, tuple) else (dys, ys)
    known = value_if_known(training) if training is not None else np.array(False)
    if training is None or (known is not None and not known):
        return (dy, *[None for t in (ratio, training) if t is not None or training is not None])
    if not isinstance(ys, tuple):
        raise GradientError(
            "Dropout in training mode has a gradient rule only with its mask: ask for outputs=2"
        )
    kept = 1 - _ratio(ratio, x)
    scale = 1 / kept if known is not None else op.Where(training, 1 / kept, 1.0)
    dratio = None
    if ratio is not None and dtypes.is_float(ratio.dtype):
        slope = 1 / kept if known is not None else mask(training, x) / kept
        dratio = reshape_like(op.ReduceSum(dy * y, keepdims=0) * slope, ratio)
    return (dy * mask(ys[1], x) * scale, dratio, None)


def _ratio(ratio: Tensor | None, x: Tensor) -> Any:
    return constant(0.5, x.dtype) if ratio is None else op.Cast(ratio, to=x.dtype)


@vjp("Softmax")
def softmax(dy: Tensor, y: Tensor, x: Tensor, *, axis: int) -> Tensor:
    """Each dy less the mean of dy weighted by y, times y."""
    return y * (dy - op.ReduceSum(dy * y, [axis], keepdims=1))


@vjp("LogSoftmax")
def log_softmax(dy: Tensor, y: Tensor, x: Tensor, *, axis: int) -> Tensor:
    """``dy`` - softmax(x) sum(dy)."""
    return dy - op.Exp(y) * op.ReduceSum(dy, [axis], keepdims=1)
