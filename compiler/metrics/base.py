"""``Metric``: variables that accumulate over batches, in the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import config, dtypes, initializers, op
from ..ir import Like, Tensor, apply, convert
from ..losses.base import aligned, safe_divide
from ..state import Variable


class Metric(config.Configurable):
    """Base: subclasses define ``update_state`` (by ``assign``) and ``result``."""

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or type(self).__name__.lower()
        self.dtype = dtypes.as_dtype(dtype or "float32")
        self._variables: list[Variable] = []

    def add_variable(
        self, shape: tuple[int, ...] = (), initializer: Any = "zeros", dtype: Any = None,
        name: str = "value",
    ) -> Variable:  # fmt: skip
        """Make a variable that ``reset_state`` sets to zero."""
        made = initializers.get(initializer)
        variable = Variable(made, tuple(shape), dtype or self.dtype, False, name)
        variable.path = f"{self.name}/{name}"
        self._variables.append(variable)
        return variable

    add_weight = add_variable

    @property
    def variables(self) -> list[Variable]:
        return list(self._variables)

    def reset_state(self) -> None:
        """Forget what was seen."""
        for variable in self._variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take a batch into account."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state")

    def result(self) -> Tensor:
        """The value so far, a scalar."""
        raise NotImplementedError(f"{type(self).__name__} must define result")

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        self.update_state(*args, **kwargs)
        return self.result()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class Sum(Metric):
    """The (weighted) sum of values."""

    def __init__(self, name: str = "sum", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")

    def update_state(self, values: Like, sample_weight: Like | None = None) -> None:
        weighted, _ = _weighted(convert(values), sample_weight, self.dtype)
        self.total.assign(self.total + op.ReduceSum(weighted, keepdims=0))

    def result(self) -> Tensor:
        return self.total.value


class Mean(Metric):
    """The (weighted) mean of values; 0 before any."""

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")
        self.count = self.add_variable(name="count")

    def update_state(self, values: Like, sample_weight: Like | None = None) -> None:
        weighted, weights = _weighted(convert(values), sample_weight, self.dtype)
        self.total.assign(self.total + op.ReduceSum(weighted, keepdims=0))
        self.count.assign(self.count + weights)

    def result(self) -> Tensor:
        return safe_divide(self.total.value, self.count.value)


def _weighted(values: Tensor, sample_weight: Like | None, dtype: Any) -> tuple[Tensor, Tensor]:
    """Values times weights, and the sum of the weights."""
    values = values if values.dtype == dtype else apply("Cast", values, to=dtype)
    if sample_weight is None:
        return values, op.Cast(op.Size(values), to=dtype)
    weight = convert(sample_weight)
    weight = weight if weight.dtype == dtype else apply("Cast", weight, to=dtype)
    if values.ndim and weight.ndim and values.ndim > weight.ndim:
        # a weight per example: the mean over the example's other axes
        values = op.ReduceMean(values, [*range(weight.ndim, values.ndim)], keepdims=0)
    values, weight = aligned(values, weight)
    full = weight if weight.shape == values.shape else weight + values * 0
    return values * weight, op.ReduceSum(full, keepdims=0)


class MeanMetricWrapper(Mean):
    """The mean of ``fn(y_true, y_pred, **kwargs)``."""

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", "mean"), dtype)
        self.fn, self.kwargs = fn, kwargs

    def update_state(  # type: ignore[override]  # a metric of two arguments
        self, y_true: Like, y_pred: Like, sample_weight: Like | None = None
    ) -> None:
        values = self.fn(convert(y_true), convert(y_pred), **self.kwargs)
        super().update_state(values, sample_weight)
