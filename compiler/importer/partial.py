"""What is known of small integer tensors: shapes on their way to a Reshape.

Exporters compute shapes in the graph (Shape, Gather, Concat, Reshape). An element of such a tensor may be
a number, a symbolic dim by its name, or unknown (None). What turns out to be all numbers becomes a
constant; a Reshape, Expand or ConstantOfShape learns the dims that it makes.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..infer import Dim, TensorType
from ..ir import Array, Key, Tensor, apply, constant, retyped
from ..schema import Literal

LARGEST = 64  # elements; a shape has a handful
Element = Any  # int, float or bool; the name of a dim; or None


def literal(x: Tensor) -> Array | None:
    """The value of a small constant, whatever its element type."""
    if x.node.op == "Constant":
        value = x.node.attrs[0][1]
        array = value.array if isinstance(value, Literal) else None
    else:
        array = x.node.payload.array if x.node.op == "Data" else None
    return array if array is not None and array.size <= LARGEST else None


class Knowledge:
    """Partly known values of tensors."""

    def __init__(self) -> None:
        self._found: dict[Key, Array] = {}

    def of(self, x: Tensor | None) -> Array | None:
        """Elements as an object array, or None where nothing is known."""
        if x is None:
            return None
        known = literal(x)
        if known is not None:
            return known.astype(object) if known.dtype.kind in "iubf" else None
        return self._found.get(x.key)

    def simplified(
        self, op: str, inputs: Sequence[Tensor | None], attrs: Mapping[str, Any], result: Tensor
    ) -> Tensor:
        """``result``, or a constant equal to it, or the same with more known of its shape."""
        special = _RETYPED.get(op)
        if special is not None:
            return special(self, inputs, attrs, result)
        if result.dtype.kind not in "iubf" or op not in _RULES:
            return result
        sizes = [d for d in result.shape if isinstance(d, int)]
        if len(sizes) < result.ndim or result.ndim > 2 or math.prod(sizes) > LARGEST:
            return result
        values = _evaluated(self, op, inputs, attrs, result)
        if values is None or values.shape != tuple(sizes):
            return result
        flat = values.ravel().tolist()
        if all(isinstance(v, (bool, int, float)) for v in flat):
            flat = [_wrapped(v, result.dtype) for v in flat]
            return constant(np.array(flat, result.dtype).reshape(values.shape))
        if any(v is not None for v in flat):
            self._found[result.key] = values
        return result


def _wrapped(value: Any, dtype: np.dtype[Any]) -> Any:
    """Integers of a fixed width go round, Python's do not."""
    if dtype.kind not in "iu":
        return value
    span = 1 << 8 * dtype.itemsize
    low = value % span
    return low - span if dtype.kind == "i" and low >= span // 2 else low


def _evaluated(
    known: Knowledge, op: str, inputs: Sequence[Tensor | None], attrs: Mapping[str, Any],
    result: Tensor,
) -> Array | None:  # fmt: skip
    if op in ("Shape", "Size"):
        x = inputs[0]
        return None if x is None else _RULES[op]([np.array(x.shape, object)], attrs)
    operands = [known.of(x) for x in inputs]
    if any(v is None and x is not None for v, x in zip(operands, inputs, strict=True)):
        return None
    try:
        found = _RULES[op](operands, {**attrs, "dtype": result.dtype})
    except (ArithmeticError, IndexError, TypeError, ValueError):
        return None  # what cannot be computed here is computed when it runs, or fails there
    return None if found is None else np.asarray(found, object)


# -- element by element -------------------------------------------------------------------------


def _elementwise(function: Callable[..., Element]) -> Callable[..., Array]:
    def rule(xs: Sequence[Any], attrs: Mapping[str, Any]) -> Array:
        made = np.frompyfunc(function, len(xs), 1)(*xs)
        return np.asarray(made, object)

    return rule


def _numbers(function: Callable[..., Element]) -> Callable[..., Array]:
    """Of numbers only; a name or None gives None."""

    def element(*values: Element) -> Element:
        return None if any(v is None or isinstance(v, str) for v in values) else function(*values)

    return _elementwise(element)


def _with_neutral(
    function: Callable[..., Element], neutral: int, both: bool
) -> Callable[..., Array]:
    """A name stays what it is beside the neutral element (to its right, or on both sides)."""

    def element(a: Element, b: Element) -> Element:
        if isinstance(a, str) or isinstance(b, str) or a is None or b is None:
            if b == neutral and not isinstance(b, str):
                return a
            return b if both and a == neutral and not isinstance(a, str) else None
        return function(a, b)

    return _elementwise(element)


def _divided(a: Element, b: Element) -> Element:
    if isinstance(a, float) or isinstance(b, float):
        return a / b
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _equal(a: Element, b: Element) -> Element:
    if a is None or b is None:
        return None
    if isinstance(a, str) or isinstance(b, str):
        if a == b:
            return True
        number = b if isinstance(a, str) else a
        return False if not isinstance(number, str) and number < 0 else None
    return bool(a == b)


