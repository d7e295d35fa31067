"""If, Loop and Scan: what a subgraph computes, differentiated by a subgraph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from waterhorse.compiler import ir, op
from waterhorse.compiler.block import Block
from waterhorse.compiler.infer import TensorType

from .data import normal, positive
from .harness import Case, case


def block(
    function: Callable[..., Any],
    parameters: Sequence[TensorType],
    captured: Sequence[ir.Tensor] = (),
) -> Block:
    """``function(*parameters, *captures)`` as a block."""
    given = [ir.argument(f"p{i}", t) for i, t in enumerate(parameters)]
    outer = [ir.argument(f"c{i}", t.type) for i, t in enumerate(captured)]
    results = function(*given, *outer)
    return Block(tuple(given), tuple(outer), results if isinstance(results, tuple) else (results,))


def scalar(dtype: Any) -> TensorType:
    return TensorType(np.dtype(dtype), ())


def scanned(x: ir.Tensor, axis: int = 0) -> TensorType:
    """The type of a slice of ``x``."""
    place = axis % x.ndim
    return TensorType(x.dtype, (*x.shape[:place], *x.shape[place + 1 :]))


def branch(then: Any, other: Any) -> Callable[..., Any]:
    def build(condition: ir.Tensor, *xs: ir.Tensor) -> Any:
        first, second = block(then, [], xs), block(other, [], xs)
        return ir.apply("If", condition, *xs, then_branch=first, else_branch=second,
                        outputs=len(first.results))  # fmt: skip

    return build


def cell(h: ir.Tensor, x: ir.Tensor, w: ir.Tensor) -> Any:
    new = op.Tanh(op.MatMul(h, w) + x)
    return new, new * x


def recurrent(**options: Any) -> Callable[..., Any]:
    axis = options.get("scan_input_axes", (0,))[0]

    def build(h: ir.Tensor, x: ir.Tensor, w: ir.Tensor) -> Any:
        body = block(cell, [h.type, scanned(x, axis)], [w])
        return ir.apply("Scan", h, x, w, body=body, num_scan_inputs=1, outputs=2, **options)

    return build


def memoryless(x: ir.Tensor, w: ir.Tensor) -> Any:
    body = block(lambda a, c: op.Exp(a * c), [scanned(x)], [w])
    return ir.apply("Scan", x, w, body=body, num_scan_inputs=1, outputs=1)


def nested(x: ir.Tensor, w: ir.Tensor) -> Any:
    def inner(row: ir.Tensor, weight: ir.Tensor) -> ir.Tensor:
        body = block(
            lambda s, e, c: (s * c + op.Sin(e),), [scalar(row.dtype), scanned(row)], [weight]
        )
        zero = ir.constant(0.5, row.dtype)
        return ir.apply("Scan", zero, row, weight, body=body, num_scan_inputs=1, outputs=1)

    body = block(inner, [scanned(x)], [w])
    return ir.apply("Scan", x, w, body=body, num_scan_inputs=1, outputs=1)


def repeated(trips: ir.Tensor, s: ir.Tensor, w: ir.Tensor) -> Any:
    def step(i: ir.Tensor, go: ir.Tensor, state: ir.Tensor, weight: ir.Tensor) -> Any:
        new = op.Sin(state) * weight + op.Cast(i, to=state.dtype)
        return op.Identity(go), new, op.ReduceSum(new * new, keepdims=0)

    body = block(step, [scalar(np.int64), scalar(bool), s.type], [w])
    return ir.apply("Loop", trips, None, s, w, body=body, outputs=2)


def until(s: ir.Tensor, w: ir.Tensor) -> Any:
    """Stops by itself: the number of steps is known only when it has run."""

    def step(i: ir.Tensor, go: ir.Tensor, state: ir.Tensor, n: ir.Tensor, weight: ir.Tensor) -> Any:
        return op.Less(n, 3), state * weight, n + 1, state

    body = block(step, [scalar(np.int64), scalar(bool), s.type, scalar(np.int64)], [w])
    start = ir.constant(np.array(0))
    found = ir.apply("Loop", None, ir.constant(np.array(True)), s, start, w, body=body, outputs=3)
    return found[0], found[2]


CASES: list[Case] = [
    case("If", branch(lambda a, b: a * b, lambda a, b: op.Sin(a)), np.array(True), normal(3),
         normal(3), label="then"),
    case("If", branch(lambda a, b: a * b, lambda a, b: op.Sin(a) + op.ReduceSum(b)), np.array(False),
         normal(2, 3), normal(2, 3), dims=((), (None, 3), (None, 3)), label="else-dynamic"),
    case("If", branch(lambda a, b: (a * b, b), lambda a, b: (a, a / b)), np.array(False), normal(3),
         positive(3), label="two-results"),
    case("Scan", recurrent(), normal(2, 3), normal(4, 2, 3), normal(3, 3)),
    case("Scan", recurrent(), normal(2, 3), normal(4, 2, 3), normal(3, 3), label="dynamic",
         dims=((None, 3), (None, None, 3), None)),
    case("Scan", recurrent(scan_input_directions=(1,)), normal(2, 3), normal(4, 2, 3), normal(3, 3),
         label="reverse"),
    case("Scan", recurrent(scan_input_axes=(1,), scan_output_axes=(1,), scan_output_directions=(1,)),
         normal(2, 3), normal(2, 4, 3), normal(3, 3), label="axes"),
    case("Scan", memoryless, normal(4, 3), normal(3), label="no-state"),
    case("Scan", nested, normal(3, 4), positive(), label="nested"),
    case("Loop", repeated, np.array(3), normal(2), normal(2)),
    case("Loop", repeated, np.array(3), normal(2), normal(2), dims=((), ("n",), (None,)),
         label="dynamic"),
    case("Loop", until, normal(2), positive(2), label="until"),
]  # fmt: skip
