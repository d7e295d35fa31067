"""A graph that was read, on other tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from ...errors import ShapeError
from .. import dims, dtypes, op, scope
from ..infer import TensorType
from ..ir import Key, Node, Tensor, again, retyped, toposort

Apply: TypeAlias = Callable[[Node, Sequence[Tensor | None]], Sequence[Tensor]]


def evaluated(
    outputs: Mapping[str, Tensor], given: Mapping[Key, Tensor], apply: Apply = again
) -> dict[str, Tensor]:
    """``outputs`` with ``given`` in place of the leaves; ``apply`` makes each node on its new operands."""
    values = dict(given)
    for node in toposort(outputs.values(), values):
        operands = [None if x is None else _known(values[x.key], x.type) for x in node.inputs]
        with scope.replaced(node.scope, node.site):
            found = apply(node, operands)
        values.update({(node, i): t for i, t in enumerate(found)})
    return {n: _known(values[t.key], t.type) for n, t in outputs.items()}


def _known(x: Tensor, kind: TensorType) -> Tensor:
    """``x`` with what the file's graph says of its shape where inference lost it."""
    if x.shape == kind.shape or len(x.shape) != len(kind.shape):
        return x
    shape = tuple(a if a is not None else b for a, b in zip(x.shape, kind.shape, strict=True))
    return retyped(x, TensorType(x.dtype, shape))


def fitting(name: str, x: Tensor, kind: TensorType) -> Tensor:
    """``x`` as the input ``name`` of a graph. Raises ``ShapeError`` where it does not fit its type."""
    if not dims.compatible(x.shape, kind.shape):
        raise ShapeError(f"the input {name!r} is {kind}; got {x.type}")
    if x.dtype == kind.dtype:
        return x
    if (x.dtype.kind in "fiub" and kind.dtype.kind in "fiub") or dtypes.is_float(kind.dtype):
        cast: Tensor = op.Cast(x, to=kind.dtype)
        return cast
    raise ShapeError(f"the input {name!r} is {kind}; got {x.type}")
