"""Connectionist temporal classification: the loss under ``keras.ops``' name, and decoding."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError
from .. import op
from ..block import Block
from ..casting import floating
from ..config import not_supported
from ..infer import TensorType
from ..ir import Like, Tensor, apply, argument, constant, convert, retyped
from ..losses import alignment

_NEVER = -1e30  # the logarithm of a probability of 0
_FACTOR = 6364136223846793005  # of a linear congruential generator (Knuth 1997)


def ctc_loss(
    target: Like, output: Like, target_length: Like, output_length: Like, mask_index: int = 0
) -> Tensor:
    """Minus the log probability of each target: see ``losses.alignment`` for the shapes.

    Infinite, with a gradient of 0, where the target does not fit into the output.
    """
    return alignment.ctc_loss(target, output, target_length, output_length, mask_index)


def ctc_decode(
    inputs: Like, sequence_lengths: Like, strategy: str = "greedy", beam_width: int = 100,
    top_paths: int = 1, merge_repeated: bool = True, mask_index: int | None = 0,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The most probable labels of logits [batch, time, classes].

    Args:
        inputs: logits.
        sequence_lengths: [batch].
        strategy: "greedy" takes the largest logit of each step; "beam_search" adds up all alignments of
            the ``beam_width`` most probable beginnings (Graves and Jaitly 2014).
        beam_width, top_paths: how many sequences are kept, and returned (by "beam_search").
        merge_repeated: whether equal labels in a row are one (only with "greedy").
        mask_index: the class number of the blank; None for the last.

    Returns the labels (int32, -1 behind the end) [paths, batch, time], and scores: minus the sum of the
    largest logits [batch, 1] with "greedy", log probabilities [batch, paths] with "beam_search".
    """
    x = floating(inputs)
    classes = x.shape[-1] if x.ndim == 3 else None
    if not isinstance(classes, int):
        raise ShapeError(f"ctc_decode takes [batch, time, classes], classes known; got {x.type}")
    blank = classes - 1 if mask_index is None else mask_index % classes
    lengths = op.Cast(convert(sequence_lengths), to="int64")
    if strategy == "greedy":
        return _greedy(x, lengths, blank, merge_repeated)
    if strategy != "beam_search":
        raise ArgumentError(f"strategy={strategy!r}: expected 'greedy' or 'beam_search'")
    not_supported("ctc_decode(strategy='beam_search')", merge_repeated=(merge_repeated, True))
    if not 1 <= top_paths <= beam_width:
        raise ArgumentError(f"top_paths={top_paths}: expected 1 to beam_width={beam_width}")
    return _searched(op.LogSoftmax(x, axis=2), lengths, blank, beam_width, top_paths)


def _times(x: Tensor) -> Tensor:
    """0, 1, ... [1, time]."""
    return op.Unsqueeze(op.Range(0, op.Squeeze(op.Shape(x, start=1, end=2), [0]), 1), [0])


def _greedy(x: Tensor, lengths: Tensor, blank: int, merge: bool) -> tuple[Tensor, Tensor]:
    running = op.Less(_times(x), op.Unsqueeze(lengths, [1]))
    best = op.Where(running, op.ArgMax(x, axis=2, keepdims=0), constant(blank))
    kept = op.Not(op.Equal(best, blank))
    if merge:
        before = op.Pad(best, [0, 1, 0, -1], constant(-1))
        kept = op.And(kept, op.Not(op.Equal(best, before)))
    place = op.CumSum(op.Cast(kept, to="int64"), 1, exclusive=1)
    # what is dropped goes to one place more behind the end
    place = op.Where(kept, place, op.Shape(x, start=1, end=2))
    empty = op.Expand(constant(-1), op.Shape(op.Pad(best, [0, 0, 0, 1])))
    labels = op.ScatterElements(empty, place, best, axis=1)[:, :-1]
    largest = op.Where(running, op.ReduceMax(x, [2], keepdims=0), convert(0.0, x.dtype))
    return op.Cast(op.Unsqueeze(labels, [0]), to="int32"), -op.ReduceSum(largest, [1], keepdims=1)


@dataclass(frozen=True)
class _Beams:
    """The beginnings under consideration: [batch, beams], ``paths`` [batch, beams, time]."""

    paths: Tensor
    sizes: Tensor
    last: Tensor  # the last label, or -1
    number: Tensor  # a hash of the path
    parent: Tensor  # that of the path without its last label
    blank: Tensor  # log probability of the alignments that end with a blank
    label: Tensor  # and of those that end with the last label

    def tensors(self) -> list[Tensor]:
        return [getattr(self, f.name) for f in fields(self)]

    @property
    def total(self) -> Tensor:
        return _added(self.blank, self.label)

    def chosen(self, index: Tensor) -> _Beams:
        """Beams by number [batch, beams]."""
        shape = op.Concat(op.Shape(index), op.Shape(self.paths, start=2), axis=0)
        deep = op.Expand(op.Unsqueeze(index, [2]), shape)
        flat = [op.GatherElements(t, index, axis=1) for t in self.tensors()[1:]]
        return _Beams(op.GatherElements(self.paths, deep, axis=1), *flat)


def _added(a: Tensor, b: Tensor) -> Tensor:
    """``log(exp(a) + exp(b))``."""
    most = op.Max(a, b)
    result: Tensor = most + op.Log(op.Exp(a - most) + op.Exp(b - most))
    return result


