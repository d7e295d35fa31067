"""Chains of image layers are channels-first inside, whatever stands between convolutions."""

from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse import layers as L


def unet(x: Any) -> Any:
    first = L.Conv2D(4, 3, padding="same", activation="relu")(x)
    low = L.Conv2D(6, 3, padding="same", activation="gelu")(L.MaxPooling2D(2)(first))
    high = L.Conv2DTranspose(4, 2, strides=2)(low)
    joined = L.Concatenate()([high, first])
    return L.Conv2D(2, 1)(joined)


def margins(x: Any) -> Any:
    y = L.Conv2D(4, 3)(L.ZeroPadding2D(1)(L.Conv2D(4, 3)(x)))
    y = L.AveragePooling2D(2)(L.Cropping2D(((1, 0), (0, 2)))(y))
    return L.Conv2D(2, 1)(L.UpSampling2D(2)(L.BatchNormalization()(y)))


def joined_late(x: Any) -> Any:
    """One of what is joined has the other layout: it is turned by itself."""
    return L.Conv2D(2, 1)(L.Concatenate()([L.Conv2D(4, 1)(x), x]))


@pytest.mark.parametrize(
    ("network", "kernels", "images"), [(unet, 4, 2), (margins, 3, 2), (joined_late, 2, 2)]
)
def test_images_are_turned_at_the_ends_only(network: Any, kernels: int, images: int) -> None:
    start = wh.Input((8, 12, 3))
    model = wh.Model(start, network(start))

    @wh.function
    def run(x: Any) -> Any:
        return model(x)

    spec = wh.TensorSpec(("n", 8, 12, 3))
    kinds = [n.op_type for n in run.to_onnx(spec).graph.node]
    assert kinds.count("Transpose") == kernels + images
    x = np.random.default_rng(0).normal(size=(2, 8, 12, 3)).astype("float32")
    step_by_step = {}
    for layer in model.layers:  # each layer by itself, where nothing can be undone
        if layer.name == start.node.payload.name:
            step_by_step[id(start.node)] = x
            continue
        given = layer.input
        arrays = [step_by_step[id(t.node)] for t in (given if isinstance(given, list) else [given])]
        found = layer(arrays if isinstance(given, list) else arrays[0]).numpy()
        step_by_step[id(layer.output.node)] = found
    np.testing.assert_allclose(run(x), found, rtol=1e-4, atol=1e-5)
