"""Operators of ``ai.onnx.preview.training``, expanded to standard ones: Gradient, Adam, Adagrad, Momentum.

``Gradient(xs, zs, y)`` differentiates the graph that leads from the tensors *named* xs and zs to the one
named y, at the values that are its inputs. So the nodes in between are read once more, with xs standing
for new variables, and the result is evaluated at the inputs: where these are the named tensors themselves,
interning makes the second reading the first.

Source: the operators' texts in ``onnx.defs`` (domain version 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx

from ...errors import FileFormatError
from .. import dtypes, functional, op
from ..autodiff import vector_jacobian, zeros_like
from ..ir import RANDOM, Key, Node, Tensor, argument, constant, toposort
from ..training_info import DOMAIN, uses
from .frame import Frame
from .reader import Reader, handler
from .values import Call, Value

DEEPEST = 64  # gradients of gradients


# -- Gradient ---------------------------------------------------------------------------------------


@handler(f"{DOMAIN}::Gradient")
def gradient(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> object:
    """The derivatives of y by xs at the inputs; of the sum of y's elements where it is no scalar."""
    xs, zs, y = _named(call, node)
    given = _given(call, (*xs, *zs))
    nodes = _nodes(reader, frame)
    path = _between(nodes, {*xs, *zs}, y)
    if any(n is node for n in path):
        raise FileFormatError(f"{y!r} depends on its own gradient")
    inner = _Evaluation(frame, nodes)
    leaves = [argument(n, x.type) for n, x in zip(xs, given, strict=False)]
    for name, value in zip((*xs, *zs), (*leaves, *given[len(xs) :]), strict=True):
        inner.define(name, value)
    inner.given = {*xs, *zs}
    reader.nodes(inner, path)
    target = inner.lookup(y)
    if not isinstance(target, Tensor) or not dtypes.is_float(target.dtype):
        raise FileFormatError(f"{y!r} is no floating-point tensor, so it has no gradient")
    ones = constant(1, target.dtype) if not target.ndim else zeros_like(target) + 1.0
    found = vector_jacobian([target], [ones], leaves, connected=False)
    bindings = {leaf.key: x for leaf, x in zip(leaves, given, strict=False)}
    bindings |= _same_draws(target, _read_before(frame, y), bindings)
    return tuple(functional.replay(found, bindings))


def _named(call: Call, node: onnx.NodeProto) -> tuple[Sequence[str], Sequence[str], str]:
    """The attributes. Raises ``FileFormatError`` where they do not fit each other or the outputs."""
    _known_version(call)
    xs, zs, y = call.get("xs", ()), call.get("zs", ()), call.get("y", "")
    if not xs or not y:
        raise FileFormatError("Gradient needs the attributes xs and y")
    if len({*xs, *zs}) != len(xs) + len(zs):
        raise FileFormatError(f"xs={[*xs]} and zs={[*zs]} name a tensor twice")
    if len(node.output) > len(xs):
        raise FileFormatError(f"{len(node.output)} outputs for {len(xs)} tensors in xs")
    return xs, zs, y


def _given(call: Call, names: Sequence[str]) -> list[Tensor]:
    """The values of xs and zs."""
    found = [x for x in call.tensors if x is not None]
    if len(found) != len(names):
        raise FileFormatError(f"{len(found)} inputs for the {len(names)} tensors {[*names]}")
    for name, x in zip(call.get("xs"), found, strict=False):
        if not dtypes.is_float(x.dtype):
            raise FileFormatError(f"{name!r} in xs is {x.type}; only floats have gradients")
    return found


class _Evaluation(Frame):
    """A part of a graph at other values; what does not depend on these is looked up outside."""

    def __init__(self, outer: Frame, nodes: Sequence[onnx.NodeProto]) -> None:
        super().__init__(outer.opsets, caller=outer, attributes=outer.attributes)
        if self.depth > DEEPEST:
            raise FileFormatError("gradients are nested too deeply")
        self.outer, self.nodes = outer, nodes
        self.given: set[str] = set()

    def define(self, name: str, value: Value | None) -> None:
        if name not in self.given:  # what a node computes beside others, but is given here
            super().define(name, value)

    def lookup(self, name: str) -> Value | None:
        return self.values[name] if name in self.values else self.outer.lookup(name)


