"""Attention between projections of its inputs: what MultiHeadAttention and GroupQueryAttention share."""

from __future__ import annotations

import string
from collections.abc import Sequence
from functools import reduce
from typing import Any

from ....errors import ArgumentError, ShapeError
from ... import initializers, op
from ...casting import boolean
from ...config import not_supported
from ...ir import Tensor
from ..base import Layer
from ..core import built
from ..dense import EinsumDense
from ..regularization import Dropout
from .masks import causal_mask, window_mask
from .product import Layout, attend


class ProjectedAttention(Layer):
    """Base of attention with learned projections to heads, and back. See its subclasses.

    ``call(query, value, key=None)`` on [batch, time, features] (or more axes of time); the key is the
    value where none is given. Masks are bools, True where there is something to look at:
    ``query_mask``, ``value_mask`` and ``key_mask`` [batch, time], which tensors may carry, and
    ``attention_mask`` [batch, (heads,) query time, key time]. With ``return_attention_scores`` the
    weights [batch, heads, query time, key time] come second. A query that may look at nothing takes
    the mean of all values; where there is dropout, or the weights are asked for, it takes nothing.
    """

    attention_axes: tuple[int, ...] | None = None

    def _configure(
        self, dropout: float, use_bias: bool, sliding_window: Any, flash_attention: Any,
        use_gate: bool, seed: Any, **options: Any,
    ) -> None:  # fmt: skip
        """``options`` are those of the projections."""
        owner = type(self).__name__
        not_supported(owner, flash_attention=(flash_attention or None, None))
        if sliding_window is not None and (
            not isinstance(sliding_window, int) or sliding_window <= 0
        ):
            raise ArgumentError(
                f"{owner}(sliding_window={sliding_window!r}): expected a number above 0, or None"
            )
        self.dropout, self.use_bias, self.use_gate, self.seed = dropout, use_bias, use_gate, seed
        self.sliding_window = sliding_window
        self._options = options
        self.supports_masking = True

    def _check_sizes(self, **sizes: Any) -> None:
        for label, value in sizes.items():
            if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
                raise ArgumentError(
                    f"{type(self).__name__}({label}={value!r}): expected a number above 0"
                )

    def _projection(
        self, name: str, shape: Sequence[Any], sizes: Sequence[int], summed: int = 1,
        activation: Any = None,
    ) -> EinsumDense:  # fmt: skip
        """From the last ``summed`` axes of an input of ``shape`` to axes of these ``sizes``."""
        letters = iter(string.ascii_letters)
        free, bound, made = (
            "".join(next(letters) for _ in range(n))
            for n in (len(shape) - summed, summed, len(sizes))
        )
        options = self._options | {
            k: _fresh(self._options[k]) for k in ("kernel_initializer", "bias_initializer")
        }
        layer = EinsumDense(
            f"{free}{bound},{bound}{made}->{free}{made}", [None] * (len(free) - 1) + [*sizes],
            activation, made if self.use_bias else None, name=name, dtype=self.dtype_policy,
            **options,
        )  # fmt: skip
        built(layer, shape)
        return layer

    def _build_heads(
        self, shapes: tuple[Any, Any, Any], heads: tuple[int, int], depths: tuple[int, int],
        output_shape: Sequence[int] | None,
    ) -> None:  # fmt: skip
        """Make the projections of query, value and key, and the one back.

        ``heads`` are those of the query and of the others; ``depths`` those of the key and of the value.
        """
        query, value, key = shapes
        if value[1:-1] != key[1:-1]:
            raise ShapeError(
                f"layer {self.name!r}: value {value} and key {key} differ in more than their features"
            )
        self._query_dense = self._projection("query", query, (heads[0], depths[0]))
        self._key_dense = self._projection("key", key, (heads[1], depths[0]))
        if self.use_gate:
            self._gate_dense = self._projection(
                "gate", query, (heads[0], depths[1]), activation="sigmoid"
            )
        self._value_dense = self._projection("value", value, (heads[1], depths[1]))
        self._dropout_layer = Dropout(
            self.dropout, seed=self.seed, name="dropout", dtype=self.dtype_policy
        )
        self._output_dense = self._projection(
            "attention_output", (*query[:-1], heads[0], depths[1]), output_shape or [query[-1]], 2
        )
        rank = len(query) + 1
        axes = self.attention_axes or tuple(range(1, rank - 2))
        self._layout = Layout(rank, tuple(a % (rank - 1) for a in axes))

    def call(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        key = value if key is None else key
        query, value, key = (t.with_mask(None) for t in (query, value, key))
        given = {"query": query_mask, "value": value_mask, "key": key_mask}
        rows = [(m, -1 if n == "query" else -2) for n, m in given.items() if m is not None]
        masks = [op.Unsqueeze(boolean(m), [axis]) for m, axis in rows]
        if attention_mask is not None:
            masks.append(boolean(attention_mask))
        if self.sliding_window is not None:
            masks.append(window_mask(query, value, self.sliding_window))
        alone = use_causal_mask and not masks  # then every query may look at something
        if use_causal_mask and masks:
            masks.append(causal_mask(query, value))
        mask = self._together(masks)
        # as in Keras, which has two ways to compute it
        empty = self.dropout > 0 or return_attention_scores or self._layout.rank != 4
        output, weights = attend(
            self._query_dense(query), self._key_dense(key), self._value_dense(value), self._layout,
            mask, alone, empty, lambda w: self._dropout_layer(w, training=training),
        )  # fmt: skip
        if self.use_gate:
            output = output * self._gate_dense(query)
        result = self._output_dense(output).with_mask(query_mask)
        if not return_attention_scores:
            return result
        seen = self._together([causal_mask(query, value)]) if alone else mask
        return result, weights.with_mask(seen)

    def _together(self, masks: Sequence[Tensor]) -> Tensor | None:
        """All at once, with an axis of heads."""
        if not masks:
            return None
        axis = -2 * len(self._layout.axes)
        rank = self._layout.rank - 1 + len(self._layout.axes)
        wide = []
        for mask in masks:
            missing = rank - mask.ndim
            place = mask.ndim + axis  # in front of the query's axes
            wide.append(op.Unsqueeze(mask, [*range(place, place + missing)]) if missing else mask)
        return reduce(op.And, wide)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: ``call`` gives the output the query's mask, and the weights what they are masked by."""
        return None


def _fresh(initializer: Any) -> Any:
    """Another initializer of the same kind: one draws the same numbers each time."""
    found = initializers.get(initializer)
    return found.clone() if isinstance(found, initializers.Initializer) else found
