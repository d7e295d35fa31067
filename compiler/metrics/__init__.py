"""Keras' metrics: accumulated in the graph, read when somebody wants to see them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ...errors import ArgumentError
from .. import config
from .accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    resolve_accuracy,
)
from .base import Mean, MeanMetricWrapper, Metric, Sum
from .functions import (
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from .probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    Hinge,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from .regression import (
    CosineSimilarity,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    RootMeanSquaredError,
)

_CLASSES: dict[str, type[Metric]] = {
    c.__name__: c
    for c in (
        Mean, Sum, Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy,
        TopKCategoricalAccuracy, SparseTopKCategoricalAccuracy, MeanSquaredError,
        RootMeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError,
        MeanSquaredLogarithmicError, LogCoshError, KLDivergence, Poisson, Hinge, SquaredHinge,
        CategoricalHinge, CosineSimilarity, BinaryCrossentropy, CategoricalCrossentropy,
        SparseCategoricalCrossentropy,
    )
}  # fmt: skip
_NAMES: dict[str, type[Metric]] = {
    **_CLASSES,
    **{re.sub(r"([a-z])([A-Z])", r"\1_\2", n).lower(): c for n, c in _CLASSES.items()},
    "mse": MeanSquaredError, "MSE": MeanSquaredError, "mae": MeanAbsoluteError,
    "MAE": MeanAbsoluteError, "mape": MeanAbsolutePercentageError,
    "MAPE": MeanAbsolutePercentageError, "rmse": RootMeanSquaredError,
    "RMSE": RootMeanSquaredError, "msle": MeanSquaredLogarithmicError,
    "MSLE": MeanSquaredLogarithmicError, "log_cosh": LogCoshError, "logcosh": LogCoshError,
    "bce": BinaryCrossentropy, "BCE": BinaryCrossentropy, "kl_divergence": KLDivergence,
    "kld": KLDivergence, "KLD": KLDivergence,
    "top_k_categorical_accuracy": TopKCategoricalAccuracy,
    "sparse_top_k_categorical_accuracy": SparseTopKCategoricalAccuracy,
}  # fmt: skip

# Keras has these and this version does not.
MISSING = (
    "AUC", "BinaryIoU", "ConcordanceCorrelation", "F1Score", "FBetaScore", "FalseNegatives",
    "FalsePositives", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU", "PearsonCorrelation",
    "Precision", "PrecisionAtRecall", "R2Score", "Recall", "RecallAtPrecision",
    "SensitivityAtSpecificity", "SpecificityAtSensitivity", "TrueNegatives", "TruePositives",
    "concordance_correlation", "pearson_correlation",
)  # fmt: skip


def get(identifier: Any) -> Any:
    """A metric for a name, an object, a class, a function of (y_true, y_pred), a dict, or None."""
    if isinstance(identifier, str):
        if identifier in MISSING:
            raise _missing(identifier)
        found: Any = config.lookup("metric", identifier, _NAMES)
        return found() if isinstance(found, type) else found  # custom objects may be functions
    if isinstance(identifier, dict):
        return config.deserialize(identifier)
    if isinstance(identifier, type):
        return identifier()
    if identifier is None or callable(identifier):
        return identifier
    raise ArgumentError(f"{identifier!r} is no metric: expected a name, an object or a function")


def serialize(metric: Metric | Callable[..., Any]) -> dict[str, Any]:
    """What a configuration keeps of a metric."""
    return config.serialize(metric)


def deserialize(config: Any) -> Any:
    """The metric that ``serialize`` wrote (or a plain name)."""
    return get(config)


def _missing(name: str) -> NotImplementedError:
    return NotImplementedError(
        f"wh.metrics.{name} is not there yet: subclass wh.metrics.Metric, or compute it from "
        "model.predict"
    )


def __getattr__(name: str) -> Any:
    if name in MISSING:
        raise _missing(name)
    raise AttributeError(f"module 'waterhorse.metrics' has no attribute {name!r}")


__all__ = [
    "Accuracy", "BinaryAccuracy", "BinaryCrossentropy", "CategoricalAccuracy",
    "CategoricalCrossentropy", "CategoricalHinge", "CosineSimilarity", "Hinge", "KLDivergence",
    "LogCoshError", "Mean", "MeanAbsoluteError", "MeanAbsolutePercentageError",
    "MeanMetricWrapper", "MeanSquaredError", "MeanSquaredLogarithmicError", "Metric", "Poisson",
    "RootMeanSquaredError", "SparseCategoricalAccuracy", "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy", "SquaredHinge", "Sum", "TopKCategoricalAccuracy",
    "binary_accuracy", "categorical_accuracy", "deserialize", "get", "resolve_accuracy",
    "serialize", "sparse_categorical_accuracy", "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]  # fmt: skip
