"""Layers that move elements about, against Keras: values, gradients, configuration, files, export."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from waterhorse import layers as L

from .layer_harness import suite

globals().update(suite("reshaping"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L.Reshape((-1, -1)), "at most one"),
        (lambda: L.Reshape((2, 5))(np.zeros((2, 3, 4), "float32")), "12 elements per example"),
        (lambda: L.Permute((0, 1)), "each of 1 to 2 once"),
        (lambda: L.RepeatVector(0), "n=0"),
        (lambda: L.RepeatVector(2)(np.zeros((2, 3, 4), "float32")), "2 axes"),
        (lambda: L.Cropping1D((3, 2))(np.zeros((2, 5, 4), "float32")), "leaves nothing"),
        (lambda: L.Cropping2D(-1), "cropping=-1"),
        (lambda: L.ZeroPadding2D((1, 2, 3)), r"padding=\(1, 2, 3\)"),
        (lambda: L.UpSampling2D(interpolation="linear"), "interpolation='linear'"),
        (lambda: L.UpSampling3D((2, 2)), "size"),
    ],
)
def test_wrong_arguments_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(("interpolation", "radius"), [("lanczos3", 3), ("lanczos5", 5)])
def test_lanczos_upsampling(interpolation: str, radius: int) -> None:
    """Against the windowed sinc in NumPy: Keras on torch has no Lanczos."""

    def matrix(n: int, times: int) -> Any:
        place = (np.arange(n * times) + 0.5) / times - 0.5
        x = place[:, None] - np.arange(n)
        weights = np.where(np.abs(x) < radius, np.sinc(x) * np.sinc(x / radius), 0)
        return weights / weights.sum(1, keepdims=True)

    x = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype("float32")
    wanted = np.einsum("ph,qw,bhwc->bpqc", matrix(5, 2), matrix(6, 3), x)
    found = L.UpSampling2D((2, 3), interpolation=interpolation)(x).numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
