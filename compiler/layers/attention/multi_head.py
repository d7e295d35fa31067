"""MultiHeadAttention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .projected import ProjectedAttention

__all__ = ["MultiHeadAttention"]


class MultiHeadAttention(ProjectedAttention):
    """Several heads of scaled dot-product attention, each on its own projections.

    Vaswani et al. 2017. See ``ProjectedAttention`` for the call and its masks. Weights: query/kernel
    and key/kernel [features, heads, key_dim], value/kernel [features, heads, value_dim],
    attention_output/kernel [heads, value_dim, ...output_shape], and biases.

    Args:
        value_dim: by default ``key_dim``.
        output_shape: of each position; by default the query's features.
        attention_axes: the axes that are attended over; by default all but batch and features.
        sliding_window: a query looks at keys less than so many places away.
        use_gate: heads are multiplied by the sigmoid of another projection of the query.
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
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
        super().__init__(**kwargs)
        self.value_dim = key_dim if value_dim is None else value_dim
        self._check_sizes(num_heads=num_heads, key_dim=key_dim, value_dim=self.value_dim)
        self.num_heads, self.key_dim = num_heads, key_dim
        self._output_shape = [output_shape] if isinstance(output_shape, int) else output_shape
        axes = [attention_axes] if isinstance(attention_axes, int) else attention_axes
        self.attention_axes = None if axes is None else tuple(axes)
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
        heads = (self.num_heads, self.num_heads)
        self._build_heads(shapes, heads, (self.key_dim, self.value_dim), self._output_shape)

    query_dense = property(lambda self: self._query_dense)
    key_dense = property(lambda self: self._key_dense)
    value_dense = property(lambda self: self._value_dense)
    output_dense = property(lambda self: self._output_dense)
