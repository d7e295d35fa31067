"""``wh.function``: a Python function over tensors, compiled to one ONNX graph per input signature."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np
import onnx

from ..compiler import tree
from ..compiler.ir import Array, Operators, Tensor
from ..compiler.program import Program, TensorSpec, rebuild_results, trace
from ..compiler.state import current_trace
from ..errors import ArgumentError
from . import placement
from .step import Step


class Function:
    """A traced function. See ``function``."""

    def __init__(
        self, python_function: Callable[..., Any], input_signature: Sequence[Any] | None = None
    ) -> None:
        functools.update_wrapper(self, python_function)
        self.python_function = python_function
        self._declared = None if input_signature is None else tuple(input_signature)
        self._steps: dict[Any, Step] = {}

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run on NumPy arrays (nested as you like); within another traced function, inline."""
        if current_trace() is not None:
            return self.python_function(*args, **kwargs)
        step, arrays = self._step(args, kwargs)
        return rebuild_results(step.program.structure, step(arrays))

    def to_onnx(self, *args: Any, **kwargs: Any) -> onnx.ModelProto:
        """The model that a call with these arguments (arrays or ``TensorSpec``) runs.

        Variables are inputs by their names; assigned ones come back as ``next/<name>``.
        """
        return self._step(args, kwargs)[0].model

    def program(self, *args: Any, **kwargs: Any) -> Program:
        """The traced program for these arguments."""
        return self._step(args, kwargs)[0].program

    def _step(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Step, list[Array]]:
        leaves, structure = tree.flatten((args, kwargs))
        values = [_value(leaf) for leaf in leaves]
        specs = self._specs(values, structure)
        key = (_hashable(structure), tuple(specs), str(placement.current()))
        step = self._steps.get(key)
        if step is None:
            step = self._steps[key] = self._compiled(specs, structure)
        traced = [v for v, s in zip(values, specs, strict=True) if isinstance(s, TensorSpec)]
        names = zip(traced, step.program.inputs.items(), strict=True)
        return step, [_fitting(v, n, t) for v, (n, t) in names if not isinstance(v, TensorSpec)]

    def _specs(self, values: Sequence[Any], structure: Any) -> list[Any]:
        if self._declared is None:
            return [_spec(v) for v in values]
        found = tree.leaves((self._declared, {}))
        if len(found) != len(values):
            raise ArgumentError(
                f"{self.python_function.__name__} has an input_signature of {len(found)} tensors; "
                f"got arguments {tree.describe(structure)}"
            )
        return found

    def _compiled(self, specs: Sequence[Any], structure: Any) -> Step:
        names = _argument_names(self.python_function, structure)

        def rebuild(tensors: list[Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
            feed = iter(tensors)
            filled = [next(feed) if isinstance(s, TensorSpec) else s for s in specs]
            args, kwargs = tree.unflatten(structure, filled)
            return args, kwargs

        wanted = [
            TensorSpec(s.shape, s.dtype, s.name or n)
            for s, n in zip(specs, names, strict=True)
            if isinstance(s, TensorSpec)
        ]
        return Step(trace(self.python_function, wanted, rebuild), placement.current())


@overload
def function(python_function: Callable[..., Any], /) -> Function: ...
@overload
def function(
    *, input_signature: Sequence[Any] | None = None
) -> Callable[[Callable[..., Any]], Function]: ...
def function(
    python_function: Callable[..., Any] | None = None,
    /,
    *,
    input_signature: Sequence[Any] | None = None,
) -> Any:
    """Compile a Python function over tensors to one ONNX graph per input signature.

    Arrays and floats become inputs of the graph; ints, bools, strings and None are part of the
    signature (another value, another graph). Without ``input_signature`` each new shape is a new
    graph; give ``wh.TensorSpec`` with None for dims that vary.

    Args:
        input_signature: one ``TensorSpec`` (or nested structure of them) per positional argument.
    """
    if python_function is not None:
        return Function(python_function)
    return lambda f: Function(f, input_signature)


def _value(leaf: Any) -> Any:
    if isinstance(leaf, TensorSpec) or leaf is None or isinstance(leaf, (bool, int, str)):
        return leaf
    if isinstance(leaf, float):
        return np.asarray(leaf, np.float32)
    if isinstance(leaf, (Operators, np.ndarray, np.generic)) or hasattr(leaf, "__array__"):
        return np.asarray(leaf)
    return leaf  # any other object is part of the signature, by identity or its own equality


def _spec(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return TensorSpec(value.shape, value.dtype)
    return value


def _hashable(structure: Any) -> Any:
    return repr(structure)


def _fitting(value: Any, name: str, tensor: Tensor) -> Array:
    array = np.asarray(value)
    if array.dtype != tensor.dtype:
        if not np.can_cast(array.dtype, tensor.dtype, "same_kind"):
            raise ArgumentError(f"{name} must be {tensor.type}; got {array.dtype.name}")
        array = array.astype(tensor.dtype)
    fits = array.ndim == tensor.ndim and all(
        not isinstance(w, int) or w == d for w, d in zip(tensor.shape, array.shape, strict=True)
    )
    if not fits:
        raise ArgumentError(f"{name} must be {tensor.type}; got shape {array.shape}")
    return array


def _argument_names(python_function: Callable[..., Any], structure: Any) -> list[str]:
    """A name for every leaf: the parameter it is in, with the path inside."""
    code = getattr(python_function, "__code__", None)
    names = list(code.co_varnames[: code.co_argcount]) if code is not None else []
    _, _, (positional, keywords) = structure
    found: list[str] = []
    for i, child in enumerate(positional[2]):
        found += _leaf_names(child, names[i] if i < len(names) else f"input_{i}")
    for key, child in zip(keywords[1], keywords[2], strict=True):
        found += _leaf_names(child, key)
    return found


def _leaf_names(spec: Any, prefix: str) -> list[str]:
    if spec is None:
        return [prefix]
    _, keys, children = spec
    labels = keys if keys is not None else range(len(children))
    return [
        n for k, c in zip(labels, children, strict=True) for n in _leaf_names(c, f"{prefix}_{k}")
    ]
