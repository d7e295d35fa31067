"""Where no derivative exists: ties, kinks, zeros. The conventions of torch and JAX, by example."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from waterhorse.compiler import autodiff, ir, op
from waterhorse.runtime.function import Function

TIES: list[tuple[str, Any, Any, Any]] = [
    ("relu at 0", op.Relu, [0.0, 1.0, -1.0], [0, 1, 0]),
    ("abs at 0", op.Abs, [0.0, 2.0, -2.0], [0, 1, -1]),
    ("max shares", lambda x: op.Max(x, 1.0), [1.0, 2.0, 0.0], [0.5, 1, 0]),
    ("min shares", lambda x: op.Min(x, 1.0, 1.0), [1.0, 2.0, 0.0], [1 / 3, 0, 1]),
    ("clip at its bounds", lambda x: op.Clip(x, 0.0, 1.0), [0.0, 1.0, 2.0, -1.0], [1, 1, 0, 0]),
    ("reduce max shares", lambda x: op.ReduceMax(x, [1]), [[3.0, 3.0, 1.0]], [[0.5, 0.5, 0]]),
    ("l2 at 0", lambda x: op.ReduceL2(x, [0]), [0.0, 0.0], [0, 0]),
    ("pow at 0", lambda x: x**2, [0.0, 3.0], [0, 6]),
    ("cube of negatives", lambda x: x**3, [-2.0], [12]),
    ("product with a zero", op.ReduceProd, [2.0, 0.0, 4.0], [0, 8, 0]),
    ("product with two zeros", op.ReduceProd, [2.0, 0.0, 0.0], [0, 0, 0]),
    ("max pool takes the first", lambda x: op.MaxPool(x, kernel_shape=[2], strides=[2]),
     [[[5.0, 5.0, 1.0, 2.0]]], [[[1, 0, 0, 1]]]),
    ("global max pool shares", op.GlobalMaxPool, [[[5.0, 5.0, 1.0]]], [[[0.5, 0.5, 0]]]),
    ("duplicates add up", lambda x: op.Gather(x, [1, 1, 0, -1]), [7.0, 8.0], [1, 3]),
    ("stopped by a cast", lambda x: op.Cast(op.Cast(x, to="int32"), to="float32") + x, [1.5], [1]),
    ("stopped by floor", lambda x: op.Floor(x) * x, [1.5], [1]),
    ("pow 0 at 0", lambda x: op.Pow(x, [0.0, 1.0, 2.0, 0.0]), [0.0, 0.0, 0.0, -2.0], [0, 1, 0, 0]),
    ("constant pow 0", lambda x: x**0 + x, [0.0, 2.0], [1, 1]),
    ("constant pow 1", lambda x: x**1.0, [0.0, -2.0], [1, 1]),
    ("inverse of a negative", lambda x: x**-1.0, [-2.0], [-0.25]),
    ("exponent at base 0", lambda x: op.Pow([0.0, 0.0, 1.0], x), [2.0, 0.0, 5.0], [0, 0, 0]),
    ("clip with crossed bounds: x", lambda x: op.Clip(x, 2.0, 1.0), [0.0, 1.5, 3.0], [0, 0, 0]),
    ("clip with crossed bounds: low", lambda x: op.Clip([0.0, 1.5, 3.0], x, 1.0), 2.0, 0),
    ("clip with crossed bounds: high", lambda x: op.Clip([0.0, 1.5, 3.0], 2.0, x), 1.0, 3),
    ("clip by equal bounds", lambda x: op.Clip([0.0, 1.0, 3.0], 1.0, x), 1.0, 1),
    ("clip by a vector of one", lambda x: op.Clip([0.0, 1.5, 3.0], x, None), [2.0], [2]),
    ("hardmax", lambda x: op.Hardmax(x) * x, [[1.0, 3.0, 2.0]], [[0, 1, 0]]),
    ("lp normalization of zeros", lambda x: op.LpNormalization(x) * 3, [[0.0, 0.0], [0.0, 2.0]],
     [[0, 0], [1.5, 0]]),
    ("mean and variance of equal values", lambda x: op.MeanVarianceNormalization(x, axes=[1]) * 3,
     [[2.0, 2.0]], [[0, 0]]),
    ("det of rank 1", op.Det, np.ones((3, 3)), np.zeros((3, 3))),
    ("det of rank 2", op.Det, np.diag([2.0, 3, 0]), np.diag([0.0, 0, 6])),
    ("where keeps a NaN in its branch", lambda x: op.Where([True, False], x * x, [np.nan, 2.0]),
     [3.0, np.inf], [6, np.nan]),
    ("where, made safe", lambda x: op.Where(x > 0, op.Log(op.Where(x > 0, x, 1.0)), 0.0),
     [0.0, 2.0, -1.0], [0, 0.5, 0]),
    ("unique goes to the first", lambda x: op.Unique(x) * [1.0, 2.0], [5.0, 3.0, 5.0, 3.0],
     [2, 1, 0, 0]),
    ("top k takes one of two equal", lambda x: op.TopK(x, [1])[0], [5.0, 5.0, 1.0], [1, 0, 0]),
    ("scatter min shares", lambda x: op.ScatterElements(x, [0, 0], x[1:3], reduction="min"),
     [1.0, 1.0, 1.0], [1 / 3, 1 + 1 / 3, 1 + 1 / 3]),
    ("scatter mul by zeros", lambda x: op.ScatterElements([3.0], [0, 0], x, reduction="mul"),
     [0.0, 0.0], [0, 0]),
    ("an empty mean", lambda x: op.ReduceMean(x, [1]) + x, np.zeros((0, 3)), np.zeros((0, 3))),
    ("scatter max shares", lambda x: op.ScatterElements(x, [0], [1.0], reduction="max"),
     [1.0, 2.0], [0.5, 1]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("build", "point", "expected"), [t[1:] for t in TIES], ids=[t[0] for t in TIES]
)
def test_subgradients(build: Any, point: Any, expected: Any) -> None:
    def gradient(x: ir.Tensor) -> ir.Tensor:
        return autodiff.grad(op.ReduceSum(build(x), keepdims=0), [x])[0]

    found = Function(gradient)(np.array(point, np.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_training_dropout_passes_what_its_mask_kept() -> None:
    def both(x: ir.Tensor) -> Any:
        y, kept = op.Dropout(x, 0.25, True, outputs=2, seed=3)
        return kept, autodiff.grad(op.ReduceSum(y, keepdims=0), [x])[0]

    kept, dx = Function(both)(np.ones(200, np.float32))
    assert 0 < kept.sum() < 200
    np.testing.assert_allclose(dx, kept / 0.75, rtol=1e-6)


def test_training_dropout_has_its_mask_without_being_asked() -> None:
    def both(x: ir.Tensor) -> Any:
        y = op.Dropout(x, 0.25, True, seed=3)
        return y, autodiff.grad(op.ReduceSum(y * y, keepdims=0), [x])[0]

    y, dx = Function(both)(np.ones(200, np.float32))
    assert 0 < np.count_nonzero(y) < 200
    np.testing.assert_allclose(dx, 2 * y / 0.75, rtol=1e-6)


def test_dropout_differentiates_by_its_ratio_through_the_scale() -> None:
    def both(x: ir.Tensor, ratio: ir.Tensor, training: ir.Tensor) -> Any:
        y = op.Dropout(x, ratio, training, seed=3)
        return y, autodiff.grad(op.ReduceSum(y, keepdims=0), [ratio])[0]

    arrays = np.ones(200, np.float32), np.float32(0.25)
    y, dratio = Function(both)(*arrays, np.bool_(True))
    np.testing.assert_allclose(dratio, y.sum() / 0.75, rtol=1e-6)
    _, dratio = Function(both)(*arrays, np.bool_(False))
    assert dratio == 0


def test_quantising_passes_nothing_straight_through() -> None:
    def both(x: ir.Tensor) -> Any:
        q, scale, zero = op.DynamicQuantizeLinear(x)
        y = op.DequantizeLinear(q, scale, zero)
        return y, scale, autodiff.grad(op.ReduceSum(y, keepdims=0), [x])[0]

    y, scale, dx = Function(both)(np.array([-2.0, 0.3, 1.0, 3.1], np.float32))
    by_scale = (y / scale).sum() / 255  # the scale is the range over 255, the steps are constant
    np.testing.assert_allclose(dx, [-by_scale, 0, 0, by_scale], rtol=1e-5)
    with pytest.raises(autodiff.GradientError, match="without a gradient"):
        Function(lambda x: autodiff.grad(op.ReduceSum(op.DequantizeLinear(
            op.QuantizeLinear(x, 0.5, ir.constant(3, "uint8")), 0.5, 3), keepdims=0), [x]))(
                np.ones(3, np.float32))  # fmt: skip


REFUSED: list[tuple[str, Any, tuple[Any, ...], str]] = [
    ("large matrices", op.Det, ((65, 65),), "up to 64 x 64"),
    ("an axis found while it runs", lambda x: op.DFT(x, None, op.Cast(x[0, 0, 0], to="int64")),
     ((2, 3, 1),), "DFT .* its axis is a constant"),
    ("a letter twice in a result", lambda x: op.Einsum(x, equation="i->ii"), ((3,),), "'i->ii'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("build", "shapes", "message"), [t[1:] for t in REFUSED], ids=[t[0] for t in REFUSED]
)
def test_what_has_no_gradient_says_so(build: Any, shapes: Any, message: str) -> None:
    xs = [
        ir.argument(f"x{i}", ir.TensorType(np.dtype(np.float32), s)) for i, s in enumerate(shapes)
    ]
    y = build(*xs)
    with pytest.raises(autodiff.GradientError, match=message):
        autodiff.vector_jacobian([y], [y], xs)