def _start(logs: Tensor, width: int) -> _Beams:
    """The empty beginning, and others of probability 0."""
    batch, time = op.Shape(logs, end=1), op.Shape(logs, start=1, end=2)
    first = np.where(np.arange(width), _NEVER, 0.0).astype(np.float32)
    shape = op.Concat(batch, [width], axis=0)
    size, steps = logs.shape[0], logs.shape[1]

    def filled(row: Any) -> Tensor:
        row = constant(row)
        return retyped(op.Expand(row, shape), TensorType(row.dtype, (size, width)))

    paths = op.Expand(constant(-1), op.Concat(shape, time, axis=0))
    paths = retyped(paths, TensorType(paths.dtype, (size, width, steps)))
    zero, one = np.array([0]), np.array([1])
    return _Beams(
        paths, filled(zero), filled(-one), filled(one), filled(zero), filled(first),
        filled(np.full(width, _NEVER, np.float32)),
    )  # fmt: skip


def _extended(beams: _Beams, logs: Tensor, blank: int) -> tuple[_Beams, Tensor]:
    """The beams as they are after a step without a new label, and the log probability of each new one.

    What becomes a path that is a beam already is added to that, and impossible as a new one.
    """
    classes = logs.shape[1]
    names = constant(np.arange(int(classes)))  # type: ignore[arg-type]  # checked by ctc_decode
    last, total = op.Unsqueeze(beams.last, [2]), op.Unsqueeze(beams.total, [2])
    again = op.Equal(last, names)  # a label twice in a row needs a blank between
    new = op.Where(again, op.Unsqueeze(beams.blank, [2]), total) + op.Unsqueeze(logs, [1])
    new = op.Where(op.Equal(names, blank), _NEVER, new)
    known = op.And(
        op.Equal(op.Unsqueeze(beams.number, [2]), op.Unsqueeze(beams.parent, [1])),
        op.Unsqueeze(op.Greater(beams.total, _NEVER / 10), [1]),
    )
    which = op.Expand(op.Unsqueeze(op.Max(beams.last, 0), [1]), op.Shape(known))
    joining = op.Where(known, op.GatherElements(new, which, axis=2), _NEVER)
    taken = op.MatMul(op.Cast(known, to="float32"), op.Cast(again, to="float32"))
    new = op.Where(op.Greater(taken, 0.5), _NEVER, new)
    emitted = op.GatherElements(logs, op.Max(beams.last, 0), axis=1)
    label = _added(beams.label + emitted, op.ReduceMax(joining, [1], keepdims=0))
    same = beams.total + op.Gather(logs, [blank], axis=1)
    return replace(beams, blank=same, label=label), new


def _step(beams: _Beams, logs: Tensor, blank: int, width: int) -> _Beams:
    """The most probable beams after one step with log probabilities [batch, classes]."""
    classes = int(logs.shape[1])  # type: ignore[arg-type]  # checked by ctc_decode
    stay, new = _extended(beams, logs, blank)
    candidates = op.Concat(stay.total, op.Flatten(new, axis=1), axis=1)
    score, index = op.TopK(candidates, [width], axis=1, outputs=2)
    grown = op.GreaterOrEqual(index, width)
    further = op.Max(index - width, 0)
    kept = stay.chosen(op.Where(grown, op.Div(further, constant(classes)), index))
    label = op.Mod(further, constant(classes))
    here = op.Equal(
        op.Unsqueeze(kept.sizes, [2]),
        op.Unsqueeze(_times(op.Transpose(kept.paths, perm=(0, 2, 1))), [0]),
    )
    here = op.And(here, op.Unsqueeze(grown, [2]))
    return _Beams(
        op.Where(here, op.Unsqueeze(label, [2]), kept.paths),
        kept.sizes + op.Cast(grown, to="int64"),
        op.Where(grown, label, kept.last),
        op.Where(grown, kept.number * constant(_FACTOR) + label + 1, kept.number),
        op.Where(grown, kept.number, kept.parent),
        op.Where(grown, _NEVER, kept.blank),
        op.Where(grown, score, kept.label),
    )


def _searched(
    logs: Tensor, lengths: Tensor, blank: int, width: int, count: int
) -> tuple[Tensor, Tensor]:
    start = _start(logs, width)
    steps = op.Transpose(logs, perm=(1, 0, 2))
    running = op.Less(op.Transpose(_times(logs), perm=(1, 0)), op.Unsqueeze(lengths, [0]))
    before = _Beams(*(argument(f"state_{i}", t.type) for i, t in enumerate(start.tensors())))
    now = argument("now", TensorType(steps.dtype, steps.shape[1:]))
    counts = argument("running", TensorType(running.dtype, running.shape[1:]))
    after = _step(before, now, blank, width)
    results = []
    for old, new in zip(before.tensors(), after.tensors(), strict=True):
        goes = op.Unsqueeze(counts, [*range(1, old.ndim)])
        results.append(retyped(op.Where(goes, new, old), old.type))
    body = Block((*before.tensors(), now, counts), (), tuple(results))
    final = _Beams(*apply("Scan", *start.tensors(), steps, running, body=body, num_scan_inputs=2,
                          outputs=len(results)))  # fmt: skip
    score, index = op.TopK(final.total, [count], axis=1, outputs=2)
    best = op.Transpose(final.chosen(index).paths, perm=(1, 0, 2))
    return op.Cast(best, to="int32"), score


__all__ = ["ctc_decode", "ctc_loss"]
