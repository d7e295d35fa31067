"""Rules for activation functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import GradientError
from .. import op
from ..autodiff import nondifferentiable, vjp
from ..ir import Tensor, constant, value_if_known
from .common import mask

nondifferentiable("Hardmax")

_SQRT_2_PI = math.sqrt(2 / math.pi)


@vjp("Relu")
def relu(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy * op.Sign(y)  # y >= 0, so this is the 0/1 mask in one operator


@vjp("LeakyRelu")
def leaky_relu(dy: Tensor, y: Tensor, x: Tensor, *, alpha: float) -> Tensor:
    return dy * (mask(op.Greater(x, 0), dy) * (1 - alpha) + alpha)


@vjp("PRelu", broadcasts=True)
def prelu(dy: Tensor, y: Tensor, x: Tensor, slope: Tensor) -> Any:
    negative = mask(op.LessOrEqual(x, 0), dy)
    return dy * (1 - negative) + dy * negative * slope, dy * negative * x


@vjp("ThresholdedRelu")
def thresholded_relu(dy: Tensor, y: Tensor, x: Tensor, *, alpha: float) -> Tensor:
    return dy * mask(op.Greater(x, alpha), dy)


def _linear_above_zero(dy: Tensor, x: Tensor, above: float, below: Tensor) -> Tensor:
    """Slope ``above`` for positive x, the tensor ``below`` for the rest."""
    positive = mask(op.Greater(x, 0), dy)
    return dy * (positive * above + (1 - positive) * below)


@vjp("Elu")
def elu(dy: Tensor, y: Tensor, x: Tensor, *, alpha: float) -> Tensor:
    return _linear_above_zero(dy, x, 1.0, y + alpha)


@vjp("Selu")
def selu(dy: Tensor, y: Tensor, x: Tensor, *, alpha: float, gamma: float) -> Tensor:
    return _linear_above_zero(dy, x, gamma, y + alpha * gamma)


@vjp("Celu")
def celu(dy: Tensor, y: Tensor, x: Tensor, *, alpha: float) -> Tensor:
    return _linear_above_zero(dy, x, 1.0, y / alpha + 1)


@vjp("Sigmoid")
def sigmoid(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy * y * (1 - y)


@vjp("Tanh")
def tanh(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy * (1 - y * y)


@vjp("Softplus")
def softplus(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return dy * op.Sigmoid(x)


@vjp("Softsign")
def softsign(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    scale = op.Abs(x) + 1
    return dy / (scale * scale)


@vjp("HardSigmoid")
def hard_sigmoid(dy: Tensor, y: Tensor, x: Tensor, *, alpha: float, beta: float) -> Tensor:
    inside = op.And(op.Greater(y, 0), op.Less(y, 1))
    return dy * mask(inside, dy) * alpha


@vjp("HardSwish")
def hard_swish(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    gate = op.HardSigmoid(x, alpha=1 / 6, beta=0.5)
    sloped = mask(op.Less(op.Abs(x), 3), dy)
    return dy * (gate + x * sloped * (1 / 6))


@vjp("Mish")
def mish(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    gate = op.Tanh(op.Softplus(x))
    return dy * (gate + x * (1 - gate * gate) * op.Sigmoid(x))


@vjp("Gelu")
def gelu(dy: Tensor, y: Tensor, x: Tensor, *, approximate: str) -> Tensor:
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
    return dy * mask(op.Greater(op.Abs(x), lambd), dy)


@vjp("Dropout")
def dropout(
    dys: Any, ys: Any, x: Tensor, ratio: Tensor | None = None, training: Tensor | None = None, *,
    seed: Any = None,
) -> Any:  # fmt: skip
    rest = (None,) * (2 if training is not None else 1 if ratio is not None else 0)
    dy, known = dys, value_if_known(training) if training is not None else np.array(False)
    if known is not None and not known:
        return (dy[0] if isinstance(dy, tuple) else dy, *rest)
    if not isinstance(ys, tuple):
        raise GradientError(
            "Dropout in training mode has a gradient rule only with its mask: ask for outputs=2"
        )
    scale = 1.0 if training is None else op.Where(training, 1 / (1 - _ratio(ratio, x)), 1.0)
    return (dys[0] * mask(ys[1], x) * scale, *rest)


def _ratio(ratio: Tensor | None, x: Tensor) -> Any:
    return constant(0.5, x.dtype) if ratio is None else op.Cast(ratio, to=x.dtype)


@vjp("Softmax")
def softmax(dy: Tensor, y: Tensor, x: Tensor, *, axis: int) -> Tensor:
    return y * (dy - op.ReduceSum(dy * y, [axis], keepdims=1))


@vjp("LogSoftmax")
def log_softmax(dy: Tensor, y: Tensor, x: Tensor, *, axis: int) -> Tensor:
    return dy - op.Exp(y) * op.ReduceSum(dy, [axis], keepdims=1)
