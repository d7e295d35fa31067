"""Convolutions against Keras: values, gradients, configuration, files, export."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import waterhorse as wh
from waterhorse import layers as L

from .goldens import close
from .layer_harness import suite

globals().update(suite("convolution"))


@pytest.mark.parametrize(
    ("layer", "shape", "kinds"),
    [
        (L.Conv1D(4, 3, padding="causal", dilation_rate=2), (5, 3), ["Conv"]),
        (L.Conv2D(6, 3, strides=2, padding="same", groups=3), (5, 6, 3), ["Conv"]),
        (L.Conv2DTranspose(4, 3, strides=2, padding="same"), (5, 6, 3), ["ConvTranspose"]),
        (L.DepthwiseConv2D(3, depth_multiplier=2), (5, 6, 3), ["Conv"]),
        (L.SeparableConv2D(4, 3), (5, 6, 3), ["Conv", "Conv"]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, L.Layer) else "",
)
def test_one_node_per_convolution(
    layer: L.Layer, shape: tuple[int, ...], kinds: list[str], tmp_path: Path
) -> None:
    """The bias is part of it, the kernel is turned when the file is written, images once at each end."""
    model = wh.Sequential([wh.Input(shape), layer])
    model.export(tmp_path / "model.onnx")
    found = [n.op_type for n in onnx.load(tmp_path / "model.onnx").graph.node]
    assert [k for k in found if k != "Transpose"] == kinds
    assert found.count("Transpose") == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L.Conv1D(0, 3), "filters=0"),
        (lambda: L.Conv2D(4, 3, groups=3), "not divisible by groups=3"),
        (lambda: L.Conv2D(4, (3, 3, 3)), "kernel_size"),
        (lambda: L.Conv2D(4, 3, padding="causal"), "'causal'"),
        (lambda: L.Conv1DTranspose(4, 3, strides=2, output_padding=2), "less than its stride"),
        (lambda: L.Conv2D(4, 3, groups=2)(np.zeros((1, 5, 5, 3), "float32")), "3 channels"),
        (lambda: L.Conv1D(4, 3)(np.zeros((5, 3), "float32")), "takes sequences"),
        (lambda: L.DepthwiseConv2D(3, depth_multiplier=0), "depth_multiplier=0"),
        (lambda: L.Conv2D(4, 3, data_format="last"), "data_format='last'"),
    ],
)
def test_wrong_arguments_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_other_channels_than_built_for_are_refused() -> None:
    layer = L.Conv2D(4, 3)
    layer(np.zeros((1, 5, 5, 3), "float32"))
    with pytest.raises(ValueError, match="size 3 along axis -1"):
        layer(np.zeros((1, 5, 5, 2), "float32"))


def test_low_rank_factors_in_a_model(tmp_path: Path) -> None:
    """Only A and B are trained; the exported file has one kernel, their sum."""
    model = wh.Sequential([wh.Input((5, 5, 2)), L.Conv2D(4, 3), L.GlobalMaxPooling2D()])
    x = np.random.default_rng(1).normal(size=(6, 5, 5, 2)).astype("float32")
    before, layer = model.predict(x, verbose=0), model.layers[-2]
    layer.enable_lora(2, lora_alpha=3)
    close(model.predict(x, verbose=0), before)  # B is zero
    assert [w.shape for w in layer.trainable_weights] == [(4,), (3, 3, 2, 2), (2, 4)]
    model.compile(wh.optimizers.SGD(0.5), "mse")
    model.fit(x, np.ones((6, 4), "float32"), epochs=2, verbose=0)
    kernel, a, b = (w.numpy() for w in (layer._kernel, *layer.trainable_weights[1:]))
    close(layer.kernel, kernel + 1.5 * a @ b)
    assert np.abs(b).max() > 1e-4
    model.save(tmp_path / "model.wh")
    again = wh.models.load_model(tmp_path / "model.wh")
    close(again.predict(x, verbose=0), model.predict(x, verbose=0))
    model.export(tmp_path / "model.onnx")
    exported = wh.load_onnx(tmp_path / "model.onnx")
    assert sorted(w.shape for w in exported.variables) == [(4,), (4, 2, 3, 3)]
    for make, message in (
        (lambda: L.Conv2D(4, 3).enable_lora(1), "no weights yet"),
        (lambda: layer.enable_lora(1), "already"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            make()
