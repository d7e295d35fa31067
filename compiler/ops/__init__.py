"""``keras.ops``: functions over tensors that work at the prompt and in traced functions alike."""

from __future__ import annotations

from typing import Any

from . import (
    convolution,
    creation,
    elementwise,
    indexing,
    linalg,
    logic,
    nn,
    normalization,
    reduction,
    shapes,
)
from .convolution import *  # noqa: F403
from .creation import *  # noqa: F403
from .elementwise import *  # noqa: F403
from .indexing import *  # noqa: F403
from .linalg import *  # noqa: F403
from .logic import *  # noqa: F403
from .nn import *  # noqa: F403
from .normalization import *  # noqa: F403
from .reduction import *  # noqa: F403
from .shapes import *  # noqa: F403

# Keras has these and this version does not.
MISSING = (
    "adaptive_average_pool", "adaptive_max_pool", "angle", "argpartition", "array_split",
    "associative_scan", "bartlett", "bincount", "bitwise_left_shift", "bitwise_right_shift",
    "blackman", "cdist", "cholesky", "cholesky_inverse", "column_stack", "cond", "conj",
    "conjugate", "corrcoef", "correlate", "ctc_decode", "ctc_loss", "cumprod", "custom_gradient",
    "det", "diagflat", "digitize", "dsplit", "dstack", "eig", "eigh", "erfinv",
    "extract_sequences", "fft", "fft2", "fmax", "fmin", "fold", "fori_loop", "gammainc", "gcd",
    "geomspace", "get_item", "hamming", "hanning", "histogram", "hsplit", "i0", "ifft2", "imag",
    "inv", "irfft", "isreal", "istft", "jvp", "kaiser", "kron", "lcm", "ldexp", "left_shift",
    "logdet", "lstsq", "lu_factor", "map", "matrix_power", "matrix_rank", "nanargmax",
    "nanargmin", "nancumprod", "nancumsum", "nanmax", "nanmean", "nanmedian", "nanmin",
    "nanpercentile", "nanprod", "nanquantile", "nanstd", "nansum", "nanvar", "nextafter",
    "percentile", "pinv", "polar", "psnr", "qr", "quantile", "real", "rearrange", "rfft",
    "right_shift", "scan", "segment_max", "segment_min", "segment_prod",
    "select", "slogdet", "solve", "solve_triangular", "sparsemax", "stft", "svd", "switch",
    "trapezoid", "unfold", "unique", "unravel_index", "vander", "vectorize", "vectorized_map",
    "view", "view_as_complex", "view_as_real", "vsplit", "while_loop",
)  # fmt: skip
_INSTEAD = {
    "adaptive_average_pool": "wh.ops.average_pool",
    "adaptive_max_pool": "wh.ops.max_pool",
    "associative_scan": "a Python loop inside wh.function",
    "bitwise_left_shift": "wh.op.BitShift",
    "bitwise_right_shift": "wh.op.BitShift",
    "cond": "wh.ops.where over both results",
    "cumprod": "wh.ops.exp(wh.ops.cumsum(wh.ops.log(x))) for positive x",
    "custom_gradient": "wh.ops.stop_gradient to build the form you want",
    "det": "wh.op.Det",
    "erfinv": "scipy on values",
    "fori_loop": "a Python loop inside wh.function",
    "jvp": "wh.grad",
    "left_shift": "wh.op.BitShift",
    "logdet": "wh.ops.log(wh.op.Det(x))",
    "map": "operations over a leading axis",
    "rearrange": "wh.ops.reshape and wh.ops.transpose",
    "right_shift": "wh.op.BitShift",
    "scan": "a Python loop inside wh.function",
    "segment_max": "wh.op.ScatterND with reduction='max'",
    "segment_min": "wh.op.ScatterND with reduction='min'",
    "segment_prod": "wh.op.ScatterND with reduction='mul'",
    "switch": "wh.ops.where over the results",
    "unique": "wh.op.Unique",
    "vectorize": "operations that broadcast",
    "vectorized_map": "operations over a leading axis",
    "while_loop": "a Python loop inside wh.function",
}


def __getattr__(name: str) -> Any:
    if name in MISSING:
        instead = _INSTEAD.get(name, "NumPy on wh.ops.convert_to_numpy(x), or operators of wh.op")
        raise NotImplementedError(f"wh.ops.{name} is not there yet; use {instead}")
    raise AttributeError(f"module 'waterhorse.ops' has no attribute {name!r}")


__all__ = [
    *sorted([
        *convolution.__all__, *creation.__all__, *elementwise.__all__, *indexing.__all__,
        *linalg.__all__, *logic.__all__, *nn.__all__, *normalization.__all__, *reduction.__all__,
        *shapes.__all__,
    ])
]  # fmt: skip
