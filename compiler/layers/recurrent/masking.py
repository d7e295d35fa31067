"""Masks of any kind for nodes that know lengths only: the valid steps move to the front."""

from __future__ import annotations

from typing import Any

from ... import op
from ...autodiff import zeros_like
from ...casting import boolean
from ...infer import TensorType
from ...ir import Tensor, retyped


class Packed:
    """The valid steps of each sequence in front, in their order; the others behind them.

    Args:
        mask: bool [batch, time], where False is a step that is skipped.

    ``lengths`` [batch, 1] counts the valid steps. A step's place is what a running sum of the mask
    tells, so that moving there is a ScatterND and moving back a Gather: each is the other's gradient.
    """

    def __init__(self, mask: Tensor) -> None:
        self._mask, self._sizes = mask, op.Shape(mask)
        self._batch, self._time = mask.shape
        self._valid = op.Cast(mask, to="int64")
        self._count = op.CumSum(self._valid, 1)
        self.lengths = op.ReduceSum(self._valid, [1], keepdims=1)

    @property
    def sequence_lens(self) -> Tensor:
        """The lengths as the operators take them: int32 [batch]."""
        return op.Cast(op.Squeeze(self.lengths, [1]), to="int32")

    def pack(self, x: Tensor) -> Tensor:
        """[batch, time, features] as [time, batch, features] with the valid steps in front."""
        features = x.shape[2]
        rows = op.Reshape(x, [-1, features])
        places = op.Reshape(self._rows(self._own), [-1, 1])
        moved = op.ScatterND(zeros_like(rows), places, rows)
        batch, time = op.Split(self._sizes, [1, 1])
        shape = op.Concat(time, batch, [features], axis=0)
        kind = TensorType(x.dtype, (self._time, self._batch, features))
        return retyped(op.Reshape(moved, shape), kind)

    def unpack(self, y: Tensor, backwards: bool, repeat: bool) -> Tensor:
        """[time, batch, units], zero behind each sequence, as [batch, time, units].

        A skipped step gets zeros, or with ``repeat`` the output before it in the order of the run, and
        zeros where there is none.
        """
        place = self._own  # of a skipped step: behind the sequence, where all is zero
        if repeat:
            # before the first: -1, the last row, which is behind the sequence; and so is the row
            # after the last
            place = self._count - (self._valid if backwards else 1)
        units = y.shape[2]
        found = op.Gather(op.Reshape(y, [-1, units]), self._rows(place), axis=0)
        return retyped(found, TensorType(y.dtype, (self._batch, self._time, units)))

    @property
    def _own(self) -> Tensor:
        """A place for each step: valid ones in order, then the others."""
        steps = op.Range(0, self._sizes[1], 1)
        return op.Where(self._mask, self._count - 1, self.lengths + steps - self._count)

    def _rows(self, place: Tensor) -> Tensor:
        """Numbers of rows [time * batch]; a negative one counts from the end."""
        batch = self._sizes[0]
        return place * batch + op.Unsqueeze(op.Range(0, batch, 1), [1])


def flat_mask(mask: Any) -> Tensor | None:
    """A mask [batch, time] (or [batch, time, 1]; the first of several) of bools, or None."""
    while isinstance(mask, (list, tuple)):
        mask = mask[0] if mask else None
    if mask is None:
        return None
    found = boolean(mask)
    return op.Squeeze(found, [2]) if found.ndim == 3 else found
