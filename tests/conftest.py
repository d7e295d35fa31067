"""What all tests share."""

from __future__ import annotations

import numpy as np
import pytest

import waterhorse as wh


@pytest.fixture(autouse=True)
def repeatable() -> None:
    """Same names and same random numbers, whatever ran before."""
    wh.utils.clear_session(free_memory=False)  # a collection takes longer than most tests
    wh.set_random_seed(0)


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Real 8x8 digits, scaled to 0..1, and labels."""
    (x, y), _ = wh.datasets.load_digits(test_fraction=0)
    return x.astype("float32") / 16, y


@pytest.fixture
def flat(digits: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """A few digits as rows of 64 numbers."""
    x, y = digits
    return x[:256].reshape(256, -1), y[:256]
