"""Attention and AdditiveAttention: scores of query and key, without projections."""

from __future__ import annotations

from typing import Any

from ....errors import ArgumentError
from ... import op, random
from ...ir import Tensor, constant
from ..base import Layer
from .masks import bias, causal_bias, causal_mask

__all__ = ["AdditiveAttention", "Attention"]


class Attention(Layer):
    """``softmax(score(query, key)) value`` on [query, value] or [query, value, key].

    Luong et al. 2015. Each is [batch, time, features]; the key is the value where none is given.
    ``mask`` is [query_mask, value_mask] of bools [batch, time]: outputs are 0 where the query's is
    False, and values are not looked at where theirs is. With ``return_attention_scores`` the weights
    [batch, query time, value time] come second.

    Args:
        use_scale: a learned factor of the scores.
        score_mode: "dot", the products, or "concat", ``w * sum tanh(scale * (query + key))``.
        dropout: of the weights, in training.
    """

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ArgumentError(
                f"{type(self).__name__}(score_mode={score_mode!r}): expected 'dot' or 'concat'"
            )
        self.use_scale, self.score_mode, self.dropout, self.seed = (
            use_scale,
            score_mode,
            dropout,
            seed,
        )
        if dropout > 0:
            self.seed_generator = random.SeedGenerator(seed)
            self.seed_generator.state.path = f"{self.name}/seed_generator_state"

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((), "ones", name="scale") if self.use_scale else None
        self.concat_score_weight = None
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        query, value, key = self._given(inputs)
        query_mask, value_mask = self._masks(mask)
        scores = self.scores(query, key)
        if use_causal_mask and value_mask is None:
            scores = scores + causal_bias(scores)
        elif value_mask is not None:
            kept = op.Unsqueeze(value_mask, [-2])
            if use_causal_mask:
                kept = op.And(kept, causal_mask(query, key, -2))
            scores = scores + bias(kept, scores)[1]
        weights = op.Softmax(scores, axis=-1)
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        output = op.MatMul(weights, value)
        if query_mask is not None:
            shown = op.Unsqueeze(query_mask, [-1])
            output = op.Where(shown, output, constant(0, output.dtype)).with_mask(query_mask)
        return (output, weights) if return_attention_scores else output

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """[batch, query time, key time]."""
        if self.score_mode == "dot":
            found = op.MatMul(query, op.Transpose(key, perm=(0, 2, 1)))
            return found if self.scale is None else found * self.scale
        added = op.Unsqueeze(query, [-2]) + op.Unsqueeze(key, [-3])
        if self.scale is not None:
            added = added * self.scale
        total = op.ReduceSum(op.Tanh(added), [-1], keepdims=0)
        weight = self.concat_score_weight
        return total if weight is None else total * weight  # type: ignore[no-any-return]

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: ``call`` gives the output the query's mask, and the weights none."""
        return None

    def _given(self, inputs: Any) -> tuple[Tensor, Tensor, Tensor]:
        count = len(inputs) if isinstance(inputs, (list, tuple)) else 0
        if count not in (2, 3):
            raise ArgumentError(
                f"layer {self.name!r} takes a list [query, value] or [query, value, key]; got "
                + (f"{count} tensors" if count else f"a {type(inputs).__name__}")
            )
        query, value, key = inputs[0], inputs[1], inputs[-1] if count == 3 else inputs[1]
        if any(t.ndim != 3 for t in (query, value, key)):
            raise ArgumentError(
                f"layer {self.name!r} takes tensors [batch, time, features]; got "
                + ", ".join(str(t.type) for t in inputs)
            )
        return query, value, key

    def _masks(self, mask: Any) -> tuple[Any, Any]:
        if mask is None:
            return None, None
        if not isinstance(mask, (list, tuple)) or len(mask) not in (2, 3):
            raise ArgumentError(
                f"layer {self.name!r}: mask is a list [query_mask, value_mask]; got {mask!r}"
            )
        return mask[0], mask[1]


class AdditiveAttention(Attention):
    """Attention whose scores are ``sum scale * tanh(query + key)`` (Bahdanau et al. 2015).

    ``scale``, if ``use_scale``, is a learned vector of the features' size.
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:
        self.scale = None
        if self.use_scale:
            self.scale = self.add_weight((input_shape[0][-1],), "glorot_uniform", name="scale")

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """[batch, query time, key time]."""
        found = op.Tanh(op.Unsqueeze(query, [-2]) + op.Unsqueeze(key, [-3]))
        if self.scale is not None:  # a product with a vector: fewer passes than a factor and a sum
            return op.MatMul(found, self.scale)  # type: ignore[no-any-return]
        return op.ReduceSum(found, [-1], keepdims=0)  # type: ignore[no-any-return]
