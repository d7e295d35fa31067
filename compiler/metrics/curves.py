"""Metrics that look at many thresholds: the area under a curve, and one rate where another is as wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ...errors import ArgumentError, ShapeError
from .. import op
from ..ir import Like, Shape, Tensor, constant, convert
from ..losses.base import safe_divide
from ..state import Variable
from .base import Metric
from .confusion import Thresholds, decisions, ratio

_KINDS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


class _Curve(Metric):
    """Counts of all four kinds at many thresholds."""

    true_positives: Variable
    false_positives: Variable
    true_negatives: Variable
    false_negatives: Variable
    direction = "up"

    def _make(self, shape: tuple[int, ...]) -> None:
        for kind in _KINDS:
            setattr(self, kind, self.add_variable(shape, "zeros", name=kind))

    def _rates(self) -> tuple[Tensor, Tensor, Tensor]:
        """Recall, precision, and how many of the targets of 0 are below the threshold."""
        return (
            ratio(self.true_positives, self.false_negatives),
            ratio(self.true_positives, self.false_positives),
            ratio(self.true_negatives, self.false_positives),
        )


class _At(_Curve):
    """The largest value of one rate over all thresholds at which another is at least ``value``."""

    def __init__(
        self, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any
    ) -> None:
        super().__init__(dtype, name)
        if num_thresholds <= 0:
            raise ArgumentError(f"num_thresholds={num_thresholds}: expected a number above 0")
        if not 0 <= value <= 1:
            raise ArgumentError(f"{type(self).__name__}({value}): expected a number in [0, 1]")
        self.value, self.num_thresholds, self.class_id = value, num_thresholds, class_id
        self._thresholds = Thresholds.closed(num_thresholds)
        self.thresholds = [*self._thresholds.values]
        self._make((num_thresholds,))

    def update_state(self, y_true: Like, y_pred: Like, sample_weight: Like | None = None) -> None:
        found = decisions(y_true, y_pred, sample_weight, self.dtype, class_id=self.class_id)
        found.count(self._thresholds).add_to(**{k: getattr(self, k) for k in _KINDS})

    def _best(self, wanted: Tensor, constrained: Tensor) -> Tensor:
        enough = op.GreaterOrEqual(constrained, float(self.value))
        return op.ReduceMax(wanted * op.Cast(enough, to=wanted.dtype), keepdims=0)


class SensitivityAtSpecificity(_At):
    """The best recall of class 1 where that of class 0 is at least ``specificity``."""

    def __init__(
        self, specificity: float, num_thresholds: int = 200, class_id: int | None = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(specificity, num_thresholds, class_id, name, dtype)
        self.specificity = specificity

    def result(self) -> Tensor:
        recall, _, specificity = self._rates()
        return self._best(recall, specificity)


class SpecificityAtSensitivity(_At):
    """The best recall of class 0 where that of class 1 is at least ``sensitivity``."""

    def __init__(
        self, sensitivity: float, num_thresholds: int = 200, class_id: int | None = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)
        self.sensitivity = sensitivity

    def result(self) -> Tensor:
        recall, _, specificity = self._rates()
        return self._best(specificity, recall)


class PrecisionAtRecall(_At):
    """The best precision where recall is at least ``recall``."""

    def __init__(
        self, recall: float, num_thresholds: int = 200, class_id: int | None = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(recall, num_thresholds, class_id, name, dtype)
        self.recall = recall

    def result(self) -> Tensor:
        recall, precision, _ = self._rates()
        return self._best(precision, recall)


class RecallAtPrecision(_At):
    """The best recall where precision is at least ``precision``."""

    def __init__(
        self, precision: float, num_thresholds: int = 200, class_id: int | None = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(precision, num_thresholds, class_id, name, dtype)
        self.precision = precision

    def result(self) -> Tensor:
        recall, precision, _ = self._rates()
        return self._best(recall, precision)


class AUC(_Curve):
    """The area under the ROC or the precision-recall curve, from sums over pieces between thresholds.

    Args:
        num_thresholds: how many, evenly spaced; more are more exact.
        curve: "ROC", "PR" or "PRGAIN" (Flach and Kull 2015).
        summation_method: "interpolation" (trapezoids; for "PR" as Davis and Goadrich 2006 do), "minoring"
            or "majoring" (rectangles below or above the curve).
        thresholds: your own instead, between 0 and 1.
        multi_label: average the areas of the columns of [batch, labels], instead of taking all for one.
        num_labels: how many columns, with ``multi_label``; otherwise found by the first batch.
        label_weights: weights of the columns: in the average, or of their entries without ``multi_label``.
        from_logits: whether predictions are logits, of which the sigmoid is taken.

    Raises ``ArgumentError`` for values that are none of these.
    """

    _CURVES: ClassVar[tuple[str, ...]] = ("ROC", "PR", "PRGAIN")
    _METHODS: ClassVar[tuple[str, ...]] = ("interpolation", "majoring", "minoring")

    def __init__(
        self, num_thresholds: int = 200, curve: str = "ROC", summation_method: str = "interpolation",
        name: str | None = None, dtype: Any = None, thresholds: Sequence[float] | None = None,
        multi_label: bool = False, num_labels: int | None = None, label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(dtype, name)
        self.curve, self.summation_method = str(curve).upper(), str(summation_method).lower()
        if self.curve not in self._CURVES:
            raise ArgumentError(f"curve={curve!r}: expected one of {self._CURVES}")
        if self.summation_method not in self._METHODS:
            raise ArgumentError(f"summation_method={summation_method!r}: one of {self._METHODS}")
        if thresholds is None and num_thresholds <= 1:
            raise ArgumentError(f"num_thresholds={num_thresholds}: expected a number above 1")
        if num_labels and not multi_label:
            raise ArgumentError("num_labels is for multi_label=True only")
        self._thresholds = Thresholds.spread(num_thresholds, thresholds)
        self.thresholds = [*self._thresholds.values]
        self.num_thresholds = len(self.thresholds)
        self.multi_label, self.num_labels, self.from_logits = multi_label, num_labels, from_logits
        self.label_weights = None
        if label_weights is not None:
            self.label_weights = constant(np.asarray(label_weights), self.dtype)
        self.built = False
        if not multi_label or num_labels:
            self.build((None, num_labels))

    def build(self, y_pred_shape: Shape) -> None:
        if not self.multi_label:
            self._make((self.num_thresholds,))
        elif len(y_pred_shape) == 2 and isinstance(y_pred_shape[1], int):
            self._make((self.num_thresholds, y_pred_shape[1]))
        else:
            raise ShapeError(f"multi_label needs predictions [batch, labels]; got {y_pred_shape}")
        self.built = True

    def update_state(self, y_true: Like, y_pred: Like, sample_weight: Like | None = None) -> None:
        pred = convert(y_pred)
        if not self.built:
            self.build(pred.shape)
        found = decisions(
            y_true, op.Sigmoid(pred) if self.from_logits else pred, sample_weight, self.dtype,
            label_weights=None if self.multi_label else self.label_weights,
            per_label=self.multi_label,
        )  # fmt: skip
        found.count(self._thresholds).add_to(**{k: getattr(self, k) for k in _KINDS})

    def result(self) -> Tensor:
        if not self.built:
            raise ArgumentError("AUC(multi_label=True) has seen no batch yet: call update_state")
        if self.curve == "PR" and self.summation_method == "interpolation":
            pieces = self._between_points()
        else:
            x, y = self._points()
            left, right = y[:-1], y[1:]
            heights = {
                "interpolation": (left + right) / 2.0, "minoring": op.Min(left, right),
                "majoring": op.Max(left, right),
            }  # fmt: skip
            pieces = (x[:-1] - x[1:]) * heights[self.summation_method]
        if not self.multi_label:
            return op.ReduceSum(pieces, keepdims=0)
        areas = op.ReduceSum(pieces, [0], keepdims=0)
        if self.label_weights is None:
            return op.ReduceMean(areas, keepdims=0)
        weighted = op.ReduceSum(areas * self.label_weights, keepdims=0)
        return safe_divide(weighted, op.ReduceSum(self.label_weights, keepdims=0))

    def _points(self) -> tuple[Tensor, Tensor]:
        """The curve, from the lowest threshold to the highest."""
        recall, precision, _ = self._rates()
        if self.curve == "ROC":
            return ratio(self.false_positives, self.true_negatives), recall
        if self.curve == "PR":
            return recall, precision
        hits = self.true_positives.value
        odds = safe_divide(hits + self.false_negatives, self.true_negatives + self.false_positives)
        none = op.Cast(op.Equal(hits, constant(0, hits.dtype)), to=hits.dtype)
        recall_gain = 1.0 - odds * safe_divide(self.false_negatives.value, hits)
        precision_gain = 1.0 - odds * safe_divide(self.false_positives.value, hits)
        return op.Relu(recall_gain * (1.0 - none)), precision_gain * (1.0 - none) + none

    def _between_points(self) -> Tensor:
        """Areas under a precision-recall curve whose hits grow linearly between thresholds."""
        hits = self.true_positives.value
        found = hits + self.false_positives
        step = hits[:-1] - hits[1:]
        slope = safe_divide(step, op.Relu(found[:-1] - found[1:]))
        rest = hits[1:] - slope * found[1:]
        both = op.And(op.Greater(found[:-1], 0.0), op.Greater(found[1:], 0.0))
        growth = op.Where(both, safe_divide(found[:-1], op.Relu(found[1:])), 1.0)
        real = op.Relu(hits[1:] + self.false_negatives[1:])
        return safe_divide(slope * (step + rest * op.Log(growth)), real)


__all__ = [
    "AUC", "PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity",
    "SpecificityAtSensitivity",
]  # fmt: skip
