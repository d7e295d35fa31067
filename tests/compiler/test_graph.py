"""Interning, reachability, types and errors of the symbolic graph."""

from __future__ import annotations

import gc
import inspect
import weakref

import numpy as np
import pytest

from waterhorse.compiler import autodiff, infer, ir, lower, op, schema, scope
from waterhorse.compiler.infer import TensorType
from waterhorse.errors import GradientError, OpError, ShapeError, TraceError

FLOAT = np.dtype(np.float32)


def argument(name: str, *shape: int | str | None, dtype: str = "float32") -> ir.Tensor:
    return ir.argument(name, TensorType(np.dtype(dtype), shape))


def ops(model) -> list[str]:
    return [n.op_type for n in model.graph.node]


def test_equal_nodes_are_one() -> None:
    x, y = argument("x", 2, 3), argument("y", 3, 4)
    assert op.MatMul(x, y).node is op.MatMul(x, y).node
    assert (x + 1).node is (x + 1.0).node
    assert (x + 1).node is not (x + 2).node
    assert op.Gemm(x, y, alpha=1.0).node is op.Gemm(x, y).node
    assert op.Softmax(x, axis=-1).node is op.Softmax(x).node
    assert op.Softmax(x, axis=0).node is not op.Softmax(x).node
    assert op.Split(x, num_outputs=3, axis=1)[0].node is op.Split(x, num_outputs=3, axis=1)[2].node
    assert op.MaxPool(argument("i", 1, 1, 4), kernel_shape=[2], outputs=2)[0].shape == (1, 1, 3)


def test_defaults_are_read_where_they_were_left_out() -> None:
    node = op.Gemm(argument("a", 2, 3), argument("b", 3, 2), alpha=1.0, transA=0).node
    assert node.attrs == ()
    assert schema.defaults("Gemm") == {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0}


def test_float_attributes_have_the_precision_of_the_file() -> None:
    attrs = dict(op.Elu(argument("x", 2), alpha=0.7).node.attrs)
    assert attrs["alpha"] == float(np.float32(0.7))


def test_arguments_and_data_are_never_merged() -> None:
    assert argument("x", 2).node is not argument("x", 2).node
    array = np.zeros(3, np.float32)
    assert ir.data(array).node is not ir.data(array).node


def test_random_operators_are_never_merged() -> None:
    x = argument("x", 2)
    assert op.RandomNormal(shape=[2]).node is not op.RandomNormal(shape=[2]).node
    assert op.RandomUniformLike(x).node is not op.RandomUniformLike(x).node
    model = lower.lower({"x": x}, {"y": op.RandomNormalLike(x) - op.RandomNormalLike(x)}).model
    assert ops(model).count("RandomNormalLike") == 2


def test_what_no_output_reaches_is_not_lowered() -> None:
    x = argument("x", 2, 3)
    unused = op.Exp(x)
    model = lower.lower({"x": x}, {"y": op.Relu(x)}).model
    assert unused.shape == (2, 3)
    assert ops(model) == ["Relu"]


def test_shared_parts_are_lowered_once() -> None:
    x = argument("x", 2)
    model = lower.lower({"x": x}, {"y": op.Exp(x) * op.Exp(x), "z": op.Exp(x)}).model
    assert sorted(ops(model)) == ["Exp", "Mul"]


def test_output_names_aliases_and_passed_inputs() -> None:
    x = argument("x", 2)
    y = op.Relu(x)
    model = lower.lower({"x": x}, {"a": y, "b": y, "c": x}).model
    assert [o.name for o in model.graph.output] == ["a", "b", "c"]
    assert ops(model) == ["Relu", "Identity", "Identity"]


def test_nodes_go_when_nobody_holds_them() -> None:
    x = argument("x", 2, 3)
    y = op.Tanh(x) * 3.25
    gone = weakref.ref(y.node)
    del y
    gc.collect()
    assert gone() is None
    assert (op.Tanh(x) * 3.25).shape == (2, 3)


def test_gradients_of_deep_graphs() -> None:
    x = argument("x")
    y = x
    for _ in range(20_000):
        y = op.Sin(y)
    (dx,) = autodiff.grad(y, [x])
    assert len(ir.toposort([dx])) > 19_000


def test_errors_name_operator_operands_and_line() -> None:
    a, b = argument("a", "n", 4), argument("b", 3)
    line = inspect.currentframe().f_lineno + 2
    with pytest.raises(ShapeError) as caught:
        op.MatMul(a, b)
    message = str(caught.value)
    assert message.startswith("MatMul(float32[n, 4], float32[3]): ")
    assert message.endswith(f"test_graph.py:{line}]")


