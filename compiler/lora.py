"""Low-rank adapters: a weight that stays as it is, and a change of it that takes few numbers.

``W + alpha / rank * B A`` with A of ``rank`` rows and B of ``rank`` columns, B zero at the start (Hu et
al., LoRA: Low-Rank Adaptation of Large Language Models, 2021). Where an operator multiplies by W, the
two thin factors are multiplied by instead of their product: then training needs no gradient of W's size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..errors import ArgumentError
from . import initializers, op, random
from .infer import TensorType
from .ir import Key, Node, Tensor, again, toposort
from .state import Variable

# operators that can be given the factors: the place of the weight
PLACES = {"MatMul": (0, 1), "Gemm": (1,), "Conv": (1,), "ConvTranspose": (1,), "Gather": (0,)}
_merged: ContextVar[bool] = ContextVar("merged", default=False)


@contextmanager
def merged() -> Iterator[None]:
    """Inside, models compute with the sums ``W + B A``: frozen, each is one weight again."""
    token = _merged.set(True)
    try:
        yield
    finally:
        _merged.reset(token)


def is_merged() -> bool:
    """Whether the sums are asked for."""
    return _merged.get()


class Layout(NamedTuple):
    """How a weight is a matrix.

    Args:
        batch: so many leading axes hold matrices of their own.
        outputs_first: whether rows are outputs and columns inputs, as in Conv; else the other way round.
    """

    batch: int
    outputs_first: bool


@dataclass(frozen=True)
class Options:
    """What an adapter is made with. ``alpha / rank`` is the factor of the change."""

    rank: int
    alpha: float
    dropout: float = 0.0
    seed: int | None = None


class Adapter:
    """The factors of one weight.

    Args:
        name: of the weight; the factors are ``name/lora_a`` and ``name/lora_b``.
        weight: its type.

    ``a`` has shape (rank, inputs) and ``b`` (outputs, rank); where the weight has more axes than two, so
    has that of the factors which belongs to its second. Raises ``ArgumentError`` where the rank is more
    than the weight has.
    """

    def __init__(self, name: str, weight: TensorType, layout: Layout, options: Options) -> None:
        self.name, self.layout, self.options = name, layout, options
        self.shape: tuple[int, ...] = tuple(int(d or 0) for d in weight.shape)
        lead, (first, *rest) = self.shape[: layout.batch], self.shape[layout.batch :]
        self.inputs = math.prod(rest) if layout.outputs_first else first
        self.outputs = first if layout.outputs_first else math.prod(rest)
        rank = options.rank
        if rank > min(self.inputs, self.outputs):
            raise ArgumentError(
                f"rank={rank} is more than the weight {name!r} of shape {self.shape} has, "
                f"{min(self.inputs, self.outputs)}: take a smaller rank, or leave it out of targets"
            )
        wide, tall = (rest, [first]) if layout.outputs_first else ([first], rest)
        bound = 1 / math.sqrt(self.inputs)  # He et al. 2015 with a = sqrt(5), as is usual for LoRA
        self.a = _variable(
            f"{name}/lora_a", initializers.RandomUniform(-bound, bound, options.seed),
            (*lead, rank, *wide), weight,
        )  # fmt: skip
        self.b = _variable(
            f"{name}/lora_b", initializers.Zeros(), (*lead, *tall, rank), weight
        )  # fmt: skip
        self.draws: random.SeedGenerator | None = None
        if options.dropout:
            self.draws = random.SeedGenerator(options.seed, f"{name}/lora")

    @property
    def scale(self) -> float:
        return self.options.alpha / self.options.rank

    @property
    def state(self) -> list[Any]:
        """The variables, and what draws the dropout masks."""
        return [self.a, self.b, *([self.draws] if self.draws is not None else [])]

    def merged(self, weight: Tensor) -> Tensor:
        """``W + scale * B A``."""
        a, b = self.a.value, self.b.value
        if self.layout.batch:
            first, second = (b, a) if self.layout.outputs_first else (_turned(a), _turned(b))
            return weight + self.scaled(op.MatMul(first, second))
        a, b = _flat(a, self.options.rank, -1), _flat(b, -1, self.options.rank)
        if self.layout.outputs_first:
            change = op.Gemm(b, a, alpha=self.scale)
        else:
            change = op.Gemm(a, b, alpha=self.scale, transA=1, transB=1)
        # the weight first: an exported sum has the name of its first operand
        return weight + (change if len(self.shape) == 2 else op.Reshape(change, self.shape))

    def dropped(self, x: Tensor, training: bool) -> Tensor:
        """Dropout of what the factors get, in training."""
        if self.draws is None or not training:
            return x
        return random.dropout(x, self.options.dropout, seed=self.draws)

    def scaled(self, x: Tensor) -> Tensor:
        """``x`` times ``alpha / rank``."""
        return x if self.scale == 1 else x * self.scale


def _variable(path: str, made: initializers.Initializer, shape: Any, like: TensorType) -> Variable:
    found = Variable(made, tuple(shape), like.dtype, name=path)
    found.path = path
    return found


def _flat(x: Tensor, rows: int, columns: int) -> Tensor:
    return x if x.ndim == 2 else op.Reshape(x, [rows, columns])


def _turned(x: Tensor) -> Tensor:
    """The last two axes exchanged."""
    lead = range(x.ndim - 2)
    return op.Transpose(x, perm=[*lead, x.ndim - 1, x.ndim - 2])


# -- where weights are used -------------------------------------------------------------------------


class Use(NamedTuple):
    """A node, and which of its operands is the weight."""

    node: Node
    place: int


def uses(outputs: Sequence[Tensor], leaves: Mapping[Key, str]) -> dict[str, list[Use]]:
    """Where the graph uses each of ``leaves``, by their names."""
    found: dict[str, list[Use]] = {name: [] for name in leaves.values()}
    for node in toposort(outputs):
        for i, x in enumerate(node.inputs):
            if x is not None and x.key in leaves:
                found[leaves[x.key]].append(Use(node, i))
    return found


def layout_of(shape: Sequence[Any], found: Sequence[Use]) -> Layout | None:
    """How the first operator that multiplies by a weight sees it, or None where none does."""
    for use in found:
        layout = _layout(use, len(shape))
        if layout is not None:
            return layout
    return None


def _layout(use: Use, rank: int) -> Layout | None:
    name, attrs = use.node.op, _attributes(use.node)
    if use.place not in PLACES.get(name, ()) or rank < 2:
        return None
    if name == "MatMul":
        return Layout(rank - 2, outputs_first=use.place == 0)
    if name == "Gather":
        return Layout(0, outputs_first=False) if attrs.get("axis", 0) in (0, -rank) else None
    first = bool(attrs.get("transB")) if name == "Gemm" else name == "Conv"
    return Layout(0, outputs_first=first)


def _attributes(node: Node) -> dict[str, Any]:
    return dict(node.attrs)


# -- operators on the factors -----------------------------------------------------------------------

Adapted = Mapping[Key, tuple[Adapter, Variable]]
Operands = Sequence[Tensor | None]
Rule = Callable[[Adapter, Node, Tensor, Tensor, bool], Tensor]  # ..., operand, result, training


def applied(
    node: Node, operands: Operands, adapted: Adapted, *, training: bool
) -> Sequence[Tensor] | None:
    """``node`` with an adapted weight among its operands, by the factors.

    None where it has none, and where the sum itself is needed or cheaper.
    """
    for i, x in enumerate(node.inputs):
        if x is None or x.key not in adapted:
            continue
        adapter, weight = adapted[x.key]
        rule = rule_for(adapter, Use(node, i))
        if rule is None or (_merged.get() and not training):
            return None
        plain = [*operands]
        plain[i] = weight.value
        other = operands[1 - i]
        if other is None:
            return None
        (y,) = again(node, plain)
        return (rule(adapter, node, other, y, training),)
    return None


def rule_for(adapter: Adapter, use: Use) -> Rule | None:
    """What multiplies by the factors in place of the weight, or None where their product is needed."""
    if _layout(use, len(adapter.shape)) != adapter.layout:
        return None
    name, group = use.node.op, int(_attributes(use.node).get("group", 1))
    if name == "ConvTranspose" and group > 1:
        return None
    if name == "Gather" and len(adapter.shape) > 2:
        return None
    # Each group needs a copy of A, so that for many groups the factors do more work than the weight.
    # Measured at rank 8 with 64 channels: in 16 groups of kernels the sum takes 0.6 of the time of the
    # factors, in 4 groups 1.05, without groups 1.5; for matrices from 64 to 512 it takes 1.2 to 7.
    thin = adapter.options.rank * (adapter.inputs * group + adapter.outputs)
    if group > 1 and adapter.draws is None and thin > adapter.inputs * adapter.outputs:
        return None
    return _RULES[name]


def _product(adapter: Adapter, node: Node, x: Tensor, y: Tensor, training: bool) -> Tensor:
    """MatMul."""
    x = adapter.dropped(x, training)
    a, b = adapter.a.value, adapter.b.value
    if adapter.layout.outputs_first:  # W x
        return y + op.MatMul(b, adapter.scaled(op.MatMul(a, x)))
    if x.ndim == 2 and not adapter.layout.batch:
        inner = op.Gemm(x, a, alpha=adapter.scale, transB=1)
        return op.Gemm(inner, b, y, transB=1)
    return y + op.MatMul(adapter.scaled(op.MatMul(x, _turned(a))), _turned(b))


def _general_product(adapter: Adapter, node: Node, x: Tensor, y: Tensor, training: bool) -> Tensor:
    """Gemm."""
    attrs = _attributes(node)
    alpha = float(attrs.get("alpha", 1.0)) * adapter.scale
    inner = op.Gemm(adapter.dropped(x, training), adapter.a.value, alpha=alpha,
                    transA=attrs.get("transA", 0), transB=1)  # fmt: skip
    return op.Gemm(inner, adapter.b.value, y, transB=1)


def _convolution(adapter: Adapter, node: Node, x: Tensor, y: Tensor, training: bool) -> Tensor:
    """Conv: a convolution to ``rank`` channels (in each group), and one by 1 x 1 kernels."""
    attrs = _attributes(node)
    group, rank = int(attrs.get("group", 1)), adapter.options.rank
    ones = [1] * (len(adapter.shape) - 2)
    kernel = adapter.a.value
    if group > 1:
        kernel = op.Tile(kernel, [group, 1, *ones])
    inner = op.Conv(adapter.dropped(x, training), kernel, **attrs)
    mix = op.Reshape(adapter.scaled(adapter.b.value), [adapter.outputs, rank, *ones])
    return y + op.Conv(inner, mix, group=group)


def _transposed(adapter: Adapter, node: Node, x: Tensor, y: Tensor, training: bool) -> Tensor:
    """ConvTranspose: by 1 x 1 kernels to ``rank`` channels, and a transposed convolution."""
    rank, (inputs, *rest) = adapter.options.rank, adapter.shape
    ones = [1] * (len(adapter.shape) - 2)
    mix = op.Reshape(adapter.scaled(adapter.a.value), [rank, inputs, *ones])
    inner = op.Conv(adapter.dropped(x, training), mix)
    axes = [len(rest), *range(len(rest))]
    kernel = op.Transpose(adapter.b.value, perm=axes)
    return y + op.ConvTranspose(inner, kernel, **_attributes(node))


def _rows(adapter: Adapter, node: Node, indices: Tensor, y: Tensor, training: bool) -> Tensor:
    """Gather: rows of an embedding."""
    inner = op.Gather(_turned(adapter.a.value), indices)
    return y + op.MatMul(adapter.scaled(adapter.dropped(inner, training)), _turned(adapter.b.value))


_RULES: dict[str, Rule] = {
    "MatMul": _product, "Gemm": _general_product, "Conv": _convolution,
    "ConvTranspose": _transposed, "Gather": _rows,
}  # fmt: skip
