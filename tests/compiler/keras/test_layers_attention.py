"""Attention against Keras; masks that tensors carry; rows that look at nothing; compact graphs."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse import layers as L

from .layer_harness import suite

globals().update(suite("attention"))

R = np.random.default_rng(0)
Q = R.normal(size=(2, 4, 6)).astype("float32")
V = R.normal(size=(2, 5, 6)).astype("float32")


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-5, atol=1e-5)


def by_numpy(layer: Any, query: Any, value: Any, mask: Any) -> Any:
    """Heads of attention as Vaswani et al. 2017 write them; no weights where nothing is seen."""
    wq, bq, wk, bk, wv, bv, wo, bo = (w.astype("float64") for w in layer.get_weights())
    q, k, v = (np.einsum("btd,dnh->bnth", x, w) + b[:, None]
               for x, w, b in ((query, wq, bq), (value, wk, bk), (value, wv, bv)))  # fmt: skip
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    weights = np.exp(scores - scores.max(-1, keepdims=True)) * mask
    total = weights.sum(-1, keepdims=True)
    weights = np.where(total > 0, weights / np.where(total > 0, total, 1), 0)
    return np.einsum("bnth,nhd->btd", weights @ v, wo) + bo, weights


MASKS = [
    np.ones((2, 1, 4, 5), bool),
    np.tril(np.ones((4, 5), bool))[None, None],
    np.arange(5)[None, None, None, :] < np.array([3, 0])[:, None, None, None],
]


@pytest.mark.parametrize("mask", MASKS, ids=["all", "causal", "one without values"])
def test_rows_that_look_at_nothing_take_nothing(mask: Any) -> None:
    layer = L.MultiHeadAttention(2, 3)
    layer(Q, V)
    layer.set_weights([R.normal(size=w.shape).astype("float32") for w in layer.weights])
    given = np.broadcast_to(mask[:, 0], (2, 4, 5))
    output, weights = layer(Q, V, attention_mask=given, return_attention_scores=True)
    wanted = by_numpy(layer, Q, V, mask)
    close(output, wanted[0])
    close(weights, wanted[1])

    @wh.function
    def slopes(q, v):  # type: ignore[no-untyped-def]
        y, _ = layer(q, v, attention_mask=given, return_attention_scores=True)
        return wh.grad(wh.ops.sum(y * y), [q, v])

    assert all(np.isfinite(g).all() for g in slopes(Q, V))


def test_query_mask_as_an_argument() -> None:
    """Keras takes it from the tensor alone, and forgets what is given."""
    layer = L.MultiHeadAttention(2, 3)
    mask = np.arange(4) < np.array([[4], [2]])
    output, weights = layer(Q, V, query_mask=mask, return_attention_scores=True)
    np.testing.assert_array_equal(output.mask, mask)
    assert not weights.numpy()[1, :, 2:].any()
    carried = wh.ops.convert_to_tensor(Q).with_mask(wh.ops.convert_to_tensor(mask))
    close(layer(carried, V, return_attention_scores=True)[0], output)


def test_padding_has_no_influence_in_a_model(tmp_path: Path) -> None:
    """From an Embedding's mask to the output: a padded text gives what the text alone gives."""
    start = wh.Input((None,), dtype="int32", name="tokens")
    x = L.Embedding(9, 6, mask_zero=True)(start)
    x = L.Add()([x, L.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True)])
    x = L.LayerNormalization()(x)
    x = L.Add()([x, L.Dense(6)(L.Dense(8, activation="gelu")(x))])
    model = wh.Model(start, L.GlobalAveragePooling1D()(x))
    texts = [R.integers(1, 9, n) for n in (3, 5, 1)]
    padded = np.stack([np.pad(t, (0, 5 - len(t))) for t in texts]).astype("int32")
    alone = [model.predict(t[None].astype("int32"), verbose=0)[0] for t in texts]
    close(model.predict(padded, verbose=0), alone)
    model.compile("adam", "mse")
    model.fit(padded, np.ones((3, 6), "float32"), epochs=2, verbose=0)
    model.save(tmp_path / "model.wh")
    again = wh.models.load_model(tmp_path / "model.wh")
    close(again.predict(padded, verbose=0), model.predict(padded, verbose=0))


