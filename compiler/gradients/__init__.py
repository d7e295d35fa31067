"""The table of gradient rules, by kind of operator. Importing it fills the table."""

from . import (
    activation,
    control,
    convolution,
    deformable,
    einsum,
    elementwise,
    indexing,
    linalg,
    loss,
    normalization,
    pooling,
    quantization,
    recurrent,
    reduction,
    regions,
    resampling,
    sampling,
    shape,
    spectral,
)

__all__ = [
    "activation", "control", "convolution", "deformable", "einsum", "elementwise", "indexing",
    "linalg", "loss", "normalization", "pooling", "quantization", "recurrent", "reduction",
    "regions", "resampling", "sampling", "shape", "spectral",
]  # fmt: skip
