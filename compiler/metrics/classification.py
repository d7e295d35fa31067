"""Metrics of yes/no decisions at given thresholds: counts, precision, recall, F scores."""

from __future__ import annotations

from typing import Any, ClassVar

from ...errors import ArgumentError, ShapeError
from .. import op
from ..casting import as_type
from ..ir import Like, Shape, Tensor, convert
from ..losses.base import EPSILON
from ..state import Variable
from .base import Metric, weights_like
from .confusion import NEVER, Thresholds, decisions, ratio


def _single(values: Tensor) -> Tensor:
    """A scalar where there is one threshold."""
    return values[0] if values.shape == (1,) else values


class _Count(Metric):
    """The sum of weights of one kind of decision at each threshold: 0.5, or one or several of yours."""

    _kind: ClassVar[str]

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self._thresholds = Thresholds.of(thresholds, 0.5)
        self.thresholds = [*self._thresholds.values]
        self.accumulator = self.add_variable((len(self.thresholds),), "zeros", name="accumulator")

    def update_state(self, y_true: Like, y_pred: Like, sample_weight: Like | None = None) -> None:
        counts = decisions(y_true, y_pred, sample_weight, self.dtype).count(self._thresholds)
        counts.add_to(**{self._kind: self.accumulator})

    def result(self) -> Tensor:
        return _single(self.accumulator.value)


class TruePositives(_Count):
    """How many targets of 1 have a prediction above each threshold."""

    _kind = "true_positives"
    direction = "up"


class FalsePositives(_Count):
    """How many targets of 0 have a prediction above each threshold."""

    _kind = "false_positives"
    direction = "down"


class TrueNegatives(_Count):
    """How many targets of 0 have no prediction above each threshold."""

    _kind = "true_negatives"
    direction = "up"


class FalseNegatives(_Count):
    """How many targets of 1 have no prediction above each threshold."""

    _kind = "false_negatives"
    direction = "down"


