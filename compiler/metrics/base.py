"""``Metric``: variables that accumulate over batches, in the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError
from .. import config, dtypes, initializers, naming, op, policies
from ..casting import as_type
from ..ir import Like, Shape, Tensor, constant, convert, data
from ..losses.base import Loss, masked_weight, safe_divide, same_rank
from ..state import Trace, Variable, current_trace, tracing

_AGGREGATIONS = ("sum", "mean", "only_first_replica", "none", None)


class _Overlay(Trace):
    """Values in place of some variables. What is assigned inside is forgotten afterwards."""

    def __init__(self, values: Mapping[Variable, Tensor]) -> None:
        super().__init__()
        self.writes.update(values)
        self._outer = current_trace()

    def read(self, variable: Variable) -> Tensor:
        if variable in self.writes:
            return super().read(variable)
        outer = self._outer
        return data(variable.numpy(), variable) if outer is None else outer.read(variable)


class Metric(config.Configurable):
    """Base: subclasses define ``update_state`` (by ``assign``) and ``result``.

    State is made by ``add_weight``, in ``__init__`` or when the first batch is seen; metrics that are
    attributes are part of it. In a traced function the state is read and written like any variable, and
    ``result`` after ``update_state`` has seen the update. Outside, both act at once.

    Args:
        dtype: a type or policy, default float32.
        name: what logs call it; the default is made from the class name.
    """

    direction: str | None = None
    """Whether the value should go "up" or "down", for those who look for the best; None: not known."""
    built: bool = True
    """Whether all variables are there. A metric that must see predictions first sets it to False."""

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self._variables: list[Variable] = []
        self._metrics: list[Metric] = []
        self._name = name or naming.unique_name(type(self).__name__)
        self.dtype = policies.get(dtype or "float32").compute_dtype

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("__") and name not in ("_variables", "_metrics", "_arguments"):
            for part in value if isinstance(value, (list, tuple)) else (value,):
                self._track(part)
        super().__setattr__(name, value)

    def _track(self, value: Any) -> None:
        if isinstance(value, Variable) and all(v is not value for v in self._variables):
            self._variables.append(value)
        if isinstance(value, Metric) and all(m is not value for m in self._metrics):
            self._metrics.append(value)

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
        self, shape: Sequence[int], initializer: Any, dtype: Any = None, aggregation: str | None = "sum",
        name: str | None = None,
    ) -> Variable:  # fmt: skip
        """Make a variable that ``reset_state`` sets to zero.

        Args:
            shape, initializer, dtype, name: as of a ``Variable``; dtype defaults to the metric's.
            aggregation: how the values of several replicas would make one; here there is one replica.
        """
        if aggregation not in _AGGREGATIONS:
            raise ArgumentError(f"aggregation={aggregation!r}: expected one of {_AGGREGATIONS}")
        label = name or f"variable_{len(self._variables)}"
        made = initializers.get(initializer)
        variable = Variable(made, tuple(shape), dtype or self.dtype, False, label)
        variable.path = f"{self.name}/{label}"
        self._variables.append(variable)
        return variable

    def add_weight(
        self, shape: Sequence[int] = (), initializer: Any = "zeros", dtype: Any = None,
        name: str | None = None,
    ) -> Variable:  # fmt: skip
        """``add_variable``, a scalar of zeros unless told otherwise."""
        return self.add_variable(shape, initializer or "zeros", dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """What the metric accumulates in, that of metrics within it included."""
        return [*self._variables, *(v for m in self._metrics for v in m.variables)]

    def build(self, y_pred_shape: Shape) -> None:
        """Make the variables that depend on the predictions' shape; the first ``update_state`` does."""

    def reset_state(self) -> None:
        """Forget what was seen."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Take a batch into account."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state")

    def result(self) -> Any:
        """The value so far: a scalar, or a vector or dict of scalars."""
        raise NotImplementedError(f"{type(self).__name__} must define result")

    def stateless_update_state(
        self, metric_variables: Sequence[Like], *args: Any, **kwargs: Any
    ) -> list[Tensor]:
        """The values of ``variables`` after a batch, from those before. The metric stays as it is."""
        with self._holding(metric_variables) as overlay:
            self.update_state(*args, **kwargs)
            return [overlay.read(v) for v in self.variables]

    def stateless_result(self, metric_variables: Sequence[Like]) -> Any:
        """The result for these values of ``variables``."""
        with self._holding(metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list[Tensor]:
        """The values of ``variables`` before the first batch."""
        with tracing(_Overlay({})) as overlay:
            self.reset_state()
            return [overlay.read(v) for v in self.variables]

    def _holding(self, values: Sequence[Like]) -> AbstractContextManager[Trace]:
        own = self.variables
        if len(values) != len(own):
            raise ArgumentError(
                f"{type(self).__name__} has {len(own)} variables; metric_variables has {len(values)}"
            )
        given = {v: convert(x, v.dtype) for v, x in zip(own, values, strict=True)}
        return tracing(_Overlay(given))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
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
    mask, values = values.mask, as_type(values, dtype)
    weight = None
    if sample_weight is not None:
        weight = masked_weight(as_type(convert(sample_weight, dtype), dtype), mask, dtype, "sum")
        values, weight = same_rank(values, weight)  # type: ignore[arg-type]  # there is one
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


def weights_like(weight: Like, values: Tensor, dtype: dtypes.DType) -> Tensor:
    """Weights in this type and the shape of ``values``: of each example, or of leading axes.

    Raises ``ShapeError`` where they have more axes.
    """
    w = as_type(convert(weight, dtype), dtype)
    if w.ndim == values.ndim + 1 and w.shape[-1] == 1:
        w = op.Squeeze(w, [-1])
    if w.ndim > values.ndim:
        raise ShapeError(f"sample_weight {w.type} does not fit predictions {values.type}")
    if 0 < w.ndim < values.ndim:
        w = op.Unsqueeze(w, [*range(w.ndim, values.ndim)])
    result: Tensor = op.Expand(w, op.Shape(values))
    return result


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
        if self.direction is None and (isinstance(fn, Loss) or _is_loss(fn)):
            self.direction = "down"

    def update_state(  # type: ignore[override]  # a metric of two arguments
        self, y_true: Like, y_pred: Like, sample_weight: Like | None = None
    ) -> None:
        pred = convert(y_pred)
        values = convert(self.fn(convert(y_true), pred, **self.kwargs))
        weight = None if sample_weight is None else as_type(convert(sample_weight), self.dtype)
        super().update_state(values, masked_weight(weight, pred.mask, self.dtype, "sum"))


def _is_loss(function: Any) -> bool:
    """Whether it is one of our loss functions."""
    package = Loss.__module__.rpartition(".")[0]
    return str(getattr(function, "__module__", "")).startswith(f"{package}.")