def _chosen(condition: Element, a: Element, b: Element) -> Element:
    if condition is None or isinstance(condition, str):
        return a if a == b else None
    return a if condition else b


def _cast(xs: Sequence[Any], attrs: Mapping[str, Any]) -> Array:
    dtype = attrs["dtype"]

    def element(v: Element) -> Element:
        if v is None or isinstance(v, str):
            return v if dtype.kind in "iu" else None
        return np.array(v).astype(dtype).item()

    return np.asarray(np.frompyfunc(element, 1, 1)(xs[0]), object)


# -- structure ------------------------------------------------------------------------------------


def _axes(value: Any, rank: int) -> tuple[int, ...]:
    return tuple(int(a) % rank for a in np.asarray(value, object).ravel().tolist())


def _squeeze(xs: Sequence[Any], attrs: Mapping[str, Any]) -> Array:
    x = xs[0]
    if len(xs) < 2 or xs[1] is None:
        return np.squeeze(x)
    return np.squeeze(x, _axes(xs[1], x.ndim))


def _unsqueeze(xs: Sequence[Any], attrs: Mapping[str, Any]) -> Array:
    x, added = xs
    return np.expand_dims(x, _axes(added, x.ndim + added.size))


def _gather(xs: Sequence[Any], attrs: Mapping[str, Any]) -> Array:
    return np.take(xs[0], xs[1].astype(np.int64), attrs.get("axis", 0))


def _slice(xs: Sequence[Any], attrs: Mapping[str, Any]) -> Array:
    x, starts, ends = xs[:3]
    axes = xs[3] if len(xs) > 3 and xs[3] is not None else np.arange(starts.size)
    steps = xs[4] if len(xs) > 4 and xs[4] is not None else np.ones(starts.size, int)
    index = [slice(None)] * x.ndim
    for start, end, axis, step in zip(
        starts.tolist(), ends.tolist(), _axes(axes, x.ndim), steps.tolist(), strict=True
    ):
        stop = None if step < 0 and end < -x.shape[axis] else end
        index[axis] = slice(start, stop, step)
    return np.asarray(x[tuple(index)], object)


def _reshape(xs: Sequence[Any], attrs: Mapping[str, Any]) -> Array:
    return np.asarray(xs[0].reshape([int(d) for d in xs[1].tolist()]), object)


def _shape(xs: Sequence[Any], attrs: Mapping[str, Any]) -> Array:
    return np.asarray(xs[0][slice(attrs.get("start", 0), attrs.get("end"))], object)


def _product(values: Sequence[Element]) -> Element:
    """The product of numbers, or of one name and ones."""
    named = [v for v in values if not isinstance(v, (int, float))]
    total: float = 1
    for v in values:
        total = total * v if isinstance(v, (int, float)) else total
    if not named:
        return total
    return named[0] if len(named) == 1 and total == 1 else None


def _reduced(function: Callable[[Sequence[Element]], Element]) -> Callable[..., Any]:
    """Over everything: exporters reduce shapes to one number."""

    def rule(xs: Sequence[Any], attrs: Mapping[str, Any]) -> Any:
        if xs[0].ndim != 1:
            return None
        value = np.empty((1,) if attrs.get("keepdims", 1) else (), object)
        value[...] = function(xs[0].tolist())
        return value

    return rule


def _range(xs: Sequence[Any], attrs: Mapping[str, Any]) -> Any:
    start, limit, delta = (x.item() for x in xs)
    if any(isinstance(v, str) or v is None for v in (start, limit, delta)):
        return None
    return np.arange(start, limit, delta).astype(object)


_RULES: dict[str, Callable[..., Any]] = {
    "Add": _with_neutral(operator.add, 0, True),
    "And": _numbers(lambda a, b: a and b),
    "Cast": _cast,
    "Ceil": _numbers(lambda a: float(np.ceil(a))),
    "Concat": lambda xs, attrs: np.concatenate(list(xs), attrs["axis"]),
    "Div": _with_neutral(_divided, 1, False),
    "Equal": _elementwise(_equal),
    "Expand": lambda xs, attrs: np.broadcast_to(xs[0], np.broadcast_shapes(
        xs[0].shape, tuple(xs[1].tolist()))),
    "Floor": _numbers(lambda a: float(np.floor(a))),
    "Gather": _gather,
    "Greater": _numbers(operator.gt),
    "GreaterOrEqual": _numbers(operator.ge),
    "Identity": lambda xs, attrs: xs[0],
    "Less": _numbers(operator.lt),
    "LessOrEqual": _numbers(operator.le),
    "Max": _numbers(max),
    "Min": _numbers(min),
    "Mod": _numbers(operator.mod),
    "Mul": _with_neutral(operator.mul, 1, True),
    "Neg": _numbers(operator.neg),
    "Not": _numbers(operator.not_),
    "Or": _numbers(lambda a, b: a or b),
    "Range": _range,
    "ReduceProd": _reduced(_product),
    "Reshape": _reshape,
    "Shape": _shape,
    "Size": lambda xs, attrs: np.array(_product(xs[0].tolist()), object),
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Sub": _with_neutral(operator.sub, 0, False),
    "Transpose": lambda xs, attrs: np.transpose(xs[0], attrs.get("perm")),
    "Unsqueeze": _unsqueeze,
    "Where": _elementwise(_chosen),
}  # fmt: skip


