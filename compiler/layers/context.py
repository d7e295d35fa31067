"""What is true while layers are being called: training or not, which layer is inside of which, names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import Layer

_training: ContextVar[bool | None] = ContextVar("training", default=None)
_stack: ContextVar[tuple[Layer, ...]] = ContextVar("layers", default=())
_names: Counter[str] = Counter()


def snake_case(kind: str) -> str:
    """``max_pooling2d`` for ``MaxPooling2D``."""
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind))
    return words.lower().lstrip("_")


def unique_name(kind: str) -> str:
    """``dense``, ``dense_1``, ... for the class name ``Dense``."""
    base = snake_case(kind)
    n = _names[base]
    _names[base] += 1
    return f"{base}_{n}" if n else base


def clear_session() -> None:
    """Start numbering automatic names anew."""
    _names.clear()


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
