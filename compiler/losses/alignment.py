"""Connectionist temporal classification (Graves et al. 2006): targets shorter than the output.

A target of L labels becomes 2L + 1 states, blanks between all labels. The probability of all alignments
with it is a recursion over time, in logarithms; the backward probabilities are the same recursion over
the reversed sequences. Both run as one Scan over a batch of twice the size, and give the gradient in
closed form: softmax minus the posterior of each class. That is several times faster than to differentiate
the Scan.
"""

from __future__ import annotations

from typing import Any

from ...errors import ShapeError
from .. import op
from ..block import Block
from ..casting import as_type, floating
from ..config import register_own
from ..dtypes import FLOAT32
from ..infer import TensorType
from ..ir import Like, Tensor, apply, argument, constant, convert, retyped, stopped
from .base import AVERAGED, LossFunctionWrapper

_IMPOSSIBLE = -1e30  # a logarithm of 0 whose differences are no NaN


@register_own
def ctc(y_true: Like, y_pred: Like) -> Tensor:
    """CTC of labels [batch, label length], padded by 0, and logits [batch, time, classes].

    Class 0 is the blank. See ``ctc_loss``.
    """
    true, pred = op.Cast(convert(y_true), to="int64"), convert(y_pred)
    lengths = op.ReduceSum(op.Cast(op.Not(op.Equal(true, 0)), to="int64"), [1], keepdims=0)
    return ctc_loss(true, pred, lengths, None)


def ctc_loss(
    target: Like, output: Like, target_length: Like, output_length: Like | None, mask_index: int = 0
) -> Tensor:
    """Minus the log probability of ``target``: the loss [batch] of Graves et al. 2006, eq. 14.

    Args:
        target: class numbers [batch, label length]; what is beyond ``target_length`` does not matter.
        output: logits [batch, time, classes]; computed with, and given back, as float32.
        target_length: [batch].
        output_length: [batch]; None for all of ``output``.
        mask_index: the class number of the blank.

    Infinite where no alignment exists (too few steps); the gradient of such an example is 0. There is no
    second derivative: the gradient counts as constant. Raises ``ShapeError`` for other ranks. A label that
    is no class fails when it runs.
    """
    labels = op.Cast(convert(target), to="int64")
    logits = as_type(floating(output), FLOAT32)
    if labels.ndim != 2 or logits.ndim != 3:
        raise ShapeError(
            f"CTC takes labels [batch, length] and logits [batch, time, classes]; got {labels.type} "
            f"and {logits.type}"
        )
    lengths = op.Cast(convert(target_length), to="int64")
    steps = op.Expand(op.Shape(logits, start=1, end=2), op.Shape(lengths))
    if output_length is not None:
        steps = op.Cast(convert(output_length), to="int64")
    classes = logits.shape[-1]
    blank = mask_index % classes if isinstance(classes, int) else mask_index
    loss, slope = _likelihood(_States(labels, lengths, blank), steps, stopped(logits))
    # what the loss is and what its gradient is are known: a sum with this gradient, less its value
    product = op.ReduceSum(logits * stopped(slope), [1, 2], keepdims=0)
    return stopped(loss) + (product - stopped(product))


def _count(x: Tensor, axis: int) -> Tensor:
    """0, 1, ... along an axis of ``x``, as a vector."""
    size = op.Squeeze(op.Shape(x, start=axis, end=axis + 1), [0])
    return retyped(op.Range(0, size, 1), TensorType(size.dtype, (x.shape[axis],)))


class _States:
    """The 2 L + 1 states of each target: its labels, and blanks between and around them.

    ``names`` [batch, states] are their classes, blanks beyond the end; ``turned`` is their order backwards.
    """

    def __init__(self, labels: Tensor, lengths: Tensor, blank: int) -> None:
        inside = op.Less(op.Unsqueeze(_count(labels, 1), [0]), op.Unsqueeze(lengths, [1]))
        known = op.Unsqueeze(op.Where(inside, labels, constant(blank)), [2])
        pairs = op.Concat(op.Expand(constant(blank), op.Shape(known)), known, axis=2)
        size = labels.shape[1]
        flat = op.Reshape(pairs, [0, 2 * size] if isinstance(size, int) else [0, -1])
        self.names: Tensor = op.Pad(flat, [0, 0, 0, 1], constant(blank))
        self.here = op.Unsqueeze(_count(self.names, 1), [0])
        self.last = op.Unsqueeze(2 * lengths, [1])
        self.valid = op.LessOrEqual(self.here, self.last)
        self.turned = op.Where(self.valid, self.last - self.here, self.here)
        self.blank = blank

    def ways(self, names: Tensor) -> Tensor:
        """From which states [3, states, batch] a step may come: itself, the last, the last but one."""
        before = op.Gather(names, op.Max(op.Squeeze(self.here, [0]) - 2, 0), axis=1)
        stays = op.Or(op.Equal(names, before), op.Equal(names, self.blank))
        stays = op.Or(stays, op.Less(self.here, 2))
        first = op.Expand(op.Equal(self.here, 0), op.Shape(stays))
        closed = [_float(op.Unsqueeze(op.Transpose(c, perm=(1, 0)), [0])) for c in (first, stays)]
        return op.Concat(closed[0] * 0.0, *closed, axis=0) * _IMPOSSIBLE

    def scan(self, logs: Tensor, ways: Tensor) -> Tensor:
        """The log probability of all ways to be in a state at a time, [time, states, batch]."""
        sources = op.Max(self.here - constant([[0], [1], [2]]), 0)
        start = op.Transpose(_float(op.Greater(self.here, 0)), perm=(1, 0)) * _IMPOSSIBLE
        kind = TensorType(logs.dtype, logs.shape[1:])
        start = retyped(op.Expand(start, op.Shape(logs, start=1)), kind)
        before, now = argument("before", kind), argument("now", kind)
        outer = (argument("sources", sources.type), argument("ways", ways.type))
        # the logarithm of a sum of exponentials in vectorised operators: ReduceLogSumExp is slow
        each = op.Gather(before, outer[0], axis=0) + outer[1]
        most = op.ReduceMax(each, [0], keepdims=0)
        sums = op.Log(op.ReduceSum(op.Exp(each - most), [0], keepdims=0))
        after = retyped(sums + most + now, kind)
        body = Block((before, now), outer, (after, after))
        found = apply("Scan", start, logs, sources, ways, body=body, num_scan_inputs=1, outputs=2)
        return found[1]  # type: ignore[no-any-return]  # apply gives whatever the operator gives


