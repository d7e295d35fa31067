"""Ops against NumPy, at the prompt and with dynamic dims; those of images against Keras."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, ShapeError

from .goldens import Array, Case, close, load

RNG = np.random.default_rng(11)
ops = wh.ops


def normal(*shape: int) -> Array:
    return RNG.normal(size=shape).astype("float32")


A, B, ROW = normal(4, 3), normal(4, 3), normal(3)
CUBE, POSITIVE, UNIT = normal(2, 3, 4), np.abs(normal(4, 3)) + 0.5, np.tanh(normal(4, 3))
HALVES = np.array([-2.5, -1.5, -0.5, 0.0, 0.5, 1.5, 2.5, 3.2], "float32")
WHOLE, OTHER = RNG.integers(-9, 9, (4, 3)), RNG.integers(1, 5, (4, 3))
TRUTH, TRUTH2 = A > 0, B > 0
ODD = np.array([[1.0, np.nan, -2.0], [np.inf, -np.inf, 0.0]], "float32")
SQUARE = normal(4, 4)


class Row(NamedTuple):
    """One line of the table: our call, NumPy's, and the arrays for both."""

    name: str
    ours: Callable[..., Any]
    numpy: Callable[..., Any]
    arrays: tuple[Array, ...]
    dynamic: bool = True
    """Whether it works where the first dim is not known."""


def row(name: str, *arrays: Any, numpy: Any = None, dynamic: bool = True, **kwargs: Any) -> Row:
    """A line for a function of the same name in NumPy (or ``numpy``), with the same arguments."""
    theirs = getattr(np, name) if numpy is None else numpy
    return Row(
        f"{name}({', '.join(f'{k}={v}' for k, v in kwargs.items())})",
        lambda *a: getattr(ops, name)(*a, **kwargs),
        (lambda *a: theirs(*a, **kwargs)) if numpy is None else theirs,
        arrays, dynamic,
    )  # fmt: skip


UNARY = [
    "absolute",
    "abs",
    "fabs",
    "square",
    "negative",
    "sign",
    "exp",
    "exp2",
    "expm1",
    "sin",
    "cos",
    "tan",
    "arctan",
    "sinh",
    "cosh",
    "tanh",
    "arcsinh",
    "floor",
    "ceil",
    "trunc",
    "cbrt",
    "deg2rad",
    "rad2deg",
    "isfinite",
    "isnan",
    "isinf",
    "isposinf",
    "isneginf",
    "sinc",
    "signbit",
]
POSITIVE_ONLY = ["sqrt", "log", "log1p", "log2", "log10", "reciprocal"]
UNIT_ONLY = ["arcsin", "arccos", "arctanh"]
BINARY = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "true_divide",
    "maximum",
    "minimum",
    "equal",
    "not_equal",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "logaddexp",
    "logaddexp2",
    "hypot",
    "arctan2",
    "floor_divide",
    "mod",
    "fmod",
]
WHOLE_BINARY = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "maximum",
    "minimum",
    "equal",
    "less",
    "mod",
    "floor_divide",
    "power",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
]
REDUCTIONS = ["sum", "mean", "max", "min", "amax", "amin", "prod", "std", "var"]

