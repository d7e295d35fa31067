"""1,797 handwritten digits, inside the package."""

from __future__ import annotations

from importlib import resources
from numbers import Integral, Real
from typing import Any

import numpy as np

from ...errors import ArgumentError

Array = np.ndarray[Any, Any]


def load_digits(
    test_fraction: float = 0.2, seed: int = 0
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """``(x_train, y_train), (x_test, y_test)``: images uint8 [n, 8, 8, 1] of 0 to 16, labels int64 [n].

    The test part of UCI's optdigits (Alpaydin and Kaynak 1998, CC BY 4.0), split so that each class has
    the same share in both parts. The split depends on ``test_fraction`` and ``seed`` alone; with 0,
    all is in the training part. Raises ``ArgumentError`` for a fraction that would leave a class out
    of either part otherwise, and for a seed that is no integer from 0 to 2**64 - 1.
    """
    if not isinstance(test_fraction, Real) or not 0 <= test_fraction < 1:
        raise ArgumentError(f"test_fraction={test_fraction!r}: expected a number from 0 to below 1")
    if not isinstance(seed, Integral) or not 0 <= seed < 2**64:
        raise ArgumentError(f"seed={seed!r}: expected an integer from 0 to 2**64 - 1")
    images, labels = _read()
    test = _drawn(labels, float(test_fraction), int(seed))
    return (images[~test], labels[~test]), (images[test], labels[test])


def _read() -> tuple[Array, Array]:
    with (
        resources.as_file(resources.files(__package__) / "digits.npz") as path,
        np.load(path) as file,
    ):
        return file["images"][..., None], file["labels"].astype(np.int64)


def _drawn(labels: Array, fraction: float, seed: int) -> Array:
    """Which samples are in the test part (bool): the same share of every class."""
    # NumPy keeps the raw stream of a bit generator for ever; those of its permutations may change.
    order = np.random.Philox(key=seed).random_raw(len(labels))
    test = np.zeros(len(labels), bool)
    for digit in range(10):
        members = np.flatnonzero(labels == digit)
        count = round(len(members) * fraction)
        if fraction and not 0 < count < len(members):
            raise ArgumentError(
                f"test_fraction={fraction}: with {len(members)} images of the digit {digit}, one part "
                "would have none"
            )
        test[members[np.argsort(order[members])[:count]]] = True
    return test
