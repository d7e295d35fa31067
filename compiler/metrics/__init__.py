"""Keras' metrics: accumulated in the graph, read when somebody wants to see them."""

from __future__ import annotations

import re
from typing import Any

from .. import config, losses, op
from ..ir import Tensor
from .base import Mean, MeanMetricWrapper, Metric, Sum
from .functions import (
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)


def _mean_of(class_name: str, function: Any, **arguments: Any) -> type[MeanMetricWrapper]:
    """A metric class: the mean of ``function``, with keyword arguments and their defaults."""
    label = re.sub(r"([a-z])([A-Z])", r"\1_\2", class_name).lower()

    def __init__(
        self: Any, *args: Any, name: str | None = None, dtype: Any = None, **kw: Any
    ) -> None:
        given = {**arguments, **dict(zip(arguments, args, strict=False)), **kw}
        unknown = sorted(set(given) - set(arguments))
        if unknown or len(args) > len(arguments):
            what = f"argument {unknown[0]!r}" if unknown else f"{len(args)} positional arguments"
            raise TypeError(f"{class_name} takes {[*arguments, 'name', 'dtype']}; got {what}")
        MeanMetricWrapper.__init__(self, function, name or label, dtype, **given)
        self._arguments = {**given, "name": self.name, "dtype": self.dtype.name}

    members = {"__init__": __init__, "__doc__": f"The mean of: {function.__doc__}",
               "__module__": __name__}  # fmt: skip
    return type(class_name, (MeanMetricWrapper,), members)


_LOGITS = {"from_logits": False, "label_smoothing": 0.0, "axis": -1}
Accuracy = _mean_of("Accuracy", accuracy)
BinaryAccuracy = _mean_of("BinaryAccuracy", binary_accuracy, threshold=0.5)
CategoricalAccuracy = _mean_of("CategoricalAccuracy", categorical_accuracy)
SparseCategoricalAccuracy = _mean_of("SparseCategoricalAccuracy", sparse_categorical_accuracy)
TopKCategoricalAccuracy = _mean_of("TopKCategoricalAccuracy", top_k_categorical_accuracy, k=5)
SparseTopKCategoricalAccuracy = _mean_of(
    "SparseTopKCategoricalAccuracy", sparse_top_k_categorical_accuracy, k=5
)
MeanSquaredError = _mean_of("MeanSquaredError", losses.mean_squared_error)
MeanAbsoluteError = _mean_of("MeanAbsoluteError", losses.mean_absolute_error)
MeanAbsolutePercentageError = _mean_of(
    "MeanAbsolutePercentageError", losses.mean_absolute_percentage_error
)
MeanSquaredLogarithmicError = _mean_of(
    "MeanSquaredLogarithmicError", losses.mean_squared_logarithmic_error
)
LogCoshError = _mean_of("LogCoshError", losses.log_cosh)
KLDivergence = _mean_of("KLDivergence", losses.kl_divergence)
Poisson = _mean_of("Poisson", losses.poisson)
Hinge = _mean_of("Hinge", losses.hinge)
CosineSimilarity = _mean_of("CosineSimilarity", losses.cosine_similarity, axis=-1)
BinaryCrossentropy = _mean_of(
    "BinaryCrossentropy", losses.binary_crossentropy, from_logits=False, label_smoothing=0.0
)
CategoricalCrossentropy = _mean_of(
    "CategoricalCrossentropy", losses.categorical_crossentropy, **_LOGITS
)
SparseCategoricalCrossentropy = _mean_of(
    "SparseCategoricalCrossentropy", losses.sparse_categorical_crossentropy,
    from_logits=False, ignore_class=None, axis=-1,
)  # fmt: skip


class RootMeanSquaredError(Mean):
    """The root of the mean squared error over all elements."""

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        super().update_state(losses.mean_squared_error(y_true, y_pred), sample_weight)

    def result(self) -> Tensor:
        result: Tensor = op.Sqrt(super().result())
        return result


_CLASSES: dict[str, Any] = {
    c.__name__: c
    for c in (
        Mean, Sum, Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy,
        TopKCategoricalAccuracy, SparseTopKCategoricalAccuracy, MeanSquaredError,
        RootMeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError,
        MeanSquaredLogarithmicError, LogCoshError, KLDivergence, Poisson, Hinge, CosineSimilarity,
        BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy,
    )
}  # fmt: skip
_NAMES: dict[str, Any] = {
    **_CLASSES,
    **{re.sub(r"([a-z])([A-Z])", r"\1_\2", n).lower(): c for n, c in _CLASSES.items()},
    "mse": MeanSquaredError, "MSE": MeanSquaredError, "mae": MeanAbsoluteError,
    "MAE": MeanAbsoluteError, "mape": MeanAbsolutePercentageError, "rmse": RootMeanSquaredError,
    "msle": MeanSquaredLogarithmicError, "bce": BinaryCrossentropy,
    "top_k_categorical_accuracy": TopKCategoricalAccuracy,
    "sparse_top_k_categorical_accuracy": SparseTopKCategoricalAccuracy,
}  # fmt: skip


def get(identifier: Any) -> Any:
    """A metric for a name, an object, a class, a function ``fn(y_true, y_pred)``, a dict, or None."""
    if isinstance(identifier, str):
        return config.lookup("metric", identifier, _NAMES)()
    if isinstance(identifier, dict):
        return config.deserialize(identifier)
    if isinstance(identifier, type):
        return identifier()
    if identifier is None or callable(identifier):
        return identifier
    raise TypeError(f"{identifier!r} is no metric: expected a name, an object or a function")


__all__ = [*sorted(_CLASSES), "MeanMetricWrapper", "Metric", "get"]
