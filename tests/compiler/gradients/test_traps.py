"""Defects of ONNX Runtime that the rules have to step around."""

from __future__ import annotations

import numpy as np
import pytest

from waterhorse.compiler import autodiff, ir, lower, op
from waterhorse.compiler.infer import TensorType

from .harness import run

FLOAT = np.dtype(np.float32)


@pytest.mark.parametrize("dims", [(2, 3, 6), (None, None, None)])
def test_no_gradient_pads_along_named_axes(dims: tuple[int | None, ...]) -> None:
    """Transposes are moved through Pad as if it had no axes (ONNX Runtime 1.32)."""
    x = ir.argument("x", TensorType(FLOAT, dims))
    y = op.Slice(op.Transpose(x, perm=(1, 0, 2)), [1], [3], [2])
    (dx,) = autodiff.grad(op.ReduceSum(y * y, keepdims=0), [x])
    pads = [n for n in ir.toposort([dx]) if n.op == "Pad"]
    assert pads
    assert all(len(n.inputs) < 4 for n in pads)
    array = np.random.default_rng(0).normal(size=(2, 3, 6)).astype(FLOAT)
    model = lower.lower({"x": x}, {"dx": dx}).model
    expected = np.zeros_like(array)
    expected[:, :, 1:3] = 2 * array[:, :, 1:3]
    np.testing.assert_allclose(run(model, {"x": array})[0], expected, rtol=1e-6)


def test_functions_of_the_standard_are_written_with_their_defaults() -> None:
    """The body of MeanVarianceNormalization refers to ``axes`` even where the node gives none."""
    x = ir.argument("x", TensorType(FLOAT, (2, 3, 2, 2)))
    y = op.MeanVarianceNormalization(x, axes=[0, 2, 3])
    assert y.node.attrs == ()
    model = lower.lower({"x": x}, {"y": y}).model
    assert [a.name for a in model.graph.node[0].attribute] == ["axes"]


def test_the_end_of_an_image_that_no_window_reaches_gets_zeros() -> None:
    """With unknown sizes the transposed convolution is cut or padded to fit when it runs."""
    x = ir.argument("x", TensorType(FLOAT, (1, 1, None)))
    y = op.AveragePool(x, kernel_shape=[2], strides=[3], pads=[0, 1], count_include_pad=1)
    (dx,) = autodiff.grad(op.ReduceSum(y, keepdims=0), [x])
    model = lower.lower({"x": x}, {"dx": dx}).model
    for size in range(3, 10):
        found = run(model, {"x": np.ones((1, 1, size), FLOAT)})[0]
        windows = range((size + 1 - 2) // 3 + 1)
        covered = {3 * w + k for w in windows for k in (0, 1)}
        assert found[0, 0].tolist() == [0.5 * (i in covered) for i in range(size)]
