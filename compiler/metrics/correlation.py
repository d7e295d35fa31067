"""How targets and predictions vary together: correlations, and the share of variance explained."""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError, ShapeError
from .. import op
from ..casting import as_type, floating
from ..config import register_own
from ..ir import Like, Shape, Tensor, constant, convert
from ..losses.base import EPSILON, comparable
from .base import MeanMetricWrapper, Metric, weights_like


def _centred(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    mean = op.ReduceMean(x, [axis], keepdims=1)
    return mean, x - mean


def _variance(centred: Tensor, axis: int) -> Tensor:
    result: Tensor = op.ReduceMean(centred * centred, [axis], keepdims=1)
    return result


@register_own
def pearson_correlation(y_true: Like, y_pred: Like, axis: int = -1) -> Tensor:
    """Covariance along ``axis`` divided by both standard deviations: 1 for a rising straight line.

    Not a number where one of them does not vary.
    """
    true, pred = comparable(convert(y_true), floating(y_pred))
    (_, a), (_, b) = _centred(true, axis), _centred(pred, axis)
    a, b = a / op.Sqrt(_variance(a, axis)), b / op.Sqrt(_variance(b, axis))
    result: Tensor = op.ReduceMean(a * b, [axis], keepdims=0)
    return result


@register_own
def concordance_correlation(y_true: Like, y_pred: Like, axis: int = -1) -> Tensor:
    """Twice the covariance along ``axis`` by variances and squared difference of means (Lin 1989).

    1 only where both are equal.
    """
    true, pred = comparable(convert(y_true), floating(y_pred))
    (mean_a, a), (mean_b, b) = _centred(true, axis), _centred(pred, axis)
    shift = mean_a - mean_b
    scale = _variance(a, axis) + _variance(b, axis) + shift * shift
    # as Keras has it: the mean of the predictions taken from the targets, which changes no sum
    joint = (true - mean_b) * b * 2.0 / (scale + EPSILON)
    result: Tensor = op.ReduceMean(joint, [axis], keepdims=0)
    return result


class PearsonCorrelation(MeanMetricWrapper):
    """The mean of ``pearson_correlation`` along ``axis``."""

    direction = "up"

    def __init__(
        self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)
        self.axis = axis


class ConcordanceCorrelation(MeanMetricWrapper):
    """The mean of ``concordance_correlation`` along ``axis``."""

    direction = "up"

    def __init__(
        self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)
        self.axis = axis


class R2Score(Metric):
    """The share of the targets' variance that is explained: 1 - residual / total, of [batch, outputs].

    Args:
        class_aggregation: "uniform_average" of the outputs, "variance_weighted_average", or None for a
            value per output.
        num_regressors: for the adjusted score: how many variables the model has.

    Raises ``ArgumentError`` for values that are none of these.
    """

    direction = "up"

    def __init__(
        self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0,
        name: str | None = "r2_score", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(dtype, name)
        known = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in known:
            raise ArgumentError(f"class_aggregation={class_aggregation!r}: expected one of {known}")
        if num_regressors < 0:
            raise ArgumentError(f"num_regressors={num_regressors}: expected a number from 0 on")
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self.built = False

    def build(self, y_pred_shape: Shape) -> None:
        outputs = y_pred_shape[-1] if len(y_pred_shape) == 2 else None
        if not isinstance(outputs, int):
            raise ShapeError(
                "R2Score takes [batch, outputs] with a known number of outputs; got predictions "
                f"{tuple(y_pred_shape)}"
            )
        self.squared_sum = self.add_variable((outputs,), "zeros", name="squared_sum")
        self.sum = self.add_variable((outputs,), "zeros", name="sum")
        self.total_mse = self.add_variable((outputs,), "zeros", name="residual")
        self.count = self.add_variable((outputs,), "zeros", name="count")
        self.built = True

    def update_state(self, y_true: Like, y_pred: Like, sample_weight: Like | None = None) -> None:
        true, pred = (as_type(convert(t, self.dtype), self.dtype) for t in (y_true, y_pred))
        true, pred = comparable(true, pred)
        if not self.built:
            self.build(pred.shape)
        weight = weights_like(1.0 if sample_weight is None else sample_weight, true, self.dtype)
        error = true - pred
        for variable, values in (
            (self.sum, true * weight), (self.squared_sum, true * true * weight),
            (self.total_mse, error * error * weight), (self.count, weight),
        ):  # fmt: skip
            variable.assign(variable + op.ReduceSum(values, [0], keepdims=0))
        self.num_samples.assign(self.num_samples + op.Cast(op.Size(true), to=self.dtype))

    def result(self) -> Tensor:
        if not self.built:
            raise ArgumentError("R2Score has seen no batch yet: call update_state")
        total = self.squared_sum - self.sum * (self.sum / self.count)
        score = 1.0 - self.total_mse / total
        score = op.Where(op.IsInf(score), constant(0, score.dtype), score)
        if self.class_aggregation == "uniform_average":
            score = op.ReduceMean(score, keepdims=0)
        elif self.class_aggregation is not None:
            score = op.ReduceSum(total * score, keepdims=0) / op.ReduceSum(total, keepdims=0)
        return self._adjusted(score) if self.num_regressors else score

    def _adjusted(self, score: Tensor) -> Tensor:
        """The score corrected for the number of variables; as it is where there are too few samples."""
        free = self.num_samples - (self.num_regressors + 1.0)
        enough = op.Greater(free, constant(0, free.dtype))
        adjusted = 1.0 - (1.0 - score) * (self.num_samples - 1.0) / free
        result: Tensor = op.Where(enough, adjusted, score)
        return result


__all__ = [
    "ConcordanceCorrelation", "PearsonCorrelation", "R2Score", "concordance_correlation",
    "pearson_correlation",
]  # fmt: skip
