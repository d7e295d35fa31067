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
        case(name, build, make(3, 2), make(3, 2) * 1.03, label=how, smooth=how == "mul")
        for how, make in (("mul", positive), ("min", apart), ("max", apart))
        for name, build in (
            ("ScatterElements", lambda x, u, how=how: op.ScatterElements(
                x, [[0, 0], [2, 0], [0, -1]], u, axis=0, reduction=how)),
            ("ScatterND", lambda x, u, how=how: op.ScatterND(x, [[0], [2], [0]], u, reduction=how)),
        )
    ),
]  # fmt: skip
