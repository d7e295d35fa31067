"""Errors of numbers, averaged over all examples."""

from __future__ import annotations

from typing import Any

from .. import losses, op
from ..ir import Like, Tensor, convert
from ..losses.base import comparable
from ..losses.functions import cosine
from .base import Mean, MeanMetricWrapper


class MeanSquaredError(MeanMetricWrapper):
    """The mean of squared differences."""

    direction = "down"

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_error, name, dtype)


class RootMeanSquaredError(Mean):
    """The root of the mean of squared differences."""

    direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(  # type: ignore[override]  # a metric of two arguments
        self, y_true: Like, y_pred: Like, sample_weight: Like | None = None
    ) -> None:
        true, pred = comparable(convert(y_true), convert(y_pred))
        difference = pred - true
        super().update_state(difference * difference, sample_weight)

    def result(self) -> Tensor:
        return op.Sqrt(super().result())


class MeanAbsoluteError(MeanMetricWrapper):
    """The mean of absolute differences."""

    direction = "down"

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """The mean of absolute differences in per cent of the target."""

    direction = "down"

    def __init__(
        self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None
    ) -> None:
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """The mean of squared differences of ``log(1 + y)``."""

    direction = "down"

    def __init__(
        self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None
    ) -> None:
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


class LogCoshError(MeanMetricWrapper):
    """The mean of ``log(cosh(difference))``."""

    direction = "down"

    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(losses.log_cosh, name, dtype)


class CosineSimilarity(MeanMetricWrapper):
    """The mean cosine of the angle along ``axis``: 1 for parallel vectors."""

    direction = "up"

    def __init__(
        self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(cosine, name, dtype, axis=axis)
