"""Keras' activation functions: from tensor to tensor, one ONNX node where there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import ArgumentError
from . import config, dtypes, op
from .casting import floating
from .config import custom_object_scope
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
    """``x`` above ``threshold`` (at most ``max_value``), ``negative_slope * (x - threshold)`` below."""
    x = convert(x)
    if not dtypes.is_float(x.dtype):
        x = x if threshold == 0 and not negative_slope else floating(x)
    if threshold == 0:
        y = op.LeakyRelu(x, alpha=negative_slope) if negative_slope else _above_zero(x)
        return y if max_value is None else op.Min(y, max_value)
    above = op.Cast(op.Greater(x, threshold), to=x.dtype)
    y = x * above
    if max_value is not None:
        y = op.Clip(y, convert(0, x.dtype), convert(max_value, x.dtype))
    if negative_slope:
        y = y + (x - threshold) * (1 - above) * negative_slope
    return y


def _above_zero(x: Tensor) -> Tensor:
    """Relu has no kernel for integers."""
    return op.Relu(x) if dtypes.is_float(x.dtype) else op.Max(x, 0)


@_named()
def relu6(x: Like) -> Tensor:
    """``min(max(x, 0), 6)``."""
    return op.Min(_above_zero(convert(x)), 6)


@_named()
def leaky_relu(x: Like, negative_slope: float = 0.2) -> Tensor:
    """``x`` above 0, ``negative_slope * x`` below."""
    return op.LeakyRelu(floating(x), alpha=negative_slope)


@_named()
def elu(x: Like, alpha: float = 1.0) -> Tensor:
    """``alpha * (exp(x) - 1)`` below 0 (Clevert et al. 2016)."""
    return op.Elu(floating(x), alpha=alpha)


@_named()
def selu(x: Like) -> Tensor:
    """Scaled ELU with the constants of Klambauer et al. 2017."""
    return op.Selu(floating(x), alpha=1.6732632423543772, gamma=1.0507009873554805)


@_named()
def celu(x: Like, alpha: float = 1.0) -> Tensor:
    """``alpha * (exp(x / alpha) - 1)`` below 0 (Barron 2017)."""
    return op.Celu(floating(x), alpha=alpha)


@_named()
def gelu(x: Like, approximate: bool = False) -> Tensor:
    """``x`` times the normal distribution function at ``x`` (Hendrycks and Gimpel 2016)."""
    return op.Gelu(floating(x), approximate="tanh" if approximate else "none")


@_named()
def sigmoid(x: Like) -> Tensor:
    """``1 / (1 + exp(-x))``."""
    return op.Sigmoid(floating(x))


@_named()
def hard_sigmoid(x: Like) -> Tensor:
    """``x / 6 + 1/2``, cut to [0, 1]."""
    return op.HardSigmoid(floating(x), alpha=1 / 6, beta=0.5)


@_named("swish")
def silu(x: Like) -> Tensor:
    """``x * sigmoid(x)``."""
    x = floating(x)
    return x * op.Sigmoid(x)


@_named("hard_swish")
def hard_silu(x: Like) -> Tensor:
    """``x * hard_sigmoid(x)``."""
    return op.HardSwish(floating(x))


@_named()
def softmax(x: Like, axis: int | Sequence[int] = -1) -> Tensor:
    """Exponentials that sum to one along ``axis`` (or several axes together)."""
    x = floating(x)
    if x.ndim < 1:
        raise ArgumentError("softmax needs at least one axis")
    return op.Softmax(x, axis=axis) if isinstance(axis, int) else op.Exp(log_softmax(x, axis))


@_named()
def log_softmax(x: Like, axis: int | Sequence[int] = -1) -> Tensor:
    """The logarithm of ``softmax``, computed stably."""
    x = floating(x)
    if isinstance(axis, int):
        return op.LogSoftmax(x, axis=axis)
    return x - op.ReduceLogSumExp(x, [*axis], keepdims=1)


@_named()
def softplus(x: Like) -> Tensor:
    """``log(1 + exp(x))``."""
    return op.Softplus(floating(x))


@_named()
def softsign(x: Like) -> Tensor:
    """``x / (1 + |x|)``."""
    return op.Softsign(floating(x))


@_named()
def tanh(x: Like) -> Tensor:
    """Hyperbolic tangent."""
    return op.Tanh(floating(x))


@_named()
def exponential(x: Like) -> Tensor:
    """``exp(x)``."""
    return op.Exp(floating(x))


@_named()
def mish(x: Like) -> Tensor:
    """``x * tanh(softplus(x))`` (Misra 2019)."""
    return op.Mish(floating(x))


@_named()
def glu(x: Like, axis: int = -1) -> Tensor:
    """Half of the channels, gated by the sigmoid of the others (Dauphin et al. 2016)."""
    x = floating(x)
    size = x.shape[axis]
    if isinstance(size, int) and size % 2:
        raise ArgumentError(f"glu halves axis {axis} of {x.type}, whose size is odd")
    value, gate = op.Split(x, num_outputs=2, axis=axis)
    return value * op.Sigmoid(gate)


@_named()
def log_sigmoid(x: Like) -> Tensor:
    """``-softplus(-x)``."""
    return -op.Softplus(-floating(x))


@_named()
def squareplus(x: Like, b: float = 4.0) -> Tensor:
    """``(x + sqrt(x^2 + b)) / 2`` (Barron 2021)."""
    x = floating(x)
    return (x + op.Sqrt(x * x + b)) * 0.5


@_named()
def tanh_shrink(x: Like) -> Tensor:
    """``x - tanh(x)``."""
    x = floating(x)
    return x - op.Tanh(x)


@_named()
def soft_shrink(x: Like, threshold: float = 0.5) -> Tensor:
    """``x`` drawn towards 0 by ``threshold``."""
    x = floating(x)
    return op.Relu(x - threshold) - op.Relu(-x - threshold)


@_named()
def hard_tanh(x: Like) -> Tensor:
    """``x`` cut to [-1, 1]."""
    x = floating(x)
    return op.Clip(x, convert(-1, x.dtype), convert(1, x.dtype))


@_named()
def hard_shrink(x: Like, threshold: float = 0.5) -> Tensor:
    """``x`` where it is farther than ``threshold`` from 0, else 0."""
    x = floating(x)
    return x * op.Cast(op.Greater(op.Abs(x), threshold), to=x.dtype)


@_named()
def threshold(x: Like, threshold: float, default_value: float) -> Tensor:
    """``x`` above ``threshold``, else ``default_value``."""
    x = floating(x)
    return op.Where(op.Greater(x, threshold), x, convert(default_value, x.dtype))


@_named()
def sparse_plus(x: Like) -> Tensor:
    """0 up to -1, ``x`` from 1 on, ``(x + 1)^2 / 4`` between."""
    x = floating(x)
    bend = op.Clip(x + 1.0, convert(0, x.dtype), convert(2, x.dtype))
    return bend * bend * 0.25 + op.Relu(x - 1.0)


@_named()
def sparse_sigmoid(x: Like) -> Tensor:
    """``(x + 1) / 2``, cut to [0, 1]."""
    return op.HardSigmoid(floating(x), alpha=0.5, beta=0.5)


swish = silu
hard_swish = hard_silu


@_named()
def sparsemax(x: Like, axis: int = -1) -> Tensor:
    """The point of the simplex along ``axis`` that is nearest to ``x``: many entries are exactly 0.

    Martins and Astudillo 2016, algorithm 1.
    """
    x = floating(x)
    count = op.Shape(x)[axis]
    ordered, _ = op.TopK(x, op.Reshape(count, [1]), axis=axis)
    line = [1] * x.ndim
    line[axis] = -1
    ranks = op.Reshape(op.Cast(op.Range(1, count + 1, 1), to=x.dtype), line)
    total = op.CumSum(ordered, axis)
    inside = op.Cast(ranks * ordered + 1.0 > total, to=x.dtype)
    size = op.ReduceSum(inside, [axis], keepdims=1)
    threshold_ = (op.ReduceSum(ordered * inside, [axis], keepdims=1) - 1.0) / size
    return op.Relu(x - threshold_)


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


def serialize(activation: Any) -> str | dict[str, Any]:
    """What a configuration keeps of an activation: a name for those defined here."""
    name = getattr(activation, "__name__", "")
    if _FUNCTIONS.get(name) is activation:
        return name
    return config.serialize(activation)


def deserialize(
    config: Any, custom_objects: Mapping[str, Any] | None = None
) -> Callable[..., Tensor]:
    """The activation that ``serialize`` wrote (or a plain name); ``custom_objects`` are yours by name."""
    with custom_object_scope(custom_objects or {}):
        return get(config)


__all__ = [
    "celu", "deserialize", "elu", "exponential", "gelu", "get", "glu", "hard_shrink",
    "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "leaky_relu", "linear", "log_sigmoid",
    "log_softmax", "mish", "relu", "relu6", "selu", "serialize", "sigmoid", "silu", "soft_shrink",
    "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus",
    "swish", "tanh", "tanh_shrink", "threshold",
]  # fmt: skip