@pytest.mark.parametrize(
    ("build", "error", "said"),
    [
        (lambda x: op.Softmx(x, x), OpError, "did you mean 'Softmax'"),
        (lambda x: op.Softmax(x, axs=1), OpError, "did you mean 'axis'"),
        (lambda x: op.Relu(x, foo=1), OpError, "no attribute 'foo'"),
        (op.Cast, OpError, "needs the attribute 'to'"),
        (op.Add, OpError, "got 1 inputs"),
        (lambda x: op.Relu(x, x), OpError, "got 2 inputs"),
        (lambda x: op.Softmax(x, axis="last"), OpError, "axis='last'"),
        (lambda x: op.Relu(x, outputs=2), OpError, "outputs"),
        (op.Split, OpError, "num_outputs"),
        (lambda x: x + object(), OpError, "object cannot be an operand"),
        (lambda x: x * [[1, 2], [3]], OpError, "no tensor"),
        (lambda x: op.Add(op.Cast(x, to="int64"), 0.5), OpError, "cast the tensor first"),
        (lambda x: op.Concat(x, argument("y", 5, 5), axis=1), ShapeError, "Concat"),
        (lambda x: op.And(x, x), ShapeError, "And"),
        (lambda x: op.Add(x, argument("d", 2, 3, dtype="float64")), ShapeError, "float64"),
        (lambda x: op.Reshape(x, argument("s", None, dtype="int64")), ShapeError, "rank"),
        (bool, TraceError, "no value"),
        (lambda _: len(argument("d", "n")), TraceError, "not a number"),
    ],
)  # fmt: skip
def test_mistakes_raise(build, error, said) -> None:
    with pytest.raises(error, match=said):
        build(argument("x", 2, 3))


def test_numbers_take_the_type_of_the_tensor() -> None:
    for dtype in ("float64", "float16", "int32", "uint8"):
        x = argument("x", 2, dtype=dtype)
        assert (x + 1).dtype == x.dtype
        assert (2 * x).dtype == x.dtype
    assert (2.0 ** argument("x", 2)).dtype == FLOAT
    assert (argument("x", 2) + np.ones(2)).dtype == FLOAT


@pytest.mark.parametrize(
    ("left", "right", "wanted"),
    [
        ("int32", "int64", "int64"),
        ("float32", "int32", "float32"),
        ("int64", "float16", "float16"),  # never a wider float, as in Keras
        ("bool", "float32", "float32"),
        ("bool", "int32", "int32"),
        ("float16", "float32", "float32"),
        ("int32", 0.5, "float32"),
        ("int32", np.ones(2), "float32"),
        ("int32", np.arange(2), "int64"),
        ("float16", np.arange(2), "float16"),
        ("bool", 2, "int64"),
    ],
)
def test_operands_of_two_types_meet_in_one(left, right, wanted) -> None:
    """Python's operators, both ways; the operators of ONNX themselves stay as strict as the standard."""
    a = argument("a", 2, dtype=left)
    b = argument("b", 2, dtype=right) if isinstance(right, str) else right
    for found in (a + b, b + a, a * b, b - a):
        assert (found.dtype, found.shape) == (np.dtype(wanted), (2,))
    for found in (a < b, b >= a):
        assert (found.dtype, found.shape) == (np.dtype(bool), (2,))
    if isinstance(right, str):
        with pytest.raises(ShapeError):
            op.Add(a, b)


def test_powers_of_two_types() -> None:
    whole, floats = argument("i", 2, dtype="int32"), argument("f", 2)
    for found, dtype in (
        (whole**2, "int32"), (whole**0.5, "float32"), (whole**floats, "float32"),
        (floats**whole, "float32"), (0.5**whole, "float32"), (2**whole, "int32"),
    ):  # fmt: skip
        assert found.dtype == np.dtype(dtype)


def test_rank_is_known_where_onnx_gives_up() -> None:
    x, n = argument("x", "n", 3, 8), argument("k", 2, dtype="int64")
    assert op.Reshape(x, n).ndim == 2
    assert op.Expand(x, argument("s", 4, dtype="int64")).ndim == 4
    assert op.ReduceSum(x, argument("a", None, dtype="int64")).ndim == 3
    assert op.Conv(x, argument("w", 5, 3, None)).shape[:2] == ("n", 5)
    assert op.GroupNormalization(x, np.ones(3), np.zeros(3), num_groups=3).shape == x.shape


def test_inference_is_remembered() -> None:
    x = argument("x", 7, 11)
    op.Tanh(x)
    before = infer._infer.cache_info().hits
    op.Tanh(argument("y", 7, 11))
    assert infer._infer.cache_info().hits == before + 1


