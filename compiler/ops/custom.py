"""Functions whose gradient is given, and derivatives along a direction."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .. import autodiff, dtypes, tree
from ..block import Block, Custom
from ..casting import as_type
from ..ir import Tensor, apply, argument, constant, convert
from .closing import several


@dataclass(frozen=True, eq=False, slots=True)
class _Given(Custom):
    """A block that hands its last captured values on, and the gradient that they have by the first."""

    function: Callable[..., Any] = lambda: None
    structure: Any = None

    def pull(self, dys: Sequence[Tensor | None], operands: Sequence[Tensor]) -> list[Tensor | None]:
        count = len(operands) - len(self.results)
        args = tree.unflatten(self.structure, operands[:count])
        outputs, gradient = self.function(*args)
        ys, nesting = tree.flatten(outputs)
        upstream = tree.unflatten(nesting, [
            autodiff.zeros_like(convert(y)) if dy is None else dy
            for y, dy in zip(ys, dys, strict=True)
        ])  # fmt: skip
        named = "upstream" in inspect.signature(gradient).parameters
        found = gradient(*args, upstream=upstream) if named else gradient(upstream)
        leaves = tree.leaves(found)
        if len(leaves) != count:
            raise ArgumentError(
                f"custom_gradient: the gradient gave {len(leaves)} tensors for {count} arguments"
            )
        dxs = [
            as_type(convert(dx), x.dtype) if dx is not None and dtypes.is_float(x.dtype) else None
            for dx, x in zip(leaves, operands, strict=False)
        ]
        return [*dxs, *(None for _ in self.results)]


def custom_gradient(f: Callable[..., tuple[Any, Callable[..., Any]]]) -> Callable[..., Any]:
    """A function like ``f`` without its second result: ``f(*args)`` gives (output, gradient).

    ``gradient(*args, upstream=dy)``, or ``gradient(dy)`` where it has no such argument, gives the
    gradients of all tensors in ``args``. It may use what ``f`` computed. Tensors and variables that
    ``f`` uses beside its arguments get no gradient. Gradients of gradients go through ``gradient``.
    """

    def function(*args: Any) -> Any:
        leaves, structure = tree.flatten(args)
        inputs = [convert(x) for x in leaves]
        outputs, _ = f(*tree.unflatten(structure, inputs))
        ys, nesting = tree.flatten(outputs)
        results = [convert(y) for y in ys]
        captures = tuple(
            argument(f"captured_{i}", x.type) for i, x in enumerate([*inputs, *results])
        )
        handed = captures[len(inputs) :]
        block = _Given((), captures, handed, None, f, structure)
        other = Block((), captures, handed)
        found = several(
            apply("If", constant(np.array(True)), *inputs, *results, then_branch=block,
                  else_branch=other, outputs=len(results))
        )  # fmt: skip
        return tree.unflatten(nesting, found)

    return function


def jvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> Any:
    """``fun(*primals)``, and how it changes when the primals move along ``tangents``.

    With ``has_aux`` ``fun`` gives (output, more), and ``more`` is the third result.
    """
    if len(primals) != len(tangents):
        raise ArgumentError(f"jvp: {len(primals)} primals and {len(tangents)} tangents")
    leaves, structure = tree.flatten(tuple(primals))
    along, same = tree.flatten(tuple(tangents))
    if structure != same:
        raise ArgumentError("jvp: primals and tangents are nested in different ways")
    points = [convert(p) for p in leaves]
    found = fun(*tree.unflatten(structure, points))
    outputs, more = found if has_aux else (found, None)
    ys, nesting = tree.flatten(outputs)
    moved = autodiff.jvp(ys, points, along)
    changes = tree.unflatten(nesting, moved)
    return (outputs, changes, more) if has_aux else (outputs, changes)


__all__ = ["custom_gradient", "jvp"]
