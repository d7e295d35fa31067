"""Keras' losses. Each class is a function with its arguments kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import ArgumentError
from .. import config
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
from .probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    Hinge,
    KLDivergence,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from .regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
)

_NAMES: dict[str, type[Loss]] = {
    "mean_squared_error": MeanSquaredError, "mse": MeanSquaredError, "MSE": MeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError, "mae": MeanAbsoluteError, "MAE": MeanAbsoluteError,
    "mean_absolute_percentage_error": MeanAbsolutePercentageError,
    "mape": MeanAbsolutePercentageError, "MAPE": MeanAbsolutePercentageError,
    "mean_squared_logarithmic_error": MeanSquaredLogarithmicError,
    "msle": MeanSquaredLogarithmicError, "MSLE": MeanSquaredLogarithmicError,
    "log_cosh": LogCosh, "logcosh": LogCosh, "kl_divergence": KLDivergence, "kld": KLDivergence,
    "KLD": KLDivergence, "poisson": Poisson, "hinge": Hinge, "squared_hinge": SquaredHinge,
    "categorical_hinge": CategoricalHinge, "huber": Huber, "huber_loss": Huber,
    "cosine_similarity": CosineSimilarity, "binary_crossentropy": BinaryCrossentropy,
    "bce": BinaryCrossentropy, "BCE": BinaryCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
}  # fmt: skip
_NAMES.update({c.__name__: c for c in list(_NAMES.values())})

# Keras has these and this version does not.
MISSING = (
    "BinaryFocalCrossentropy", "CTC", "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy", "Circle", "Dice", "Tversky", "binary_focal_crossentropy",
    "categorical_focal_crossentropy", "categorical_generalized_cross_entropy", "circle", "ctc",
    "dice", "tversky",
)  # fmt: skip


def get(identifier: Any) -> Any:
    """A loss for a name, an object, a class, a function ``fn(y_true, y_pred)``, a dict, or None."""
    if isinstance(identifier, str):
        if identifier in MISSING:
            raise _missing(identifier)
        found: Any = config.lookup("loss", identifier, _NAMES)
        return found() if isinstance(found, type) else found  # custom objects may be functions
    if isinstance(identifier, dict):
        return config.deserialize(identifier)
    if isinstance(identifier, type):
        return identifier()
    if identifier is None or callable(identifier):
        return identifier
    raise ArgumentError(f"{identifier!r} is no loss: expected a name, an object or a function")


def serialize(loss: Loss | Callable[..., Any]) -> dict[str, Any]:
    """What a configuration keeps of a loss."""
    return config.serialize(loss)


def deserialize(name: Any) -> Any:
    """The loss that ``serialize`` wrote (or a plain name)."""
    return get(name)


def _missing(name: str) -> NotImplementedError:
    return NotImplementedError(
        f"wh.losses.{name} is not there yet: write a function of (y_true, y_pred) with wh.ops"
    )


def __getattr__(name: str) -> Any:
    if name in MISSING:
        raise _missing(name)
    raise AttributeError(f"module 'waterhorse.losses' has no attribute {name!r}")


__all__ = [
    "BinaryCrossentropy", "CategoricalCrossentropy", "CategoricalHinge", "CosineSimilarity",
    "Hinge", "Huber", "KLDivergence", "LogCosh", "Loss", "LossFunctionWrapper", "MeanAbsoluteError",
    "MeanAbsolutePercentageError", "MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson",
    "SparseCategoricalCrossentropy", "SquaredHinge", "binary_crossentropy",
    "categorical_crossentropy", "categorical_hinge", "cosine_similarity", "deserialize", "get",
    "hinge", "huber", "kl_divergence", "log_cosh", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error",
    "poisson", "serialize", "sparse_categorical_crossentropy", "squared_hinge",
]  # fmt: skip
