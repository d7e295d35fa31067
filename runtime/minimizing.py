"""What a training step does with its loss: gradients and an update, or what an export writes instead."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias

from ..compiler import autodiff
from ..compiler.ir import Tensor

if TYPE_CHECKING:
    from .model import Model

Way: TypeAlias = "Callable[[Model, Tensor], None]"


def by_expansion(model: Model, loss: Tensor) -> None:
    """Differentiate, and let the optimizer assign: in the operators of ``ai.onnx``."""
    variables = model.trainable_variables
    if variables:
        optimizer = model.compiled().optimizer
        gradients = autodiff.grad(optimizer.scale_loss(loss), variables)
        optimizer.apply(gradients, variables)


_way: ContextVar[Way] = ContextVar("way", default=by_expansion)


def minimize(model: Model, loss: Tensor) -> None:
    """One update of the trainable variables, recorded in the trace under way."""
    _way.get()(model, loss)


@contextmanager
def minimizing(way: Way) -> Iterator[None]:
    """``minimize`` is ``way`` inside."""
    token = _way.set(way)
    try:
        yield
    finally:
        _way.reset(token)


def loss_of(
    model: Model, x: Any, y: Any, y_pred: Any, sample_weight: Any, *, training: bool
) -> Tensor:
    """``model.compute_loss``; one that a user defines need not take ``training``, as in Keras."""
    known = inspect.signature(model.compute_loss).parameters.values()
    takes = any(p.name == "training" or p.kind is p.VAR_KEYWORD for p in known)
    more = {"training": training} if takes else {}
    return model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **more)