class _Rate(Metric):
    """The share of true positives among them and decisions of another kind.

    Args:
        thresholds: a number or several; 0.5 by default, or with ``top_k`` none.
        top_k: of each row of predictions only the largest so many count as positive.
        class_id: only this column of targets and predictions counts.

    Raises ``ArgumentError`` for thresholds that are not between 0 and 1.
    """

    _others: ClassVar[str]
    direction = "up"

    def __init__(
        self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(dtype, name)
        self._thresholds = Thresholds.of(thresholds, 0.5 if top_k is None else NEVER)
        self.thresholds = [*self._thresholds.values]
        self.top_k, self.class_id = top_k, class_id
        shape = (len(self.thresholds),)
        self.true_positives = self.add_variable(shape, "zeros", name="true_positives")
        self._rest = self.add_variable(shape, "zeros", name=self._others)

    def update_state(self, y_true: Like, y_pred: Like, sample_weight: Like | None = None) -> None:
        found = decisions(
            y_true, y_pred, sample_weight, self.dtype, top_k=self.top_k, class_id=self.class_id
        )
        counts = found.count(self._thresholds)
        counts.add_to(true_positives=self.true_positives, **{self._others: self._rest})

    def result(self) -> Tensor:
        return _single(ratio(self.true_positives, self._rest))


class Precision(_Rate):
    """How many of the predictions above the threshold have a target of 1."""

    _others = "false_positives"

    @property
    def false_positives(self) -> Variable:
        return self._rest


class Recall(_Rate):
    """How many of the targets of 1 have a prediction above the threshold."""

    _others = "false_negatives"

    @property
    def false_negatives(self) -> Variable:
        return self._rest


class FBetaScore(Metric):
    """``(1 + b^2) precision recall / (b^2 precision + recall)`` of rows [batch, classes].

    Args:
        average: None for a value per class, "macro" for their mean, "weighted" for their mean by how often
            a class occurs, "micro" to count all classes as one.
        beta: b, how much more recall counts than precision.
        threshold: above which a class is predicted; None for the largest of each row.

    Raises ``ArgumentError`` for values that are none of these, ``ShapeError`` for other shapes.
    """

    direction = "up"

    def __init__(
        self, average: str | None = None, beta: float = 1.0, threshold: float | None = None,
        name: str | None = "fbeta_score", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(dtype, name)
        if average not in (None, "micro", "macro", "weighted"):
            raise ArgumentError(f"average={average!r}: None, 'micro', 'macro' or 'weighted'")
        if not beta > 0:
            raise ArgumentError(f"beta={beta}: expected a number above 0")
        if threshold is not None and not 0 < threshold <= 1:
            raise ArgumentError(f"threshold={threshold}: expected None or a number in (0, 1]")
        self.average, self.beta, self.threshold = average, float(beta), threshold
        self.built = False

    def build(self, y_pred_shape: Shape) -> None:
        classes = y_pred_shape[-1] if len(y_pred_shape) == 2 else None
        if not isinstance(classes, int):
            raise ShapeError(
                f"{type(self).__name__} takes [batch, classes] with a known number of classes; got "
                f"predictions {tuple(y_pred_shape)}"
            )
        shape = () if self.average == "micro" else (classes,)
        self.true_positives = self.add_variable(shape, "zeros", name="true_positives")
        self.false_positives = self.add_variable(shape, "zeros", name="false_positives")
        self.false_negatives = self.add_variable(shape, "zeros", name="false_negatives")
        self.intermediate_weights = self.add_variable(shape, "zeros", name="intermediate_weights")
        self.built = True

    def update_state(self, y_true: Like, y_pred: Like, sample_weight: Like | None = None) -> None:
        true, pred = (as_type(convert(t, self.dtype), self.dtype) for t in (y_true, y_pred))
        if not self.built:
            self.build(pred.shape)
        if true.ndim != 2:
            raise ShapeError(
                f"{type(self).__name__} takes targets [batch, classes]; got {true.type}"
            )
        if self.threshold is None:
            best = op.GreaterOrEqual(pred, op.ReduceMax(pred, [-1], keepdims=1))
            chosen = op.And(best, op.Greater(op.Abs(pred), 1e-9))
        else:
            chosen = op.Greater(pred, float(self.threshold))
        chosen = op.Cast(chosen, to=self.dtype)
        weight = weights_like(1.0 if sample_weight is None else sample_weight, true, self.dtype)
        for variable, values in (
            (self.true_positives, chosen * true), (self.false_positives, chosen * (1.0 - true)),
            (self.false_negatives, (1.0 - chosen) * true), (self.intermediate_weights, true),
        ):  # fmt: skip
            axes = None if self.average == "micro" else [0]
            variable.assign(variable + op.ReduceSum(values * weight, axes, keepdims=0))

    def result(self) -> Tensor:
        if not self.built:
            raise ArgumentError(f"{type(self).__name__} has seen no batch yet: call update_state")
        hits = self.true_positives.value
        precision = hits / (hits + self.false_positives + EPSILON)
        recall = hits / (hits + self.false_negatives + EPSILON)
        square = self.beta**2
        score = precision * recall / (precision * square + recall + EPSILON) * (1.0 + square)
        if self.average == "weighted":
            share = self.intermediate_weights.value
            share = share / (op.ReduceSum(share, keepdims=0) + EPSILON)
            return op.ReduceSum(score * share, keepdims=0)
        return score if self.average is None else op.ReduceMean(score, keepdims=0)


class F1Score(FBetaScore):
    """``2 precision recall / (precision + recall)`` of rows [batch, classes]. See ``FBetaScore``."""

    def __init__(
        self, average: str | None = None, threshold: float | None = None,
        name: str | None = "f1_score", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(average, 1.0, threshold, name, dtype)


__all__ = [
    "F1Score", "FBetaScore", "FalseNegatives", "FalsePositives", "Precision", "Recall",
    "TrueNegatives", "TruePositives",
]  # fmt: skip
