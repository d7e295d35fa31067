"""Quantisation: gradients by scales."""

from __future__ import annotations

import numpy as np

from waterhorse.compiler import op

from .data import apart, integers, positive
from .harness import Array, Case, case


def _small(*shape: int) -> Array:
    return (integers(200, *shape) - 100).astype(np.int8)


_X = _small(3, 4)

CASES: list[Case] = [
    case("DequantizeLinear", lambda s: op.DequantizeLinear(_X, s), positive(), label="scalar",
         engine="linear", smooth=False),
    case("DequantizeLinear", lambda s: op.DequantizeLinear(_X, s, np.array(3, np.int8)), positive(),
         label="zero-point", engine="linear", smooth=False),
    case("DequantizeLinear", op.DequantizeLinear, _small(3, 4), positive(1),
         label="vector-of-one", engine="linear", smooth=False),
    *(
        case("DequantizeLinear", lambda x, s, z, a=axis: op.DequantizeLinear(x, s, z, axis=a),
             _small(2, 3, 4), positive(size), _small(size), label=f"axis-{axis}-{bool(dims)}",
             engine="linear", smooth=False, dims=dims)
        for axis, size in ((1, 3), (-1, 4), (0, 2))
        for dims in (None, ((None, None, None), (None,), (None,)))
    ),
    *(
        case("DequantizeLinear",
             lambda x, s, z, a=axis, b=block: op.DequantizeLinear(x, s, z, axis=a, block_size=b),
             _small(*shape), positive(*scale), _small(*scale), label=f"blocks-{axis}-{bool(dims)}",
             engine="linear", smooth=False, dims=dims)
        for axis, block, shape, scale in (
            (0, 2, (4, 3), (2, 3)), (1, 3, (2, 7), (2, 3)), (-2, 2, (2, 3, 2), (2, 2, 2)),
        )
        for dims in (None, ((None,) * len(shape), (None,) * len(scale), (None,) * len(scale)))
    ),
    case("DequantizeLinear", lambda x, s: op.DequantizeLinear(x, s * s, axis=1), _small(2, 3),
         positive(3), label="square", engine="single"),
    case("DequantizeLinear", lambda s: op.DequantizeLinear(_X.astype(np.int32), s), positive(),
         label="int32", engine="linear", smooth=False),
    case("DynamicQuantizeLinear", lambda x: op.DynamicQuantizeLinear(x)[1] * op.ReduceSum(x),
         apart(3, 4), engine="single"),
    case("DynamicQuantizeLinear", lambda x: op.DynamicQuantizeLinear(x)[1] * 100, positive(7),
         engine="single", label="positive", smooth=False),
]  # fmt: skip
