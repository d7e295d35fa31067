"""Distributions of ``wh.random`` beside the uniform and the normal one: quantiles, moments, seeds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import waterhorse as wh

random = wh.random
COUNT = 20_000


@pytest.mark.parametrize(
    ("n", "p"), [(1, 0.3), (7, 0.5), (7, 0.9), (200, 0.02), (500, 0.4), (5, 0.0), (5, 1.0)]
)
def test_binomial(n: int, p: float) -> None:
    found = random.binomial((COUNT,), n, p, seed=5).numpy()
    assert found.dtype == np.float32
    assert set(np.unique(found)) <= set(range(n + 1))
    k = np.arange(n + 1)
    mass = np.array([math.comb(n, int(i)) * p ** int(i) * (1 - p) ** int(n - i) for i in k])
    counts = np.bincount(found.astype(int), minlength=n + 1) / COUNT
    # Kolmogorov and Smirnov: such a distance has a probability below 1e-6
    assert np.abs(np.cumsum(counts) - np.cumsum(mass)).max() < 2.7 / math.sqrt(COUNT)


def test_binomial_broadcasts() -> None:
    p = np.array([0.1, 0.5, 0.8], "float32")
    found = random.binomial((COUNT, 3), np.array([10.0, 3.0, 40.0], "float32"), p, seed=2).numpy()
    np.testing.assert_allclose(found.mean(0), [1, 1.5, 32], rtol=0.03)
    np.testing.assert_allclose(found.var(0), [0.9, 0.75, 6.4], rtol=0.05)


@pytest.mark.parametrize("alpha", [0.3, 1.0, 2.5, 40.0])
def test_gamma_and_beta(alpha: float) -> None:
    drawn = random.gamma((COUNT,), alpha, seed=3).numpy()
    np.testing.assert_allclose(drawn.mean(), alpha, rtol=0.05)
    np.testing.assert_allclose(drawn.var(), alpha, rtol=0.1)
    share = random.beta((COUNT,), alpha, 2.0, seed=4).numpy()
    total = alpha + 2
    np.testing.assert_allclose(share.mean(), alpha / total, rtol=0.03)
    np.testing.assert_allclose(share.var(), alpha * 2 / (total**2 * (total + 1)), rtol=0.1)


@pytest.mark.parametrize(
    ("name", "args"), [("binomial", (9.0, 0.3)), ("gamma", (2.0,)), ("beta", (2.0, 3.0))]
)
def test_seeds(name: str, args: tuple[Any, ...]) -> None:
    draw = getattr(random, name)
    same = [draw((50,), *args, seed=1).numpy() for _ in range(2)]
    np.testing.assert_array_equal(*same)
    seeds = random.SeedGenerator(1)

    @wh.function(input_signature=[wh.TensorSpec((None,))])
    def step(x: Any) -> Any:
        return x * draw((50,), *args, seed=seeds)

    first, second = step(np.ones(50, "float32")), step(np.ones(50, "float32"))
    np.testing.assert_array_equal(first, same[0])
    assert (first != second).any()
