"""Counts of right and wrong decisions at thresholds, from which most metrics of classifiers are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError
from .. import dtypes, op
from ..casting import as_type
from ..ir import Like, Tensor, constant, convert
from ..losses.base import EPSILON, safe_divide, same_rank
from ..state import Variable
from .base import weights_like

NEVER = -1e10  # a prediction that is beyond the top k


@dataclass(frozen=True)
class Thresholds:
    """The values that predictions are compared with, ascending if ``even``.

    With ``even`` they are 0, 1/(n-1), ..., 1 (the ends an epsilon further out where ``open_ends``): then a
    prediction's place among them is computed, instead of comparing it with each.
    """

    values: tuple[float, ...]
    even: bool
    open_ends: bool = False

    @classmethod
    def of(cls, given: Any, default: float) -> Thresholds:
        """From a user's number or list. Raises ``ArgumentError`` for numbers outside of [0, 1]."""
        several = given if isinstance(given, (list, tuple, np.ndarray)) else [given]
        if given is None:
            return cls((default,), False)
        wrong = [t for t in several if t is None or not 0 <= t <= 1]
        if wrong:
            raise ArgumentError(f"thresholds={given!r}: {wrong[0]!r} is not between 0 and 1")
        values = tuple(float(t) for t in several)
        return cls(values, _is_even(values))

    @classmethod
    def spread(cls, count: int, inner: Sequence[float] | None = None) -> Thresholds:
        """From below 0 to above 1, ``count`` altogether, or with these between."""
        if inner is None:
            return cls((-EPSILON, *_between(count), 1 + EPSILON), True, True)
        ordered = sorted(float(t) for t in inner)
        return cls((-EPSILON, *ordered, 1 + EPSILON), _is_even((0.0, *ordered, 1.0)), True)

    @classmethod
    def closed(cls, count: int) -> Thresholds:
        """From 0 to 1, ``count`` altogether."""
        return cls((0.5,), False) if count == 1 else cls((0.0, *_between(count), 1.0), True)

    def __len__(self) -> int:
        return len(self.values)


def _between(count: int) -> list[float]:
    return [(i + 1) * 1.0 / (count - 1) for i in range(count - 2)]


def _is_even(values: Sequence[float]) -> bool:
    count = len(values)
    even = np.arange(count, dtype=np.float32) / max(count - 1, 1)
    return count >= 3 and bool(np.allclose(values, even, atol=EPSILON))


@dataclass(frozen=True)
class Counts:
    """Of each kind, per threshold (and per label, if asked for): sums of weights."""

    true_positives: Tensor
    false_positives: Tensor
    true_negatives: Tensor
    false_negatives: Tensor

    def add_to(self, **variables: Variable) -> None:
        """Add to variables, each given by the name of a kind."""
        for kind, variable in variables.items():
            found = op.Reshape(getattr(self, kind), [*variable.shape])
            variable.assign(variable + as_type(found, variable.dtype))


@dataclass(frozen=True)
class Decisions:
    """Targets (0 or 1), predictions and weights [labels, examples]; labels is 1 where all count as one.

    Examples come last because onnxruntime is many times slower where the last axis is short.
    """

    true: Tensor
    pred: Tensor
    weight: Tensor

    def count(self, thresholds: Thresholds) -> Counts:
        """Compare the predictions with the thresholds, and add up: [thresholds, labels]."""
        if thresholds.even:
            return self._placed(thresholds)
        column = constant(np.reshape(thresholds.values, (-1, 1, 1)), self.pred.dtype)
        above = op.Greater(op.Unsqueeze(self.pred, [0]), column)
        positive = self.true * self.weight
        negative = self.weight - positive

        def total(chosen: Tensor, weight: Tensor) -> Tensor:
            chosen = op.Cast(chosen, to=weight.dtype)
            result: Tensor = op.ReduceSum(chosen * weight, [2], keepdims=0)
            return result

        below = op.Not(above)
        return Counts(
            total(above, positive), total(above, negative), total(below, negative),
            total(below, positive),
        )  # fmt: skip

    def _placed(self, thresholds: Thresholds) -> Counts:
        """The same by a histogram: a prediction is above all thresholds before its place."""
        count = len(thresholds)
        place = op.Ceil(op.Clip(self.pred, 0.0, 1.0) * float(count - 1))
        lowest = 1 if thresholds.open_ends else 0
        place = op.Clip(op.Cast(place, to="int64"), lowest, count - 1)
        place = place + op.Cast(self.true, to="int64") * count  # targets of 1 in the other half
        shape = op.Concat(op.Shape(place, end=1), [2 * count], axis=0)
        empty = op.Expand(constant(0, self.weight.dtype), shape)
        found = op.ScatterElements(empty, place, self.weight, axis=1, reduction="add")
        found = op.Transpose(op.Reshape(found, [-1, 2, count]), perm=(1, 2, 0))
        above, below = op.CumSum(found, 1, exclusive=1, reverse=1), op.CumSum(found, 1)
        return Counts(above[1], above[0], below[0], below[1])


def decisions(
    y_true: Like, y_pred: Like, sample_weight: Like | None, dtype: dtypes.DType, *,
    top_k: int | None = None, class_id: int | None = None, label_weights: Tensor | None = None,
    per_label: bool = False,
) -> Decisions:  # fmt: skip
    """Bring targets, predictions and weights into one form.

    Args:
        y_true: targets; whatever is not 0 counts as 1.
        y_pred: predictions, usually in [0, 1], of the same shape.
        sample_weight: per example, or of any shape that broadcasts.
        top_k: of each row only so many predictions count.
        class_id: only this column counts.
        label_weights: a factor per column.
        per_label: count each column by itself ([examples, labels] only).

    Raises ``ShapeError`` where shapes do not match.
    """
    true, pred = (as_type(convert(t, dtype), dtype) for t in (y_true, y_pred))
    pred, true = same_rank(pred, op.Cast(op.Cast(true, to="bool"), to=dtype))
    if pred.ndim != true.ndim:
        raise ShapeError(f"targets {true.type} and predictions {pred.type} differ in rank")
    if top_k is not None:
        best, index = op.TopK(pred, [top_k], axis=-1, outputs=2)
        rest = op.Expand(constant(NEVER, dtype), op.Shape(pred))
        pred = op.ScatterElements(rest, index, best, axis=-1)
    if class_id is not None:
        if pred.ndim < 2:
            raise ShapeError(f"class_id needs predictions [batch, classes]; got {pred.type}")
        true, pred = (op.Gather(t, [class_id], axis=-1) for t in (true, pred))
    weight = weights_like(1.0 if sample_weight is None else sample_weight, pred, dtype)
    if label_weights is not None:
        weight = weight * as_type(label_weights, dtype)
    if not per_label:
        return Decisions(*(op.Reshape(t, [1, -1]) for t in (true, pred, weight)))
    if pred.ndim != 2:
        raise ShapeError(f"multi_label needs predictions [batch, labels]; got {pred.type}")
    return Decisions(*(op.Transpose(t, perm=(1, 0)) for t in (true, pred, weight)))


def ratio(part: Variable, *rest: Variable) -> Tensor:
    """``part / (part + rest)``, and 0 where that is 0."""
    total = part.value
    for other in rest:
        total = total + other.value
    return safe_divide(part.value, total)
