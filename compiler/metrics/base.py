"""``Metric``: variables that accumulate over batches, in the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import config, dtypes, initializers, op
from ..casting import as_type
from ..ir import Like, Tensor, constant, convert
from ..losses.base import safe_divide, same_rank
from ..state import Variable


class Metric(config.Configurable):
    """Base: subclasses define ``update_state`` (by ``assign``) and ``result``.

    In a traced function the state is read and written like any variable, and ``result`` after
    ``update_state`` has seen the update. Outside, both act at once.
    """

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self._variables: list[Variable] = []
        self._name = name or type(self).__name__.lower()
        self.dtype = dtypes.as_dtype(dtype or "float32")

    @property
    def name(self) -> str:
        """What logs call it. Its variables are named ``<name>/<variable>``."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = name
        for variable in self._variables:
            variable.path = f"{name}/{variable.name}"

    def add_variable(
        self, shape: tuple[int, ...], initializer: Any, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """Make a variable that ``reset_state`` sets to zero."""
        label = name or f"variable_{len(self._variables)}"
        made = initializers.get(initializer)
        variable = Variable(made, tuple(shape), dtype or self.dtype, False, label)
        variable.path = f"{self.name}/{label}"
        self._variables.append(variable)
        return variable

    def add_weight(
        self, shape: tuple[int, ...] = (), initializer: Any = "zeros", dtype: Any = None,
        name: str | None = None,
    ) -> Variable:  # fmt: skip
        """``add_variable``, a scalar unless told otherwise."""
        return self.add_variable(shape, initializer, dtype, name)

    @property
    def variables(self) -> list[Variable]:
        """What the metric accumulates in."""
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

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, values: Like, sample_weight: Like | None = None) -> None:
        found, _ = per_sample(convert(values), sample_weight, op.ReduceSum, self.dtype)
        self.total.assign(self.total + op.ReduceSum(found, keepdims=0))

    def result(self) -> Tensor:
        return self.total.value


class Mean(Metric):
    """The (weighted) mean of values; 0 before any.

    Values of an example are averaged first, so that an example counts as one however many it has.
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, values: Like, sample_weight: Like | None = None) -> None:
        found, weight = per_sample(convert(values), sample_weight, op.ReduceMean, self.dtype)
        count = _length(found) if weight is None else op.ReduceSum(weight, keepdims=0)
        self.total.assign(self.total + op.ReduceSum(found, keepdims=0))
        self.count.assign(self.count + count)

    def result(self) -> Tensor:
        return safe_divide(self.total.value, self.count.value)


def per_sample(
    values: Tensor, sample_weight: Like | None, reduce: Callable[..., Tensor], dtype: dtypes.DType
) -> tuple[Tensor, Tensor | None]:
    """One weighted value per example, and the weight of each (None for ones)."""
    values = as_type(values, dtype)
    weight = None
    if sample_weight is not None:
        values, weight = same_rank(values, as_type(convert(sample_weight, dtype), dtype))
        rank = weight.ndim
        if values.ndim > rank:
            values = reduce(values, [*range(rank, values.ndim)], keepdims=0)
        if values.shape != weight.shape or None in values.shape:
            weight = op.Expand(weight, op.Shape(values))
        values = values * weight
        if rank > 1:
            weight = reduce(weight, [*range(1, rank)], keepdims=0)
    if values.ndim > 1:
        values = reduce(values, [*range(1, values.ndim)], keepdims=0)
    return values, weight


def _length(values: Tensor) -> Tensor:
    """The number of examples as a float scalar."""
    if values.ndim == 0 or isinstance(values.shape[0], int):
        return constant(values.shape[0] if values.ndim else 1, values.dtype)
    return op.Cast(op.Squeeze(op.Shape(values, end=1), [0]), to=values.dtype)


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
