"""GroupQueryAttention."""

from __future__ import annotations

from typing import Any

from ....errors import ArgumentError
from .projected import ProjectedAttention

__all__ = ["GroupQueryAttention"]


class GroupedQueryAttention(ProjectedAttention):
    """Attention of many query heads, groups of which share one head of key and value.

    Ainslie et al. 2023. See ``ProjectedAttention`` for the call and its masks. Weights: query/kernel
    [features, query heads, head_dim], key/kernel and value/kernel [features, key heads, head_dim],
    attention_output/kernel [query heads, head_dim, features], and biases.

    Args:
        num_query_heads: a multiple of ``num_key_value_heads``.
        sliding_window: a query looks at keys less than so many places away.
        use_gate: heads are multiplied by the sigmoid of another projection of the query.
    """

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        # in Keras it is the layer's own too, unlike MultiHeadAttention's
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._check_sizes(
            head_dim=head_dim, num_query_heads=num_query_heads,
            num_key_value_heads=num_key_value_heads,
        )  # fmt: skip
        if num_query_heads % num_key_value_heads:
            raise ArgumentError(
                f"GroupQueryAttention: num_query_heads={num_query_heads} is no multiple of "
                f"num_key_value_heads={num_key_value_heads}"
            )
        self.head_dim, self.num_query_heads = head_dim, num_query_heads
        self.num_key_value_heads = num_key_value_heads
        self._configure(
            dropout, use_bias, sliding_window, flash_attention, use_gate, seed,
            kernel_initializer=kernel_initializer, bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer, kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )  # fmt: skip

    def build(  # type: ignore[override]  # by the names of call's arguments
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> None:
        shapes = (query_shape, value_shape, value_shape if key_shape is None else key_shape)
        if any(len(s) != 3 for s in shapes):
            raise ArgumentError(f"layer {self.name!r} takes [batch, time, features]; got {shapes}")
        heads = (self.num_query_heads, self.num_key_value_heads)
        self._build_heads(shapes, heads, (self.head_dim, self.head_dim), None)


GroupQueryAttention = GroupedQueryAttention  # the layer's public name; files say the other
