"""Activations under the names that ``keras.ops`` gives them."""

from __future__ import annotations

from ..activations import (
    celu,
    elu,
    gelu,
    glu,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    squareplus,
    swish,
    tanh,
    tanh_shrink,
)
from ..losses.functions import categorical_crossentropy, sparse_categorical_crossentropy

__all__ = [
    "categorical_crossentropy", "celu", "elu", "gelu", "glu", "hard_sigmoid", "hard_silu",
    "hard_swish", "leaky_relu", "log_sigmoid", "log_softmax", "relu", "relu6", "selu", "sigmoid",
    "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_categorical_crossentropy",
    "squareplus", "swish", "tanh", "tanh_shrink",
]  # fmt: skip
