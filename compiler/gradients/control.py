"""Rules for If, Loop and Scan: a block's gradient is a block.

The gradient of a loop walks the steps backwards. What a step started from is saved by the forward pass
(one more result of the same loop); what it computed on the way is computed again, so that memory grows
with the number of steps times the size of the state, not of everything in the body.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import dtypes
from ..autodiff import vector_jacobian, vjp, zeros_like
from ..block import Block, Custom
from ..ir import Tensor, apply, argument, constant, value_if_known


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _float(t: Tensor) -> bool:
    return dtypes.is_float(t.dtype)


def _pulled(pairs: Sequence[tuple[Tensor, Tensor]], wrt: Sequence[Tensor]) -> list[Tensor]:
    """Gradients within a block, zero where nothing depends on what they are taken by."""
    outputs, cotangents = [y for y, _ in pairs], [dy for _, dy in pairs]
    return vector_jacobian(outputs, cotangents, wrt, connected=False)


def _placed(found: Sequence[Tensor], positions: Sequence[int], count: int) -> tuple[Any, ...]:
    places = dict(zip(positions, found, strict=True))
    return tuple(places.get(i) for i in range(count))


@vjp("If", selective=True)
def if_(
    dys: Any, ys: Any, condition: Tensor, *captured: Tensor, then_branch: Block,
    else_branch: Block, wanted: Sequence[bool],
) -> Any:  # fmt: skip
    """The same decision, between the gradients of the branches."""
    if isinstance(then_branch, Custom):
        return (None, *then_branch.pull(_tuple(dys), captured))
    flowing = [(k, dy) for k, dy in enumerate(_tuple(dys)) if dy is not None]
    targets = [i for i, want in enumerate(wanted) if want]

    def backward(branch: Block) -> Block:
        seeds = [argument(f"cotangent_{k}", dy.type) for k, dy in flowing]
        pairs = [(branch.results[k], seed) for (k, _), seed in zip(flowing, seeds, strict=True)]
        found = _pulled(pairs, [branch.captures[i - 1] for i in targets])
        return Block((), (*branch.captures, *seeds), tuple(found))

    found = apply(
        "If", condition, *captured, *(dy for _, dy in flowing), outputs=len(targets),
        then_branch=backward(then_branch), else_branch=backward(else_branch),
    )  # fmt: skip
    return _placed(_tuple(found), targets, 1 + len(captured))


@dataclass(frozen=True)
class _Steps:
    """A loop that has run: what each step started from, and how to walk back over the steps.

    ``parameters`` of the body come in two kinds: ``states`` go from step to step, ``slices`` are given
    anew to each. Numbers in ``slice_axes`` and ``slice_directions`` are Scan's.
    """

    body: Block
    states: tuple[Tensor, ...]
    slices: tuple[Tensor, ...]
    initial: tuple[Tensor, ...]
    saved: tuple[Tensor, ...]
    scanned: tuple[Tensor, ...]
    slice_axes: tuple[int, ...]
    slice_directions: tuple[int, ...]
    captured: tuple[Tensor, ...]
    next_states: tuple[Tensor, ...]
    emitted: tuple[Tensor, ...]
    emitted_axes: tuple[int, ...]
    emitted_directions: tuple[int, ...]


def _walk_back(
    steps: _Steps, dys: Sequence[Tensor | None], want_slices: Sequence[int],
    want_captured: Sequence[int], *, some: bool = True,
) -> tuple[list[Tensor | None], list[Tensor], list[Tensor]]:  # fmt: skip
    """Gradients of the initial states, of the chosen slices, and of the chosen captured values.

    ``some`` says that at least one step was taken.
    """
    floats = [j for j, s in enumerate(steps.states) if _float(s)]
    dfinal, demitted = dys[: len(steps.states)], dys[len(steps.states) :]
    live = [k for k, dy in enumerate(demitted) if dy is not None]
    dstates = [argument(f"dstate_{j}", steps.states[j].type) for j in floats]
    dtotals = [argument(f"dcapture_{i}", steps.body.captures[i].type) for i in want_captured]
    dslices = [argument(f"demitted_{k}", steps.emitted[k].type) for k in live]
    pairs = [
        *((steps.next_states[j], d) for j, d in zip(floats, dstates, strict=True)),
        *((steps.emitted[k], d) for k, d in zip(live, dslices, strict=True)),
    ]
    wrt = [
        *(steps.states[j] for j in floats),
        *(steps.body.captures[i] for i in want_captured),
        *(steps.slices[m] for m in want_slices),
    ]
    found = _pulled(pairs, wrt)
    ends = len(floats), len(floats) + len(want_captured)
    totals = [a + b for a, b in zip(dtotals, found[ends[0] : ends[1]], strict=True)]
    back = Block(
        (*dstates, *dtotals, *steps.states, *steps.slices, *dslices),
        steps.body.captures,
        (*found[: ends[0]], *totals, *found[ends[1] :]),
    )
    start = [_or_zeros(dfinal[j], steps.initial[j]) for j in floats]
    start += [zeros_like(steps.captured[i]) for i in want_captured]
    emitted = [dy for dy in demitted if dy is not None]
    operands = (*start, *steps.saved, *steps.scanned, *emitted, *steps.captured)

    def walk(*given: Tensor) -> tuple[Tensor, ...]:
        return _tuple(apply(
            "Scan", *given, body=back,
            num_scan_inputs=len(steps.saved) + len(steps.scanned) + len(emitted),
            scan_input_axes=(*(0 for _ in steps.saved), *steps.slice_axes,
                             *(steps.emitted_axes[k] for k in live)),
            scan_input_directions=(*(1 for _ in steps.saved), *_flipped(steps.slice_directions),
                                   *(1 - steps.emitted_directions[k] for k in live)),
            scan_output_axes=[steps.slice_axes[m] for m in want_slices] or None,
            scan_output_directions=(
                _flipped([steps.slice_directions[m] for m in want_slices]) or None
            ),
            outputs=len(wrt),
        ))  # fmt: skip

    results = [
        *(walk(*operands) if some else _if_any(steps.scanned[0], walk, operands, len(start)))
    ]
    initial = list(_placed(results[: ends[0]], floats, len(steps.states)))
    return initial, results[ends[1] :], results[ends[0] : ends[1]]


def _if_any(
    numbers: Tensor, walk: Callable[..., tuple[Tensor, ...]], operands: Sequence[Tensor], count: int
) -> tuple[Tensor, ...]:
    """``walk(*operands)`` where there are ``numbers`` of steps, else the first ``count`` operands.

    ONNX Runtime has no Scan over nothing.
    """
    leaves = [[argument(f"captured_{i}", x.type) for i, x in enumerate(operands)] for _ in "ab"]
    some = Block((), tuple(leaves[0]), walk(*leaves[0]))
    none = Block((), tuple(leaves[1]), tuple(leaves[1][:count]))
    steps = apply("Reshape", apply("Size", numbers), constant(np.zeros(0, np.int64)))
    return _tuple(
        apply("If", apply("Greater", steps, 0), *operands, then_branch=some, else_branch=none,
              outputs=count)
    )  # fmt: skip


def _flipped(directions: Sequence[int]) -> tuple[int, ...]:
    return tuple(1 - d for d in directions)


def _or_zeros(dy: Tensor | None, x: Tensor) -> Tensor:
    return zeros_like(x) if dy is None else dy


@vjp("Scan", selective=True)
def scan(
    dys: Any, ys: Any, *operands: Tensor, body: Block, num_scan_inputs: int,
    wanted: Sequence[bool], scan_input_axes: Any = None, scan_input_directions: Any = None,
    scan_output_axes: Any = None, scan_output_directions: Any = None,
) -> Any:  # fmt: skip
    """A Scan in the other direction, over the states that each step started from."""
    dys, ys = _tuple(dys), _tuple(ys)
    own = len(operands) - len(body.captures)
    count = own - num_scan_inputs
    emits = len(ys) - count
    axes = tuple(scan_input_axes or (0,) * num_scan_inputs)
    directions = tuple(scan_input_directions or (0,) * num_scan_inputs)
    out_axes = tuple(scan_output_axes or (0,) * emits)
    out_directions = tuple(scan_output_directions or (0,) * emits)
    states = body.parameters[:count]
    rerun = apply(
        "Scan", *operands, body=body.extended(states), num_scan_inputs=num_scan_inputs,
        scan_input_axes=scan_input_axes, scan_input_directions=scan_input_directions,
        scan_output_axes=(*out_axes, *(0 for _ in states)),
        scan_output_directions=(*out_directions, *(0 for _ in states)),
        outputs=len(ys) + count,
    )  # fmt: skip
    steps = _Steps(
        body, states, body.parameters[count:], operands[:count], _tuple(rerun)[len(ys) :],
        operands[count:own], axes, directions, operands[own:], body.results[:count],
        body.results[count:], out_axes, out_directions,
    )  # fmt: skip
    want_slices = [m for m in range(num_scan_inputs) if wanted[count + m]]
    want_captured = [i for i in range(len(body.captures)) if wanted[own + i]]
    initial, slices, captured = _walk_back(steps, dys, want_slices, want_captured)
    return (
        *initial,
        *_placed(slices, want_slices, num_scan_inputs),
        *_placed(captured, want_captured, len(body.captures)),
    )


@vjp("Loop", selective=True)
def loop(
    dys: Any, ys: Any, trips: Tensor | None, condition: Tensor | None, *operands: Tensor,
    body: Block, wanted: Sequence[bool],
) -> Any:  # fmt: skip
    """A Scan backwards over the steps that were taken, however many those were."""
    dys, ys = _tuple(dys), _tuple(ys)
    iteration, proceed, *states = body.parameters
    count = len(states)
    # one more captured value: within a step the condition for it was true
    closed = Block((), (*body.captures, proceed), body.results)
    rerun = _tuple(
        apply("Loop", trips, condition, *operands, body=body.extended((iteration, *states)),
              outputs=len(ys) + 1 + count)
    )  # fmt: skip
    numbers, saved = rerun[len(ys)], rerun[len(ys) + 1 :]
    emitted = body.results[1 + count :]
    steps = _Steps(
        closed, tuple(states), (iteration,), operands[:count], saved, (numbers,), (0,), (0,),
        (*operands[count:], constant(np.array(True))), body.results[1 : 1 + count], emitted,
        (0,) * len(emitted), (0,) * len(emitted),
    )  # fmt: skip
    want_captured = [i for i in range(len(body.captures)) if wanted[2 + count + i]]
    limits = [value_if_known(x) for x in (trips, condition) if x is not None]
    some = trips is not None and all(x is not None and x.item() > 0 for x in limits)
    initial, _, captured = _walk_back(steps, dys, [], want_captured, some=some)
    return (None, None, *initial, *_placed(captured, want_captured, len(body.captures)))
