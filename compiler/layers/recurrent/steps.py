"""A sequence step by step: one Scan, or with ``unroll`` a copy of the step for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ....errors import ShapeError
from ... import dims, op
from ...infer import TensorType
from ...ir import Tensor, constant, convert, retyped
from ...ops.control import scanned
from ...state import Trace, tracing
from .cell import zeros

Step: TypeAlias = Callable[[Tensor, Sequence[Tensor]], "tuple[Tensor, Sequence[Tensor]]"]


def run(
    step: Step, x: Tensor, initial: Sequence[Tensor], mask: Tensor | None, *, backwards: bool,
    unroll: bool, sequences: bool, repeat: bool, is_state: bool,
) -> tuple[Tensor, list[Tensor]]:  # fmt: skip
    """``output, states = step(x[t], states)`` for each step.

    Args:
        x: [time, batch, ...].
        mask: bool [batch, time]: a skipped step leaves the states as they are.
        sequences: whether all outputs are wanted: [batch, time, ...] in the order of time, else the
            last one [batch, ...].
        repeat: whether the output of a skipped step is the one before it (at first zeros), not zeros.
        is_state: whether the output always is the first state.
    """
    count = len(initial)
    carried = (mask is not None and repeat) or not (sequences or is_state)
    states = [*initial, *([_nothing(step, x, initial, is_state)] if carried else [])]
    valid = None if mask is None else op.Transpose(mask, perm=(1, 0))

    def body(*flat: Tensor) -> list[Tensor]:
        before, rest = flat[:count], flat[len(states) :]
        output, after = step(rest[0], before)
        after = [_as(new, old) for new, old in zip(after, before, strict=True)]
        if valid is not None:
            after = [_chosen(rest[1], new, old) for new, old in zip(after, before, strict=True)]
            otherwise = flat[count] if repeat and carried else constant(0, output.dtype)
            output = _chosen(rest[1], output, otherwise)
        output = _as(output, flat[count]) if carried else output
        return [*after, *([output] if carried else []), *([output] if sequences else [])]

    slices = [x] if valid is None else [x, valid]
    run_all = _unrolled if unroll else scanned
    last, emitted = run_all(body, states, slices, backwards)
    if sequences:
        y = emitted[0]
        return op.Transpose(y, perm=[1, 0, *range(2, y.ndim)]), last[:count]
    if carried:
        return last[count], last[:count]
    output = last[0]
    if valid is not None:  # zero where the last step is skipped
        output = _chosen(valid[0 if backwards else -1], output, constant(0, output.dtype))
    return output, last[:count]


def _nothing(step: Step, x: Tensor, initial: Sequence[Tensor], is_state: bool) -> Tensor:
    """Zeros like the output of a step."""
    if is_state:
        kind = initial[0].type
    else:
        with tracing(Trace()):
            kind = convert(step(x[0], initial)[0]).type
    sizes = kind.shape[1:]
    if not all(isinstance(d, int) for d in sizes):
        raise ShapeError(f"a recurrent cell gave {kind}; only its first size, the batch, may vary")
    batch = x.shape[1]
    first = batch if isinstance(batch, int) else op.Shape(x)[1]
    return zeros((first, *sizes), kind.dtype, batch)


def _as(new: Tensor, old: Tensor) -> Tensor:
    """``new`` with the type of ``old``, which it replaces."""
    new = convert(new, old.dtype)
    return retyped(new, old.type) if dims.compatible(new.shape, old.shape) else new


def _chosen(valid: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """``new`` for the sequences whose step is valid [batch], else ``old``."""
    condition = op.Unsqueeze(valid, [*range(1, new.ndim)]) if new.ndim > 1 else valid
    return retyped(op.Where(condition, new, old), new.type)


def _unrolled(
    body: Callable[..., list[Tensor]], states: Sequence[Tensor], slices: Sequence[Tensor],
    backwards: bool,
) -> tuple[list[Tensor], list[Tensor]]:  # fmt: skip
    time = slices[0].shape[0]
    if not isinstance(time, int):
        raise ShapeError(
            f"unroll=True needs a known number of steps; got {slices[0].type}. Give the time a size in "
            "Input(shape=(steps, features)), or leave unroll out"
        )
    order = range(time)
    now, emitted = list(states), []
    for t in reversed(order) if backwards else order:
        found = body(*now, *(s[t] for s in slices))
        now = found[: len(states)]
        emitted.append(found[len(states) :])
    if backwards:
        emitted.reverse()
    stacked = [
        op.Concat(*(op.Unsqueeze(y, [0]) for y in each), axis=0)
        for each in zip(*emitted, strict=True)
    ]
    return now, [retyped(y, TensorType(y.dtype, (time, *y.shape[1:]))) for y in stacked]
