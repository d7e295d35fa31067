"""How often predictions are right."""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError
from ..ir import Shape
from . import functions
from .base import MeanMetricWrapper, Metric
from .probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)


class Accuracy(MeanMetricWrapper):
    """How often predictions equal the targets."""

    direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype: Any = None) -> None:
        super().__init__(functions.accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """How often predictions above ``threshold`` meet targets of 1, and others targets of 0."""

    direction = "up"

    def __init__(
        self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5
    ) -> None:
        super().__init__(functions.binary_accuracy, name, dtype, threshold=threshold)
        self.threshold = threshold


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the largest prediction is at the target's class (one-hot rows)."""

    direction = "up"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(functions.categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the largest prediction is at the target's class (class numbers)."""

    direction = "up"

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(functions.sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the target's class (one-hot rows) is among the ``k`` largest predictions."""

    direction = "up"

    def __init__(
        self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None
    ) -> None:
        super().__init__(functions.top_k_categorical_accuracy, name, dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the target's class number is among the ``k`` largest predictions."""

    direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(
            functions.sparse_top_k_categorical_accuracy, name, dtype, k=k,
            from_sorted_ids=from_sorted_ids,
        )  # fmt: skip
        self.k, self.from_sorted_ids = k, from_sorted_ids


_BY_SHAPE: dict[str, tuple[Any, Any, Any]] = {
    **dict.fromkeys(
        ("accuracy", "acc"), (BinaryAccuracy, SparseCategoricalAccuracy, CategoricalAccuracy)
    ),
    **dict.fromkeys(
        ("crossentropy", "ce"),
        (BinaryCrossentropy, SparseCategoricalCrossentropy, CategoricalCrossentropy),
    ),
}


def resolve_accuracy(
    identifier: str, true_shape: Shape, pred_shape: Shape, name: str | None = None
) -> Metric:
    """The metric that "accuracy", "acc", "crossentropy" or "ce" stands for with these shapes.

    Binary for one column of predictions; sparse where targets lack the class axis or have a 1
    there; else categorical. Raises ``ArgumentError`` for another identifier.
    """
    if identifier not in _BY_SHAPE:
        raise ArgumentError(f"{identifier!r} does not depend on shapes; expected {[*_BY_SHAPE]}")
    binary, sparse, categorical = _BY_SHAPE[identifier]
    if pred_shape and pred_shape[-1] == 1:
        kind = binary
    elif len(true_shape) < len(pred_shape) or true_shape[-1] == 1:
        kind = sparse
    else:
        kind = categorical
    metric: Metric = kind(name=name or identifier)
    return metric