TABLE = [
    *(row(n, A) for n in UNARY), *(row(n, ODD) for n in ("isnan", "isinf", "isfinite")),
    *(row(n, HALVES) for n in ("floor", "ceil", "trunc", "round", "sign", "sinc")),
    *(row(n, POSITIVE) for n in POSITIVE_ONLY), *(row(n, UNIT) for n in UNIT_ONLY),
    row("arccosh", POSITIVE + 1), row("log1p", UNIT * 1e-4), row("expm1", UNIT * 1e-4),
    row("log1p", np.array([-1.0, 0.0, 1e-7, 3e8, np.inf], "float32")),
    row("expm1", np.array([-200.0, 0.0, 1e-7, 80.0], "float32")),
    row("rsqrt", POSITIVE, numpy=lambda x: 1 / np.sqrt(x)), row("nan_to_num", ODD),
    row("nan_to_num", ODD, nan=1.0, posinf=2.0, neginf=-3.0), row("bitwise_not", WHOLE),
    *(row(n, A, B) for n in BINARY), *(row(n, A, ROW) for n in BINARY),
    *(row(n, np.abs(WHOLE) if n == "power" else WHOLE, OTHER) for n in WHOLE_BINARY),
    row("power", POSITIVE, B), row("divide", A, WHOLE), row("multiply", WHOLE, A),
    row("heaviside", HALVES, np.float32(0.5)), row("round", A, decimals=1),
    row("clip", A, numpy=lambda x: np.clip(x, -0.5, 0.5), x_min=-0.5, x_max=0.5),
    row("clip", WHOLE, numpy=lambda x: np.clip(x, -2, 3), x_min=-2, x_max=3),
    Row("clip(arrays)", lambda x, low: ops.clip(x, low, 1.0),
        lambda x, low: np.clip(x, low, 1.0), (A, ROW - 1)),
    row("divide_no_nan", A, np.round(B), numpy=lambda a, b: np.divide(
        a, b, out=np.zeros_like(a), where=b != 0)),
    *(row(n, TRUTH, TRUTH2) for n in ("logical_and", "logical_or", "logical_xor")),
    row("logical_not", TRUTH), row("where", TRUTH, A, B), row("isclose", A, A + 1e-6),
    row("isclose", ODD, ODD, equal_nan=True), row("allclose", A, A + 1e-9), row("allclose", A, B),
    row("isin", WHOLE, OTHER), row("isin", WHOLE, OTHER, invert=True),
    # reductions
    *(row(n, A) for n in REDUCTIONS), *(row(n, CUBE, axis=1) for n in REDUCTIONS),
    *(row(n, CUBE, axis=(0, 2), keepdims=True) for n in REDUCTIONS),
    *(row(n, A, axis=-1, keepdims=True) for n in REDUCTIONS), row("sum", TRUTH), row("mean", WHOLE),
    row("max", A, axis=0, initial=0.5), row("min", A, axis=0, initial=-0.5), row("prod", WHOLE),
    row("any", TRUTH, axis=0), row("all", TRUTH, axis=1), row("any", TRUTH), row("all", TRUTH),
    row("argmax", A), row("argmax", A, axis=0), row("argmin", A, axis=1, keepdims=True),
    row("argmax", WHOLE, axis=1), row("count_nonzero", WHOLE), row("count_nonzero", WHOLE, axis=0),
    row("cumsum", A), row("cumsum", A, axis=0), row("cumsum", WHOLE, axis=-1),
    row("ptp", A, axis=0), row("average", A, axis=0),
    Row("average(weights)", lambda x, w: ops.average(x, 1, w),
        lambda x, w: np.average(x, 1, w), (A, np.abs(ROW))),
    row("median", A, axis=1), row("median", CUBE, axis=2, keepdims=True),
    row("median", A, dynamic=False), row("diff", A), row("diff", A, n=2, axis=0),
    row("logsumexp", CUBE * 30, numpy=lambda x: np.logaddexp.reduce(x, 1), axis=1),
    # shapes
    row("reshape", A, numpy=lambda x: x.reshape(-1, 3, 1), newshape=(-1, 3, 1)),
    row("reshape", A, numpy=np.ravel, newshape=-1), row("ravel", CUBE), row("transpose", CUBE),
    row("transpose", CUBE, axes=(1, 0, 2)), row("swapaxes", CUBE, axis1=0, axis2=-1),
    row("moveaxis", CUBE, source=0, destination=-1),
    row("moveaxis", CUBE, source=(0, 1), destination=(1, 2)), row("expand_dims", A, axis=1),
    row("expand_dims", A, axis=(0, -1)), row("squeeze", A[:, None]), row("squeeze", A[:, None], axis=1),
    row("flip", CUBE), row("flip", CUBE, axis=(0, 2)), row("fliplr", A), row("flipud", A),
    row("roll", A, shift=2), row("roll", A, shift=-1, axis=0), row("roll", A, shift=4, axis=1),
    row("roll", CUBE, shift=(1, 2), axis=(1, 2)), row("repeat", CUBE, repeats=2, axis=1),
    row("repeat", A, repeats=3), row("repeat", A, repeats=[2, 0, 1], axis=1), row("where", TRUTH),
    row("pad", A, pad_width=((0, 0), (2, 3)), mode="symmetric"), row("broadcast_to", ROW, shape=(4, 3), dynamic=False),
    row("tile", A, numpy=lambda x: np.tile(x, (2, 3)), repeats=(2, 3)),
    row("tile", A, numpy=lambda x: np.tile(x, 2), repeats=2),
    row("tile", ROW, numpy=lambda x: np.tile(x, (2, 1)), repeats=(2, 1)),
    row("pad", A, pad_width=1), row("pad", A, pad_width=((1, 2), (0, 3)), constant_values=2.0),
    row("pad", CUBE, pad_width=((0, 0), (1, 2), (2, 1)), mode="reflect"),
    row("pad", CUBE, pad_width=((0, 0), (1, 2), (2, 1)), mode="edge"),
    *(row("rot90", A, k=k) for k in (1, 2, 3)), row("append", A, B, axis=1), row("append", A, B),
    Row("concatenate", lambda *x: ops.concatenate(x, 1), lambda *x: np.concatenate(x, 1), (A, B)),
    Row("concatenate(mixed)", lambda *x: ops.concatenate(x, 0), lambda *x: np.concatenate(x), (A, WHOLE)),
    Row("stack", lambda *x: ops.stack(x, -1), lambda *x: np.stack(x, -1), (A, B)),
    Row("hstack", lambda *x: ops.hstack(x), lambda *x: np.hstack(x), (A, B)),
    Row("vstack", lambda *x: ops.vstack(x), lambda *x: np.vstack(x), (A, B)),
    row("meshgrid", ROW, A[:, 0]), row("meshgrid", ROW, A[:, 0], indexing="ij"),
    row("split", CUBE, indices_or_sections=2, axis=2),
    row("split", CUBE, indices_or_sections=[1, 3], axis=-1),
    row("unstack", CUBE, numpy=lambda x: [x[:, i] for i in range(3)], axis=1),
    # picking and placing
    row("take", A, np.array([0, -1, 2])), row("take", A, np.array([[0, 2], [1, 1]]), axis=1),
    row("take_along_axis", A, np.argsort(A, 1), axis=1), row("sort", A), row("sort", A, axis=0),
    row("argsort", A, axis=1), row("argsort", A, axis=0),
    row("one_hot", OTHER - 2, numpy=lambda i: (i[..., None] == np.arange(3)) * 1.0, num_classes=3),
    row("one_hot", OTHER, numpy=lambda i: (i[:, None] == np.arange(5)[:, None]) * 1.0,
        num_classes=5, axis=1),
    row("multi_hot", OTHER, numpy=lambda i: np.eye(5)[i].max(1), num_classes=5),
    row("top_k", A, numpy=lambda x: (np.sort(x)[:, ::-1][:, :2], np.argsort(-x)[:, :2]), k=2),
    row("in_top_k", np.array([0, 1, 2, 0]), A, k=2, numpy=lambda t, p: np.array(
        [t[i] in np.argsort(-p[i])[:2] for i in range(4)])),
    row("slice", CUBE, numpy=lambda x: x[0:2, 1:3, 2:4], start_indices=(0, 1, 2), shape=(2, 2, 2)),
    Row("slice_update", lambda x, u: ops.slice_update(x, (1, 0), u),
        lambda x, u: np.concatenate([x[:1], np.c_[u, x[1:3, 2:]], x[3:]]), (A, B[:2, :2])),
    row("scatter", np.array([[1], [3], [1]]), B[:3], shape=(5, 3), numpy=lambda _, v: np.stack(
        [0 * v[0], v[0] + v[2], 0 * v[0], v[1], 0 * v[0]])),
    row("scatter_update", A, np.array([[2], [0]]), B[:2], numpy=lambda x, _, u: np.stack(
        [u[1], x[1], u[0], x[3]])),
    row("segment_sum", A, np.array([1, 0, 1, 3]), num_segments=4, numpy=lambda x, _: np.stack(
        [x[1], x[0] + x[2], 0 * x[0], x[3]])),
    row("searchsorted", np.sort(A[:, 0]), B), row("nonzero", WHOLE),
    row("searchsorted", np.arange(4), np.array([1, 2]), side="right"),
    row("tril", SQUARE), row("triu", SQUARE, k=1), row("tril", CUBE, k=-1),
    row("diagonal", SQUARE, dynamic=False), row("diagonal", CUBE, offset=1, axis1=1, axis2=2),
    row("diagonal", CUBE, offset=-1, axis1=1, axis2=2), row("diag", ROW, dynamic=False),
    row("diag", ROW, k=2, dynamic=False), row("diag", ROW, k=-1, dynamic=False),
    row("trace", CUBE, axis1=1, axis2=2), row("zeros_like", A), row("ones_like", A),
    row("full_like", A, fill_value=2.5), row("full_like", WHOLE, fill_value=7),
    # products
    row("matmul", A, ROW), row("matmul", CUBE, normal(4, 5)), row("dot", A, ROW),
    row("dot", A, normal(3, 2)), row("dot", A, normal(2, 3, 5)), row("outer", ROW, A[0]),
    row("inner", A, B), row("vdot", A, B), row("cross", A, B),
    row("tensordot", CUBE, normal(4, 3, 5), axes=([1, 2], [1, 0])),
    row("tensordot", A, normal(3, 2), axes=1), row("tensordot", A, B, axes=2, dynamic=False),
    Row("einsum", lambda a, b: ops.einsum("bij,jk->bik", a, b),
        lambda a, b: np.einsum("bij,jk->bik", a, b), (CUBE, normal(4, 5))),
    Row("einsum(dots)", lambda a, b: ops.einsum("...i,...i->...", a, b),
        lambda a, b: np.einsum("...i,...i->...", a, b), (A, B)),
    row("moments", A, numpy=lambda x: (x.mean(0), x.var(0)), axes=0),
    row("cast", HALVES, numpy=lambda x: x.astype("int32"), dtype="int32"),
    row("saturate_cast", HALVES * 999, numpy=lambda x: np.clip(x, -128, 127).astype("int8"), dtype="int8"),
    row("array", A), row("copy", A), row("convert_to_tensor", A, numpy=lambda x: x),
    row("size", A),
]  # fmt: skip


