"""Nodes that need not be made: looked at one by one, while the graph is built.

Gradients are written operator by operator and meet without knowing each other: a Reshape follows a
Reshape, a Transpose undoes one, a sum's gradient is expanded only to be multiplied with something of full
size. Whoever makes a node gets a simpler equal one where there is one. Importing this fills the table
that ``ir.apply`` asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import dtypes
from .ir import SIMPLER, Tensor, apply, value_if_known

Operands = Sequence[Tensor | None]
_KEEPS_ORDER = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze"})


def simpler(*ops: str) -> Callable[[Callable[..., Tensor | None]], Callable[..., Tensor | None]]:
    """Register a function of operands and attributes that gives an equal tensor, or None."""

    def register(function: Callable[..., Tensor | None]) -> Callable[..., Tensor | None]:
        SIMPLER.update(dict.fromkeys(ops, function))
        return function

    return register


@simpler("Reshape")
def reshape(inputs: Operands, attrs: Mapping[str, Any]) -> Tensor | None:
    """Of a reshaped tensor: of the tensor itself. To the shape that it has: the tensor."""
    x, target = inputs
    asked = value_if_known(target) if target is not None else None
    if x is None or asked is None or attrs.get("allowzero") or 0 in asked:
        return None
    if tuple(asked.tolist()) == x.shape:
        return x
    inner = x.node
    if inner.op in _KEEPS_ORDER and inner.inputs[0] is not None:
        made: Tensor = apply("Reshape", inner.inputs[0], target)
        return made
    return None


@simpler("Transpose")
def transpose(inputs: Operands, attrs: Mapping[str, Any]) -> Tensor | None:
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
def cast(inputs: Operands, attrs: Mapping[str, Any]) -> Tensor | None:
    """To the type that it has: the tensor."""
    x = inputs[0]
    return x if x is not None and dtypes.to_onnx(x.dtype) == attrs["to"] else None


def _arithmetic(op: str) -> None:
    @simpler(op)
    def broadcast(inputs: Operands, attrs: Mapping[str, Any]) -> Tensor | None:
        """Beside an operand of full size nothing need be expanded."""
        a, b = inputs
        if a is None or b is None or a.shape != b.shape or None in a.shape:
            return None
        if a.node.op == "Expand" and b.node.op != "Expand":
            made: Tensor = apply(op, a.node.inputs[0], b)
        elif b.node.op == "Expand" and a.node.op != "Expand":
            made = apply(op, a, b.node.inputs[0])
        else:
            return None
        return made


for _op in ("Add", "Sub", "Mul", "Div"):
    _arithmetic(_op)


def _pooling(op: str) -> None:
    @simpler(op)
    def rounded_down(inputs: Operands, attrs: Mapping[str, Any]) -> Tensor | None:
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
        if min(pads) < 0:
            return None
        made: Tensor = apply(op, x, **{**attrs, "ceil_mode": 0, "pads": pads})
        return made


for _op in ("AveragePool", "LpPool", "MaxPool"):
    _pooling(_op)
