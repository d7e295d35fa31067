"""Operators that move elements."""

from __future__ import annotations

import numpy as np

from waterhorse.compiler import op

from .data import normal
from .harness import Case, case

FAR = np.iinfo(np.int64).max

CASES: list[Case] = [
    case("Reshape", lambda x: op.Reshape(x, [3, -1]), normal(2, 6)),
    case("Reshape", lambda x: op.Reshape(x, [0, -1]), normal(2, 3, 4), dims=(("n", None, None),),
         label="dynamic"),
    case("Reshape", op.Reshape, normal(2, 6), np.array([4, 3]), label="computed"),
    case("Flatten", op.Flatten, normal(2, 3, 4)),
    case("Flatten", lambda x: op.Flatten(x, axis=-1), normal(2, 3, 4), dims=((None, "b", "c"),),
         label="negative"),
    case("Flatten", lambda x: op.Flatten(x, axis=0), normal(2, 3), label="zero"),
    case("Squeeze", op.Squeeze, normal(1, 3, 1)),
    case("Squeeze", lambda x: op.Squeeze(x, [-1]), normal(1, 3, 1), label="axis"),
    case("Unsqueeze", lambda x: op.Unsqueeze(x, [0, -1]), normal(3, 2)),
    case("Transpose", op.Transpose, normal(2, 3, 4)),
    case("Transpose", lambda x: op.Transpose(x, perm=[1, 2, 0]), normal(2, 3, 4), label="perm"),
    case("Expand", lambda x: op.Expand(x, [2, 3, 4]), normal(3, 1)),
    case("Expand", lambda x: op.Expand(x, [1, 1]), normal(2, 3, 4), label="smaller"),
    case("Expand", op.Expand, normal(1, 3), np.array([2, 4, 3]),
         dims=((None, 3), (3,)), label="computed"),
    case("Expand", op.Expand, normal(1, 3), np.array([1, 3]),
         dims=((None, 3), (2,)), label="computed-noop"),
    case("Concat", lambda x, y: op.Concat(x, y, axis=1), normal(2, 3), normal(2, 1)),
    case("Concat", lambda x, y: op.Concat(x, y, x, axis=-2), normal(2, 3), normal(1, 3),
         label="repeated"),
    case("Concat", lambda x, y: op.Concat(x, y, axis=0), normal(2, 3), normal(4, 3),
         dims=((None, 3), (None, 3)), label="dynamic"),
    case("Concat", lambda x: op.Concat(x, axis=0), normal(2, 3), label="one"),
    case("Split", lambda x: op.Split(x, [1, 3], axis=-1), normal(2, 4)),
    case("Split", lambda x: op.Split(x, num_outputs=2, axis=1), normal(2, 5), label="uneven"),
    case("Split", lambda x: op.Split(x, [1, 3], axis=1)[1], normal(2, 4), label="one-used"),
    case("Split", lambda x: op.Split(x, [4], axis=1), normal(2, 4), label="single"),
    case("Split", lambda x: op.Split(x, num_outputs=2)[0], normal(4, 3), dims=((None, 3),),
         label="dynamic"),
    case("Tile", lambda x: op.Tile(x, [2, 3]), normal(2, 3)),
    case("Tile", op.Tile, normal(2, 3), np.array([3, 1]), dims=((None, 3), None),
         label="computed"),
    case("Slice", lambda x: op.Slice(x, [1], [3]), normal(4, 3)),
    case("Slice", lambda x: x[1:-1, ..., -2:], normal(4, 3, 3), label="python"),
    case("Slice", lambda x: x[-100:2, 1:100], normal(4, 3), label="clamped"),
    case("Slice", lambda x: x[::2, ::-1], normal(5, 3), label="steps"),
    case("Slice", lambda x: x[-2::-2], normal(5, 3), dims=((None, 3),), label="steps-dynamic"),
    case("Slice", lambda x, s, e: op.Slice(x, s, e, [-1]), normal(3, 5), np.array([-3]),
         np.array([FAR]), dims=((None, None), None, None), label="computed"),
    case("Slice", lambda x: op.Slice(x, np.array([1], np.int32), np.array([2], np.int32)),
         normal(4, 3), label="int32"),
    case("Pad", lambda x: op.Pad(x, [1, 0, 0, 2]), normal(2, 3)),
    case("Pad", lambda x: op.Pad(x, [-1, 1, 0, -1]), normal(3, 3), label="negative"),
    case("Pad", lambda x, v: op.Pad(x, [1, 0, 0, 2], v), normal(2, 3), normal(), label="value"),
    case("Pad", lambda x, v: op.Pad(x, [1, 2], v, [-1]), normal(2, 3), normal(), label="axes"),
    case("Pad", lambda x: op.Pad(x, [1, 2], None, [1]), normal(2, 3), dims=((None, None),),
         label="no-value"),
    *(
        case("DepthToSpace", lambda x, m=mode: op.DepthToSpace(x, blocksize=2, mode=m),
             normal(2, 8, 2, 3), dims=((None, 8, None, None) if dynamic else None,),
             label=f"{mode}-{dynamic}")
        for mode in ("DCR", "CRD") for dynamic in (False, True)
    ),
    case("SpaceToDepth", lambda x: op.SpaceToDepth(x, blocksize=2), normal(1, 2, 4, 6)),
    case("Trilu", op.Trilu, normal(3, 4)),
    case("Trilu", lambda x: op.Trilu(x, -1, upper=0), normal(2, 3, 3), label="lower"),
    *(
        case("Pad", lambda x, m=mode: op.Pad(x, [1, 2, 0, 1], mode=m), normal(3, 4), label=mode)
        for mode in ("reflect", "edge", "wrap")
    ),
    case("Pad", lambda x: op.Pad(x, [2, 1], None, [-1], mode="reflect"), normal(3, 4),
         dims=((None, None),), label="reflect-dynamic"),
    case("Compress", lambda x: op.Compress(x, [True, False, True], axis=1), normal(2, 4)),
    case("Compress", op.Compress, normal(2, 2), np.array([False, True, True]),
         label="flat"),
    case("ReverseSequence", lambda x: op.ReverseSequence(x, [2, 3], batch_axis=1, time_axis=0),
         normal(4, 2, 2), engine="reference"),
    case("OneHot", lambda v: op.OneHot([1, 0, -1], 3, v), normal(2), engine="single"),
    case("OneHot", lambda v: op.OneHot([[1, 0], [5, 2]], 3, v, axis=0), normal(2), engine="single",
         label="axis"),
]  # fmt: skip
