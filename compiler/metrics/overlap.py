"""Intersection over union of classes, from a confusion matrix that is accumulated."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from ...errors import ArgumentError, ShapeError
from .. import dtypes, op
from ..casting import as_type
from ..ir import Like, Tensor, constant, convert
from ..losses.base import EPSILON
from .base import Metric, weights_like


class IoU(Metric):
    """``true positives / (true positives + false positives + false negatives)``, the mean over classes.

    Args:
        num_classes: targets and predictions are class numbers below it; others do not count.
        target_class_ids: the classes to look at; those that never occur are left out.
        ignore_class: targets of this class do not count.
        sparse_y_true, sparse_y_pred: whether these are class numbers, or scores along ``axis``.
        dtype: of the confusion matrix; default int32, to which weights are cut (with a warning).

    Raises ``ArgumentError`` for classes that there are not.
    """

    direction = "up"

    def __init__(
        self, num_classes: int, target_class_ids: Sequence[int], name: str | None = None,
        dtype: Any = None, ignore_class: int | None = None, sparse_y_true: bool = True,
        sparse_y_pred: bool = True, axis: int = -1,
    ) -> None:  # fmt: skip
        super().__init__(dtype or "int32", name)
        if max(target_class_ids) >= num_classes:
            raise ArgumentError(
                f"target_class_ids={[*target_class_ids]}: classes go from 0 to {num_classes - 1}"
            )
        self.num_classes, self.target_class_ids = num_classes, [int(i) for i in target_class_ids]
        self.ignore_class, self.axis = ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred
        self.total_cm = self.add_variable(
            (num_classes, num_classes), "zeros", name="total_confusion_matrix"
        )

    def update_state(self, y_true: Like, y_pred: Like, sample_weight: Like | None = None) -> None:
        true = _numbers(y_true, None if self.sparse_y_true else self.axis)
        pred = _numbers(y_pred, None if self.sparse_y_pred else self.axis)
        counted = op.And(self._known(true), self._known(pred))
        if self.ignore_class is not None:
            counted = op.And(counted, op.Not(op.Equal(true, self.ignore_class)))
        counted = as_type(counted, dtypes.INT64)
        weight = as_type(counted, self.dtype)
        if sample_weight is not None:
            weight = weight * self._weights(sample_weight, true)
        cell = op.Reshape((true * self.num_classes + pred) * counted, [-1])
        empty = constant([0] * self.num_classes**2, self.dtype)
        found = op.ScatterElements(empty, cell, op.Reshape(weight, [-1]), axis=0, reduction="add")
        self.total_cm.assign(self.total_cm + op.Reshape(found, [*self.total_cm.shape]))

    def _known(self, numbers: Tensor) -> Tensor:
        result: Tensor = op.And(op.GreaterOrEqual(numbers, 0), op.Less(numbers, self.num_classes))
        return result

    def _weights(self, sample_weight: Like, true: Tensor) -> Tensor:
        weight = convert(sample_weight)
        if dtypes.is_float(weight.dtype) and not dtypes.is_float(self.dtype):
            warnings.warn(
                f"{self.name}: sample weights are cut to {self.dtype.name}; make the metric with "
                "dtype='float32', or give it integers",
                stacklevel=3,
            )
        return weights_like(weight, true, self.dtype)

    def result(self) -> Tensor:
        table = op.Cast(self.total_cm.value, to="float32")
        hits = op.ReduceSum(table * op.EyeLike(table), [1], keepdims=0)
        union = op.ReduceSum(table, [0], keepdims=0) + op.ReduceSum(table, [1], keepdims=0) - hits
        hits, union = (op.Gather(t, self.target_class_ids) for t in (hits, union))
        occurs = op.Cast(op.Greater(union, 1e-9), to="float32")
        ratios = op.ReduceSum(hits / (union + EPSILON) * occurs, keepdims=0)
        return ratios / (op.ReduceSum(occurs, keepdims=0) + EPSILON)


def _numbers(values: Like, axis: int | None) -> Tensor:
    """Class numbers as int64: the values themselves, or where they are largest along ``axis``."""
    x = convert(values)
    if axis is None:
        return as_type(x, dtypes.INT64)
    if x.ndim < 2:
        raise ShapeError(f"scores of classes need an axis of classes; got {x.type}")
    result: Tensor = op.ArgMax(x, axis=axis, keepdims=0)
    return result


class BinaryIoU(IoU):
    """IoU of the classes 0 and 1, to which predictions belong by a threshold."""

    def __init__(
        self, target_class_ids: Sequence[int] = (0, 1), threshold: float = 0.5,
        name: str | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Like, y_pred: Like, sample_weight: Like | None = None) -> None:
        pred = as_type(convert(y_pred), dtypes.FLOAT32)
        super().update_state(y_true, op.GreaterOrEqual(pred, float(self.threshold)), sample_weight)


class MeanIoU(IoU):
    """IoU, the mean over all classes."""

    def __init__(
        self, num_classes: int, name: str | None = None, dtype: Any = None,
        ignore_class: int | None = None, sparse_y_true: bool = True, sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:  # fmt: skip
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true,
                         sparse_y_pred, axis)  # fmt: skip


class OneHotIoU(IoU):
    """IoU of one-hot targets, and of scores (or, with ``sparse_y_pred``, class numbers)."""

    def __init__(
        self, num_classes: int, target_class_ids: Sequence[int], name: str | None = None,
        dtype: Any = None, ignore_class: int | None = None, sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:  # fmt: skip
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False,
                         sparse_y_pred, axis)  # fmt: skip


class OneHotMeanIoU(MeanIoU):
    """IoU of one-hot targets and scores (or class numbers), the mean over all classes."""

    def __init__(
        self, num_classes: int, name: str | None = None, dtype: Any = None,
        ignore_class: int | None = None, sparse_y_pred: bool = False, axis: int = -1,
    ) -> None:  # fmt: skip
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)


__all__ = ["BinaryIoU", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"]
