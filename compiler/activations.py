"""Keras' activation functions: plain functions from tensor to tensor, one ONNX node where there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import ArgumentError
from . import config, op
from .ir import Like, Tensor, convert

_FUNCTIONS: dict[str, Callable[..., Tensor]] = {}


def _named(*aliases: str) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    def register(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        config.register_own(function)
        _FUNCTIONS.update(dict.fromkeys((function.__name__, *aliases), function))
        return function

    return register


@_named()
def linear(x: Like) -> Tensor:
    """``x``."""
    return convert(x)


@_named()
def relu(
    x: Like, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Tensor:
    """``x`` above ``threshold``, at most ``max_value``; below it ``negative_slope * (x - threshold)``."""
    x = convert(x)
    if threshold == 0:
        y = op.LeakyRelu(x, alpha=negative_slope) if negative_slope else op.Relu(x)
        return y if max_value is None else op.Min(y, max_value)
    above = op.Cast(op.Greater(x, threshold), to=x.dtype)
    y = x * above
    if max_value is not None:
        y = op.Min(y, max_value)
    if negative_slope:
        y = y + (x - threshold) * (1 - above) * negative_slope
    return y


@_named()
def relu6(x: Like) -> Tensor:
    """``min(max(x, 0), 6)``."""
    return op.Min(op.Relu(x), 6.0)


@_named()
def leaky_relu(x: Like, negative_slope: float = 0.2) -> Tensor:
    """``x`` above 0, ``negative_slope * x`` below."""
    return op.LeakyRelu(x, alpha=negative_slope)


@_named()
def elu(x: Like, alpha: float = 1.0) -> Tensor:
    """``alpha * (exp(x) - 1)`` below 0 (Clevert et al. 2016)."""
    return op.Elu(x, alpha=alpha)


@_named()
def selu(x: Like) -> Tensor:
    """Scaled ELU with the constants of Klambauer et al. 2017."""
    return op.Selu(x, alpha=1.6732632423543772, gamma=1.0507009873554805)


@_named()
def celu(x: Like, alpha: float = 1.0) -> Tensor:
    """``alpha * (exp(x / alpha) - 1)`` below 0 (Barron 2017)."""
    return op.Celu(x, alpha=alpha)


@_named()
def gelu(x: Like, approximate: bool = False) -> Tensor:
    """``x`` times the normal distribution function at ``x`` (Hendrycks and Gimpel 2016)."""
    return op.Gelu(x, approximate="tanh" if approximate else "none")


@_named()
def sigmoid(x: Like) -> Tensor:
    """``1 / (1 + exp(-x))``."""
    return op.Sigmoid(x)


@_named()
def hard_sigmoid(x: Like) -> Tensor:
    """``x / 6 + 1/2``, cut to [0, 1]."""
    return op.HardSigmoid(x, alpha=1 / 6, beta=0.5)


@_named("swish")
def silu(x: Like) -> Tensor:
    """``x * sigmoid(x)``."""
    x = convert(x)
    return x * op.Sigmoid(x)


@_named("hard_swish")
def hard_silu(x: Like) -> Tensor:
    """``x * hard_sigmoid(x)``."""
    return op.HardSwish(x)


@_named()
def softmax(x: Like, axis: int = -1) -> Tensor:
    """Exponentials that sum to one along ``axis``."""
    x = convert(x)
    if x.ndim < 1:
        raise ArgumentError("softmax needs at least one axis")
    return op.Softmax(x, axis=axis)


@_named()
def log_softmax(x: Like, axis: int = -1) -> Tensor:
    """The logarithm of ``softmax``, computed stably."""
    return op.LogSoftmax(x, axis=axis)


@_named()
def softplus(x: Like) -> Tensor:
    """``log(1 + exp(x))``."""
    return op.Softplus(x)


@_named()
def softsign(x: Like) -> Tensor:
    """``x / (1 + |x|)``."""
    return op.Softsign(x)


@_named()
def tanh(x: Like) -> Tensor:
    """Hyperbolic tangent."""
    return op.Tanh(x)


@_named()
def exponential(x: Like) -> Tensor:
    """``exp(x)``."""
    return op.Exp(x)


@_named()
def mish(x: Like) -> Tensor:
    """``x * tanh(softplus(x))`` (Misra 2019)."""
    return op.Mish(x)


@_named()
def glu(x: Like, axis: int = -1) -> Tensor:
    """Half of the channels, gated by the sigmoid of the others (Dauphin et al. 2016)."""
    value, gate = op.Split(x, num_outputs=2, axis=axis)
    return value * op.Sigmoid(gate)


@_named()
def log_sigmoid(x: Like) -> Tensor:
    """``-softplus(-x)``."""
    return -op.Softplus(-convert(x))


@_named()
def squareplus(x: Like, b: float = 4.0) -> Tensor:
    """``(x + sqrt(x^2 + b)) / 2`` (Barron 2021)."""
    x = convert(x)
    return (x + op.Sqrt(x * x + b)) * 0.5


@_named()
def tanh_shrink(x: Like) -> Tensor:
    """``x - tanh(x)``."""
    x = convert(x)
    return x - op.Tanh(x)


@_named()
def soft_shrink(x: Like, threshold: float = 0.5) -> Tensor:
    """``x`` drawn towards 0 by ``threshold``."""
    x = convert(x)
    return op.Relu(x - threshold) - op.Relu(-x - threshold)


swish = silu
hard_swish = hard_silu


def get(identifier: Any) -> Callable[..., Tensor]:
    """The function for a name, a function, a saved dict, or None (linear)."""
    if identifier is None:
        return linear
    if isinstance(identifier, str):
        return config.lookup("activation", identifier, _FUNCTIONS)
    if isinstance(identifier, dict):
        found: Callable[..., Tensor] = config.deserialize(identifier)
        return found
    if callable(identifier):
        return identifier  # type: ignore[no-any-return]
    raise ArgumentError(f"{identifier!r} is no activation: expected a name or a function")


def serialize(activation: Any) -> dict[str, Any]:
    """What a configuration keeps of an activation."""
    return config.serialize(activation)


def deserialize(data: Any) -> Callable[..., Tensor]:
    """The activation that ``serialize`` wrote (or a plain name)."""
    return get(data)


__all__ = [
    "celu", "deserialize", "elu", "exponential", "gelu", "get", "glu", "hard_sigmoid", "hard_silu",
    "hard_swish", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6",
    "selu", "serialize", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign",
    "squareplus", "swish", "tanh", "tanh_shrink",
]  # fmt: skip
