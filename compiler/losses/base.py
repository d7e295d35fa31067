"""``Loss``: a value per example, weighted and reduced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from ...errors import ArgumentError, ShapeError
from .. import config, dtypes, naming, op, policies, tree
from ..casting import as_type
from ..ir import Like, Operators, Tensor, constant, convert

EPSILON = 1e-7
AVERAGED = "sum_over_batch_size"
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


class Loss(config.Configurable):
    """Base of all losses: subclasses define ``call(y_true, y_pred)``, a value per example or more.

    ``reduction`` is "sum_over_batch_size" (the mean over all elements, weights counting as factors
    only), "sum", "mean" (the same as the first), "mean_with_sample_weight" (divided by the sum of
    weights), "none" or None. Targets and predictions (tensors, or lists and dicts of them) are cast to
    ``dtype``, a type or policy, default float32. What the mask of the predictions, or of what ``call``
    gives, leaves out does not count.
    """

    class_numbers: ClassVar[bool] = False
    """Whether targets are class numbers, which keep their integer type."""

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:
        if reduction not in REDUCTIONS:
            raise ArgumentError(f"reduction={reduction!r}: expected one of {REDUCTIONS}")
        self.name = name or naming.unique_name(type(self).__name__)
        self.reduction = reduction
        self.dtype = policies.get(dtype or "float32").compute_dtype

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        """The loss of each example, unreduced."""
        raise NotImplementedError(f"{type(self).__name__} must define call(self, y_true, y_pred)")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Like | None = None) -> Tensor:
        """The reduced loss; a scalar unless the reduction is "none"."""
        found = convert(self.call(self._targets(y_true), _cast(y_pred, self.dtype)))
        mask = both(getattr(y_pred, "mask", None), found.mask)
        values = as_type(found, self.dtype)
        weight = None if sample_weight is None else convert(sample_weight)
        return reduced(values, weight, self.reduction, mask)

    def _targets(self, y_true: Any) -> Any:
        if self.class_numbers:
            y_true = convert(y_true)
            return y_true if y_true.dtype.kind in "iu" else as_type(y_true, self.dtype)
        return _cast(y_true, self.dtype)


def _cast(values: Any, dtype: dtypes.DType) -> Any:
    """Each tensor of a structure in this type; a list of numbers is one tensor."""
    leaves = tree.leaves(values)
    if isinstance(values, dict) or any(isinstance(v, (Operators, np.ndarray)) for v in leaves):
        return tree.map_leaves(lambda x: as_type(convert(x, dtype), dtype), values)
    return as_type(convert(values, dtype), dtype)


def both(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    """What two masks leave; None stands for everything."""
    if a is None or b is None:
        return b if a is None else a
    result: Tensor = op.And(a, b)
    return result


def reduced(
    values: Tensor, weight: Tensor | None, reduction: str | None, mask: Tensor | None = None
) -> Tensor:
    """Weight and reduce per-example values; what ``mask`` leaves out does not count."""
    weight = masked_weight(weight, mask, values.dtype, reduction)
    if weight is not None:
        values, weight = aligned(values, as_type(weight, values.dtype))
        values = values * weight
    if reduction in ("none", None) or values.ndim == 0:
        return values
    if reduction == "sum":
        return op.ReduceSum(values, keepdims=0)
    if reduction == "mean_with_sample_weight" and weight is not None:
        return safe_divide(op.ReduceSum(values, keepdims=0), op.ReduceSum(weight, keepdims=0))
    return op.ReduceMean(values, keepdims=0)


def masked_weight(
    weight: Tensor | None, mask: Tensor | None, dtype: dtypes.DType, reduction: str | None
) -> Tensor | None:
    """The weights with the mask as a factor; in a mean what is left weighs total / valid."""
    if mask is None:
        return weight
    kept = op.Cast(mask, to=dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        kept = safe_divide(kept, op.ReduceMean(kept, keepdims=0))
    if weight is None:
        result: Tensor = kept
        return result
    weight = as_type(weight, dtype)
    kept, weight = aligned(kept, weight) if kept.ndim >= weight.ndim else aligned(weight, kept)
    return kept * weight


def safe_divide(a: Tensor, b: Tensor) -> Tensor:
    """``a / b``, and 0 where b is 0."""
    zero = op.Cast(op.Equal(b, constant(0, b.dtype)), to=b.dtype)
    result: Tensor = a * (1 - zero) / (b + zero)
    return result


def aligned(values: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Both in one rank: a trailing axis of one is dropped or added, further ones follow the weights."""
    values, weight = same_rank(values, weight)
    if weight.ndim > values.ndim:
        raise ShapeError(f"sample_weight or mask {weight.type} does not fit values {values.type}")
    if 0 < weight.ndim < values.ndim:
        weight = op.Unsqueeze(weight, [*range(weight.ndim, values.ndim)])
    return values, weight


def same_rank(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Equal ranks where one has an axis of one more at its end: beside a vector it stays."""
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, op.Unsqueeze(b, [-1])) if b.ndim == 1 else (op.Squeeze(a, [-1]), b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (op.Unsqueeze(a, [-1]), b) if a.ndim == 1 else (a, op.Squeeze(b, [-1]))
    return a, b


def comparable(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Targets in dtype and rank of the predictions; ``ShapeError`` where shapes do not match."""
    y_true, y_pred = same_rank(as_type(y_true, y_pred.dtype), y_pred)
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

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        if isinstance(y_true, Tensor) and isinstance(y_pred, Tensor):
            y_true, y_pred = same_rank(y_true, y_pred)
        return convert(self.fn(y_true, y_pred, **self.kwargs))
