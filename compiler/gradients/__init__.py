"""The table of gradient rules, by kind of operator. Importing it fills the table."""

from . import (
    activation,
    control,
    convolution,
    einsum,
    elementwise,
    indexing,
    linalg,
    loss,
    normalization,
    pooling,
    reduction,
    resampling,
    shape,
)

__all__ = [
    "activation", "control", "convolution", "einsum", "elementwise", "indexing", "linalg", "loss",
    "normalization", "pooling", "reduction", "resampling", "shape",
]  # fmt: skip
