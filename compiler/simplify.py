"""Nodes that need not be made: looked at one by one, while the graph is built.

Gradients are written operator by operator and meet without knowing each other: a Reshape follows a
Reshape, a Transpose undoes one, a sum's gradient is expanded only to be multiplied with something of full
size, a seed of ones is divided by a count. Whoever makes a node gets a simpler equal one where there is
one: equal exactly, for all values. Importing this fills the table that ``ir.apply`` asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from . import dtypes
from .folding import FOLDED, folded, literal
from .infer import Shape, TensorType
from .ir import SIMPLER, Array, Tensor, apply, retyped, value_if_known

Operands = Sequence[Tensor | None]
Attributes = Mapping[str, Any]
Simpler = Callable[[tuple[Tensor | None, ...], dict[str, Any]], Tensor | None]
_KEEPS_ORDER = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze"})


def simpler(*ops: str) -> Callable[[Simpler], Simpler]:
    """Register a function of operands and attributes that gives an equal tensor, or None.

    Of several for one operator the first that gives something counts.
    """

    def register(function: Simpler) -> Simpler:
        for op in ops:
            before = SIMPLER.get(op)
            SIMPLER[op] = function if before is None else _either(before, function)
        return function

    return register


def _either(first: Simpler, second: Simpler) -> Simpler:
    def found(inputs: tuple[Tensor | None, ...], attrs: dict[str, Any]) -> Tensor | None:
        simple = first(inputs, attrs)
        return simple if simple is not None else second(inputs, attrs)

    return found


def _constants(op: str) -> None:
    @simpler(op)
    def known(inputs: Operands, attrs: Attributes) -> Tensor | None:
        """Of constants: a constant."""
        return folded(op, inputs, attrs)


for _op in FOLDED:
    _constants(_op)


@simpler("Reshape")
def reshape(inputs: Operands, attrs: Attributes) -> Tensor | None:
    """Of a reshaped tensor: of the tensor itself. To the shape that it has: the tensor."""
    x, target = inputs
    asked = value_if_known(target) if target is not None else None
    if x is None or asked is None or attrs.get("allowzero") or 0 in x.shape:
        return None
    sizes = _resolved(asked.tolist(), x.shape)
    if sizes is None:
        return None
    if len(sizes) == x.ndim and _same(sizes, x.shape):
        return x
    inner = x.node
    if inner.op in _KEEPS_ORDER and inner.inputs[0] is not None and None not in sizes:
        made: Tensor = apply("Reshape", inner.inputs[0], np.array(sizes, np.int64))
        return made
    return None


def _resolved(asked: Sequence[int], shape: Shape) -> list[int | None] | None:
    """The sizes with 0 replaced by what it copies: -1 is the rest, None an unknown size that stays."""
    if any(d == 0 and i >= len(shape) for i, d in enumerate(asked)):
        return None
    sizes: list[int | None] = []
    for i, d in enumerate(asked):
        known = shape[i] if d == 0 else d
        sizes.append(known if isinstance(known, int) else None)
    numbers = [d for d in shape if isinstance(d, int)]
    if -1 in sizes and None not in sizes and len(numbers) == len(shape):
        rest = int(np.prod([d for d in sizes if d is not None and d != -1]))
        sizes[sizes.index(-1)] = int(np.prod(numbers)) // rest
    return sizes


def _same(sizes: Sequence[int | None], shape: Shape) -> bool:
    """Whether at most the one size that is computed from the others is not visibly that of ``shape``."""
    differ = [d for d, old in zip(sizes, shape, strict=True) if d is not None and d != old]
    return not differ or differ == [-1]


def _dims_of_one(op: str, opposite: str) -> None:
    @simpler(op)
    def undone(inputs: Operands, attrs: Attributes) -> Tensor | None:
        """What undoes the other: neither. Of a reshaped tensor: reshaped at once."""
        x = inputs[0]
        where = _axes(inputs)
        source = x.node.inputs[0] if x is not None and x.node.inputs else None
        if x is None or where is None or source is None or x.node.op not in _KEEPS_ORDER:
            return None
        removed = _axes(x.node.inputs) if x.node.op == opposite else None
        rank = max(source.ndim, x.ndim)  # that in which both count their axes
        if removed is not None and sorted(removed % rank) == sorted(where % rank):
            return source
        sizes = [d for d in x.shape if isinstance(d, int)]
        if len(sizes) < x.ndim:
            return None
        changed = np.squeeze if op == "Squeeze" else np.expand_dims
        try:
            shape = changed(np.empty(sizes), tuple(where.tolist())).shape
        except ValueError:
            return None  # refused where the node is made
        made: Tensor = apply("Reshape", x, np.array(shape, np.int64))
        return made


def _axes(inputs: Operands) -> Array | None:
    axes = inputs[1] if len(inputs) > 1 else None
    return value_if_known(axes) if axes is not None else None


_dims_of_one("Squeeze", "Unsqueeze")
_dims_of_one("Unsqueeze", "Squeeze")


@simpler("Transpose")
def transpose(inputs: Operands, attrs: Attributes) -> Tensor | None:
    """Of a transposed tensor: one Transpose, or none."""
    x = inputs[0]
    if x is None:
        return None
    rank = x.ndim
    outer = tuple(attrs.get("perm") or range(rank - 1, -1, -1))
    if outer == tuple(range(rank)):
        return x
    if x.node.op != "Transpose" or x.node.inputs[0] is None or len(outer) != rank:
        return None
    given: Any = dict(x.node.attrs).get("perm")
    inner = tuple(given or range(rank - 1, -1, -1))
    both = tuple(inner[i] for i in outer)
    source = x.node.inputs[0]
    if both == tuple(range(rank)):
        return source
    made: Tensor = apply("Transpose", source, perm=both)
    return made


@simpler("Cast")
def cast(inputs: Operands, attrs: Attributes) -> Tensor | None:
    """To the type that it has: the tensor."""
    x = inputs[0]
    return x if x is not None and dtypes.to_onnx(x.dtype) == attrs["to"] else None


@simpler("Expand")
def expand(inputs: Operands, attrs: Attributes) -> Tensor | None:
    """To sizes that it has: the tensor."""
    x, shape = inputs
    asked = value_if_known(shape) if shape is not None else None
    return x if x is not None and asked is not None and tuple(asked.tolist()) == x.shape else None


@simpler("Neg")
def negative(inputs: Operands, attrs: Attributes) -> Tensor | None:
    """Of a negative: what it is of."""
    x = inputs[0]
    source = _negated(x)
    return retyped(source, x.type) if x is not None and source is not None else None


def _negated(x: Tensor | None) -> Tensor | None:
    return x.node.inputs[0] if x is not None and x.node.op == "Neg" else None


def _signed(op: str, other: str) -> None:
    @simpler(op)
    def without_negative(inputs: Operands, attrs: Attributes) -> Tensor | None:
        """Of a negative operand: the other operator."""
        a, b = inputs
        right = _negated(b)
        left = _negated(a) if op == "Add" else None
        if right is not None:
            made: Tensor = apply(other, a, right)
        elif left is not None:
            made = apply("Sub", b, left)
        else:
            return None
        return made


_signed("Add", "Sub")
_signed("Sub", "Add")
_NEUTRAL = {"Mul": 1, "Div": 1, "Sub": 0}  # not 0 in Add: -0 + 0 is 0


def _neutral(op: str) -> None:
    @simpler(op)
    def unchanged(inputs: Operands, attrs: Attributes) -> Tensor | None:
        """With a constant that changes nothing: the other operand."""
        a, b = inputs
        if _is(b, _NEUTRAL[op], a):
            return a
        return b if op == "Mul" and _is(a, 1, b) else None


def _is(constant: Tensor | None, number: int, beside: Tensor | None) -> bool:
    """Whether ``constant`` is that number, and stretches nothing."""
    known = literal(constant)
    return (
        known is not None and known.size == 1 and beside is not None
        and known.ndim <= beside.ndim and known.item() == number
    )  # fmt: skip


for _op in _NEUTRAL:
    _neutral(_op)


def _arithmetic(op: str) -> None:
    @simpler(op)
    def broadcast(inputs: Operands, attrs: Attributes) -> Tensor | None:
        """Beside an operand of full size nothing need be expanded; a number is applied before."""
        a, b = inputs
        if a is None or b is None or (a.node.op == "Expand") == (b.node.op == "Expand"):
            return None
        first = a.node.op == "Expand"
        stretched, beside = (a, b) if first else (b, a)
        source, shape = stretched.node.inputs
        if a.shape == b.shape and None not in a.shape:
            made: Tensor = apply(op, *((source, b) if first else (a, source)))
            return made
        number = literal(beside)
        if number is None or number.ndim or op not in ("Mul", "Div"):
            return None
        small = apply(op, *((source, b) if first else (a, source)))
        kind = TensorType(stretched.dtype, stretched.shape)
        return retyped(apply("Expand", small, shape), kind)


for _op in ("Add", "Sub", "Mul", "Div"):
    _arithmetic(_op)


def _pooling(op: str) -> None:
    @simpler(op)
    def rounded_down(inputs: Operands, attrs: Attributes) -> Tensor | None:
        """With ``ceil_mode`` and known sizes: the same windows by explicit pads.

        A last window that would begin in the padding is left out by kernels, but counted by ONNX's
        inference (before opset 22); so written both agree.
        """
        x = inputs[0]
        if not attrs.get("ceil_mode") or x is None or attrs.get("auto_pad", "NOTSET") != "NOTSET":
            return None
        kernel, rank = attrs["kernel_shape"], x.ndim - 2
        strides, dilations = (
            attrs.get("strides") or (1,) * rank,
            attrs.get("dilations") or (1,) * rank,
        )
        pads = [*(attrs.get("pads") or (0,) * 2 * rank)]
        for i, size in enumerate(x.shape[2:]):
            if not isinstance(size, int):
                return None
            extent, padded = dilations[i] * (kernel[i] - 1) + 1, size + pads[i] + pads[i + rank]
            last = -(-(padded - extent) // strides[i]) * strides[i]
            last -= strides[i] if last >= size + pads[i] else 0
            beyond = last + extent - padded
            if beyond > 0 and attrs.get("count_include_pad"):
                return None  # what is beyond the pads is not averaged over
            pads[i + rank] += beyond
        if min(pads) < 0 or any(p >= kernel[i % rank] for i, p in enumerate(pads)):
            return None  # kernels take no pads as large as they are
        made: Tensor = apply(op, x, **{**attrs, "ceil_mode": 0, "pads": pads})
        return made


for _op in ("AveragePool", "LpPool", "MaxPool"):
    _pooling(_op)