def test_large_arrays_are_no_constants() -> None:
    large = ir.constant(np.zeros(1000, np.float32))
    assert large.node.op == "Data"
    model = lower.lower({}, {"y": op.Relu(large)}).model
    assert len(model.graph.initializer) == 1
    assert ir.value_if_known(ir.constant(np.arange(3))).tolist() == [0, 1, 2]
    assert ir.value_if_known(ir.constant(0.5)) is None


def test_foreign_leaves_cannot_be_lowered() -> None:
    x = argument("x", 2)
    with pytest.raises(TraceError, match="'x' has no value"):
        lower.lower({}, {"y": op.Relu(x)})


def test_an_operator_whose_outputs_are_all_optional_gives_the_first() -> None:
    x, w, r = argument("x", 5, 2, 3), argument("w", 1, 16, 3), argument("r", 1, 16, 4)
    assert op.LSTM(x, w, r, hidden_size=4).shape == (5, 1, 2, 4)


def test_dims_are_named_by_their_formula() -> None:
    x = argument("x", "n", 3, "h")
    wide, narrow = argument("w", 5, 3, 3), argument("v", 7, 3, 1)
    same = op.Conv(x, wide, pads=[1, 1])
    assert same.shape == ("n", 5, "h")
    halved = op.Conv(x, wide, pads=[1, 1], strides=[2])
    other = op.Conv(x, narrow, strides=[2])  # (h - 1) / 2 + 1 as well, though nothing else is alike
    assert (
        halved.shape[2] == other.shape[2] == op.MaxPool(x, kernel_shape=[1], strides=[2]).shape[2]
    )
    assert op.Conv(op.Conv(x, wide), argument("u", 5, 5, 3), pads=[2, 2]).shape[2] == "h"
    assert op.Concat(x, x, axis=2).shape[2] == op.Concat(x, x, axis=2).shape[2] != "h"
    assert op.Pad(x, [0, 0, 1, 0, 0, -1]).shape[2] == "h"
    assert op.Slice(x, [1], [5], [2]).shape[2] == op.Slice(x * 2, [1], [5], [2]).shape[2]
    doubled = [
        op.Resize(x, None, np.array([1, 1, 2], "float32"), mode=m) for m in ("nearest", "linear")
    ]
    assert {y.shape for y in doubled} == {("n", 3, "(2*h)")}
    unknown = argument("i", "k", dtype="int64")
    first, second = op.Expand(x, argument("s", 3, dtype="int64")), op.NonZero(unknown)
    assert len({*first.shape, *second.shape}) == 5  # data decides: no two are known to be equal


def test_gradient_errors() -> None:
    x = argument("x", 2, 3)
    with pytest.raises(GradientError, match="scalar"):
        autodiff.grad(op.Relu(x), [x])
    with pytest.raises(GradientError, match="does not depend"):
        autodiff.grad(op.ReduceSum(x, keepdims=0), [argument("y", 2)])
    with pytest.raises(GradientError, match="without a gradient"):
        autodiff.grad(op.ReduceSum(op.Floor(x), keepdims=0), [x])
    line = inspect.currentframe().f_lineno + 1
    (secret,) = ir.foreign(ir.Foreign("com.example", "Secret", 1, ()), [x], [x.type])
    y = op.ReduceSum(secret, keepdims=0)
    with pytest.raises(
        GradientError,
        match=rf"com.example::Secret\(float32\[2, 3\]\) has no .*test_graph\.py:{line}",
    ):
        autodiff.grad(y, [x])


def test_gradients_by_intermediate_tensors_and_zeros() -> None:
    x, other = argument("x", 2), argument("o", 3)
    middle = op.Exp(x)
    y = op.ReduceSum(middle * middle, keepdims=0)
    value, (dm, dx, nothing) = autodiff.value_and_grad(y, [middle, x, other])
    assert value is y
    assert dm.type == middle.type
    assert dx.type == x.type
    assert nothing.numpy().tolist() == [0, 0, 0]


def test_gradient_nodes_are_named_after_their_layer() -> None:
    x = argument("x", 2, 3)
    with scope.entered("dense_1"):
        y = op.MatMul(x, np.ones((3, 2), np.float32))
    (dx,) = autodiff.grad(op.ReduceSum(y, keepdims=0), [x])
    lowered = lower.lower({"x": x}, {"dx": dx})
    labels = [n.name for n in lowered.model.graph.node]
    assert any(n.startswith("backward/dense_1/") for n in labels)
    assert all(str(s).rpartition(":")[0].endswith("test_graph.py") for s in lowered.sites.values())
