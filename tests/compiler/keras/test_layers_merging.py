"""Layers that make one tensor of several, against Keras; as functions; what they refuse."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

import waterhorse as wh
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


@pytest.mark.parametrize("kind", [L.Add, L.Subtract, L.Multiply, L.Average, L.Maximum, L.Minimum,
                                  L.Concatenate, lambda: L.Concatenate(axis=1)])  # fmt: skip
def test_masks_in_a_model(kind: Any, tmp_path: Path) -> None:
    """Masks of several inputs flow through a functional model as they do at the prompt."""
    first, second = L.Embedding(9, 4, mask_zero=True), L.Embedding(9, 4, mask_zero=True)
    merge, mean = kind(), L.GlobalAveragePooling1D()
    tokens = np.random.default_rng(1).integers(0, 3, (2, 4, 6)).astype("int32")
    tokens[..., 0] = 1
    merged = merge([first(tokens[0]), second(tokens[1])])
    assert merged.mask is not None
    starts = [wh.Input((None,), dtype="int32"), wh.Input((None,), dtype="int32")]
    model = wh.Model(starts, mean(merge([first(starts[0]), second(starts[1])])))
    wanted = mean(merged).numpy()
    np.testing.assert_allclose(model.predict([*tokens], verbose=0), wanted, rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "model.wh")
    again = wh.models.load_model(tmp_path / "model.wh")
    np.testing.assert_allclose(again.predict([*tokens], verbose=0), wanted, rtol=1e-5, atol=1e-6)
    model.export(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(
        tmp_path / "model.onnx", providers=["CPUExecutionProvider"]
    )
    feed = dict(zip([i.name for i in session.get_inputs()], tokens, strict=True))
    np.testing.assert_allclose(session.run(None, feed)[0], wanted, rtol=1e-5, atol=1e-6)
