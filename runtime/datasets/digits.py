"""1,797 handwritten digits, inside the package."""

from __future__ import annotations

from importlib import resources
from typing import Any

import numpy as np

from ...errors import ArgumentError

Array = np.ndarray[Any, Any]


def load_digits(
    test_fraction: float = 0.2, seed: int = 0
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """``(x_train, y_train), (x_test, y_test)``: images uint8 [n, 8, 8, 1] of 0 to 16, labels int64 [n].

    The test part of UCI's optdigits (Alpaydin and Kaynak 1998, CC BY 4.0), split so that each class has
    the same share in both parts. The split depends on ``seed`` alone.
    """
    if not 0 <= test_fraction < 1:
        raise ArgumentError(f"test_fraction={test_fraction}: expected a number from 0 to below 1")
    with (
        resources.as_file(resources.files(__package__) / "digits.npz") as path,
        np.load(path) as file,
    ):
        images, labels = file["images"][..., None], file["labels"].astype(np.int64)
    test = np.zeros(len(labels), bool)
    generator = np.random.Generator(np.random.Philox(seed))
    for digit in range(10):
        members = np.flatnonzero(labels == digit)
        count = round(len(members) * test_fraction)
        test[generator.permutation(members)[:count]] = True
    return (images[~test], labels[~test]), (images[test], labels[test])
