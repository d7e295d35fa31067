"""``Variable`` is the only state, ``assign`` the only effect.

Inside a traced function reading a variable gives an ``Argument`` (or what was assigned before), and
``assign`` records an output. Outside, both act at once on the variable's storage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import numpy as np

from ..errors import ArgumentError, ShapeError, TraceError
from . import dims, dtypes
from .ir import (
    Array,
    Like,
    Operators,
    Tensor,
    TensorType,
    apply,
    argument,
    convert,
    data,
    retyped,
    stopped,
)  # fmt: skip


class Storage(Protocol):
    """Where a variable's value lives: host memory at first, a device's buffers once a step runs."""

    def read(self) -> Array:
        """A copy of the value."""
        ...

    def write(self, value: Array) -> None:
        """Replace the value."""
        ...


class HostStorage:
    """A NumPy array."""

    def __init__(self, value: Array) -> None:
        self._value = value

    def read(self) -> Array:
        return self._value.copy()

    def write(self, value: Array) -> None:
        self._value = value


class Trace:
    """What a function being traced has read and written so far."""

    def __init__(self) -> None:
        self.reads: dict[Variable, Tensor] = {}
        self.writes: dict[Variable, Tensor] = {}
        self._settled: dict[Variable, tuple[Tensor, Tensor]] = {}

    def settle(self, variable: Variable) -> None:
        """Let no gradient flow from later reads through what was assigned so far: it is an update."""
        if variable in self.writes:
            written = self.writes[variable]
            self._settled[variable] = written, stopped(written)

    def read(self, variable: Variable) -> Tensor:
        """The value within this function: what was assigned last, else what it starts with."""
        if variable in self.writes:
            written = self.writes[variable]
            before, cut = self._settled.get(variable, (None, written))
            return cut if before is written else written
        if variable not in self.reads:
            self.reads[variable] = argument(variable.path, variable.type, variable)
        return self.reads[variable]


_trace: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current_trace() -> Trace | None:
    """The trace under way, or None outside of traced functions."""
    return _trace.get()


@contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """Reads and assignments inside go to ``trace``."""
    token = _trace.set(trace)
    try:
        yield trace
    finally:
        _trace.reset(token)


_autocast: ContextVar[dtypes.DType | None] = ContextVar("autocast", default=None)


@contextmanager
def autocast(dtype: dtypes.DType | None) -> Iterator[None]:
    """Floating-point variables read inside are cast to ``dtype`` (None: are left as they are)."""
    token = _autocast.set(dtype)
    try:
        yield
    finally:
        _autocast.reset(token)


class Variable(Operators):
    """A tensor that outlives a step: a weight, an optimizer slot, a moving mean, a counter.

    Args:
        initializer: an array (or numbers), or a function of (shape, dtype) that gives one.
        shape: needed with a function; otherwise checked against the array.
        dtype: default "float32" for functions and Python floats, else the array's own.
        trainable: whether optimizers update it.
        name: the last part of ``path``; what exported files call it.
    """

    __slots__ = ("__weakref__", "autocast", "constraint", "name", "path", "regularizer", "storage",
                 "trainable", "type")  # fmt: skip

    def __init__(
        self,
        initializer: Like | Callable[..., Any],
        shape: tuple[int, ...] | None = None,
        dtype: dtypes.DTypeLike | None = None,
        trainable: bool = True,
        name: str = "variable",
    ) -> None:
        value = _initial(initializer, shape, dtype)
        self.name = self.path = name
        self.trainable = trainable
        self.autocast = True
        self.regularizer: Callable[[Tensor], Tensor] | None = None
        self.constraint: Callable[[Tensor], Tensor] | None = None
        self.type = TensorType(value.dtype, value.shape)
        self.storage: Storage = HostStorage(value)

    @property
    def dtype(self) -> dtypes.DType:
        return self.type.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return self.type.shape  # type: ignore[return-value]  # a variable's dims are numbers

    @property
    def ndim(self) -> int:
        return len(self.type.shape)

    @property
    def value(self) -> Tensor:
        """The value as a tensor: symbolic in a traced function, a snapshot outside."""
        trace = _trace.get()
        found = trace.read(self) if trace is not None else data(self.storage.read(), self)
        wanted = _autocast.get()
        if wanted is None or wanted == self.dtype or not self.autocast:
            return found
        return apply("Cast", found, to=wanted) if dtypes.is_float(self.dtype) else found

    def numpy(self) -> Array:
        """A copy of the stored value (the one before the step, if a function is being traced)."""
        return self.storage.read()

    def assign(self, value: Like) -> None:
        """Set the value: at the end of the step in a traced function, at once outside.

        Raises ``ShapeError`` where dtype or shape differ from the variable's.
        """
        tensor = convert(value, self.dtype)
        if _autocast.get() is not None and dtypes.is_float(tensor.dtype):
            tensor = apply("Cast", tensor, to=self.dtype)
        if tensor.dtype != self.dtype or not dims.compatible(tensor.shape, self.shape):
            raise ShapeError(f"{self.path} is {self.type}; cannot assign {tensor.type} to it")
        trace = _trace.get()
        if trace is not None:
            trace.writes[self] = retyped(tensor, self.type)
            return
        if not tensor.node.concrete:
            raise TraceError(
                f"assigning a symbolic value to {self.path} outside of a function has no effect "
                "to record: do it in a wh.function"
            )
        array = tensor.numpy()
        if array.shape != self.shape:
            raise ShapeError(f"{self.path} is {self.type}; cannot assign shape {array.shape} to it")
        self.storage.write(np.array(array, self.dtype, order="C"))

    def assign_add(self, value: Like) -> None:
        """``assign(self + value)``."""
        self.assign(self.value + value)

    def assign_sub(self, value: Like) -> None:
        """``assign(self - value)``."""
        self.assign(self.value - value)

    def __repr__(self) -> str:
        return f"<Variable {self.path} {self.type}{'' if self.trainable else ' not trainable'}>"


def _initial(
    initializer: Like | Callable[..., Any],
    shape: tuple[int, ...] | None,
    dtype: dtypes.DTypeLike | None,
) -> Array:
    if callable(initializer) and not isinstance(initializer, Operators):
        if shape is None:
            raise ArgumentError("a Variable with an initializer function needs shape=")
        kind = dtypes.as_dtype(dtype or "float32")
        value = np.asarray(initializer(tuple(shape), dtype=kind), kind)
    elif isinstance(initializer, np.ndarray):
        value = np.array(initializer, None if dtype is None else dtypes.as_dtype(dtype), order="C")
    else:
        value = np.array(convert(initializer, dtypes.as_dtype(dtype) if dtype else None).numpy())
    if shape is not None and value.shape != tuple(shape):
        raise ArgumentError(f"initial value of shape {value.shape} for a Variable of shape {shape}")
    return value
