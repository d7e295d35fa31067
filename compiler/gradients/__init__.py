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
    sampling,
    shape,
)

__all__ = [
    "activation", "control", "convolution", "einsum", "elementwise", "indexing", "linalg", "loss",
    "normalization", "pooling", "reduction", "resampling", "sampling", "shape",
]  # fmt: skip
