"""Gradients of spatial operators: what is refused, what is cheap, what happens at zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from waterhorse.compiler import autodiff, ir, op
from waterhorse.compiler.infer import TensorType
from waterhorse.errors import GradientError
from waterhorse.runtime.function import Function

FLOAT = np.dtype(np.float32)


def argument(*shape: Any) -> ir.Tensor:
    return ir.argument("x", TensorType(FLOAT, shape))


def pulled_back(build: Callable[..., Any], *shape: Any) -> ir.Tensor:
    x = argument(*shape)
    y = build(x)
    return autodiff.vector_jacobian([y], [ir.argument("v", y.type)], [x])[0]


def operators(build: Callable[..., Any], *shape: Any) -> list[str]:
    found = ir.toposort([pulled_back(build, *shape)])
    return [n.op for n in found if n.op not in ("Argument", "Constant", "Data")]


DILATED = {"kernel_shape": [2], "dilations": [2], "strides": [2], "auto_pad": "SAME_UPPER"}
CROP = {"coordinate_transformation_mode": "tf_crop_and_resize", "mode": "cubic"}
WEIGHTS = np.ones((1, 1, 3), np.float32)
REFUSED: dict[str, Callable[..., Any]] = {
    "AveragePool with dilations": lambda x: op.AveragePool(x, **DILATED),
    "LpPool with dilations": lambda x: op.LpPool(x, **DILATED),
    "ConvTranspose with output_padding": lambda x: op.ConvTranspose(
        x, WEIGHTS, auto_pad="SAME_UPPER", strides=[2], output_padding=[1]),
    "Resize with mode=cubic": lambda x: op.Resize(
        np.ones((2, 2), np.float32), op.Reshape(x, [-1])[:4], [1.0, 1.0], **CROP),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_what_has_no_rule_says_so(message: str) -> None:
    with pytest.raises(GradientError, match=message):
        pulled_back(REFUSED[message], 1, 1, 5)


def test_repeating_pixels_is_pulled_back_by_pooling() -> None:
    scales = np.array([1, 1, 2, 2], np.float32)
    assert operators(lambda x: op.Resize(x, None, scales), "n", 3, 8, 8) == ["AveragePool", "Mul"]


def test_axes_whose_size_is_copied_from_the_shape_are_left_alone() -> None:
    def build(x: ir.Tensor) -> Any:
        sizes = op.Concat(op.Shape(x, end=2), [9, 11], axis=0)
        return op.Resize(x, None, None, sizes, mode="linear")

    assert operators(build, "n", "c", 4, 5).count("MatMul") == 2


def test_resizing_to_the_same_size_costs_nothing() -> None:
    assert operators(lambda x: op.Resize(x, None, None, [2, 3, 4, 5]), 2, 3, 4, 5) == []


@pytest.mark.parametrize("build", [
    lambda x: op.LpPool(x, kernel_shape=[2]), op.GlobalLpPool,
    lambda x: op.LpPool(x, kernel_shape=[2], p=3), lambda x: op.GlobalLpPool(x, p=1),
])  # fmt: skip
def test_norms_of_nothing_have_no_slope(build: Callable[..., Any]) -> None:
    def gradient(x: ir.Tensor) -> ir.Tensor:
        return autodiff.grad(op.ReduceSum(build(x), keepdims=0), [x])[0]

    assert np.asarray(Function(gradient)(np.zeros((1, 2, 4), np.float32))).tolist() == (
        np.zeros((1, 2, 4)).tolist()
    )


def test_each_region_gives_its_gradient_to_the_largest_pixel() -> None:
    """Bins without a pixel give nothing; halves of a pixel are rounded away from zero."""
    image = np.arange(12, dtype=np.float32).reshape(1, 1, 3, 4)
    rois = np.array([[0, 0, 0, 3, 1], [0, 1, 1, 5, 5], [0, 9, 9, 9, 9]], np.float32)

    def gradient(x: ir.Tensor) -> ir.Tensor:
        y = op.MaxRoiPool(x, rois, pooled_shape=[1, 1], spatial_scale=0.5)
        return autodiff.grad(op.ReduceSum(y, keepdims=0), [x])[0]

    expected = np.zeros((1, 1, 3, 4))
    expected[0, 0, 1, 2] = 1  # to (2, 1) from (0, 0)
    expected[0, 0, 2, 3] = 1  # to (3, 3), cut off, from (1, 1)
    np.testing.assert_array_equal(Function(gradient)(image), expected)
