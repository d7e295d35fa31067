"""Image layout: the API is channels-last as in Keras, ONNX's image operators are channels-first.

``channels_first`` looks through elementwise operators, margins and joins for the Transpose that an
earlier layer put in and takes that away instead of adding another, so that a chain of convolutions,
activations, normalisations, poolings and joins is computed channels-first from end to end. What the
detour leaves unused is not reached by any output and so never lowered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import detours, op, scope
from .ir import Tensor, apply, value_if_known

_UNARY = frozenset({
    "Abs", "Cast", "Ceil", "Celu", "Clip", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid",
    "HardSwish", "Identity", "LeakyRelu", "Log", "Mish", "Neg", "Reciprocal", "Relu", "Selu",
    "Sigmoid", "Sign", "Softplus", "Softsign", "Sqrt", "Tanh", "ThresholdedRelu",
})  # fmt: skip
_BINARY = frozenset({"Add", "Sub", "Mul", "Div", "Max", "Min", "Sum"})
_WITH_AXES = frozenset({"Pad", "Slice"})  # whose fourth input says which axes they work on


def channels_first(x: Tensor) -> Tensor:
    """``x`` [batch, ..., channels] as [batch, channels, ...]."""
    return _turned(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def channels_last(x: Tensor) -> Tensor:
    """``x`` [batch, channels, ...] as [batch, ..., channels]."""
    return _turned(x, (0, *range(2, x.ndim), 1))


def _turned(x: Tensor, perm: tuple[int, ...]) -> Tensor:
    moved = _moved(x, perm)
    return moved if moved is not None else op.Transpose(x, perm=perm)


def _moved(x: Tensor, perm: tuple[int, ...]) -> Tensor | None:
    """``Transpose(x, perm)`` without a Transpose, where an earlier one can be undone."""
    found = _without(x, perm)
    if found is not None:
        detours.note("Transpose", [x], (("perm", perm),), found)
    return found


def _without(x: Tensor, perm: tuple[int, ...]) -> Tensor | None:
    node = x.node
    attrs: dict[str, Any] = dict(node.attrs)
    if node.op == "Transpose":
        inner: Any = attrs.get("perm", ())
        undone = len(inner) == len(perm) and all(inner[p] == i for i, p in enumerate(perm))
        return node.inputs[0] if undone else None
    if node.op in _UNARY and node.inputs[0] is not None:
        source = _moved(node.inputs[0], perm)
        operands: list[Any] = [source, *node.inputs[1:]]
        moved = source is not None
    elif node.op in _WITH_AXES:
        axes = _axes(node.inputs, perm)
        source = _moved(node.inputs[0], perm) if axes and node.inputs[0] is not None else None
        operands = [source, *node.inputs[1:3], axes, *node.inputs[4:]]
        moved = source is not None
    elif node.op in _BINARY or node.op == "Concat":
        if node.op == "Concat":
            attrs["axis"] = perm.index(attrs["axis"] % len(perm))
        parts = [_operand(t, perm) for t in node.inputs if t is not None]
        operands = [part for part, _ in parts]
        moved = any(found for _, found in parts)
    else:
        return None
    if not moved:
        return None
    with scope.replaced(node.scope, node.site):
        result: Tensor = apply(node.op, *operands, **attrs)
    return result


def _axes(inputs: Sequence[Tensor | None], perm: tuple[int, ...]) -> list[int] | None:
    """The axes of a Pad or Slice in the new layout, if they are known."""
    given = inputs[3] if len(inputs) > 3 else None
    known = value_if_known(given) if given is not None else None
    return [perm.index(int(a) % len(perm)) for a in known] if known is not None else None


def _operand(x: Tensor, perm: tuple[int, ...]) -> tuple[Tensor, bool]:
    """An operand of a broadcasting operator in the new layout, and whether that was for free."""
    if all(d == 1 for d in x.shape):
        return (x if x.ndim == 0 else op.Reshape(x, [1] * len(perm))), False
    if x.ndim < len(perm):
        padded = op.Unsqueeze(x, [*range(len(perm) - x.ndim)])
        return op.Transpose(padded, perm=perm), False
    found = _moved(x, perm)
    return (found, True) if found is not None else (op.Transpose(x, perm=perm), False)