def same(found: Any, wanted: Any) -> None:
    if isinstance(wanted, (list, tuple)):
        assert len(found) == len(wanted)
        for f, w in zip(found, wanted, strict=True):
            same(f, w)
        return
    array, wanted = np.asarray(found), np.asarray(wanted)
    kinds = {array.dtype.kind, wanted.dtype.kind}
    assert len(kinds) == 1 or kinds <= {"i", "u"}
    close(array, wanted)


@pytest.mark.parametrize("line", TABLE, ids=lambda r: r.name)
def test_at_the_prompt(line: Row) -> None:
    with np.errstate(all="ignore"):
        same(line.ours(*line.arrays), line.numpy(*line.arrays))


@pytest.mark.parametrize("line", [r for r in TABLE if r.dynamic], ids=lambda r: r.name)
def test_with_a_dynamic_first_dim(line: Row) -> None:
    specs = [wh.TensorSpec((None, *a.shape[1:]) if a.ndim else (), a.dtype) for a in line.arrays]
    step = wh.function(input_signature=specs)(line.ours)
    with np.errstate(all="ignore"):
        same(step(*line.arrays), line.numpy(*line.arrays))


KERAS = load("ops")


@pytest.mark.parametrize("case", KERAS, ids=repr)
def test_values_and_gradients_equal_keras(case: Case) -> None:
    given = {n: case[n] for n in case.facts["others"]}
    positional = [a for n, a in given.items() if n.startswith("other")]
    named = {n: a for n, a in given.items() if not n.startswith("other")}
    function = getattr(ops, case.call)
    close(function(case["x"], *positional, **named, **case.kwargs), case["y"], atol=5e-6)
    x = case["x"]
    strided_same = case.kwargs.get("padding") == "same" and "strides" in case.kwargs
    batch = None if case.kwargs.get("axis") != 0 else x.shape[0]
    shape = x.shape if strided_same else (batch, *x.shape[1:])

    @wh.function(input_signature=[wh.TensorSpec(shape), wh.TensorSpec((None,) * case["y"].ndim)])
    def step(x: Any, cotangent: Any) -> Any:
        y = function(x, *positional, **named, **case.kwargs)
        return y, wh.grad(wh.ops.sum(y * cotangent), [x])[0]

    y, grad = step(x, case["cotangent"])
    close(y, case["y"], atol=5e-6)
    close(grad, case["grad"], rtol=5e-5, atol=1e-5)


