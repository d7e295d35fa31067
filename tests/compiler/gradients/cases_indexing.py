"""Gathering, scattering, selecting."""

from __future__ import annotations

import numpy as np

from waterhorse.compiler import op

from .data import apart, integers, normal, positive
from .harness import Case, case

DUPLICATES = np.array([2, 0, 2, -1])
PLACES = np.array([[0, 1], [2, 0], [0, 1]])
ONCE = np.array([[0, 1], [2, 0], [-1, -1]])

CASES: list[Case] = [
    case("Gather", lambda x: op.Gather(x, DUPLICATES), normal(3, 2)),
    case("Gather", lambda x: op.Gather(x, DUPLICATES.reshape(2, 2), axis=-1), normal(2, 3),
         label="last"),
    case("Gather", lambda x: op.Gather(x, 1, axis=1), normal(2, 3, 4), label="scalar"),
    case("Gather", lambda x, i: op.Gather(x, i, axis=1), normal(2, 4, 3),
         np.array([[3, 0], [3, 3]], np.int32), dims=((None, None, 3), (None, None)),
         label="int32-dynamic"),
    case("GatherElements", lambda x: op.GatherElements(x, [[0, -1, 0], [2, 2, 1]], axis=1),
         normal(2, 3)),
    case("GatherElements", lambda x, i: op.GatherElements(x, i, axis=-2), normal(3, 2),
         np.array([[0, 1], [0, 1], [-1, 2], [0, 0]]), dims=((None, 2), (None, 2)), label="dynamic"),
    case("GatherND", lambda x: op.GatherND(x, PLACES), normal(3, 2, 2)),
    case("GatherND", lambda x: op.GatherND(x, [[[0], [-1]], [[1], [1]]]), normal(3, 2),
         label="slices"),
    case("ScatterElements", lambda x, u: op.ScatterElements(x, [[0, 2], [1, -1]], u, axis=1),
         normal(3, 3), normal(2, 2)),
    case("ScatterElements",
         lambda x, u: op.ScatterElements(x, [[0, 0], [1, -1]], u, axis=1, reduction="add"),
         normal(2, 3), normal(2, 2), label="add"),
    case("ScatterND", lambda x, u: op.ScatterND(x, ONCE, u), normal(3, 2, 2), normal(3, 2)),
    case("ScatterND", lambda x, u: op.ScatterND(x, PLACES, u, reduction="add"), normal(3, 2, 2),
         normal(3, 2), label="add"),
    case("TopK", lambda x: op.TopK(x, [2], axis=-1), apart(3, 4), smooth=False),
    case("TopK", lambda x: op.TopK(x, [2], axis=0, largest=0, sorted=0)[0], apart(4, 3),
         dims=((None, None),), label="smallest"),
    case("GatherND", lambda x: op.GatherND(x, [[[0], [-1]], [[1], [1]]], batch_dims=1),
         normal(2, 2, 3), label="batch"),
    case("GatherND", lambda x, i: op.GatherND(x, i, batch_dims=2), normal(2, 3, 4),
         integers(4, 2, 3, 1), dims=((None, None, 4), (None, None, 1)), label="batch-dynamic"),
    *(
        case("Gather", lambda x, a=axis: op.Gather(x, [[-1, 0], [-2, -1]], axis=a),
             normal(2, 3, 4), label=f"negative-{axis}-{bool(dims)}", dims=dims)
        for axis in (0, 1, -1, -2) for dims in (None, ((None, None, None),))
    ),
    *(
        case("GatherElements", lambda x, i, a=axis: op.GatherElements(x, i, axis=a), normal(2, 3, 2),
             -1 - integers(2, 2, 3, 2), label=f"negative-{axis}")
        for axis in (0, 1, 2, -3)
    ),
    case("GatherND", lambda x: op.GatherND(x, [[-1, 0], [-1, 0], [1, -2]]), normal(2, 3, 2),
         label="negative"),
    case("GatherND", lambda x: op.GatherND(x, [[[-1, 0]], [[2, -1]]], batch_dims=1),
         normal(2, 3, 2), label="batch-negative"),
    case("GatherND", lambda x: op.GatherND(x, [1, -1]), normal(2, 3, 2), label="one"),
    *(
        case("ScatterElements", lambda x, u, a=axis, how=how: op.ScatterElements(
                 x, [[0, -1, 0], [1, 1, 0]], u, axis=a, reduction=how),
             normal(3, 3), normal(2, 3), label=f"axis-{axis}-{how}")
        for axis in (0, 1, -1) for how in ("add", "mul")
    ),
    *(
        case(name, build, np.array([2.0, 0.0, 3.0]), np.array([0.0, 2.0, 5.0, 0.5, 3.0]),
             label="mul-by-zero")
        for name, build in (
            ("ScatterElements", lambda x, u: op.ScatterElements(
                x, [0, 0, 0, 2, 2], u, reduction="mul")),
            ("ScatterND", lambda x, u: op.ScatterND(
                x, [[0], [0], [0], [2], [2]], u, reduction="mul")),
        )
    ),
    case("ScatterElements", lambda x, u: op.ScatterElements(x, [0, 0, 0, 1, 1], u, reduction="mul"),
         np.array([2.0, 3.0]), np.array([0.0, 2.0, 0.0, 0.5, 3.0]), label="mul-by-zeros",
         smooth=False),
    case("ScatterElements", lambda x, i, u: op.ScatterElements(x, i, u, reduction="mul"),
         normal(3, 2), integers(3, 4, 2), normal(4, 2), label="mul-dynamic",
         dims=((None, None), (None, None), (None, None))),
    case("ScatterND", lambda x, i, u: op.ScatterND(x, i, u, reduction="mul"),
         normal(3, 2), integers(3, 4, 1), normal(4, 2), label="mul-dynamic",
         dims=((None, None), (None, None), (None, None))),
    *(
        case("TopK", lambda x, lo=largest, so=ordered, a=axis: op.TopK(
                 x, [2], axis=a, largest=lo, sorted=so)[0] ** 2,
             apart(3, 4, 2), label=f"{largest}{ordered}{axis}")
        for largest in (0, 1) for ordered in (0, 1) for axis in (0, 1, -1)
    ),
    case("TopK", lambda x, k: op.TopK(x, k, axis=0)[0], apart(4, 3), np.array([3]), label="computed",
         dims=((None, 3), (1,)), smooth=False),
    *(
        case("Unique", lambda x, s=ordered: op.Unique(x, sorted=s) ** 2, apart(2, 3),
             label=f"flat-{ordered}")
        for ordered in (0, 1)
    ),
    *(
        case("Unique", lambda x, s=ordered, a=axis: op.Unique(x, sorted=s, axis=a, outputs=4)[0] ** 2,
             apart(3, 4), label=f"axis-{axis}-{ordered}", dims=dims)
        for ordered in (0, 1) for axis, dims in ((0, None), (1, None), (-1, ((None, None),)))
    ),
    *(
        case(name, build, make(3, 2), make(3, 2) * 1.03, label=how, smooth=how == "mul")
        for how, make in (("mul", positive), ("min", apart), ("max", apart))
        for name, build in (
            ("ScatterElements", lambda x, u, how=how: op.ScatterElements(
                x, [[0, 0], [2, 0], [0, -1]], u, axis=0, reduction=how)),
            ("ScatterND", lambda x, u, how=how: op.ScatterND(x, [[0], [2], [0]], u, reduction=how)),
        )
    ),
]  # fmt: skip
