"""Small constants worked out while the graph is built.

What rules make of known shapes and of scalars (the count behind a mean, a seed of ones, pads) becomes one
constant, as NumPy computes it in the same element type. Only operations that IEEE 754 or the integers
define exactly are here, so that the result is the one of any runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from . import dtypes
from .ir import Array, Tensor, constant
from .schema import Literal

Operands = Sequence[Tensor | None]
Attributes = Mapping[str, Any]
Function = Callable[..., Any]
FOLDED: dict[str, Function] = {}
_LARGEST = Literal.COMPARED  # bytes


def literal(x: Tensor | None) -> Array | None:
    """The value of a small constant of a type that NumPy computes with as runtimes do, else None."""
    if x is None or x.node.op != "Constant":
        return None
    value = x.node.attrs[0][1]
    array = value.array if isinstance(value, Literal) else None
    if array is None or array.nbytes > _LARGEST:
        return None
    # 16-bit floats are left alone: CPUs round them elsewhere
    return array if array.dtype.kind in "iub" or array.dtype in (np.float32, np.float64) else None


def folded(op: str, inputs: Operands, attrs: Attributes) -> Tensor | None:
    """The result of ``op`` as a constant, or None where it is not known, or not for us to compute."""
    values = [literal(x) for x in inputs]
    if not values or any(v is None and x is not None for v, x in zip(values, inputs, strict=True)):
        return None
    try:
        with np.errstate(all="ignore"):
            found = FOLDED[op](*values, **attrs)
    except (ValueError, IndexError, TypeError):
        return None  # what does not fit is refused where the node is made
    if found is None or found.nbytes > _LARGEST:
        return None
    return constant(np.asarray(found))


def _rule(*ops: str) -> Callable[[Function], Function]:
    def register(function: Function) -> Function:
        FOLDED.update(dict.fromkeys(ops, function))
        return function

    return register


def _elementwise(op: str, function: Function, kinds: str) -> None:
    def rule(*xs: Array) -> Any:
        return function(*xs) if all(x.dtype.kind in kinds for x in xs) else None

    FOLDED[op] = rule


_elementwise("Add", np.add, "fiu")
_elementwise("Sub", np.subtract, "fiu")
_elementwise("Mul", np.multiply, "fiu")
_elementwise("Div", np.divide, "f")  # integers: by zero it must fail when it runs
_elementwise("Max", lambda *xs: reduce(np.maximum, xs), "iu")
_elementwise("Min", lambda *xs: reduce(np.minimum, xs), "iu")
_elementwise("Neg", np.negative, "f")
_elementwise("Sqrt", np.sqrt, "f")
_elementwise("Reciprocal", np.reciprocal, "f")


@_rule("Reshape")
def _reshape(x: Array, shape: Array, allowzero: int = 0) -> Array:
    sizes = shape.tolist()
    if not allowzero:
        sizes = [x.shape[i] if d == 0 else d for i, d in enumerate(sizes)]
    return x.reshape(sizes)


@_rule("Unsqueeze")
def _unsqueeze(x: Array, axes: Array) -> Array:
    return np.expand_dims(x, tuple(axes.tolist()))


@_rule("Squeeze")
def _squeeze(x: Array, axes: Array | None = None) -> Array:
    return np.squeeze(x, None if axes is None else tuple(axes.tolist()))


@_rule("Concat")
def _concat(*xs: Array, axis: int) -> Array:
    return np.concatenate(xs, axis)


@_rule("Gather")
def _gather(x: Array, indices: Array, axis: int = 0) -> Array:
    return np.take(x, indices, axis)  # negative ones count from the end, as in ONNX


@_rule("Slice")
def _slice(
    x: Array, starts: Array, ends: Array, axes: Array | None = None, steps: Array | None = None
) -> Array | None:
    where = range(len(starts)) if axes is None else axes.tolist()
    by = [1] * len(starts) if steps is None else steps.tolist()
    if min(by, default=1) < 1:
        return None  # backwards, bounds are clipped otherwise than NumPy does
    cut = [slice(None)] * x.ndim
    for axis, start, end, step in zip(where, starts.tolist(), ends.tolist(), by, strict=True):
        cut[axis] = slice(start, end, step)
    return x[tuple(cut)]


@_rule("ReduceProd")
def _product(
    x: Array, axes: Array | None = None, keepdims: int = 1, noop_with_empty_axes: int = 0
) -> Array | None:
    if x.dtype.kind != "i" or noop_with_empty_axes or (axes is not None and axes.size == 0):
        return None
    which = None if axes is None else tuple(axes.tolist())
    return np.asarray(np.prod(x, axis=which, keepdims=bool(keepdims), dtype=x.dtype))


@_rule("Cast")
def _cast(x: Array, to: int, saturate: int = 1) -> Array | None:
    target = dtypes.from_onnx(to)
    widening = x.dtype.kind in "iub" and target in (np.float32, np.float64, np.int64)
    if not (widening or (x.dtype.kind == "f" and target in (np.float32, np.float64))):
        return None  # floats to integers: what is out of range is for the runtime to say
    return x.astype(target)
