"""The activation functions of RNN, GRU and LSTM: each gives its value and its slope.

Written with operators that have double kernels on CPU (LeakyRelu, Elu, Softplus and others have none).
Source: https://onnx.ai/onnx/operators/onnx__LSTM.html, "Activation functions".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ....errors import GradientError
from ... import op
from ...ir import Tensor, constant
from ..common import expand_like, mask

Pair: TypeAlias = "tuple[Tensor, Tensor]"


def _relu(x: Tensor) -> Pair:
    y = op.Relu(x)
    return y, _relu_slope(y)


def _relu_slope(y: Tensor) -> Tensor:
    return op.Sign(y)


def _tanh(x: Tensor) -> Pair:
    y = op.Tanh(x)
    return y, _tanh_slope(y)


def _tanh_slope(y: Tensor) -> Tensor:
    return 1 - y * y


def _sigmoid(x: Tensor) -> Pair:
    y = op.Sigmoid(x)
    return y, _sigmoid_slope(y)


def _sigmoid_slope(y: Tensor) -> Tensor:
    return y * (1 - y)


def _affine(x: Tensor, alpha: float, beta: float) -> Pair:
    return x * alpha + beta, expand_like(constant(alpha, x.dtype), x)


def _leaky_relu(x: Tensor, alpha: float) -> Pair:
    slope = mask(op.Greater(x, 0), x) * (1 - alpha) + alpha
    return x * slope, slope


def _thresholded_relu(x: Tensor, alpha: float) -> Pair:
    slope = mask(op.GreaterOrEqual(x, alpha), x)
    return x * slope, slope


def _scaled_tanh(x: Tensor, alpha: float, beta: float) -> Pair:
    y = op.Tanh(x * beta)
    return y * alpha, (1 - y * y) * (alpha * beta)


def _hard_sigmoid(x: Tensor, alpha: float, beta: float) -> Pair:
    y = op.Clip(x * alpha + beta, 0.0, 1.0)
    return y, mask(op.And(op.Greater(y, 0), op.Less(y, 1)), x) * alpha


def _elu(x: Tensor, alpha: float) -> Pair:
    positive, falling = mask(op.Greater(x, 0), x), op.Exp(op.Min(x, 0)) * alpha
    return op.Max(x, 0) + falling - alpha, positive + (1 - positive) * falling


def _softsign(x: Tensor) -> Pair:
    scale = op.Abs(x) + 1
    return x / scale, 1 / (scale * scale)


def _softplus(x: Tensor) -> Pair:
    return op.Max(x, 0) + op.Log(op.Exp(-op.Abs(x)) + 1), op.Sigmoid(x)


@dataclass(frozen=True)
class _Function:
    """A function with its numbers of alpha and beta, and what these are if they are not given.

    Where ``defaults`` has less than that, the standard and ONNX Runtime (which takes 0) do not agree.
    """

    pair: Callable[..., Pair]
    numbers: int = 0
    defaults: tuple[float, ...] = ()
    slope_at: Callable[[Tensor], Tensor] | None = None


_FUNCTIONS = {
    "affine": _Function(_affine, 2),
    "elu": _Function(_elu, 1, (1.0,)),
    "hardsigmoid": _Function(_hard_sigmoid, 2, (0.2, 0.5)),
    "leakyrelu": _Function(_leaky_relu, 1, (0.01,)),
    "relu": _Function(_relu, slope_at=_relu_slope),
    "scaledtanh": _Function(_scaled_tanh, 2),
    "sigmoid": _Function(_sigmoid, slope_at=_sigmoid_slope),
    "softplus": _Function(_softplus),
    "softsign": _Function(_softsign),
    "tanh": _Function(_tanh, slope_at=_tanh_slope),
    "thresholdedrelu": _Function(_thresholded_relu, 1),
}


@dataclass(frozen=True)
class Activation:
    """One activation function with its numbers, after the clipping of what goes into it."""

    function: _Function
    numbers: tuple[float, ...]
    clip: float | None

    def __call__(self, x: Tensor) -> Pair:
        """``f(clip(x))`` and its derivative."""
        if self.clip is None:
            return self.function.pair(x, *self.numbers)
        y, slope = self.function.pair(op.Clip(x, -self.clip, self.clip), *self.numbers)
        return y, slope * mask(op.LessOrEqual(op.Abs(x), self.clip), x)

    def slope_at(self, y: Tensor) -> Tensor | None:
        """The derivative where the value is ``y``; None where that does not tell."""
        if self.clip is not None or self.function.slope_at is None:
            return None
        return self.function.slope_at(y)


def activations(
    names: Sequence[str], alphas: Sequence[float], betas: Sequence[float], clips: Sequence[float | None]
) -> list[Activation]:  # fmt: skip
    """The functions by name; each that has alpha or beta takes the next ones given.

    Raises ``GradientError`` for an unknown name, and for a missing number without a default.
    """
    left = list(alphas), list(betas)
    found = []
    for name, clip in zip(names, clips, strict=True):
        function = _FUNCTIONS.get(name.lower())
        if function is None:
            raise GradientError(
                f"a recurrent layer has the activation {name!r}; the standard knows {sorted(_FUNCTIONS)}"
            )
        numbers = [_number(name, function, k, left[k]) for k in range(function.numbers)]
        found.append(Activation(function, tuple(numbers), clip))
    return found


def _number(name: str, function: _Function, place: int, left: list[float]) -> float:
    if left:
        return left.pop(0)
    if place < len(function.defaults):
        return function.defaults[place]
    what = ("activation_alpha", "activation_beta")[place]
    raise GradientError(
        f"a recurrent layer has the activation {name!r} without {what}, for which the standard and "
        f"ONNX Runtime have no common default; give {what}"
    )
