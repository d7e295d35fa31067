"""One direction of a recurrent operator, and what is common to walking back over its steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ... import op
from ...block import Block
from ...ir import Tensor, TensorType, apply, argument, retyped
from .activations import Activation


@dataclass(frozen=True)
class Run:
    """One direction: time first, without the axis of directions.

    Shapes, with T steps, N sequences, I inputs, H hidden units, G gates: ``x`` (T, N, I), ``w`` (G*H, I),
    ``r`` (G*H, H), ``bias`` (2*G*H), ``h0`` and ``c0`` (N, H), ``peepholes`` (3*H), ``y`` (T, N, H), and
    the cotangents ``dy`` like ``y``, ``dh`` and ``dc`` like ``h0``. ``valid`` (T, N, 1) is 0 after the end
    of a shorter sequence, where a step leaves everything as it is.
    """

    x: Tensor
    w: Tensor
    r: Tensor
    bias: Tensor | None
    h0: Tensor
    c0: Tensor
    peepholes: Tensor | None
    y: Tensor
    dy: Tensor | None
    dh: Tensor
    dc: Tensor
    valid: Tensor | None
    activations: Sequence[Activation]
    hidden: int
    backwards: bool

    def previous(self, states: Tensor, first: Tensor) -> Tensor:
        """The states that the steps started from, given those that they ended with."""
        first = op.Unsqueeze(first, [0])
        if self.backwards:
            return op.Concat(op.Slice(states, [1], [2**31 - 1], [0]), first, axis=0)
        return op.Concat(first, op.Slice(states, [0], [-1], [0]), axis=0)

    @property
    def h_previous(self) -> Tensor:
        """The hidden states that the steps started from."""
        y = self.y
        if self.backwards and self.valid is not None:  # the padding comes first, and leaves h0
            y = y + (1 - self.valid) * self.h0
        return self.previous(y, self.h0)

    def stacked(self, rows: Tensor) -> Tensor:
        """(T*N, K) as (T, N, K)."""
        steps, batch = self.x.shape[:2]
        known = [d if isinstance(d, int) else -1 for d in (steps, batch, rows.shape[1])]
        shape: Any = known
        if known.count(-1) > 1:
            shape = op.Concat(op.Shape(self.x, end=2), [-1], axis=0)
        kind = TensorType(rows.dtype, (steps, batch, rows.shape[1]))
        return retyped(op.Reshape(rows, shape), kind)

    def masked(self, *factors: Tensor) -> list[Tensor]:
        """Zero in the padding."""
        return [f if self.valid is None else f * self.valid for f in factors]

    def kept(self, factor: Tensor) -> Tensor:
        """One in the padding."""
        return factor if self.valid is None else factor * self.valid + (1 - self.valid)

    @property
    def padding(self) -> Tensor | None:
        """1 where ``valid`` is 0; None where all sequences are whole."""
        return None if self.valid is None else 1 - self.valid

    def scan(
        self, step: Callable[..., Sequence[Tensor]], states: Sequence[Tensor],
        slices: Sequence[Tensor | None], captured: Sequence[Tensor] = (), *, undo: bool = False,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        """``step(*states, *slices, *captured)`` in the order of the run, or with ``undo`` against it.

        Where a slice is None, so is what the step gets. The result is the final states, then what the
        steps emit after their next states, stacked.
        """
        there = [s for s in slices if s is not None]
        starts = [argument(f"state_{i}", s.type) for i, s in enumerate(states)]
        given = [
            argument(f"slice_{i}", TensorType(s.dtype, s.shape[1:])) for i, s in enumerate(there)
        ]
        outer = [argument(f"captured_{i}", c.type) for i, c in enumerate(captured)]
        each = iter(given)
        places = [None if s is None else next(each) for s in slices]
        results = tuple(step(*starts, *places, *outer))
        against = int(self.backwards != undo)
        found = apply(
            "Scan", *states, *there, *captured, num_scan_inputs=len(there), outputs=len(results),
            body=Block((*starts, *given), tuple(outer), results),
            scan_input_directions=[against] * len(there),
            scan_output_directions=[against] * (len(results) - len(states)) or None,
        )  # fmt: skip
        return found if isinstance(found, tuple) else (found,)


@dataclass(frozen=True)
class Gradients:
    """The gradients of one direction, shaped like the fields of ``Run``."""

    x: Tensor
    w: Tensor
    r: Tensor
    bias: Tensor
    h0: Tensor
    c0: Tensor | None = None
    peepholes: Tensor | None = None


def rows(x: Tensor) -> Tensor:
    """(T, N, K) as (T*N, K)."""
    if isinstance(x.shape[-1], int):
        return op.Reshape(x, [-1, x.shape[-1]])
    return op.Flatten(x, axis=-1)


def product(x: Tensor, weight: Tensor, plus: Tensor | None = None) -> Tensor:
    """``x weight' + plus``, by rows."""
    return op.Gemm(rows(x), weight, plus, transB=1)


def weight_gradient(dgates: Tensor, x: Tensor) -> Tensor:
    """The gradient of ``weight`` in ``product``, summed over steps and sequences."""
    return op.Gemm(rows(dgates), rows(x), transA=1)


def summed(x: Tensor) -> Tensor:
    """(T, N, K) summed to (K)."""
    return op.ReduceSum(x, [0, 1], keepdims=0)


def added(x: Tensor, other: Tensor | None) -> Tensor:
    """``x + other``, where None is zero."""
    return x if other is None else x + other


def parts(x: Tensor, sizes: Sequence[int], axis: int = -1) -> tuple[Tensor, ...]:
    """Split by known sizes."""
    found: tuple[Tensor, ...] = op.Split(x, sizes, axis=axis)
    return found


def halves_summed(bias: Tensor | None) -> Tensor | None:
    """The bias of the inputs and that of the hidden state, where only their sum counts."""
    if bias is None:
        return None
    of_input, of_hidden = op.Split(bias, num_outputs=2, axis=0)
    return of_input + of_hidden
