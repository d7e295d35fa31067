"""Losses for numbers: distances between targets and predictions."""

from __future__ import annotations

from typing import Any

from .base import AVERAGED, LossFunctionWrapper
from .functions import (
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
)


class MeanSquaredError(LossFunctionWrapper):
    """The mean of squared differences."""

    def __init__(
        self,
        reduction: str | None = AVERAGED,
        name: str | None = "mean_squared_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(LossFunctionWrapper):
    """The mean of absolute differences."""

    def __init__(
        self,
        reduction: str | None = AVERAGED,
        name: str | None = "mean_absolute_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """The mean of absolute differences in per cent of the target."""

    def __init__(
        self,
        reduction: str | None = AVERAGED,
        name: str | None = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """The mean of squared differences of ``log(1 + y)``."""

    def __init__(
        self,
        reduction: str | None = AVERAGED,
        name: str | None = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class LogCosh(LossFunctionWrapper):
    """The mean of ``log(cosh(difference))``: like a square near 0, linear far away."""

    def __init__(
        self, reduction: str | None = AVERAGED, name: str | None = "log_cosh", dtype: Any = None
    ) -> None:
        super().__init__(log_cosh, reduction, name, dtype)


class Poisson(LossFunctionWrapper):
    """``mean(y_pred - y_true * log(y_pred))``: counts."""

    def __init__(
        self, reduction: str | None = AVERAGED, name: str | None = "poisson", dtype: Any = None
    ) -> None:
        super().__init__(poisson, reduction, name, dtype)


class Huber(LossFunctionWrapper):
    """Half the squared error up to ``delta``, linear beyond (Huber 1964)."""

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = AVERAGED,
        name: str | None = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)
        self.delta = delta


class CosineSimilarity(LossFunctionWrapper):
    """Minus the cosine of the angle along ``axis``: -1 for parallel vectors."""

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = AVERAGED,
        name: str | None = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)
        self.axis = axis