def kinds(layer: Any, **options: Any) -> Counter[str]:
    @wh.function
    def run(q, v):  # type: ignore[no-untyped-def]
        return layer(q, v, **options)

    layer(Q, V)
    kind = wh.TensorSpec(("batch", "queries", 6)), wh.TensorSpec(("batch", "keys", 6))
    return Counter(n.op_type for n in run.to_onnx(*kind).graph.node)


def test_graphs_are_compact() -> None:
    """Six products and no Einsum, Where or Expand; a causal mask is one triangle."""
    plain = kinds(L.MultiHeadAttention(2, 3))
    assert plain["MatMul"] == 6
    assert plain["Softmax"] == 1
    assert plain["Transpose"] == 4
    assert set(plain) == {"Add", "MatMul", "Mul", "Reshape", "Softmax", "Transpose"}
    causal = kinds(L.MultiHeadAttention(2, 3), use_causal_mask=True)
    assert causal - plain == Counter(["Shape", "Slice", "Expand", "Trilu", "Add"])
    grouped = kinds(L.GroupQueryAttention(3, 4, 2))
    assert grouped["MatMul"] == 6
    assert set(grouped) == set(plain)  # keys are not repeated


def test_dropout_of_weights() -> None:
    layer = L.MultiHeadAttention(4, 16, dropout=0.5, seed=3)
    assert (layer(Q, V, training=True).numpy() != layer(Q, V).numpy()).any()
    same = [L.MultiHeadAttention(4, 16, dropout=0.5, seed=3) for _ in range(2)]
    for other in same:
        other(Q, V)
        other.set_weights(layer.get_weights())
    found = [other(Q, V, training=True).numpy() for other in same]
    np.testing.assert_array_equal(*found)
    for attention in (L.Attention(dropout=0.5, seed=1), L.AdditiveAttention(dropout=0.5, seed=1)):
        assert (attention([Q, V], training=True).numpy() != attention([Q, V]).numpy()).any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L.MultiHeadAttention(0, 3), "num_heads"),
        (lambda: L.MultiHeadAttention(2, 3, value_dim=0), "value_dim"),
        (lambda: L.MultiHeadAttention(2, 3, sliding_window=0), "sliding_window"),
        (lambda: L.MultiHeadAttention(2, 3)(Q, V, Q), "differ in more"),
        (lambda: L.GroupQueryAttention(3, 4, 3), "no multiple"),
        (lambda: L.GroupQueryAttention(3, 4, 2)(Q[None], V[None]), "time, features"),
        (lambda: L.Attention(score_mode="cosine"), "score_mode"),
        (lambda: L.Attention()(Q), "takes a list"),
        (lambda: L.Attention()([Q]), "1 tensors"),
        (lambda: L.Attention()([Q, V], mask=np.ones((2, 4), bool)), "mask is a list"),
    ],
)
def test_wrong_arguments_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_flash_attention_is_not_there() -> None:
    with pytest.raises(NotImplementedError, match="flash_attention"):
        L.MultiHeadAttention(2, 3, flash_attention=True)


@pytest.mark.parametrize("policy", ["mixed_float16", "float64"])
def test_other_types(policy: str) -> None:
    layer = L.MultiHeadAttention(2, 3, dtype=policy)
    other = L.MultiHeadAttention(2, 3)
    other(Q, V)
    y = layer(Q, V, use_causal_mask=True)
    layer.set_weights(other.get_weights())
    y = layer(Q, V, use_causal_mask=True)
    assert y.dtype == layer.compute_dtype
    np.testing.assert_allclose(
        y.numpy(), other(Q, V, use_causal_mask=True).numpy(), rtol=1e-2, atol=1e-3
    )
