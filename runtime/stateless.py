"""A model's loss as a function of the values of its variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..compiler.ir import Like, Tensor, convert
from ..compiler.state import Trace, tracing
from ..errors import ArgumentError

if TYPE_CHECKING:
    from .model import Model

Values = tuple[Sequence[Like], Sequence[Like], Sequence[Like]]


def loss(
    model: Model, values: Values, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool
) -> tuple[Tensor, tuple[list[Any], list[Any], list[Any]]]:
    """See ``Model.stateless_compute_loss``. Raises ``ArgumentError`` where numbers of values differ."""
    groups = (model.trainable_variables, model.non_trainable_variables, model.metrics_variables)
    trace = Trace()
    for variables, given in zip(groups, values, strict=True):
        if len(variables) != len(given):
            raise ArgumentError(f"{model.name!r}: {len(given)} values for {len(variables)}")
        trace.writes |= {v: convert(g, v.dtype) for v, g in zip(variables, given, strict=True)}
    with tracing(trace):
        result = model.compute_loss(x, y, y_pred, sample_weight, training)
    trainable, others, metrics = ([trace.writes[v] for v in group] for group in groups)
    return result, (trainable, others, metrics)
