"""A whole sequence by one LSTM, GRU or RNN node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import activations, dtypes, op
from ...infer import TensorType
from ...ir import Tensor, apply, convert, retyped
from .cell import Cell
from .masking import Packed

# Activation functions that the operators have: their name there, and the numbers alpha and beta.
_FUNCTIONS: dict[Any, tuple[str, tuple[float, ...], tuple[float, ...]]] = {
    activations.elu: ("Elu", (1.0,), ()),
    activations.hard_sigmoid: ("HardSigmoid", (1 / 6,), (0.5,)),
    activations.leaky_relu: ("LeakyRelu", (0.2,), ()),
    activations.linear: ("Affine", (1.0,), (0.0,)),
    activations.relu: ("Relu", (), ()),
    activations.sigmoid: ("Sigmoid", (), ()),
    activations.softplus: ("Softplus", (), ()),
    activations.softsign: ("Softsign", (), ()),
    activations.tanh: ("Tanh", (), ()),
}
_DEFAULTS = ([activations.tanh], [activations.sigmoid, activations.tanh],
             [activations.sigmoid, activations.tanh, activations.tanh])  # fmt: skip


def fits(cell: Any, dtype: dtypes.DType, training: bool) -> bool:
    """Whether a node computes what the cell does: no dropout of states, functions and types it has."""
    if not isinstance(cell, Cell) or not vars(type(cell)).get("node"):
        return False  # a class derived from one of ours may do something else
    dropped = cell.recurrent_dropout or (cell.dropout and cell.gates_apart)
    return (
        not (training and dropped) and dtype == np.float32  # ONNX Runtime has no other kernel on CPUs
        and all(f in _FUNCTIONS for f in cell.functions())
    )  # fmt: skip


def alike(a: Any, b: Any, training: bool) -> bool:
    """Whether two cells that fit can be the two directions of one node."""
    return (
        type(a) is type(b) and a.units == b.units and a.functions() == b.functions()
        and getattr(a, "reset_after", None) == getattr(b, "reset_after", None)
        and not (training and (a.dropout or b.dropout))
    )  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What a run over a sequence gives, the directions side by side.

    ``outputs`` [batch, time, directions * units] in the order of time (None if not asked for),
    ``last`` [batch, directions * units], and the final states of each direction.
    """

    outputs: Tensor | None
    last: Tensor
    states: list[list[Tensor]]


def run(
    cells: Sequence[Cell], x: Tensor, initial: Sequence[Sequence[Tensor]] | None,
    mask: Tensor | None, *, backwards: bool, sequences: bool, repeat: bool,
) -> Outcome:  # fmt: skip
    """One node over ``x`` [batch, time, features]: of one cell, or of two for both directions.

    Args:
        initial: the states of each direction; None for zeros.
        repeat: whether a skipped step repeats the output before it, rather than giving zeros.
    """
    first, packed = cells[0], None if mask is None else Packed(mask)
    steps = op.Transpose(x, perm=(1, 0, 2)) if packed is None else packed.pack(x)
    w, r, b = (_joined(each) for each in zip(*_operands(cells), strict=True))
    states = [None] * first.state_count
    if initial is not None:
        states = [
            _joined([op.Unsqueeze(s, [0]) for s in each]) for each in zip(*initial, strict=True)
        ]
    y, *finals = apply(
        first.node, steps, w, r, b, None if packed is None else packed.sequence_lens, *states,
        outputs=1 + first.state_count, **_attributes(cells, backwards),
    )  # fmt: skip
    outputs = _outputs(y, packed, backwards, repeat) if sequences else None
    found = [[_direction(s, d, len(cells)) for s in finals] for d in range(len(cells))]
    last = found[0][0]
    if len(cells) == 2:
        last = op.Reshape(op.Transpose(finals[0], perm=(1, 0, 2)), [0, 2 * first.units])
    if packed is not None and initial is not None:  # of an empty sequence the node gives zeros
        empty = op.Cast(op.Equal(packed.lengths, 0), to=x.dtype)
        found = [
            [s + empty * s0 for s, s0 in zip(*pair, strict=True)]
            for pair in zip(found, initial, strict=True)
        ]
    return Outcome(outputs, last, found)


def _operands(cells: Sequence[Cell]) -> list[tuple[Tensor, Tensor, Tensor | None]]:
    """W, R and B of each cell; B of zeros for a cell without bias beside one that has it."""
    found = [cell.operands() for cell in cells]
    if all(b is None for _, _, b in found) or all(b is not None for _, _, b in found):
        return found
    size = 2 * cells[0].gates * cells[0].units
    return [(w, r, convert(np.zeros((1, size)), w.dtype) if b is None else b) for w, r, b in found]


def _joined(each: Sequence[Tensor | None]) -> Any:
    there = [x for x in each if x is not None]
    return (there[0] if len(there) == 1 else op.Concat(*there, axis=0)) if there else None


def _attributes(cells: Sequence[Cell], backwards: bool) -> dict[str, Any]:
    """Attributes of the node: those that are the operator's defaults are left out."""
    functions = cells[0].functions()
    found: dict[str, Any] = {"hidden_size": cells[0].units}
    if len(cells) == 2:
        found["direction"] = "bidirectional"
    elif backwards:
        found["direction"] = "reverse"
    if functions not in _DEFAULTS:
        known = [_FUNCTIONS[f] for f in functions] * len(cells)
        found["activations"] = [name for name, _, _ in known]
        found["activation_alpha"] = [a for _, alphas, _ in known for a in alphas] or None
        found["activation_beta"] = [b for _, _, betas in known for b in betas] or None
    if getattr(cells[0], "reset_after", False):
        found["linear_before_reset"] = 1
    return found


def _outputs(y: Tensor, packed: Packed | None, backwards: bool, repeat: bool) -> Tensor:
    """[time, directions, batch, units] as [batch, time, directions * units]."""
    time, count, batch, units = y.shape
    width = count * units  # type: ignore[operator]  # both are numbers
    if packed is None and count == 1:  # a layer like this one behind it undoes the Transpose
        return op.Transpose(op.Squeeze(y, [1]), perm=(1, 0, 2))
    if packed is None:
        moved = op.Reshape(op.Transpose(y, perm=(2, 0, 1, 3)), [0, 0, width])
        return retyped(moved, TensorType(y.dtype, (batch, time, width)))
    rows = op.Reshape(op.Transpose(y, perm=(0, 2, 1, 3)), [0, 0, width])
    return packed.unpack(rows, backwards, repeat)


def _direction(state: Tensor, direction: int, count: int) -> Tensor:
    found: Tensor = (
        op.Squeeze(state, [0]) if count == 1 else op.Gather(state, direction, axis=0)
    )  # fmt: skip
    return found
