"""Gamma and beta variates: moments and distribution functions, which are known in closed form."""

import math

import numpy as np
import pytest

from waterhorse.compiler import variates

N = 200_000


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0, 2.5, 30.0])
def test_gamma_has_its_moments(alpha: float) -> None:
    """Mean and variance are alpha; the third central moment is 2 alpha. Within five deviations."""
    x = variates.gamma((N,), alpha, seed=3).numpy().astype("float64")
    assert abs(x.mean() - alpha) < 5 * math.sqrt(alpha / N)
    assert abs(x.var() - alpha) < 5 * math.sqrt((2 * alpha**2 + 6 * alpha) / N)
    assert abs(((x - alpha) ** 3).mean() - 2 * alpha) < 0.1 * max(alpha, 1) ** 1.5


@pytest.mark.parametrize(
    ("alpha", "below"),
    [(1.0, lambda x: 1 - math.exp(-x)), (0.5, lambda x: math.erf(math.sqrt(x))),
     (2.0, lambda x: 1 - (1 + x) * math.exp(-x))],
)  # fmt: skip
def test_gamma_has_its_distribution(alpha: float, below: object) -> None:
    """Kolmogorov and Smirnov's distance, which exceeds 1.95 / sqrt(n) once in a thousand times."""
    x = np.sort(variates.gamma((N,), alpha, seed=5).numpy())[:: N // 1000]
    exact = np.array([below(float(v)) for v in x])
    assert np.abs(exact - np.arange(1000) / 1000).max() < 1.95 / math.sqrt(N) + 1e-3


@pytest.mark.parametrize(("a", "b"), [(0.2, 0.2), (1.0, 1.0), (2.0, 5.0), (0.5, 3.0)])
def test_beta_has_its_moments(a: float, b: float) -> None:
    x = variates.beta((N,), a, b, seed=3).numpy().astype("float64")
    mean, total = a / (a + b), a + b
    variance = a * b / (total**2 * (total + 1))
    assert 0 <= x.min() <= x.max() <= 1
    assert abs(x.mean() - mean) < 5 * math.sqrt(variance / N)
    assert abs(x.var() - variance) < 0.02 * variance


def test_tiny_shapes_give_no_nan() -> None:
    x = variates.beta((1000,), 1e-6, 1e-6, seed=1).numpy()
    assert set(np.unique(np.round(x, 6))) == {0.0, 1.0}
    assert 400 < x.sum() < 600


def test_shapes_broadcast_and_seeds_repeat() -> None:
    alpha = np.array([[0.5], [20.0]], "float32")
    x = variates.gamma((2, 1000), alpha, seed=1).numpy()
    np.testing.assert_allclose(x.mean(1), alpha[:, 0], rtol=0.15)
    np.testing.assert_array_equal(x, variates.gamma((2, 1000), alpha, seed=1).numpy())