def _gathered(logs: Tensor, names: Tensor) -> Tensor:
    """The log probabilities [time, states, batch] of the states' classes, from [batch, time, classes]."""
    shape = op.Concat(op.Shape(logs, end=2), op.Shape(names, start=1), axis=0)
    picked = op.GatherElements(logs, op.Expand(op.Unsqueeze(names, [1]), shape), axis=2)
    return op.Transpose(picked, perm=(1, 2, 0))


def _likelihood(states: _States, steps: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """The loss [batch], and its gradient by the logits."""
    logs = op.LogSoftmax(logits, axis=2)
    turned = op.ReverseSequence(logs, steps, batch_axis=0, time_axis=1)
    backwards = op.GatherElements(states.names, states.turned, axis=1)
    emitted = _gathered(logs, states.names)
    both = states.scan(
        op.Concat(emitted, _gathered(turned, backwards), axis=2),
        op.Concat(states.ways(states.names), states.ways(backwards), axis=2),
    )
    forward, backward = op.Split(both, axis=2, num_outputs=2)
    total = _final(forward, states, steps)
    joint = op.Transpose(forward - emitted, perm=(2, 0, 1)) + _forwards(backward, states, steps)
    inside = op.Where(states.valid, 0.0, _IMPOSSIBLE * 10)
    # each step's posteriors add up to 1; so divided, what is lost in long sums of logarithms cancels
    share = op.Softmax(joint + op.Unsqueeze(inside, [1]), axis=2)
    slope = op.Softmax(logits, axis=2) - _by_class(share, states.names, logits)
    possible = op.Greater(total, _IMPOSSIBLE / 10)
    running = op.Less(op.Unsqueeze(_count(logits, 1), [0]), op.Unsqueeze(steps, [1]))
    counts = op.And(running, op.Unsqueeze(possible, [1]))
    return op.Where(possible, -total, float("inf")), slope * op.Unsqueeze(_float(counts), [2])


def _forwards(backward: Tensor, states: _States, steps: Tensor) -> Tensor:
    """The backward probabilities [batch, time, states] in the order of the forward ones."""
    ordered = op.Transpose(backward, perm=(2, 0, 1))
    ordered = op.ReverseSequence(ordered, steps, batch_axis=0, time_axis=1)
    places = op.Expand(op.Unsqueeze(states.turned, [1]), op.Shape(ordered))
    result: Tensor = op.GatherElements(ordered, places, axis=2)
    return result


def _final(forward: Tensor, states: _States, steps: Tensor) -> Tensor:
    """The log probability [batch] of the targets: to be in one of the last two states at the end."""
    example = op.Unsqueeze(_count(forward, 2), [1])
    end = op.Unsqueeze(op.Max(steps - 1, 0), [1])
    found = []
    for back in (0, 1):
        place = op.Concat(end, op.Max(states.last - back, 0), example, axis=1)
        found.append(op.Unsqueeze(op.GatherND(forward, place), [1]))
    single = _float(op.Equal(states.last, 0))  # an empty target has one state
    total = op.ReduceLogSumExp(
        op.Concat(found[0], found[1] + single * _IMPOSSIBLE, axis=1), [1], keepdims=0
    )
    nothing = _float(op.Greater(op.Squeeze(states.last, [1]), 0)) * _IMPOSSIBLE
    return op.Where(op.Equal(steps, 0), nothing, total)


def _by_class(share: Tensor, names: Tensor, logits: Tensor) -> Tensor:
    """Posteriors of states [batch, time, states] added up for each class."""
    shape = op.Shape(share)
    zeros = op.Expand(constant(0.0, logits.dtype), op.Shape(logits))
    index = op.Expand(op.Unsqueeze(names, [1]), shape)
    return op.ScatterElements(zeros, index, share, axis=2, reduction="add")


def _float(x: Tensor) -> Tensor:
    result: Tensor = op.Cast(x, to="float32")
    return result


class CTC(LossFunctionWrapper):
    """For labels [batch, label length], padded by 0 (the blank), and logits [batch, time, classes]."""

    class_numbers = True

    def __init__(
        self, reduction: str | None = AVERAGED, name: str | None = "ctc", dtype: Any = None
    ) -> None:
        super().__init__(ctc, reduction, name, dtype)
