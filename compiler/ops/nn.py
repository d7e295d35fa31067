"""Activations and crossentropies under the names and defaults that ``keras.ops`` gives them."""

from __future__ import annotations

import math

from ...errors import ShapeError
from .. import activations, op
from ..activations import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    swish,
    tanh,
    tanh_shrink,
    threshold,
)
from ..casting import floating
from ..ir import Like, Tensor, constant, convert, stopped
from ..losses import functions
from ..losses.base import comparable


def relu(x: Like) -> Tensor:
    """``max(x, 0)``."""
    return activations.relu(x)


def gelu(x: Like, approximate: bool = True) -> Tensor:
    """``x`` times the normal distribution function at ``x``, by tanh unless told otherwise."""
    return activations.gelu(x, approximate)


def stop_gradient(variable: Like) -> Tensor:
    """``variable``, through which no gradient flows."""
    return stopped(convert(variable))


def binary_crossentropy(target: Like, output: Like, from_logits: bool = False) -> Tensor:
    """``-t log o - (1 - t) log(1 - o)``, element by element."""
    true, pred = comparable(convert(target), floating(output))
    return functions.binary_terms(true, pred, from_logits)


def categorical_crossentropy(
    target: Like, output: Like, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """``-sum t log o`` over ``axis`` for one-hot (or soft) targets."""
    return functions.categorical_crossentropy(target, floating(output), from_logits, axis=axis)


def sparse_categorical_crossentropy(
    target: Like, output: Like, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """``-log o[t]`` for class numbers. A number that is no class fails when it runs."""
    return functions.sparse_categorical_crossentropy(
        target, floating(output), from_logits, axis=axis
    )


def dot_product_attention(
    query: Like, key: Like, value: Like, bias: Like | None = None, mask: Like | None = None,
    scale: float | None = None, is_causal: bool = False, flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:  # fmt: skip
    """``softmax(q k^T / sqrt(depth)) v`` per head, on [batch, time, heads, depth].

    Vaswani et al. 2017. ``mask`` (bool, True = look there) and ``bias`` broadcast to
    [batch, heads, query time, key time]. Raises ``NotImplementedError`` for ``flash_attention=True``.
    """
    if flash_attention:
        raise NotImplementedError("dot_product_attention has no flash_attention; leave it out")
    q, k, v = (op.Transpose(floating(t), perm=(0, 2, 1, 3)) for t in (query, key, value))
    depth = q.shape[-1]
    if scale is None:
        if not isinstance(depth, int):
            raise ShapeError(f"dot_product_attention needs a known depth or scale=; got {q.type}")
        scale = 1 / math.sqrt(depth)
    scores = op.MatMul(q, op.Transpose(k, perm=(0, 1, 3, 2))) * scale
    if attn_logits_soft_cap is not None:
        scores = op.Tanh(scores / attn_logits_soft_cap) * attn_logits_soft_cap
    if bias is not None:
        scores = scores + convert(bias)
    far = constant(-1e9, scores.dtype)
    if is_causal:
        above = op.Trilu(op.Expand(far, op.Shape(scores)), 1, upper=1)
        scores = scores + above
    if mask is not None:
        scores = scores + (1 - op.Cast(mask, to=scores.dtype)) * far
    return op.Transpose(op.MatMul(op.Softmax(scores, axis=-1), v), perm=(0, 2, 1, 3))


__all__ = [
    "binary_crossentropy", "categorical_crossentropy", "celu", "dot_product_attention", "elu",
    "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh",
    "leaky_relu", "log_sigmoid", "log_softmax", "relu", "relu6", "selu", "sigmoid", "silu",
    "soft_shrink", "softmax", "softplus", "softsign", "sparse_categorical_crossentropy",
    "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "stop_gradient", "swish", "tanh",
    "tanh_shrink", "threshold",
]  # fmt: skip
