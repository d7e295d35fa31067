"""Crossentropies and what belongs to them, averaged over all examples."""

from __future__ import annotations

from typing import Any

from .. import losses, op
from ..casting import as_type
from ..ir import Like, Tensor, convert
from ..losses.functions import class_numbers
from .base import MeanMetricWrapper


class BinaryCrossentropy(MeanMetricWrapper):
    """The mean of ``losses.binary_crossentropy``."""

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(
            losses.binary_crossentropy, name, dtype, from_logits=from_logits,
            label_smoothing=label_smoothing,
        )  # fmt: skip


class CategoricalCrossentropy(MeanMetricWrapper):
    """The mean of ``losses.categorical_crossentropy``."""

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
    ) -> None:
        super().__init__(
            losses.categorical_crossentropy, name, dtype, from_logits=from_logits,
            label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """The mean of ``losses.sparse_categorical_crossentropy``.

    Examples of ``ignore_class`` add 0; with sample weights they have no weight either.
    """

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(
            losses.sparse_categorical_crossentropy, name, dtype, from_logits=from_logits,
            ignore_class=ignore_class, axis=axis,
        )  # fmt: skip
        self.ignore_class, self.axis = ignore_class, axis

    def update_state(  # type: ignore[override]  # a metric of two arguments
        self, y_true: Like, y_pred: Like, sample_weight: Like | None = None
    ) -> None:
        if sample_weight is not None and self.ignore_class is not None:
            valid = op.Not(op.Equal(
                class_numbers(convert(y_true), convert(y_pred), self.axis), self.ignore_class
            ))  # fmt: skip
            sample_weight = self._counted(valid, as_type(convert(sample_weight), self.dtype))
        super().update_state(y_true, y_pred, sample_weight)

    def _counted(self, valid: Tensor, weight: Tensor) -> Tensor:
        """The weights, 0 where the example does not count."""
        kept = op.Cast(valid, to=self.dtype)
        if weight.ndim == kept.ndim + 1:
            weight = op.Squeeze(weight, [-1])
        elif weight.ndim < kept.ndim:
            weight = op.Unsqueeze(weight, [*range(weight.ndim, kept.ndim)])
        return weight * kept


class KLDivergence(MeanMetricWrapper):
    """The mean of ``losses.kl_divergence``."""

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(losses.kl_divergence, name, dtype)


class Poisson(MeanMetricWrapper):
    """The mean of ``losses.poisson``."""

    def __init__(self, name: str | None = "poisson", dtype: Any = None) -> None:
        super().__init__(losses.poisson, name, dtype)


class Hinge(MeanMetricWrapper):
    """The mean of ``losses.hinge``."""

    def __init__(self, name: str | None = "hinge", dtype: Any = None) -> None:
        super().__init__(losses.hinge, name, dtype)


class SquaredHinge(MeanMetricWrapper):
    """The mean of ``losses.squared_hinge``."""

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(losses.squared_hinge, name, dtype)


class CategoricalHinge(MeanMetricWrapper):
    """The mean of ``losses.categorical_hinge``."""

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(losses.categorical_hinge, name, dtype)
