"""Operators that move elements."""

from __future__ import annotations

import numpy as np

from waterhorse.compiler import op

from .data import integers, normal
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
    *(
        case("Slice", lambda x, s=starts, e=ends, a=axes, p=steps: op.Slice(x, s, e, a, p),
             normal(5, 4), label=f"{starts}{ends}{axes}{steps}-{bool(dims)}", dims=dims)
        for starts, ends, axes, steps in (
            ([1], [4], [-2], [2]), ([-1], [-100], [0], [-1]), ([100], [0], [1], [-2]),
            ([-100, 2], [100, -1], None, [3, 1]), ([3, 3], [0, -100], [1, 0], [-1, -3]),
            ([2], [FAR], None, None), ([-3], [FAR], [-1], [1]),
        )
        for dims in (None, ((None, None),))
    ),
    *(
        case("Slice", op.Slice, normal(5, 4), np.array(starts), np.array(ends), np.array(axes),
             np.array(steps), label=f"computed{starts}{ends}{axes}{steps}",
             dims=(("n", None), (len(axes),), (len(axes),), (len(axes),), (len(axes),)))
        for starts, ends, axes, steps in (
            ([1], [4], [-2], [2]), ([-1, 100], [-100, 0], [0, 1], [-1, -2]), ([-4], [-1], [1], [1]),
        )
    ),
    case("Slice", op.Slice, normal(5, 4), np.array([-100, 1]), np.array([3, 100]),
         label="unknown-count", dims=((None, None), (None,), (None,))),
    case("Slice", lambda x: op.Concat(x[2:1], x, axis=0), normal(3, 2), label="empty"),
    *(
        case("Pad", lambda x, m=mode, p=pads, a=axes: op.Pad(x, p, None, a, mode=m), normal(4, 5),
             label=f"{mode}{pads}{axes}-{bool(dims)}", dims=dims)
        for mode in ("constant", "reflect", "edge", "wrap")
        for pads, axes in (
            ([1, 2, 3, 1], None), ([2, 1], [-1]), ([1, 0, 2, 1], [1, 0]), ([-1, 2], [0]),
            ([-1, -1, -1, 0], None),
        )
        for dims in (None, ((None, None),))
    ),
    *(
        case("Pad", lambda x, p, v, m=mode: op.Pad(x, p, v, [-1], mode=m), normal(3, 5),
             np.array(pads), normal(), label=f"computed-{mode}{pads}",
             dims=((None, 5), (2,), ()), fixed=[] if mode == "constant" else [2])
        for mode in ("constant", "reflect", "edge", "wrap") for pads in ([2, 1], [0, 3])
    ),
    case("Pad", lambda x, v: op.Pad(x, [1, -1], v, [1]), normal(3, 4), normal(),
         label="value-negative"),
    case("Pad", lambda x: op.Pad(x, [0, 0, 0, 0]) * 2, normal(2, 3), label="nothing"),
    case("Compress", lambda x, c: op.Compress(x, c, axis=-1), normal(2, 4),
         np.array([True, False, True]), label="computed", dims=((None, None), (None,))),
    *(
        case("ReverseSequence", lambda x, n, t=time: op.ReverseSequence(
                 x, n, batch_axis=1 - t, time_axis=t),
             normal(*((4, 2, 3) if time == 0 else (2, 4, 3))), np.array([1, 4]),
             label=f"time-{time}", dims=((None, None, 3), (None,)))
        for time in (0, 1)
    ),
    *(
        case("CenterCropPad", lambda x, t=target, a=axes: op.CenterCropPad(x, t, axes=a),
             normal(*shape), label=f"{shape}{target}{axes}-{bool(dims)}", dims=dims)
        for shape, target, axes in (
            ((5, 4), [2, 7], None), ((4, 5), [7, 2], None), ((5, 4, 3), [2], [1]),
            ((5, 4, 3), [6, 2], [-1, 0]), ((3, 4), [3, 4], None),
        )
        for dims in (None, ((None,) * len(shape),))
    ),
    case("CenterCropPad", lambda x, t: op.CenterCropPad(x, t, axes=[0, 2]), normal(5, 4, 3),
         np.array([4, 6]), dims=((None, None, None), (2,)), label="computed"),
    *(
        case("Range", op.Range, np.array(a), np.array(b), np.array(d), fixed=[1],
             label=f"{a}{b}{d}")
        for a, b, d in ((0.5, 4.1, 1.0), (3.0, -1.3, -0.5))
    ),
    case("Range", lambda a, d: op.Range(a * d, 9.0, d * d), np.array(0.5), np.array(1.3),
         label="composed"),
    *(
        case("Trilu", lambda x, k, u=upper: op.Trilu(x, k, upper=u), normal(2, 3, 4), np.array(k),
             dims=((None, None, None), ()), label=f"computed-{k}-{upper}")
        for k in (-1, 0, 2) for upper in (0, 1)
    ),
    case("Split", lambda x, s: op.Split(x, s, axis=-1, outputs=3), normal(2, 6),
         np.array([1, 0, 5]), dims=((None, None), (3,)), label="computed"),
    case("Split", lambda x: op.Split(x, num_outputs=3, axis=-1), normal(2, 7), label="uneven-three",
         dims=((None, None),)),
    case("Concat", lambda x, y: op.Concat(x, y, axis=-1), normal(2, 3), normal(2, 1),
         dims=((None, None), (None, None)), label="dynamic-last"),
    case("Tile", op.Tile, normal(1, 3), np.array([1, 4]), dims=((None, None), (2,)),
         label="unknown"),
    case("OneHot", lambda i, v: op.OneHot(i, 4, v, axis=-2), integers(9, 2, 3) - 4, normal(2),
         dims=((None, None), None), engine="single", label="dynamic"),
]  # fmt: skip
