"""ONNX in, ONNX with gradients out; and Jacobians times vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper, parser

import waterhorse as wh
from waterhorse.errors import ArgumentError, FileFormatError, GradientError

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(3)
MLP = """<ir_version: 8, opset_import: ["" : 17]>
agraph (float[N, 3] x, int64[N] i) => (float[N, 2] y, float loss, int64[N] best) {
  h = MatMul (x, w)
  a = Tanh (h)
  e = Gather (table, i)
  s = Add (a, e)
  y = Gemm (s, v, b)
  q = Mul (y, y)
  loss = ReduceMean <keepdims = 0> (q)
  best = ArgMax <axis = 1, keepdims = 0> (y)
}"""
WEIGHTS = {
    "w": RNG.normal(size=(3, 4)), "table": RNG.normal(size=(5, 4)), "v": RNG.normal(size=(4, 2)),
    "b": RNG.normal(size=2),
}  # fmt: skip
FEEDS = {"x": RNG.normal(size=(6, 3)).astype(np.float32), "i": np.array([0, 4, 4, 1, 0, 2])}


def mlp(**changes: Array) -> onnx.ModelProto:
    made = parser.parse_model(MLP)
    made.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(a, np.float32), n)
        for n, a in {**WEIGHTS, **changes}.items()
    )
    return made


def run(proto: onnx.ModelProto, feeds: dict[str, Array]) -> dict[str, Array]:
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds), strict=True))


def test_names_types_and_values() -> None:
    made = wh.differentiate(mlp())
    onnx.checker.check_model(made, full_check=True)
    assert [i.name for i in made.graph.input] == ["x", "i", "cotangent/y"]
    assert [o.name for o in made.graph.output] == [
        "y", "loss", "best", "grad/x", "grad/w", "grad/table", "grad/v", "grad/b",
    ]  # fmt: skip
    assert {t.name for t in made.graph.initializer} >= {*WEIGHTS}
    assert {o.domain for o in made.opset_import} == {""}
    found = run(made, {**FEEDS, "cotangent/y": np.zeros((6, 2), np.float32)})
    before = run(mlp(), FEEDS)
    for name, value in before.items():
        np.testing.assert_allclose(found[name], value, 1e-5, 1e-6)
    for name, weight in WEIGHTS.items():
        direction = RNG.normal(size=weight.shape)
        step = 1e-2
        up = run(mlp(**{name: weight + step * direction}), FEEDS)["loss"]
        down = run(mlp(**{name: weight - step * direction}), FEEDS)["loss"]
        slope = float((found[f"grad/{name}"] * direction).sum())
        assert slope == pytest.approx((up - down) / (2 * step), rel=2e-3)


def test_chosen_names_need_nothing_more() -> None:
    made = wh.differentiate(mlp(), wrt=["b"], of=["loss"])
    assert [i.name for i in made.graph.input] == ["x", "i"]
    assert [o.name for o in made.graph.output][3:] == ["grad/b"]
    assert len(made.graph.node) < len(wh.differentiate(mlp()).graph.node)
    everything = run(
        wh.differentiate(mlp()), {**FEEDS, "cotangent/y": np.zeros((6, 2), np.float32)}
    )
    np.testing.assert_allclose(run(made, FEEDS)["grad/b"], everything["grad/b"], 1e-5)


def test_what_nothing_depends_on_has_gradient_zero() -> None:
    text = MLP.replace("y = Gemm (s, v, b)", "y = MatMul (s, v)").replace(
        "float[N, 3] x,", "float[N, 3] x, float[2] other,"
    )
    made = parser.parse_model(text)
    made.graph.initializer.extend(mlp().graph.initializer)
    found = run(
        wh.differentiate(made, wrt=["b", "other"], of=["loss"]),
        {**FEEDS, "other": np.ones(2, np.float32)},
    )
    assert not found["grad/other"].any()
    assert found["grad/b"].shape == (2,)


def test_the_result_can_be_differentiated_again() -> None:
    first = wh.differentiate(mlp(), wrt=["x"], of=["loss"])
    second = wh.differentiate(first, wrt=["x"], of=["grad/x"])
    direction = RNG.normal(size=(6, 3)).astype(np.float32)
    found = run(second, {**FEEDS, "cotangent/grad/x": direction})["grad/x"]
    step = np.float32(1e-2)
    up = run(first, {**FEEDS, "x": FEEDS["x"] + step * direction})["grad/x"]
    down = run(first, {**FEEDS, "x": FEEDS["x"] - step * direction})["grad/x"]
    np.testing.assert_allclose(found, (up - down) / (2 * step), 1e-2, 2e-4)


def test_errors() -> None:
    with pytest.raises(ArgumentError, match="'nothing' is not among"):
        wh.differentiate(mlp(), wrt=["nothing"])
    with pytest.raises(ArgumentError, match=r"'best' is not among .*'y', 'loss'"):
        wh.differentiate(mlp(), of=["best"])
    with pytest.raises(ArgumentError, match="list of names"):
        wh.differentiate(mlp(), wrt="x")
    with pytest.raises(ArgumentError, match="no file"):
        wh.differentiate("nowhere.onnx")
    with pytest.raises(FileFormatError, match="no ONNX file"):
        wh.differentiate(b"something else")


def test_an_operator_without_a_gradient_is_named() -> None:
    made = parser.parse_model("""<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 3]>
      agraph (float[N, 3] x) => (float[N, 3] y) { y = ai.onnx.ml.Binarizer (x) }""")
    with pytest.raises(GradientError, match=r"ai\.onnx\.ml::Binarizer"):
        wh.differentiate(made)


def test_jvp_is_a_directional_derivative() -> None:
    w = wh.Variable(np.array([0.3, -0.2, 0.5], np.float32))

    @wh.function
    def both(x: Any, v: Any, dw: Any) -> Any:
        y = wh.ops.tanh(x * w)
        z = wh.ops.sum(x * x)
        (dy, dz) = wh.jvp([y, z], [x, w], [v, dw])
        return dy, dz, wh.jvp(y, [x], [v])

    x, v, dw = (RNG.normal(size=3).astype(np.float32) for _ in range(3))
    dy, dz, single = both(x, v, dw)
    slope = 1 - np.tanh(x * w.numpy()) ** 2
    np.testing.assert_allclose(dy, slope * (w.numpy() * v + x * dw), 1e-5)
    np.testing.assert_allclose(dz, 2 * (x * v).sum(), 1e-5)
    np.testing.assert_allclose(single, slope * w.numpy() * v, 1e-5)


def test_jvp_of_equal_types_keeps_them_apart() -> None:
    @wh.function
    def f(x: Any, v: Any) -> Any:
        return tuple(wh.jvp([x * 2, x * 3], [x], [v]))

    a, b = f(np.ones(2, np.float32), np.array([1, 5], np.float32))
    np.testing.assert_array_equal(a, [2, 10])
    np.testing.assert_array_equal(b, [3, 15])
