"""Reductions and cumulative sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from waterhorse.compiler import op

from .data import apart, normal, positive
from .harness import Case, case

REDUCTIONS: dict[str, Callable[..., Any]] = {
    "ReduceSum": normal, "ReduceMean": normal, "ReduceProd": positive, "ReduceL1": apart,
    "ReduceL2": apart, "ReduceSumSquare": normal, "ReduceLogSum": positive,
    "ReduceLogSumExp": normal, "ReduceMax": apart, "ReduceMin": apart,
}  # fmt: skip
KINKED = ("ReduceL1", "ReduceMax", "ReduceMin")
SETTINGS: dict[str, dict[str, Any]] = {
    "all": {},
    "all-flat": {"keepdims": 0},
    "last": {"axes": [-1]},
    "last-flat": {"axes": [-1], "keepdims": 0},
    "two-flat": {"axes": [0, -1], "keepdims": 0},
    "empty-axes": {"axes": np.zeros(0, np.int64)},
    "noop-given": {"axes": [1], "noop_with_empty_axes": 1},
}


def _reduction(name: str, axes: Any = None, **attrs: Any) -> Callable[..., Any]:
    return lambda x: getattr(op, name)(x, axes, **attrs)


CASES: list[Case] = [
    *(
        case(n, _reduction(n, **s), make(2, 3, 4), label=label, smooth=n not in KINKED)
        for n, make in REDUCTIONS.items()
        for label, s in SETTINGS.items()
    ),
    *(
        case(n, _reduction(n, axes=[1], keepdims=0), make(2, 3, 4), label="dynamic", smooth=False,
             dims=((None, None, None),))
        for n, make in REDUCTIONS.items()
    ),
    *(
        case(n, _reduction(n, noop_with_empty_axes=1), make(2, 3), label="noop", smooth=False)
        for n, make in REDUCTIONS.items()
    ),
    *(
        case(n, lambda x, axes, n=n: getattr(op, n)(x, axes, noop_with_empty_axes=1), make(2, 3),
             np.array(axes, np.int64), label=f"run-time-axes-{len(axes)}", smooth=False)
        for n, make in REDUCTIONS.items() for axes in ([1], [])
    ),
    case("ReduceProd", lambda x: op.ReduceProd(x, [1]),
         np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [1.0, 2.0, 4.0]]), label="zeros", smooth=False),
    case("ReduceProd", lambda x: op.ReduceProd(x, [1]) ** 2,
         np.array([[0.0, 2.0, 3.0], [1.0, -2.0, 4.0]]), label="one-zero"),
    case("ReduceProd", lambda x: op.ReduceProd(x, [-2], keepdims=0), normal(2, 3, 2),
         dims=((None, None, None),), label="signs"),
    *(
        case(n, _reduction(n, axes=np.zeros(0, np.int64), keepdims=0), make(2, 3),
             label="empty-axes-flat", smooth=n not in KINKED)
        for n, make in REDUCTIONS.items()
    ),
    *(
        case(n, _reduction(n, axes=[0, -1], keepdims=k), make(2, 3, 4), label=f"dynamic-two-{k}",
             smooth=n not in KINKED, dims=((None, "t", 4),))
        for n, make in REDUCTIONS.items() for k in (0, 1)
    ),
    *(
        case(n, _reduction(n, keepdims=0), make(2, 3, 4), label="dynamic-all",
             smooth=n not in KINKED, dims=((None, "t", 4),))
        for n, make in REDUCTIONS.items()
    ),
    *(
        case(n, lambda x, axes, n=n: getattr(op, n)(x, axes), make(2, 3), np.array(axes, np.int64),
             label=f"run-time-axes-all-{len(axes)}", smooth=n not in KINKED, dims=(None, (None,)))
        for n, make in REDUCTIONS.items() for axes in ([-1], [0, 1], [])
    ),
    case("CumSum", op.CumSum, normal(2, 4), np.array(-1), label="computed", dims=((None, None), ())),
    *(
        case("CumSum", lambda x, a=axis, e=exclusive, r=reverse: op.CumSum(
                 x, a, exclusive=e, reverse=r),
             normal(2, 3, 2), label=f"{axis}{exclusive}{reverse}")
        for axis in (0, 1, -1) for exclusive in (0, 1) for reverse in (0, 1)
    ),
    case("CumSum", lambda x: op.CumSum(x, 1), normal(2, 4)),
    case("CumSum", lambda x: op.CumSum(x, -2, exclusive=1), normal(3, 2), label="exclusive"),
    case("CumSum", lambda x: op.CumSum(x, 0, reverse=1), normal(3, 2), label="reverse"),
    case("CumSum", lambda x: op.CumSum(x, 0, reverse=1, exclusive=1), normal(3, 2), label="both"),
]  # fmt: skip