def test_padding_that_one_side_has_more_of_does_not_count_in_averages() -> None:
    line = np.arange(6, dtype="float32").reshape(1, 6, 1)
    found = ops.average_pool(line, 3, 2, "same")
    close(found, np.array([1.0, 3.0, 4.5]).reshape(1, 3, 1))  # the last window has two elements
    close(ops.max_pool(-line, 3, 2, "same"), np.array([0.0, -2.0, -4.0]).reshape(1, 3, 1))


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("size", "stride"), [(3, 2), (4, 2), (2, 3), (3, 1), (5, 3)])
def test_conv_transpose_is_the_adjoint_of_conv(size: int, stride: int, padding: str) -> None:
    small, kernel = normal(2, 4, 3), normal(size, 2, 3)
    wide = ops.conv_transpose(small, kernel, stride, padding)
    extra = max(size - stride, 0) if padding == "valid" else 0
    assert wide.shape == (2, 4 * stride + extra, 2)
    image = normal(*wide.shape)
    forward = ops.conv(image, kernel, stride, padding)
    close(ops.sum(forward * small), np.sum(wide.numpy() * image), rtol=1e-4, atol=1e-5)


def test_creation() -> None:
    close(ops.zeros((2, 3)), np.zeros((2, 3), "float32"))
    close(ops.ones(4, "int32"), np.ones(4, "int32"))
    close(ops.full((2,), 1.5), np.full(2, 1.5))
    close(ops.eye(3, 4, k=1), np.eye(3, 4, 1))
    close(ops.identity(2), np.eye(2))
    close(ops.tri(3, 4, -1), np.tri(3, 4, -1))
    close(ops.empty((2,)), np.zeros(2))
    same(ops.arange(5), np.arange(5))
    same(ops.arange(1.0, 2.0, 0.25), np.arange(1.0, 2.0, 0.25))
    same(ops.arange(ops.shape(np.ones((3, 2)))[0]), np.arange(3))
    same(ops.linspace(0, 1, 5), np.linspace(0, 1, 5))
    same(ops.linspace(0, 1, 5, endpoint=False), np.linspace(0, 1, 5, endpoint=False))
    same(ops.linspace(ROW, ROW + 1, 4, axis=1), np.linspace(ROW, ROW + 1, 4, axis=1))
    same(ops.linspace(0, 2, 5, retstep=True), (np.linspace(0, 2, 5), 0.5))
    same(ops.logspace(0, 2, 3), np.logspace(0, 2, 3))


