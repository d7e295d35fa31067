"""Keras' losses. Each class is a function of ``functions`` with its arguments kept."""

from __future__ import annotations

from typing import Any

from .. import config
from ..ir import Tensor
from . import functions
from .base import Loss, LossFunctionWrapper
from .functions import (
    binary_crossentropy,
    categorical_crossentropy,
    categorical_hinge,
    cosine_similarity,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)

_AVERAGED = "sum_over_batch_size"


def _plain(name: str, function: Any) -> type[Loss]:
    """A loss class without arguments of its own."""

    def __init__(
        self: Loss, reduction: str | None = _AVERAGED, name: str | None = None, dtype: Any = None
    ) -> None:
        Loss.__init__(self, name or function.__name__, reduction, dtype)

    def call(self: Loss, y_true: Tensor, y_pred: Tensor) -> Tensor:
        result: Tensor = function(y_true, y_pred)
        return result

    members = {
        "__init__": __init__,
        "call": call,
        "__doc__": function.__doc__,
        "__module__": __name__,
    }
    return type(name, (Loss,), members)


MeanSquaredError = _plain("MeanSquaredError", mean_squared_error)
MeanAbsoluteError = _plain("MeanAbsoluteError", mean_absolute_error)
MeanAbsolutePercentageError = _plain("MeanAbsolutePercentageError", mean_absolute_percentage_error)
MeanSquaredLogarithmicError = _plain("MeanSquaredLogarithmicError", mean_squared_logarithmic_error)
LogCosh = _plain("LogCosh", log_cosh)
KLDivergence = _plain("KLDivergence", kl_divergence)
Poisson = _plain("Poisson", poisson)
Hinge = _plain("Hinge", hinge)
SquaredHinge = _plain("SquaredHinge", squared_hinge)
CategoricalHinge = _plain("CategoricalHinge", categorical_hinge)


class Huber(Loss):
    """``huber`` with its ``delta``."""

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = _AVERAGED,
        name: str = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.delta = delta

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return huber(y_true, y_pred, self.delta)


class CosineSimilarity(Loss):
    """``-cosine_similarity``: -1 for parallel vectors."""

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = _AVERAGED,
        name: str = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return -cosine_similarity(y_true, y_pred, self.axis)


class _Crossentropy(Loss):
    """What the two crossentropies over probabilities share."""

    _function = staticmethod(binary_crossentropy)

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _AVERAGED,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name or self._function.__name__, reduction, dtype)
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self._function(
            y_true, y_pred, from_logits=self.from_logits, label_smoothing=self.label_smoothing,
            axis=self.axis,
        )  # fmt: skip


class BinaryCrossentropy(_Crossentropy):
    """For independent yes/no targets in [0, 1]."""


class CategoricalCrossentropy(_Crossentropy):
    """For one-hot (or soft) targets over classes."""

    _function = staticmethod(categorical_crossentropy)


class SparseCategoricalCrossentropy(Loss):
    """For class numbers."""

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = _AVERAGED,
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits, self.ignore_class, self.axis = from_logits, ignore_class, axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return sparse_categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.ignore_class, self.axis
        )


_CLASSES = {
    c.__name__: c
    for c in (
        MeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError,
        MeanSquaredLogarithmicError, LogCosh, KLDivergence, Poisson, Hinge, SquaredHinge,
        CategoricalHinge, Huber, CosineSimilarity, BinaryCrossentropy, CategoricalCrossentropy,
        SparseCategoricalCrossentropy,
    )
}  # fmt: skip
_NAMES: dict[str, Any] = {
    **_CLASSES,
    "mean_squared_error": MeanSquaredError, "mse": MeanSquaredError, "MSE": MeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError, "mae": MeanAbsoluteError, "MAE": MeanAbsoluteError,
    "mean_absolute_percentage_error": MeanAbsolutePercentageError,
    "mape": MeanAbsolutePercentageError,
    "mean_squared_logarithmic_error": MeanSquaredLogarithmicError,
    "msle": MeanSquaredLogarithmicError,
    "log_cosh": LogCosh, "logcosh": LogCosh, "kl_divergence": KLDivergence, "kld": KLDivergence,
    "poisson": Poisson, "hinge": Hinge, "squared_hinge": SquaredHinge,
    "categorical_hinge": CategoricalHinge, "huber": Huber, "huber_loss": Huber,
    "cosine_similarity": CosineSimilarity, "binary_crossentropy": BinaryCrossentropy,
    "bce": BinaryCrossentropy, "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
}  # fmt: skip


def get(identifier: Any) -> Any:
    """A loss for a name, an object, a class, a function ``fn(y_true, y_pred)``, a dict, or None."""
    if isinstance(identifier, str):
        return config.lookup("loss", identifier, _NAMES)()
    if isinstance(identifier, dict):
        return config.deserialize(identifier)
    if isinstance(identifier, type):
        return identifier()
    if identifier is None or callable(identifier):
        return identifier
    raise TypeError(f"{identifier!r} is no loss: expected a name, an object or a function")


__all__ = [
    "BinaryCrossentropy", "CategoricalCrossentropy", "CategoricalHinge", "CosineSimilarity", "Hinge",
    "Huber", "KLDivergence", "LogCosh", "Loss", "LossFunctionWrapper", "MeanAbsoluteError",
    "MeanAbsolutePercentageError", "MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson",
    "SparseCategoricalCrossentropy", "SquaredHinge", "binary_crossentropy",
    "categorical_crossentropy", "categorical_hinge", "cosine_similarity", "functions", "get",
    "hinge", "huber", "kl_divergence", "log_cosh", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error",
    "poisson", "sparse_categorical_crossentropy", "squared_hinge",
]  # fmt: skip
