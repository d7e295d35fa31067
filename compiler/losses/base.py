"""``Loss``: a value per example, weighted and reduced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import ArgumentError, ShapeError
from .. import config, dtypes, op
from ..ir import Like, Tensor, apply, convert

EPSILON = 1e-7
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


class Loss(config.Configurable):
    """Base of all losses: subclasses define ``call(y_true, y_pred)``, a value per example (or more).

    ``reduction`` is "sum_over_batch_size" (the mean over all elements, weights counting as factors
    only), "sum", "mean", "mean_with_sample_weight" (divided by the sum of weights), "none" or None.
    """

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        if reduction not in REDUCTIONS:
            raise ArgumentError(f"reduction={reduction!r}: expected one of {REDUCTIONS}")
        self.name = name or type(self).__name__
        self.reduction = reduction
        self.dtype = dtypes.as_dtype(dtype or "float32")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of each example, unreduced."""
        raise NotImplementedError(f"{type(self).__name__} must define call(self, y_true, y_pred)")

    def __call__(self, y_true: Like, y_pred: Like, sample_weight: Like | None = None) -> Tensor:
        """The reduced loss; a scalar unless the reduction is "none"."""
        pred = convert(y_pred)
        values = self.call(convert(y_true), pred)
        weight = None if sample_weight is None else convert(sample_weight)
        return reduced(values, weight, self.reduction)


def reduced(values: Tensor, weight: Tensor | None, reduction: str | None) -> Tensor:
    """Weight and reduce per-example values."""
    if weight is not None:
        weight = weight if weight.dtype == values.dtype else apply("Cast", weight, to=values.dtype)
        values, weight = aligned(values, weight)
        values = values * weight
    if reduction in ("none", None):
        return values
    if reduction == "sum":
        return op.ReduceSum(values, keepdims=0)
    if reduction == "mean_with_sample_weight" and weight is not None:
        total = op.ReduceSum(weight + values * 0, keepdims=0)
        return safe_divide(op.ReduceSum(values, keepdims=0), total)
    return op.ReduceMean(values, keepdims=0)


def safe_divide(a: Tensor, b: Tensor) -> Tensor:
    """``a / b``, and 0 where b is 0."""
    zero = op.Cast(op.Equal(b, 0), to=b.dtype)
    result: Tensor = a * (1 - zero) / (b + zero)
    return result


def aligned(values: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weights with a trailing axis of one (or none) made to broadcast to ``values``."""
    if weight.ndim == values.ndim + 1 and weight.shape[-1] == 1:
        return values, op.Squeeze(weight, [-1])
    if weight.ndim > values.ndim:
        raise ShapeError(f"sample_weight {weight.type} does not fit values {values.type}")
    missing = values.ndim - weight.ndim
    if missing and weight.ndim:
        weight = op.Unsqueeze(weight, [*range(weight.ndim, values.ndim)])
    return values, weight


def same_rank(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Make the ranks equal where one has a trailing axis of one more than the other."""
    if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        return op.Squeeze(y_true, [-1]), y_pred
    if y_pred.ndim == y_true.ndim + 1 and y_pred.shape[-1] == 1:
        return op.Unsqueeze(y_true, [-1]), y_pred
    return y_true, y_pred


def comparable(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Targets in the dtype and rank of the predictions. Raises ``ShapeError`` where they cannot match."""
    if y_true.dtype != y_pred.dtype:
        y_true = op.Cast(y_true, to=y_pred.dtype)
    y_true, y_pred = same_rank(y_true, y_pred)
    fits = y_true.ndim == y_pred.ndim and all(
        not (isinstance(a, int) and isinstance(b, int)) or a == b
        for a, b in zip(y_true.shape, y_pred.shape, strict=True)
    )
    if not fits:
        raise ShapeError(f"targets {y_true.type} and predictions {y_pred.type} differ in shape")
    return y_true, y_pred


class LossFunctionWrapper(Loss):
    """A function ``fn(y_true, y_pred, **kwargs)`` as a loss."""

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", "loss"), reduction, dtype)
        self.fn, self.kwargs = fn, kwargs

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return convert(self.fn(y_true, y_pred, **self.kwargs))