def test_numbers_take_the_type_of_the_tensor() -> None:
    half = np.ones(2, "float16")
    assert ops.add(half, 1.0).dtype == np.float16
    assert ops.multiply(2, half).dtype == np.float16
    assert ops.add(np.ones(2, "int32"), 1).dtype == np.int32
    assert ops.add(np.ones(2, "int32"), 0.5).dtype == np.float32
    assert ops.add(np.array([True]), 1).dtype == np.int64
    assert ops.divide(np.ones(2, "int32"), 2).dtype == np.float32


def test_shape_of_a_dynamic_tensor_can_be_used_to_reshape() -> None:
    @wh.function(input_signature=[wh.TensorSpec((None, None, 4))])
    def flat(x: Any) -> Any:
        batch, time, channels = ops.shape(x)
        assert channels == 4
        y = ops.reshape(x, (batch, time * channels))
        return y, ops.zeros((batch, 2)), ops.broadcast_to(1.0, (time,)), ops.arange(time)

    same(flat(CUBE), (CUBE.reshape(2, 12), np.zeros((2, 2)), np.ones(3), np.arange(3)))


def test_what_a_tensor_is() -> None:
    assert ops.shape(A) == (4, 3)
    assert ops.ndim(CUBE) == 3
    assert ops.dtype(WHOLE) == "int64"
    assert ops.is_tensor(ops.array(A))
    assert not ops.is_tensor(A)
    assert isinstance(ops.convert_to_numpy(ops.array(A)), np.ndarray)
    assert ops.convert_to_tensor([1, 2], "float32").dtype == np.float32


