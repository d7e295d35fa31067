"""Simpler equal nodes: how many are left, and that ONNX Runtime computes the same without them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from waterhorse.compiler import ir, lower, op
from waterhorse.compiler.infer import TensorType
from waterhorse.errors import ShapeError

SPECIAL = np.array([[0.0, -0.0, np.inf], [-np.inf, np.nan, -1.5]], np.float32)
IMAGE = np.random.default_rng(0).normal(size=(2, 3, 5, 7)).astype(np.float32)
FLOAT = np.dtype(np.float32)
N = (("n", 3),)  # SPECIAL with an unknown batch

# label: operators that are left, the function, its input, and symbolic shapes of it
CASES: dict[str, tuple[list[str], Callable[..., Any], np.ndarray, Any]] = {
    "reshape of reshape": (["Reshape"], lambda x: op.Reshape(op.Reshape(x, [6]), [3, 2]), SPECIAL, None),
    "reshape of flatten": (["Reshape"], lambda x: op.Reshape(op.Flatten(x, axis=0), [3, 2]), SPECIAL, None),
    "reshape to its shape": ([], lambda x: op.Reshape(x, [2, 3]), SPECIAL, None),
    "reshape to its shape, one left open": ([], lambda x: op.Reshape(x, [-1, 3]), SPECIAL, None),
    "reshape to its shape, one copied": ([], lambda x: op.Reshape(x, [0, 3]), SPECIAL, None),
    "reshape of unknown batch": ([], lambda x: op.Reshape(x, [-1, 3]), SPECIAL, N),
    "reshape copies unknown batch": ([], lambda x: op.Reshape(x, [0, -1]), SPECIAL, N),
    "reshape that changes unknown batch": (["Reshape"], lambda x: op.Reshape(x, [3, -1]), SPECIAL, N),
    "reshape of transposed": (["Transpose", "Reshape"],
                              lambda x: op.Reshape(op.Transpose(x), [2, 3]), SPECIAL, None),
    "reshape copies of another": (["Reshape"], lambda x: op.Reshape(op.Reshape(x, [3, 2]), [0, -1, 1]),
                                  SPECIAL, None),
    "squeeze of unsqueeze": ([], lambda x: op.Squeeze(op.Unsqueeze(x, [1, 3]), [-1, 1]), SPECIAL, N),
    "unsqueeze of squeeze": ([], lambda x: op.Unsqueeze(op.Squeeze(x, [0]), [0]), IMAGE[:1], None),
    "squeeze of another axis": (["Unsqueeze", "Squeeze"],
                                lambda x: op.Squeeze(op.Unsqueeze(x, [0]), [1]), IMAGE[:1, :, 0, 0],
                                ((1, "n"),)),
    "unsqueeze of reshape": (["Reshape"], lambda x: op.Unsqueeze(op.Reshape(x, [6]), [0]), SPECIAL, None),
    "transpose of transpose": ([], lambda x: op.Transpose(op.Transpose(x)), SPECIAL, N),
    "transposes become one": (
        ["Transpose"], lambda x: op.Transpose(op.Transpose(x, perm=[1, 0, 2, 3]), perm=[0, 2, 3, 1]),
        IMAGE, None,
    ),
    "transpose of nothing": ([], lambda x: op.Transpose(x, perm=[0, 1]), SPECIAL, N),
    "cast to its type": ([], lambda x: op.Cast(x, to=FLOAT), SPECIAL, N),
    "cast to another": (["Cast"], lambda x: op.Cast(x, to=np.dtype(np.float64)), SPECIAL, N),
    "expand beside a full operand": (["ReduceSum", "Mul"], lambda x: op.Expand(
        op.ReduceSum(x, [1], keepdims=1), [2, 3]) * x, SPECIAL, None),
    "expand on the right": (["ReduceSum", "Sub"], lambda x: x - op.Expand(
        op.ReduceSum(x, [1], keepdims=1), [2, 3]), SPECIAL, None),
    "expand to its shape": ([], lambda x: op.Expand(x, [2, 3]), SPECIAL, None),
    "expand by ones": (["Expand"], lambda x: op.Expand(x, [1, 3]), SPECIAL, N),
    "expand to more dims": (["Expand"], lambda x: op.Expand(x, [1, 2, 3]), SPECIAL, None),
    "number on an expanded": (["ReduceSum", "Div", "Expand"], lambda x: op.Expand(
        op.ReduceSum(x, [1], keepdims=1), [2, 3]) / 7.0, SPECIAL, None),
    "double negation": ([], lambda x: op.Neg(op.Neg(x)), SPECIAL, N),
    "add a negative": (["Tanh", "Sub"], lambda x: x + -op.Tanh(x), SPECIAL, N),
    "add to a negative": (["Tanh", "Sub"], lambda x: -x + op.Tanh(x), SPECIAL, N),
    "subtract a negative": (["Tanh", "Add"], lambda x: x - -op.Tanh(x), SPECIAL, N),
    "negative less something": (["Neg", "Tanh", "Sub"], lambda x: -x - op.Tanh(x), SPECIAL, N),
    "times one": ([], lambda x: x * 1.0, SPECIAL, N),
    "one times": ([], lambda x: 1.0 * x, SPECIAL, N),
    "over one": ([], lambda x: x / 1.0, SPECIAL, N),
    "less zero": ([], lambda x: x - 0.0, SPECIAL, N),
    "zero less": (["Sub"], lambda x: 0.0 - x, SPECIAL, N),
    "plus zero": (["Add"], lambda x: x + 0.0, SPECIAL, N),  # -0 + 0 is 0
    "one over": (["Div"], lambda x: 1.0 / x, SPECIAL, N),
    "times a one that stretches": (["Mul"], lambda x: x * op.Reshape(1.0, [1, 1, 1]), SPECIAL, N),
    "times ones that stretch": (["Mul"], lambda x: x * ir.constant(np.ones((4, 2, 3)), FLOAT), SPECIAL, None),
    "numbers": (["Mul"], lambda x: x * (op.Div(1.0, 3.0) + 0.1 - op.Neg(0.2) * op.Sqrt(3.0)), SPECIAL, N),
    "number over zero": (["Mul"], lambda x: x * op.Div(1.0, 0.0), SPECIAL, N),
    "sizes": (["Reshape"], lambda x: op.Reshape(
        x, op.Concat(op.Gather(op.Reshape(6, [1]), [0]), op.Slice([1, 2, 3, 4], [0], [1], [0]), axis=0)),
        SPECIAL, None),
    "product of sizes": (["Mul"], lambda x: x * op.Cast(
        op.ReduceProd([2, 3, 4], keepdims=0), to=FLOAT), SPECIAL, N),
    "dims of numbers": (["Mul"], lambda x: x * op.Squeeze(op.Unsqueeze(2.5, [0]), [0]), SPECIAL, N),
    "floats to integers stay": (["Cast", "Cast", "Mul"], lambda x: x * op.Cast(
        op.Cast(ir.constant(2.7, FLOAT), to=np.dtype(np.int64)), to=FLOAT), SPECIAL, N),
    "integers by zero stay": (["Div"], lambda x: (x, op.Div(3, 2))[1], SPECIAL, N),
    "pool rounded up": (["MaxPool"], lambda x: op.MaxPool(
        x, kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1), IMAGE, None),
    "pool rounded up, padded": (["AveragePool"], lambda x: op.AveragePool(
        x, kernel_shape=[3, 3], strides=[2, 3], pads=[1, 1, 1, 1], ceil_mode=1), IMAGE, None),
}  # fmt: skip


def built(build: Callable[..., Any], x: np.ndarray, shape: Any) -> ir.Tensor:
    return build(ir.argument("x", TensorType(x.dtype, tuple(shape[0]) if shape else x.shape)))


def run(y: ir.Tensor, x: np.ndarray) -> np.ndarray:
    nodes = ir.toposort([y])
    leaves = [n.outputs[0] for n in nodes if n.op == "Argument"]
    model = lower.lower(dict(zip("x", leaves, strict=False)), {"y": y}).model
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return session.run(None, {"x": x} if leaves else {})[0]


@pytest.mark.parametrize("label", CASES)
def test_fewer_nodes_of_equal_value(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, build, x, shape = CASES[label]
    y = built(build, x, shape)
    found = [n.op for n in ir.toposort([y]) if n.op not in {*ir.LEAVES, "Constant"}]
    assert sorted(found) == sorted(wanted)
    monkeypatch.setattr(ir, "SIMPLER", {})
    plain = built(build, x, shape)
    assert plain.dtype == y.dtype
    assert plain.ndim == y.ndim
    found, expected = run(y, x), run(plain, x)
    np.testing.assert_array_equal(found, expected)
    number = ~np.isnan(expected)  # of -0, too; the sign of NaN means nothing
    np.testing.assert_array_equal(np.signbit(found)[number], np.signbit(expected)[number])


@pytest.mark.parametrize("label", ["pool rounded up", "pool rounded up, padded"])
def test_no_pool_rounds_up_where_sizes_are_known(label: str) -> None:
    _, build, x, shape = CASES[label]
    assert not dict(built(build, x, shape).node.attrs).get("ceil_mode")


def test_what_does_not_fit_is_refused_all_the_same() -> None:
    with pytest.raises(ShapeError, match="Add"):
        op.Add(ir.constant(np.ones(2), FLOAT), ir.constant(np.ones(3), FLOAT))
    with pytest.raises(ShapeError, match="Squeeze"):
        op.Squeeze(ir.constant(np.ones(2), FLOAT), [0])


def test_sixteen_bit_floats_are_not_worked_out() -> None:
    half = ir.constant(1.0, np.dtype(np.float16))
    assert op.Div(half, half + half).node.op == "Div"
