"""Poolings against Keras: values, gradients, configuration, files, export."""

import numpy as np
import pytest

import waterhorse as wh

from .layer_harness import suite

globals().update(suite("pooling"))


@pytest.mark.parametrize(
    ("size", "pool", "stride"), [(7, 2, 2), (4, 3, 2), (6, 3, 2), (5, 4, 1), (6, 5, 4)]
)
def test_average_excludes_padding(size: int, pool: int, stride: int) -> None:
    """Uneven padding against NumPy (Keras on torch repeats the edge here, its other backends do not)."""
    x = np.random.default_rng(0).normal(size=(2, size, 3)).astype("float32")
    count = -(-size // stride)
    before = max((count - 1) * stride + pool - size, 0) // 2
    windows = [x[:, max(i * stride - before, 0) : i * stride - before + pool] for i in range(count)]
    wanted = np.stack([w.mean(1) for w in windows], 1)
    layer = wh.layers.AveragePooling1D(pool, stride, padding="same")
    np.testing.assert_allclose(layer(x).numpy(), wanted, rtol=1e-5, atol=1e-6)
    flat = wh.layers.AveragePooling2D((1, pool), (1, stride), padding="same")
    np.testing.assert_allclose(flat(x[:, None]).numpy()[:, 0], wanted, rtol=1e-5, atol=1e-6)


def test_masked_steps_do_not_count_even_where_they_are_infinite() -> None:
    x = np.array([[[1.0], [3.0], [np.inf]]], "float32")
    mask = np.array([[True, True, False]])
    assert wh.layers.GlobalAveragePooling1D()(x, mask=mask).numpy() == [[2.0]]


def test_wrong_arguments_are_refused() -> None:
    x = np.zeros((2, 4, 4), "float32")
    with pytest.raises(ValueError, match="causal"):
        wh.layers.MaxPooling1D(2, padding="causal")
    with pytest.raises(ValueError, match="pool_size"):
        wh.layers.AveragePooling2D((2, 0))
    with pytest.raises(ValueError, match=r"takes images .*; add a channel axis"):
        wh.layers.GlobalMaxPooling2D()(x)