def _nodes(reader: Reader, frame: Frame) -> Sequence[onnx.NodeProto]:
    """The nodes of the graph that a Gradient node is in."""
    if isinstance(frame, _Evaluation):
        return frame.nodes
    if frame.depth > 1:
        raise FileFormatError("Gradient within a subgraph or a function is not supported")
    return reader.model.graph.node


def _between(
    nodes: Sequence[onnx.NodeProto], start: set[str], y: str
) -> list[onnx.NodeProto]:  # fmt: skip
    """The nodes that y needs and that depend on ``start``, in their order."""
    depending, needed = set(start), {y} - start
    forward: set[int] = set()
    backward: set[int] = set()
    # until nothing is added: a Gradient node may come before what it differentiates
    while True:
        size = len(forward)
        for i, node in enumerate(nodes):
            if i not in forward and not depending.isdisjoint(uses(node)):
                forward.add(i)
                depending.update(n for n in node.output if n)
        if size == len(forward):
            break
    while True:
        size = len(backward)
        for i in sorted(forward - backward, reverse=True):
            if not needed.isdisjoint(nodes[i].output):
                backward.add(i)
                needed.update(set(uses(nodes[i])) - start)
        if size == len(backward):
            break
    return [nodes[i] for i in sorted(backward)]


def _read_before(frame: Frame, name: str) -> Tensor | None:
    """What was read under a name already, if anything."""
    try:
        found = frame.lookup(name)
    except FileFormatError:  # it comes later in the file
        return None
    return found if isinstance(found, Tensor) else None


def _same_draws(
    again: Tensor, before: Tensor | None, bindings: Mapping[Key, Tensor]
) -> dict[Key, Tensor]:
    """Random nodes were drawn anew by the second reading; where operands are equal the first counts.

    Otherwise a gradient would belong to another dropout mask than the loss does.
    """
    pairs: dict[Node, Node] = {}
    stack = [] if before is None else [(again.node, before.node)]
    seen: set[Node] = set()
    while stack:
        a, b = stack.pop()
        if a is b or a in seen or a.op != b.op or len(a.inputs) != len(b.inputs):
            continue
        seen.add(a)
        if a.op in RANDOM:
            pairs[a] = b
        stack += [
            (x.node, z.node) for x, z in zip(a.inputs, b.inputs, strict=True)
            if x is not None and z is not None
        ]  # fmt: skip
    found: dict[Key, Tensor] = {}
    for node in toposort([again]) if pairs else ():
        if node not in pairs:
            continue
        operands = [x for x in node.inputs if x is not None]
        now = functional.replay(operands, {**bindings, **found})
        first = [x for x in pairs[node].inputs if x is not None]
        if [x.key for x in now] == [x.key for x in first]:
            found |= {(node, i): t for i, t in enumerate(pairs[node].outputs)}
    return found


# -- optimizers -------------------------------------------------------------------------------------