# -- operators whose result has the shape that an operand holds ---------------------------------


def _dims(values: Array) -> tuple[Dim, ...]:
    return tuple(v if isinstance(v, str) or v is None else int(v) for v in values.ravel().tolist())


def _reshaped(
    known: Knowledge, inputs: Sequence[Tensor | None], attrs: Mapping[str, Any], result: Tensor
) -> Tensor:
    """A Reshape whose target has at most one unknown dim needs no shape computed."""
    x, target = inputs
    small = _evaluated(known, "Reshape", inputs, attrs, result)
    if small is not None and None not in small.ravel().tolist() and result.dtype.kind in "iub":
        return _remembered(known, small, result)
    values = known.of(target)
    if values is None or values.ndim != 1 or x is None:
        return result
    asked = _dims(values)
    zero = not attrs.get("allowzero", 0)
    dims = tuple(x.shape[i] if d == 0 and zero and i < x.ndim else d for i, d in enumerate(asked))
    shape: tuple[Dim, ...] = tuple(
        f if isinstance(f, int) and not isinstance(d, int) else (None if d == -1 else d)
        for d, f in zip(dims, result.shape, strict=True)
    )
    written = _as_numbers(dims, x.shape)
    if written is not None:
        plain = apply("Reshape", x, constant(np.array(written, np.int64)))
        shape = tuple(
            p if isinstance(p, int) or s is None else s
            for p, s in zip(plain.shape, shape, strict=True)
        )
        return retyped(plain, TensorType(result.dtype, shape))
    return retyped(result, TensorType(result.dtype, shape))


def _as_numbers(dims: Sequence[Dim], source: Sequence[Dim]) -> list[int] | None:
    """A target for Reshape without anything to compute, if there is one."""
    if 0 in dims:
        return None
    written = [d if isinstance(d, int) else -1 for d in dims]
    if written.count(-1) > 1:  # 0 stands for the same dim of the operand
        written = [
            0 if isinstance(d, str) and i < len(source) and source[i] == d else w
            for i, (d, w) in enumerate(zip(dims, written, strict=True))
        ]
    return written if written.count(-1) <= 1 else None


def _remembered(known: Knowledge, values: Array, result: Tensor) -> Tensor:
    flat = values.ravel().tolist()
    if all(isinstance(v, (bool, int, float)) for v in flat):
        return constant(np.array(flat, result.dtype).reshape(values.shape))
    known._found[result.key] = values
    return result


def _expanded(
    known: Knowledge, inputs: Sequence[Tensor | None], attrs: Mapping[str, Any], result: Tensor
) -> Tensor:
    x = inputs[0]
    values = known.of(inputs[1])
    if values is None or x is None:
        return result
    asked = _dims(values)
    rank = max(len(asked), x.ndim)
    a = (1,) * (rank - x.ndim) + x.shape
    b = (1,) * (rank - len(asked)) + asked
    shape = tuple(
        q
        if p == 1 or (isinstance(q, int) and q != 1)
        else p
        if q in (1, p) or isinstance(p, int)
        else None
        for p, q in zip(a, b, strict=True)
    )
    sizes = [d for d in shape if isinstance(d, int)]
    small_enough = len(sizes) == len(shape) and 0 <= math.prod(sizes) <= LARGEST
    if result.dtype.kind in "iub" and small_enough:
        small = _evaluated(known, "Expand", inputs, attrs, result)
        if small is not None and None not in small.ravel().tolist():
            return _remembered(known, small, result)
    return retyped(result, TensorType(result.dtype, shape))


def _filled(
    known: Knowledge, inputs: Sequence[Tensor | None], attrs: Mapping[str, Any], result: Tensor
) -> Tensor:
    values = known.of(inputs[0])
    if values is None:
        return result
    shape = _dims(values)
    sizes = [d for d in shape if isinstance(d, int)]
    if len(sizes) == len(shape) and math.prod(sizes) <= LARGEST:
        given = attrs.get("value")
        fill = given.array if isinstance(given, Literal) else np.zeros(1, np.float32)
        return constant(np.full(sizes, fill.reshape(-1)[0], fill.dtype))
    return retyped(result, TensorType(result.dtype, shape))


_RETYPED: dict[str, Callable[..., Tensor]] = {
    "ConstantOfShape": _filled,
    "Expand": _expanded,
    "Reshape": _reshaped,
}