@pytest.mark.parametrize("from_logits", [False, True])
def test_crossentropies_are_those_of_the_losses(from_logits: bool) -> None:
    pred = np.abs(A) / np.abs(A).sum(1, keepdims=True)
    labels = np.array([0, 2, 1, 1])
    rows, kwargs = np.eye(3, dtype="float32")[labels], {"from_logits": from_logits}
    wanted = wh.losses.sparse_categorical_crossentropy(labels, pred, **kwargs).numpy()
    close(ops.sparse_categorical_crossentropy(labels, pred, **kwargs), wanted)
    close(ops.categorical_crossentropy(rows, pred, **kwargs), wanted)
    binary = ops.binary_crossentropy(rows, pred, **kwargs)
    assert binary.shape == (4, 3)
    close(ops.mean(binary, -1), wh.losses.binary_crossentropy(rows, pred, **kwargs).numpy())


def test_gelu_is_the_approximate_one_and_relu_takes_integers() -> None:
    close(ops.gelu(A), wh.activations.gelu(A, approximate=True).numpy())
    close(ops.relu(WHOLE), np.maximum(WHOLE, 0))


def test_stop_gradient_stops_even_beside_the_same_expression() -> None:
    @wh.function
    def step(x: Any) -> Any:
        y = ops.sum(ops.stop_gradient(x * x) * (x * x))
        return y, wh.grad(y, [x])[0]

    y, grad = step(A)
    close(y, (A**4).sum())
    close(grad, 2 * A**3)  # not 4 x^3: one factor is a constant


def test_attention_with_a_mask_and_a_bias() -> None:
    q, k, v = normal(2, 3, 2, 4), normal(2, 5, 2, 4), normal(2, 5, 2, 4)
    mask, bias = RNG.random((2, 1, 3, 5)) > 0.3, normal(2, 2, 3, 5)
    mask[..., 0] = True
    scores = np.einsum("bqhd,bkhd->bhqk", q, k) / 2 + bias
    weights = np.exp(np.where(mask, scores, -np.inf))
    wanted = np.einsum("bhqk,bkhd->bqhd", weights / weights.sum(-1, keepdims=True), v)
    close(ops.dot_product_attention(q, k, v, bias=bias, mask=mask), wanted)


def test_all_names_of_keras_are_there_or_say_that_they_are_not() -> None:
    parts = pkgutil.iter_modules(wh.compiler.ops.__path__)
    defined = [
        n
        for m in parts
        if m.name != "image"  # a namespace of its own
        for n in importlib.import_module(f"waterhorse.compiler.ops.{m.name}").__all__
    ]
    assert sorted(defined) == sorted(ops.__all__)
    assert len(defined) > 200
    assert not set(defined) & set(wh.compiler.ops.MISSING)
    for name in wh.compiler.ops.MISSING:
        with pytest.raises(NotImplementedError, match=f"wh.ops.{name} .* use "):
            getattr(ops, name)
    with pytest.raises(AttributeError, match="no_such_op"):
        _ = ops.no_such_op
    for name in ops.__all__:
        assert getattr(ops, name).__doc__, name


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ops.conv(A, A), ShapeError, "conv takes"),
        (lambda: ops.conv(normal(1, 5, 5, 3), normal(3, 3, 2, 4)), ShapeError, "3 channels"),
        (lambda: ops.max_pool(normal(1, 5, 5, 3), 2, padding="full"), ArgumentError, "'same'"),
        (lambda: ops.max_pool(normal(1, 5, 5, 3), (2, 2, 2)), ArgumentError, "pool_size"),
        (lambda: ops.average_pool(CUBE, 2, data_format="NHWC"), ArgumentError, "channels_last"),
        (lambda: ops.one_hot([1], 3, sparse=True), NotImplementedError, "sparse"),
        (lambda: ops.pad(A, 1, mode="median"), NotImplementedError, "symmetric"),
        (lambda: ops.pad(A, 1, mode="edge", constant_values=0), ArgumentError, "constant_values"),
        (lambda: ops.where(TRUTH, A), ArgumentError, "neither"),
        (lambda: ops.repeat(A, [1, 2], 0), ShapeError, "2 repeats"),
        (lambda: ops.norm(A, 3), NotImplementedError, "norm"),
        (lambda: ops.multi_hot([1]), ArgumentError, "num_classes"),
        (lambda: ops.add(np.ones((2, 3)), np.ones((2, 4))), ShapeError, "Add"),
        (lambda: ops.split(A, 2, 1), ValueError, "cannot split"),
    ],
)  # fmt: skip
def test_errors(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()
