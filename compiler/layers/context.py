"""What is true while layers are being called: training or not, and which layer is inside of which."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import Layer

_training: ContextVar[bool | None] = ContextVar("training", default=None)
_stack: ContextVar[tuple[Layer, ...]] = ContextVar("layers", default=())


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
