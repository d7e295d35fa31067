"""Normalisations of 16-bit floats: their sums leave the range of the type, the gradients must not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from waterhorse.compiler import autodiff, ir, lower, op
from waterhorse.compiler.infer import TensorType

from .harness import reference, run

RULES: dict[str, Any] = {
    "LayerNormalization": op.LayerNormalization,
    "GroupNormalization": lambda x, s, b: op.GroupNormalization(x, s, b, num_groups=2),
    "InstanceNormalization": op.InstanceNormalization,
    "BatchNormalization": lambda x, s, b: op.BatchNormalization(
        x, s, b, b * 0, b * 0 + 1, training_mode=1, outputs=3
    )[0],
    "BatchNormalization-inference": lambda x, s, b: op.BatchNormalization(
        x, s, b, b * 0, b * 0 + 1
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_large_values_give_the_gradients_of_float32(name: str) -> None:
    rng = np.random.default_rng(3)
    x = (rng.normal(size=(2, 4, 4)) * 2000).astype(np.float16)
    scale, bias, v = (rng.normal(size=s).astype(np.float16) for s in (4, 4, (2, 4, 4)))
    found = [_gradients(RULES[name], dtype, x, scale, bias, v) for dtype in ("float16", "float32")]
    for half, single in zip(*found, strict=True):
        assert half.dtype == np.float16
        assert np.abs(single).max() > 0
        np.testing.assert_allclose(half, single, rtol=4e-3, atol=4e-3 * np.abs(single).max())


def _gradients(rule: Any, dtype: str, *arrays: Any) -> list[Any]:
    names = ["x", "scale", "bias", "v"]
    feeds = {n: a.astype(dtype) for n, a in zip(names, arrays, strict=True)}
    inputs = {n: ir.argument(n, TensorType(a.dtype, a.shape)) for n, a in feeds.items()}
    x, scale, bias, v = inputs.values()
    dxs = autodiff.vector_jacobian([rule(x, scale, bias)], [v], [x, scale, bias])
    model = lower.lower(inputs, dict(zip(("dx", "ds", "db"), dxs, strict=True))).model
    # ONNX Runtime computes half floats in float32 on a CPU, the reference as they are
    found = reference(model, feeds)
    for a, b in zip(found, run(model, feeds), strict=True):
        np.testing.assert_allclose(a, b, rtol=4e-3, atol=4e-3 * np.abs(b).max())
    return found
