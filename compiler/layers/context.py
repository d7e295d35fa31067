"""What is true while layers are being called: training or not, and which layer is inside of which."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from .base import Layer

_training: ContextVar[bool | None] = ContextVar("training", default=None)
_stack: ContextVar[tuple[Layer, ...]] = ContextVar("layers", default=())
# what is called in place of ``layer.invoke(args, kwargs)``, to see the calls go by
Observer: TypeAlias = "Callable[[Layer, tuple[Any, ...], dict[str, Any]], Any]"
_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)


def current_training() -> bool | None:
    """The mode that an outer call has set; None where there is none."""
    return _training.get()


@contextmanager
def training_mode(training: bool) -> Iterator[None]:
    """Layers called inside without ``training=`` work in this mode."""
    token = _training.set(training)
    try:
        yield
    finally:
        _training.reset(token)


def enclosing() -> tuple[Layer, ...]:
    """The layers whose ``call`` or ``build`` is under way, the outermost first."""
    return _stack.get()


@contextmanager
def inside(layer: Layer) -> Iterator[None]:
    """``layer`` is being called."""
    token = _stack.set((*_stack.get(), layer))
    try:
        yield
    finally:
        _stack.reset(token)


@contextmanager
def outside() -> Iterator[None]:
    """No layer is being called: what is called inside starts anew, with losses of its own."""
    token = _stack.set(())
    try:
        yield
    finally:
        _stack.reset(token)


def observer() -> Observer | None:
    """What wants to see the calls of layers on tensors; None where nothing does."""
    return _observer.get()


@contextmanager
def observed(by: Observer) -> Iterator[None]:
    """Calls of layers inside go through ``by``, which calls ``layer.invoke(args, kwargs)`` itself."""
    token = _observer.set(by)
    try:
        yield
    finally:
        _observer.reset(token)
