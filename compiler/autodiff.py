"""Reverse-mode differentiation: ``grad`` adds gradient nodes to the graph it is given.

Rules are a table (``gradients/``): one function per operator,
``rule(dy, y, *inputs, **attributes) -> gradient per input``, where None stands for "not
differentiable" or, among the incoming cotangents, for "zero". The engine does the rest: it sums out
broadcasting, gives each gradient the type of its input, accumulates, names the new nodes after the
layer they belong to, and says which operator at which line has no rule. Rules use differentiable
operators, so the gradient of a gradient needs nothing more.

Source: reverse accumulation, Linnainmaa 1970; the table after autograd (Maclaurin 2016).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..errors import GradientError
from . import dtypes, schema, scope
from .detours import reinstated
from .ir import (
    LEAVES,
    STOP,
    Key,
    Node,
    Operators,
    Tensor,
    apply,
    constant,
    convert,
    retyped,
    stopped,
    toposort,
)
from .payloads import Foreign
from .state import Variable, current_trace

Rule: TypeAlias = Callable[..., Any]
RULES: dict[str, Rule] = {}
BROADCASTING: set[str] = set()
MULTIDIRECTIONAL = frozenset({
    "Add", "Sub", "Mul", "Div", "Pow", "Mod", "Sum", "Mean", "Max", "Min", "Where", "PRelu",
})  # fmt: skip
SELECTIVE: set[str] = set()
NONDIFFERENTIABLE: dict[str, str] = {}  # and why


def vjp(*ops: str, broadcasts: bool = False, selective: bool = False) -> Callable[[Rule], Rule]:
    """Register the decorated function as the rule of ``ops``; its keywords must be attributes.

    With ``broadcasts`` the rule may return gradients of the broadcast shape: the engine sums them.
    With ``selective`` it is told which gradients are wanted, as ``wanted``: one bool per operand. Most
    rules need not know, since what nobody uses is never lowered; but a subgraph computes all it has.
    """

    def register(rule: Rule) -> Rule:
        for op in ops:
            known = set(schema.signature(op).attributes)
            for name, p in inspect.signature(rule).parameters.items():
                if p.kind is p.KEYWORD_ONLY and name not in known | {"wanted"}:
                    raise GradientError(f"rule for {op}: {name!r} is none of its attributes")
            RULES[op] = rule
            if broadcasts:
                BROADCASTING.add(op)
            if selective:
                SELECTIVE.add(op)
        return rule

    return register


def nondifferentiable(*ops: str, reason: str = "gives no floating-point result") -> None:
    """Declare operators through which no gradient flows, and why: it is zero, or not defined."""
    for op in ops:
        schema.signature(op)
        NONDIFFERENTIABLE[op] = reason


def note(op: str) -> str | None:
    """One line on how ``op`` differentiates: its rule's docstring, or why it has no gradient.

    None where there is neither a rule nor a declaration. ``docs/operators.md`` is made of these.
    """
    if op in NONDIFFERENTIABLE:
        return NONDIFFERENTIABLE[op]
    if op not in RULES:
        return None
    return (inspect.getdoc(RULES[op]) or "").partition("\n")[0]


def grad(target: Any, wrt: Sequence[Any]) -> list[Tensor]:
    """The gradients of a scalar.

    Args:
        target: a floating-point tensor with one element.
        wrt: variables, inputs or intermediate tensors, in any mixture.

    Returns one tensor per entry of ``wrt``, with its type and shape; zeros where ``target`` does not
    depend on that entry. Raises ``GradientError`` where ``target`` is no scalar, where it depends on
    nothing in ``wrt`` at all, or where an operator on the way has no rule.
    """
    y = convert(target)
    if not dtypes.is_float(y.dtype) or any(d != 1 for d in y.shape):
        raise GradientError(
            f"grad needs a floating-point scalar; got {y.type}. Reduce it first, with wh.ops.mean"
        )
    return vector_jacobian([y], [constant(np.ones(y.shape), y.dtype)], wrt)


def value_and_grad(target: Any, wrt: Sequence[Any]) -> tuple[Tensor, list[Tensor]]:
    """``(target, grad(target, wrt))``, for those who want both by one name."""
    return convert(target), grad(target, wrt)


def vector_jacobian(
    outputs: Sequence[Tensor],
    cotangents: Sequence[Tensor],
    wrt: Sequence[Any],
    *,
    connected: bool = True,
) -> list[Tensor]:
    """Pull ``cotangents`` of ``outputs`` back to ``wrt``: the product of a vector with the Jacobian.

    See ``grad`` for ``wrt``, the result and the errors. With ``connected=False`` outputs that depend on
    nothing in ``wrt`` are no error: the result is zero.
    """
    outputs = reinstated(outputs, wrt)
    order = toposort(outputs)
    reached = set(order)
    sources = [_sources(w, order, reached) for w in wrt]
    seeds = {s.key for group in sources for s in group if s.node in reached}
    if not seeds and connected:
        raise GradientError(
            "the loss does not depend on anything that it is to be differentiated by: "
            + ", ".join(_describe(w) for w in wrt)
        )
    useful = _depending(order, seeds)
    if connected and not any(y.node in useful for y in outputs):
        raise GradientError(
            "the loss depends on what it is to be differentiated by only through operators "
            "without a gradient, such as ArgMax, Cast to integers or comparisons"
        )
    grads = _backward(order, seeds, useful, list(zip(outputs, cotangents, strict=True)))
    return [_total(w, group, grads) for w, group in zip(wrt, sources, strict=True)]


def jvp(outputs: Any, wrt: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """How ``outputs`` change when ``wrt`` moves along ``tangents``: the Jacobian times a vector.

    Args:
        outputs: a floating-point tensor, or a sequence of them.
        wrt: as for ``grad``.
        tangents: one per entry of ``wrt``, of its type and shape.

    Returns a tensor per output, of its type. The vector-Jacobian product is linear in its vector, so it
    is differentiated by that (Townsend 2017); what then remains of the vector itself is nothing.
    Raises ``GradientError`` as ``grad`` does.
    """
    ys = [convert(y) for y in outputs] if isinstance(outputs, (list, tuple)) else [convert(outputs)]
    vs = [convert(v, convert(w).dtype) for v, w in zip(tangents, wrt, strict=True)]
    # linear, so its derivative is the same everywhere: zeros will do (each a tensor of its own)
    seeds = [stopped(zeros_like(y)) for y in ys]
    pulled = vector_jacobian(ys, seeds, wrt)
    found = vector_jacobian(pulled, vs, seeds, connected=False)
    return found if isinstance(outputs, (list, tuple)) else found[0]


def _sources(wrt: Any, order: Sequence[Node], reached: set[Node]) -> list[Tensor]:
    """The tensors that stand for ``wrt`` in the graph; a variable may have been read several times."""
    if not isinstance(wrt, Variable):
        return [convert(wrt)]
    trace = current_trace()
    if trace is not None and wrt in trace.writes and trace.read(wrt).node in reached:
        return [trace.read(wrt)]
    found = [n for n in order if n.op in LEAVES and n.payload.variable is wrt]
    return [n.outputs[0] for n in found]


def _describe(wrt: Any) -> str:
    return repr(wrt) if isinstance(wrt, Variable) else str(convert(wrt).type)


def _total(wrt: Any, sources: Sequence[Tensor], grads: dict[Key, Tensor]) -> Tensor:
    parts = [grads[s.key] for s in sources if s.key in grads]
    x: Operators = wrt if isinstance(wrt, Operators) else convert(wrt)
    tensor = x if isinstance(x, Tensor) else None
    kind = tensor.type if tensor is not None else wrt.type
    if not dtypes.is_float(kind.dtype):
        raise GradientError(f"cannot differentiate by a {kind.dtype.name} tensor")
    if not parts:
        return zeros_like(convert(x))
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return retyped(total, kind)


def _backward(
    order: Sequence[Node],
    seeds: set[Key],
    useful: set[Node],
    start: Iterable[tuple[Tensor, Tensor]],
) -> dict[Key, Tensor]:
    pending: dict[Key, list[Tensor]] = {}
    grads: dict[Key, Tensor] = {}
    for y, dy in start:
        pending.setdefault(y.key, []).append(dy)
    for node in reversed(order):
        if node not in useful:
            continue
        cotangents = [
            _accumulated(node, i, pending.pop((node, i), None)) for i in range(len(node.types))
        ]
        for i, found in enumerate(cotangents):
            if found is not None and (node, i) in seeds:
                grads[node, i] = found
        if node.op in LEAVES or all(dy is None for dy in cotangents):
            continue
        wanted = [x is not None and _wanted(x, useful, seeds) for x in node.inputs]
        if not any(wanted):
            continue
        gradients = _pull(node, cotangents, wanted)
        for x, dx, use in zip(node.inputs, gradients, wanted, strict=True):
            if x is not None and dx is not None and use:
                pending.setdefault(x.key, []).append(dx)
    return grads


def _wanted(x: Tensor, useful: set[Node], seeds: set[Key]) -> bool:
    return (x.node in useful or x.key in seeds) and dtypes.is_float(x.dtype)


def _depending(order: Sequence[Node], seeds: set[Key]) -> set[Node]:
    """The nodes that depend on a seed: no other needs its rule to be called."""
    found = {node for node, _ in seeds}
    for node in order:
        if node in found or node.op in NONDIFFERENTIABLE or node.payload is STOP:
            continue
        if any(x is not None and x.node in found for x in node.inputs):
            found.add(node)
    return found


def _backward_scope(node: Node) -> str:
    _, _, rest = node.scope.partition("/")
    return f"backward/{rest}" if rest else "backward"


def _accumulated(node: Node, index: int, parts: list[Tensor] | None) -> Tensor | None:
    if not parts:
        return None
    with scope.replaced(_backward_scope(node), node.site):
        total = parts[0] if len(parts) == 1 else apply("Add" if len(parts) == 2 else "Sum", *parts)
    return retyped(total, node.types[index])


def _no_rule(node: Node) -> GradientError:
    name = node.payload.name if isinstance(node.payload, Foreign) else node.op
    operands = ", ".join(str(x.type) if x is not None else "none" for x in node.inputs)
    return GradientError(
        f"{name}({operands}) has no gradient rule"
        + (f" [{node.scope}]" if "/" in node.scope else "")
        + (f" [at {node.site}]" if node.site else "")
        + "; use wh.ops.stop_gradient where none is wanted"
    )


def _pull(
    node: Node, cotangents: Sequence[Tensor | None], wanted: Sequence[bool]
) -> list[Tensor | None]:
    rule = RULES.get(node.op)
    if rule is None:
        raise _no_rule(node)
    attrs: dict[str, Any] = {**schema.defaults(node.op), **dict(node.attrs)}
    if node.op in SELECTIVE:
        attrs["wanted"] = wanted
    single = len(node.types) == 1
    with scope.replaced(_backward_scope(node), node.site):
        result = rule(
            cotangents[0] if single else tuple(cotangents),
            node.outputs[0] if single else node.outputs,
            *node.inputs,
            **attrs,
        )
        dxs = result if isinstance(result, tuple) else (result,)
        if len(dxs) != len(node.inputs):
            raise GradientError(
                f"the rule for {node.op} gave {len(dxs)} gradients for {len(node.inputs)} inputs"
            )
        return [
            _fit(dx, x, node) if dx is not None and x is not None else None
            for dx, x in zip(dxs, node.inputs, strict=True)
        ]


def _fit(dx: Tensor, x: Tensor, node: Node) -> Tensor:
    """Give a gradient the type of its input, which inference may have lost on the way."""
    if dx.dtype != x.dtype:
        dx = apply("Cast", dx, to=x.dtype)
    if node.op in BROADCASTING:
        return unbroadcast(dx, x, node.inputs if node.op in MULTIDIRECTIONAL else None)
    if dx.ndim != x.ndim:
        raise GradientError(f"the rule for {node.op} gave {dx.type} as the gradient of {x.type}")
    return retyped(dx, x.type)


def unbroadcast(
    dx: Tensor, x: Tensor, operands: Sequence[Tensor | None] | None = None
) -> Tensor:  # fmt: skip
    """Sum ``dx`` over the axes along which ``x`` was broadcast to it.

    ``operands`` are all that the standard stretched to one shape, where it did: what none of them can
    stretch needs no look while it runs.
    """
    lead = dx.ndim - x.ndim
    certain = [*range(lead)]
    unsure = False
    for axis, wanted in enumerate(x.shape):
        found = dx.shape[lead + axis]
        if wanted == 1 and found != 1:
            certain.append(lead + axis)
        elif not (isinstance(wanted, int) or (wanted == found and wanted is not None)):
            unsure = unsure or operands is None or _may_stretch(x, axis - x.ndim, operands)
    if certain and not unsure:
        keep = apply("ReduceSum", dx, certain, keepdims=1) if len(certain) > lead else dx
        dx = _squeeze_lead(keep, lead) if len(certain) > lead else _sum_lead(dx, lead)
    elif unsure:
        dx = _sum_to_shape(_sum_lead(dx, lead) if lead else dx, x)
    return retyped(dx, x.type)


def _may_stretch(x: Tensor, axis: int, operands: Sequence[Tensor | None]) -> bool:
    """Whether some operand might stretch ``x`` on this axis, which is counted from the end."""
    wanted = x.shape[axis]
    dims = [o.shape[axis] for o in operands if o is not None and o.ndim >= -axis and o.key != x.key]
    return any(d != 1 and (d != wanted or d is None) for d in dims)


def _sum_lead(dx: Tensor, lead: int) -> Tensor:
    result: Tensor = apply("ReduceSum", dx, [*range(lead)], keepdims=0)
    return result


def _squeeze_lead(dx: Tensor, lead: int) -> Tensor:
    result: Tensor = apply("Squeeze", dx, [*range(lead)]) if lead else dx
    return result


def _sum_to_shape(dx: Tensor, x: Tensor) -> Tensor:
    """Sum ``dx`` over the axes where ``x`` turns out to have size 1, found while it runs."""
    wanted, found = apply("Shape", x), apply("Shape", dx)
    if wanted.key == found.key:
        return dx
    stretched = apply("And", apply("Equal", wanted, 1), apply("Not", apply("Equal", found, 1)))
    axes = apply("Squeeze", apply("NonZero", stretched), [0])
    result: Tensor = apply("ReduceSum", dx, axes, keepdims=1, noop_with_empty_axes=1)
    return result


def zeros_like(x: Tensor) -> Tensor:
    """Zeros with the type of ``x``."""
    if all(isinstance(d, int) for d in x.shape):
        size = np.array(x.shape, np.int64)
        if np.prod(size) * x.dtype.itemsize <= schema.Literal.COMPARED:
            return constant(np.zeros(x.shape, x.dtype))
        # made when it runs: a file need not hold them
        filled: Tensor = apply("ConstantOfShape", size, value=np.zeros(1, x.dtype))
        return filled
    zero: Tensor = apply("Expand", constant(0, x.dtype), apply("Shape", x))
    return retyped(zero, x.type)
