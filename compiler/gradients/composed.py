"""Rules for operators that are best explained by simpler ones: write the body, get the gradient."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import dtypes
from ..autodiff import vector_jacobian, vjp
from ..ir import Key, Tensor, again, argument, toposort, value_if_known

Body = Callable[..., Any]


def composed(*ops: str) -> Callable[[Body], Body]:
    """Register ``body(*inputs, **attributes) -> output(s)`` as what ``ops`` compute.

    It is differentiated on leaves of its own and then moved to the operands: there one operand may
    depend on another, and what flows between them belongs to other nodes.
    """

    def register(body: Body) -> Body:
        @functools.wraps(body)
        def rule(dy: Any, y: Any, *inputs: Tensor | None, **attrs: Any) -> Any:
            leaves = [_leaf(x, f"operand_{i}") for i, x in enumerate(inputs)]
            actual = {
                leaf.key: x
                for leaf, x in zip(leaves, inputs, strict=True) if leaf is not None and x is not None
            }  # fmt: skip
            results, dys = body(*leaves, **attrs), dy if isinstance(dy, tuple) else (dy,)
            outputs = results if isinstance(results, tuple) else (results,)
            pairs = [(o, d) for o, d in zip(outputs, dys, strict=False) if d is not None]
            feeds = [argument(f"cotangent_{i}", d.type) for i, (_, d) in enumerate(pairs)]
            actual |= {f.key: d for f, (_, d) in zip(feeds, pairs, strict=True)}
            wrt = [x for x in leaves if x is not None and dtypes.is_float(x.dtype)]
            found = iter(substitute(vector_jacobian([o for o, _ in pairs], feeds, wrt), actual))
            return tuple(
                next(found) if x is not None and dtypes.is_float(x.dtype) else None for x in leaves
            )

        vjp(*ops)(rule)
        return body

    return register


def _leaf(x: Tensor | None, name: str) -> Tensor | None:
    """A stand-in for an operand; numbers that decide on shapes stay as they are."""
    return x if x is None or value_if_known(x) is not None else argument(name, x.type)


def substitute(outputs: Sequence[Tensor], actual: Mapping[Key, Tensor]) -> list[Tensor]:
    """The graph of ``outputs`` again, with other tensors in the place of some."""
    made = dict(actual)
    for node in toposort(outputs):
        if (node, 0) in made:
            continue
        operands = [made[x.key] if x is not None else None for x in node.inputs]
        for i, t in enumerate(again(node, operands)):
            made[node, i] = t
    return [made[t.key] for t in outputs]
