"""The table of gradient rules, by kind of operator. Importing it fills the table."""

from . import (
    activation,
    control,
    convolution,
    elementwise,
    indexing,
    linalg,
    loss,
    normalization,
    pooling,
    reduction,
    shape,
)

__all__ = [
    "activation", "control", "convolution", "elementwise", "indexing", "linalg", "loss", "normalization",
    "pooling", "reduction", "shape",
]  # fmt: skip
