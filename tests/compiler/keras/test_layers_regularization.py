"""Noise: in inference against Keras; in training its moments, its seeds, what is shared."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse import layers as L

from .layer_harness import suite

globals().update(suite("regularization"))

SELU_LIMIT = -1.7580993408473766
ONES = np.ones((400, 500), "float32")


def drawn(layer: Any, x: Any = ONES) -> Any:
    return layer(x, training=True).numpy()


@pytest.mark.parametrize(
    ("layer", "mean", "deviation"),
    [
        (L.Dropout(0.3, seed=1), 1.0, np.sqrt(0.3 / 0.7)),
        (L.GaussianDropout(0.3, seed=2), 1.0, np.sqrt(0.3 / 0.7)),
        (L.GaussianNoise(0.7, seed=3), 1.0, 0.7),
    ],
)
def test_moments(layer: Any, mean: float, deviation: float) -> None:
    y = drawn(layer)
    assert abs(y.mean() - mean) < 0.01
    assert abs(y.std() - deviation) < 0.01


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    """Klambauer et al. 2017, of numbers with mean 0 and variance 1."""
    x = np.random.default_rng(0).normal(size=(400, 500)).astype("float32")
    y = drawn(L.AlphaDropout(0.2, seed=1), x)
    assert abs(y.mean()) < 0.01
    assert abs(y.std() - 1) < 0.01
    a = (0.8 * (1 + 0.2 * SELU_LIMIT**2)) ** -0.5
    limit = a * SELU_LIMIT - a * SELU_LIMIT * 0.2
    share = np.isclose(y, limit, rtol=1e-5).mean()
    assert abs(share - 0.2) < 0.01
    rows = drawn(L.AlphaDropout(0.5, noise_shape=(None, 1), seed=2))
    np.testing.assert_array_equal(rows, np.repeat(rows[:, :1], 500, 1))


@pytest.mark.parametrize(
    ("layer", "shape", "shared"),
    [
        (L.SpatialDropout1D(0.5, seed=1), (8, 6, 40), (1,)),
        (L.SpatialDropout2D(0.5, seed=1), (8, 3, 4, 40), (1, 2)),
        (L.SpatialDropout2D(0.5, "channels_first", seed=1), (8, 40, 3, 4), (2, 3)),
        (L.SpatialDropout3D(0.5, seed=1), (8, 2, 3, 4, 40), (1, 2, 3)),
        (L.SpatialDropout3D(0.5, data_format="channels_first", seed=1), (8, 40, 2, 3, 4), (2, 3, 4)),
        (L.Dropout(0.5, noise_shape=(None, 1, 40), seed=1), (8, 6, 40), (1,)),
    ],
)  # fmt: skip
def test_what_shares_a_decision(layer: Any, shape: Any, shared: tuple[int, ...]) -> None:
    y = drawn(layer, np.ones(shape, "float32"))
    assert set(np.unique(y)) == {np.float32(0), np.float32(2)}
    np.testing.assert_array_equal(y, np.broadcast_to(y.mean(shared, keepdims=True), shape))
    flat = y.mean(shared)
    assert 0 < (flat == 0).mean(0).mean() < 1
    assert (flat != flat[:1]).any()  # examples differ


KINDS = [lambda s: L.Dropout(0.5, seed=s), lambda s: L.GaussianDropout(0.5, seed=s),
         lambda s: L.GaussianNoise(0.5, seed=s), lambda s: L.AlphaDropout(0.5, seed=s),
         lambda s: L.SpatialDropout1D(0.5, seed=s)]  # fmt: skip


@pytest.mark.parametrize("make", KINDS)
def test_draws_follow_the_seed(make: Callable[[Any], Any], tmp_path: Path) -> None:
    x = np.ones((4, 5, 6), "float32")
    a, b = make(7), make(7)
    first = drawn(a, x)
    np.testing.assert_array_equal(first, drawn(b, x))
    second = drawn(a, x)
    assert (first != second).any()
    assert (drawn(make(8), x) != first).any()
    np.testing.assert_array_equal(a(x).numpy(), x)
    model = wh.Sequential([wh.Input((5, 6)), b])
    model.save(tmp_path / "model.wh")  # the stream goes on where it stopped
    again = wh.models.load_model(tmp_path / "model.wh")
    np.testing.assert_array_equal(again(x, training=True).numpy(), second)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L.Dropout(1.5), "rate=1.5"),
        (lambda: L.Dropout(0.5, noise_shape=(0, 1)), "noise_shape"),
        (lambda: L.Dropout(0.5, noise_shape="all"), "noise_shape"),
        (lambda: L.GaussianNoise(-1), "stddev"),
        (lambda: L.GaussianDropout(1), "infinite"),
        (lambda: L.SpatialDropout2D(0.5, "last"), "data_format"),
        (lambda: L.SpatialDropout2D(0.5)(np.ones((2, 3, 4), "float32")), "4 axes"),
        (lambda: drawn(L.AlphaDropout(1.0)), "rate=1"),
    ],
)
def test_wrong_arguments_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_dynamic_shapes_in_training() -> None:
    layers = [make(1) for make in KINDS]

    @wh.function(input_signature=[wh.TensorSpec(("n", "t", 6))])
    def run(x):  # type: ignore[no-untyped-def]
        for layer in layers:
            x = layer(x, training=True)
        return x, wh.grad(wh.ops.sum(x * x), [x])[0]

    for shape in ((2, 3, 6), (5, 1, 6)):
        assert run(np.ones(shape, "float32"))[0].shape == shape
