"""Scaled dot-product attention of several heads over any axes (Vaswani et al. 2017)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ... import op
from ...activations import softmax
from ...infer import TensorType
from ...ir import Tensor, retyped
from .masks import bias, causal_bias


@dataclass(frozen=True)
class Layout:
    """Tensors [batch, ..., heads, depth] of ``rank`` axes, of which ``axes`` are attended over."""

    rank: int
    axes: tuple[int, ...]

    @property
    def free(self) -> list[int]:
        """The batch and the axes that are not attended over."""
        return [i for i in range(self.rank - 2) if i not in self.axes]

    @property
    def perm(self) -> list[int]:
        """[batch, ..., heads, places, depth]."""
        return [*self.free, self.rank - 2, *self.axes, self.rank - 1]

    def rows(self, x: Tensor) -> Tensor:
        """[batch, ..., heads, places, depth], all places along one axis."""
        turned: Tensor = op.Transpose(x, perm=self.perm)
        if len(self.axes) == 1:
            return turned
        lead = len(self.free) + 1
        result: Tensor = op.Reshape(turned, [*[0] * lead, -1, turned.shape[-1]])
        return result

    def columns(self, x: Tensor) -> Tensor:
        """[batch, ..., heads, depth, places]."""
        if len(self.axes) == 1:
            return op.Transpose(x, perm=[*self.perm[:-2], self.perm[-1], self.perm[-2]])  # type: ignore[no-any-return]
        x = self.rows(x)
        return op.Transpose(x, perm=[*range(x.ndim - 2), x.ndim - 1, x.ndim - 2])  # type: ignore[no-any-return]

    def back(self, rows: Tensor, query: Tensor) -> Tensor:
        """The inverse of ``rows``, with the places of the query."""
        if len(self.axes) > 1:
            sizes = op.Gather(op.Shape(query), self.perm[:-1])
            rows = op.Reshape(rows, op.Concat(sizes, [rows.shape[-1]], axis=0))
        result: Tensor = op.Transpose(rows, perm=[self.perm.index(i) for i in range(self.rank)])
        return result

    def unfolded(self, scores: Tensor, query: Tensor, key: Tensor) -> Tensor:
        """Scores [batch, ..., heads, query's axes, key's axes]."""
        if len(self.axes) == 1:
            return scores
        lead = op.Gather(op.Shape(query), [*self.free, self.rank - 2, *self.axes])
        result: Tensor = op.Reshape(
            scores, op.Concat(lead, op.Gather(op.Shape(key), [*self.axes]), axis=0)
        )
        return result

    def folded(self, scores: Tensor) -> Tensor:
        """The inverse of ``unfolded``."""
        if len(self.axes) == 1:
            return scores
        lead, shape = len(self.free) + 1, op.Shape(scores)
        middle = lead + len(self.axes)
        sizes = [
            op.Slice(shape, [0], [lead]),
            op.ReduceProd(op.Slice(shape, [lead], [middle]), keepdims=1),
            op.ReduceProd(op.Slice(shape, [middle], [2**31 - 1]), keepdims=1),
        ]
        return op.Reshape(scores, op.Concat(*sizes, axis=0))  # type: ignore[no-any-return]


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    layout: Layout,
    mask: Tensor | None,
    causal: bool,
    empty: bool,
    dropped: Callable[[Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """Outputs like the query (with the value's depth), and the weights.

    Several heads of the query may share one of key and value: then their number is a multiple.
    ``mask`` is [batch, heads or 1, query's axes, key's axes]; where it lets a query look at nothing, the
    weights are 0 if ``empty``, else equal. ``causal`` stands for a mask of which that cannot be said.
    """
    heads, shared = int(query.shape[-2] or 0), int(key.shape[-2] or 0)
    scale = 1 / math.sqrt(float(query.shape[-1] or 1))
    # the queries of all heads that share a key are rows of one product
    rows = _regrouped(layout.rows(query * scale), heads, shared)
    scores = _regrouped(op.MatMul(rows, layout.columns(key)), shared, heads)
    scores = layout.unfolded(scores, query, key)
    places = [query.shape[a] for a in layout.axes] + [key.shape[a] for a in layout.axes]
    lead = [query.shape[a] for a in layout.free]
    scores = retyped(scores, TensorType(scores.dtype, (*lead, heads, *places)))
    weights = _weights(scores, layout, mask, causal, empty)
    used = _regrouped(layout.folded(dropped(weights)), heads, shared)
    output = _regrouped(op.MatMul(used, layout.rows(value)), shared, heads)
    output = layout.back(output, query)
    shape = (*query.shape[:-1], value.shape[-1])
    return retyped(output, TensorType(output.dtype, shape)), weights


def _regrouped(x: Tensor, heads: int, wanted: int) -> Tensor:
    """[batch, heads, rows, columns] as ``wanted`` heads of more rows, or of fewer."""
    return x if heads == wanted else op.Reshape(x, [0, wanted, -1, 0])


def _weights(
    scores: Tensor, layout: Layout, mask: Tensor | None, causal: bool, empty: bool
) -> Tensor:
    """Softmax over the key's axes, together where they are several."""
    kept = None
    if mask is not None:
        kept, added = bias(mask, scores)
        scores = scores + added
    if causal:
        scores = scores + causal_bias(scores)
    count = len(layout.axes)
    weights = softmax(scores, -1 if count == 1 else [*range(-count, 0)])
    return weights if kept is None or not empty else weights * kept
