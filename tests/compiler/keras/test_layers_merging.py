"""Layers that make one tensor of several, against Keras; as functions; what they refuse."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from waterhorse import layers as L

from .layer_harness import suite

globals().update(suite("merging"))

A, B = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (L.add, A + B), (L.subtract, A - B), (L.multiply, A * B), (L.average, (A + B) / 2),
        (L.maximum, np.maximum(A, B)), (L.minimum, np.minimum(A, B)),
        (L.concatenate, np.concatenate([A, B], -1)), (L.dot, np.einsum("bij,bkj->bik", A, B)),
    ],
)  # fmt: skip
def test_functions(function: Any, wanted: Any) -> None:
    np.testing.assert_allclose(function([A, B]).numpy(), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L.Add()(A), "list of"),
        (lambda: L.Subtract()([A]), "list of two"),
        (lambda: L.Subtract()([A, A, A]), "got 3"),
        (lambda: L.Add()([A, A[:, :3]]), "Add"),
        (lambda: L.Concatenate()([A, A[0]]), "one rank"),
        (lambda: L.Dot((1, 2, 3)), "two of them"),
        (lambda: L.Dot(0)([A, B]), "axis 0"),
        (lambda: L.Dot((1, 2))([A, B]), "different sizes"),
    ],
)
def test_wrong_arguments_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