@handler(f"{DOMAIN}::Adam")
def adam(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> object:
    """Kingma and Ba 2015; without bias correction while the update count is 0."""
    rate, count, groups = _operands(call, 4)
    alpha, beta = _number(call, "alpha", 0.9), _number(call, "beta", 0.999)
    epsilon, post = _number(call, "epsilon", 1e-6), _number(call, "norm_coefficient_post", 0.0)
    # in doubles: 1 - 0.999 ^ T has few digits left in floats. T = 0 is looked at below
    t = op.Cast(op.Max(count, 1), to=np.float64)
    alpha_t, beta_t = (op.Pow(constant(c, np.float64), t) for c in (alpha, beta))
    corrected = op.Cast(rate, to=np.float64) * op.Sqrt(1.0 - beta_t) / (1.0 - alpha_t)
    rate = op.Where(op.Greater(count, 0), op.Cast(corrected, to=rate.dtype), rate)
    results = []
    for x, g, v, h in groups:
        v_new = v * alpha + g * (1.0 - alpha)
        h_new = h * beta + g * g * (1.0 - beta)
        x_new = x - _like(rate, x) * v_new / (op.Sqrt(h_new) + epsilon)
        results.append((x_new * (1.0 - post) if post else x_new, v_new, h_new))
    return _columns(results)


@handler(f"{DOMAIN}::Adagrad")
def adagrad(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> object:
    """Duchi et al. 2011, with a rate that decays as 1 / (1 + T * decay_factor)."""
    rate, count, groups = _operands(call, 3)
    decay, epsilon = _number(call, "decay_factor", 0.0), _number(call, "epsilon", 1e-6)
    if decay:
        rate = rate / (op.Cast(count, to=rate.dtype) * decay + 1.0)
    results = []
    for x, g, h in groups:
        h_new = h + g * g
        results.append((x - _like(rate, x) * g / (op.Sqrt(h_new) + epsilon), h_new))
    return _columns(results)


@handler(f"{DOMAIN}::Momentum")
def momentum(reader: Reader, frame: Frame, call: Call, node: onnx.NodeProto) -> object:
    """Stochastic gradient descent with Polyak's or Nesterov's momentum; beta is 1 while T is 0."""
    rate, count, groups = _operands(call, 3)
    missing = [n for n in ("alpha", "beta", "mode", "norm_coefficient") if call.get(n) is None]
    if missing:
        raise FileFormatError(f"Momentum needs the attributes {missing}")
    mode = call.get("mode")
    if mode not in ("standard", "nesterov"):
        raise FileFormatError(f"mode={mode!r}: expected 'standard' or 'nesterov'")
    alpha, beta = _number(call, "alpha", 0.0), _number(call, "beta", 0.0)
    results = []
    for x, g, v in groups:
        share = g
        if beta != 1:
            later = op.Greater(count, 0)
            share = g * op.Where(later, constant(beta, x.dtype), constant(1, x.dtype))
        v_new = v * alpha + share
        move = g + v_new * alpha if mode == "nesterov" else v_new
        results.append((x - _like(rate, x) * move, v_new))
    return _columns(results)


def _operands(call: Call, size: int) -> tuple[Tensor, Tensor, list[tuple[Tensor, ...]]]:
    """Rate and count as scalars, and ``size`` tensors for each one that is optimized.

    The second of these is its gradient, to which that of the 2-norm's penalty has been added.
    """
    _known_version(call)
    found = [call.needed(i) for i in range(len(call.inputs))]
    if len(found) < 2 + size or (len(found) - 2) % size:
        raise FileFormatError(
            f"{call.op} takes a rate, a count and {size} tensors for each one that it optimizes; got "
            f"{len(found)} inputs"
        )
    nowhere = np.zeros(0, np.int64)
    rate, count = (op.Reshape(x, nowhere) if x.ndim else x for x in found[:2])
    number = (len(found) - 2) // size
    if call.outputs > number * (size - 1):
        raise FileFormatError(f"{call.op} has no {call.outputs} outputs here")
    groups = [tuple(found[2 + i :: number]) for i in range(number)]
    for group in groups:
        if any(t.dtype != group[0].dtype or t.ndim != group[0].ndim for t in group):
            kinds = ", ".join(str(t.type) for t in group)
            raise FileFormatError(f"{call.op} takes tensors of one type and shape; got {kinds}")
    return rate, count, [(x, _regularised(call, x, g), *rest) for x, g, *rest in groups]


def _known_version(call: Call) -> None:
    if call.version != 1:
        raise FileFormatError(
            f"{call.op} of version {call.version} of {DOMAIN} is not known, only 1"
        )


def _columns(rows: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """All first results, then all second ones ..."""
    return tuple(x for column in zip(*rows, strict=True) for x in column)


def _regularised(call: Call, x: Tensor, g: Tensor) -> Tensor:
    """The gradient with that of ``0.5 * norm_coefficient * sum(x ^ 2)``."""
    factor = _number(call, "norm_coefficient", 0.0)
    return x * factor + g if factor else g


def _number(call: Call, name: str, default: float) -> float:
    """An attribute as it was written: files keep 0.999 in 32 bits, too few for the difference from 1."""
    value = call.get(name)
    return default if value is None else float(str(np.float32(value)))


def _like(rate: Tensor, x: Tensor) -> Tensor:
    return rate if rate.dtype == x.dtype else op.Cast(rate, to=x.dtype)


__all__ = ["adagrad", "adam", "gradient", "momentum"]
