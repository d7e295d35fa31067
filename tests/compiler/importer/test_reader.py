"""Foreign graphs as ours: control flow, functions, sequences, weights, shapes computed in the graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

from waterhorse.compiler import importer, ir
from waterhorse.compiler.lower import lower
from waterhorse.compiler.verify import verify
from waterhorse.errors import FileFormatError

Array = np.ndarray[Any, Any]
HEAD = '<ir_version: 9, opset_import: ["" : {opset}{more}]>\n'


def model(text: str, opset: int = 18, more: str = "", **weights: Array) -> onnx.ModelProto:
    """A model in ONNX's text form, with stored tensors added to its graph."""
    made = parser.parse_model(HEAD.format(opset=opset, more=more) + text)
    made.graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in weights.items())
    return made


def run(proto: onnx.ModelProto, feeds: dict[str, Array]) -> list[Array]:
    options = ort.SessionOptions()  # fused operators on quantised weights are less exact
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    used = {i.name for i in session.get_inputs()}
    return session.run(None, {k: v for k, v in feeds.items() if k in used})


def imported(proto: onnx.ModelProto, **options: Any) -> importer.Imported:
    graph = importer.read(proto, **options)
    verify(graph.outputs.values())
    return graph


def lowered(graph: importer.Imported) -> onnx.ModelProto:
    weights = {n: (w.leaf, w.value) for n, w in graph.weights.items()}
    made = lower(graph.inputs, graph.outputs, weights).model
    onnx.checker.check_model(made, full_check=True)
    return made


def same(proto: onnx.ModelProto, **feeds: Array) -> importer.Imported:
    """Our graph gives what ONNX Runtime makes of the original file."""
    graph = imported(proto)
    for a, b in zip(run(lowered(graph), feeds), run(proto, feeds), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, 1e-5, 1e-6)
    return graph


def ops(graph: importer.Imported) -> list[str]:
    return [
        n.op for n in ir.toposort(graph.outputs.values()) if n.op not in (*ir.LEAVES, "Constant")
    ]


X = np.arange(6, dtype=np.float32).reshape(2, 3) - 2

BRANCH = """
agraph (float[N, 3] x, bool go) => (float[N, 3] y) {
  two = Constant <value = float {2.0}> ()
  y = If (go) <
    then_branch = then () => (float[N, 3] a) { a = Mul (x, two) },
    else_branch = other () => (float[N, 3] b) { c = Mul (x, w)  b = Relu (c) }
  >
}"""


@pytest.mark.parametrize("go", [True, False])
def test_if_captures_inputs_and_weights(go: bool) -> None:
    w = np.array([1, -1, 3], np.float32)
    graph = same(model(BRANCH, w=w), x=X, go=np.array(go))
    assert graph.outputs["y"].shape == ("N", 3)
    assert graph.weights["w"].trainable


def test_if_with_a_known_condition_is_its_branch() -> None:
    text = BRANCH.replace(", bool go", "").replace(
        "two =", "go = Constant <value = bool {1}> ()  two ="
    )
    graph = same(model(text, w=np.ones(3, np.float32)), x=X)
    assert ops(graph) == ["Mul"]


LOOP = """
agraph (float[2, 3] x, int64 n) => (float[2, 3] y, float[K, 3] sums) {
  go = Constant <value = bool {1}> ()
  y, sums = Loop (n, go, x) <body = step (int64 i, bool c, float[2, 3] s) => (bool d, float[2, 3] t, float[3] r) {
    d = Identity (c)
    f = Cast <to = 1> (i)
    u = Add (s, f)
    t = Mul (u, w)
    axes = Constant <value = int64[1] {0}> ()
    r = ReduceSum <keepdims = 0> (t, axes)
  }>
}"""


@pytest.mark.parametrize("steps", [1, 3])
def test_loop(steps: int) -> None:
    graph = same(model(LOOP, w=np.array([0.5], np.float32)), x=X, n=np.array(steps))
    assert graph.outputs["sums"].shape[1] == 3


def test_a_loop_whose_state_grows() -> None:
    text = """agraph (float[2, 3] x, int64 n) => (float[M, 3] y) {
      y = Loop (n, , x) <body = step (int64 i, bool c, float[P, 3] s) => (bool d, float[Q, 3] t) {
        d = Identity (c)  t = Concat <axis = 0> (s, x) }> }"""
    graph = same(model(text), x=X, n=np.array(2))
    assert not isinstance(graph.outputs["y"].shape[0], int)


SCAN = """
agraph (float[3] h, float[T, 3] x) => (float[3] last, float[T, 3] all) {
  last, all = Scan <num_scan_inputs = 1, scan_input_directions = [1], body = cell (float[3] s, float[3] e) => (float[3] t, float[3] o) {
    u = Mul (s, w)
    v = Add (u, e)
    t = Tanh (v)
    o = Identity (t)
  }> (h, x)
}"""


def test_scan() -> None:
    graph = same(model(SCAN, w=np.full(3, 0.5, np.float32)), h=X[0], x=np.vstack([X, X]))
    assert graph.outputs["all"].shape == ("T", 3)


FUNCTIONS = """
agraph (float[N, 3] x) => (float[N, 3] y, float[N, 3] z) {
  y = local.twice <factor = 3.0> (x)
  z = local.twice (y)
}
<domain: "local", opset_import: ["" : 18]>
scaled <by> (a) => (b) { f = Constant <value_float: float = @by> ()  b = Mul (a, f) }
<domain: "local", opset_import: ["" : 18, "local" : 1]>
twice <factor: float = 2.0> (a) => (c) { b = local.scaled <by: float = @factor> (a)  c = local.scaled <by: float = @factor> (b) }
"""


def test_functions_are_inlined_with_their_attributes() -> None:
    graph = same(model(FUNCTIONS, more=', "local" : 1'), x=X)
    assert ops(graph) == ["Mul"] * 4


def test_a_function_that_calls_itself_is_refused() -> None:
    text = FUNCTIONS.replace("c = local.scaled <by: float = @factor> (b)", "c = local.twice (b)")
    with pytest.raises(FileFormatError, match="calls itself"):
        importer.read(model(text, more=', "local" : 1'))


def test_sequences_are_unrolled() -> None:
    text = """agraph (float[6, 3] x) => (float[6, 3] y, float[2, 3] z) {
      sizes = Constant <value = int64[3] {1, 2, 3}> ()
      parts = SplitToSequence <axis = 0> (x, sizes)
      one = Constant <value = int64 {1}> ()
      z = SequenceAt (parts, one)
      fewer = SequenceErase (parts, one)
      all = SequenceInsert (fewer, z, one)
      y = ConcatFromSequence <axis = 0> (all)
    }"""
    graph = same(model(text), x=np.vstack([X, X, X]))
    assert ops(graph) == ["Split", "Concat"]


def test_shapes_computed_in_the_graph_become_constants() -> None:
    """What exporters write for ``x.view(x.size(0), x.size(1), 4, -1)``."""
    text = """agraph (float[batch, seq, 12] x) => (float[batch, seq, 4, 3] y) {
      s = Shape (x)
      zero = Constant <value = int64 {0}> ()  one = Constant <value = int64 {1}> ()
      b = Gather <axis = 0> (s, zero)  q = Gather <axis = 0> (s, one)
      at = Constant <value = int64[1] {0}> ()
      b1 = Unsqueeze (b, at)  q1 = Unsqueeze (q, at)
      four = Constant <value = int64[1] {4}> ()  three = Constant <value = int64[1] {3}> ()
      t = Concat <axis = 0> (b1, q1, four, three)
      y = Reshape (x, t)
    }"""
    graph = same(model(text), x=np.zeros((2, 5, 12), np.float32))
    assert ops(graph) == ["Reshape"]
    assert graph.outputs["y"].shape == ("batch", "seq", 4, 3)


def test_expand_by_where_keeps_its_dims() -> None:
    """What exporters write for ``x.expand(-1, -1, 4)``."""
    text = """agraph (float[batch, 1] x) => (float[batch, 4] y) {
      s = Shape (x)  n = Shape (s)
      ones = ConstantOfShape <value = int64[1] {1}> (n)
      minus = Constant <value = int64 {-1}> ()
      m = Mul (ones, minus)
      asked = Constant <value = int64[2] {-1, 4}> ()
      same = Equal (asked, m)
      w = Where (same, ones, asked)
      y = Expand (x, w)
    }"""
    assert same(model(text), x=X[:, :1]).outputs["y"].shape == ("batch", 4)


def test_weights_and_what_is_none() -> None:
    text = """agraph (float[N, 3] x) => (float[N, 2] y, float[N, 6] z) {
      big = Constant <value = float[3, 2] {1, 2, 3, 4, 5, 6}> ()
      a = MatMul (x, big)
      b = Mul (a, scale)
      y = Add (b, bias)
      roi = Constant <value = float[1] {0}> ()
      z = Resize (x, , scales)
    }"""
    scales = np.array([1, 2], np.float32)
    graph = same(
        model(text, scale=np.array(2, np.float32), bias=np.ones(2, np.float32), scales=scales), x=X
    )
    assert {n: (w.origin, w.trainable) for n, w in graph.weights.items()} == {
        "scale": ("initializer", False),  # a single number
        "bias": ("initializer", True),
        "big": ("Constant", True),
    }


def test_weights_stored_in_fewer_bits_become_float() -> None:
    text = """agraph (float[N, 3] x) => (float[N, 2] y) {
      w = DequantizeLinear <axis = 1> (w8, s, z)
      a = MatMul (x, w)
      h = Cast <to = 1> (b16)
      y = Add (a, h)
    }"""
    stored = {
        "w8": np.array([[1, -2], [3, 4], [-5, 6]], np.int8), "s": np.array([0.5, 0.25], np.float32),
        "z": np.array([1, 0], np.int8), "b16": np.array([1, 2], np.float16),
    }  # fmt: skip
    graph = same(model(text, **stored), x=X)
    assert {"w8", "b16"} <= {n for n, w in graph.weights.items() if w.trainable}
    np.testing.assert_array_equal(graph.weights["w8"].value, [[0, -0.5], [1, 1], [-3, 1.5]])
    kept = imported(model(text, **stored), masters=False)
    assert kept.weights["b16"].value.dtype == np.float16


def test_weights_made_by_constant_of_shape() -> None:
    text = """agraph (float[N, 3] x) => (float[N, 2] y) {
      w = ConstantOfShape <value = float[1] {0.5}> (shape)
      y = MatMul (x, w)
    }"""
    graph = same(model(text, shape=np.array([3, 2])), x=X)
    assert graph.weights["w"].trainable
    assert graph.weights["w"].value.shape == (3, 2)


def test_initializers_that_are_inputs_are_weights() -> None:
    text = "agraph (float[N, 3] x, float[3] w) => (float[N, 3] y) { y = Mul (x, w) }"
    graph = same(model(text, w=np.ones(3, np.float32)), x=X)
    assert [*graph.inputs] == ["x"]
    assert [*graph.weights] == ["w"]


def test_operators_of_other_domains_are_carried_along() -> None:
    text = """agraph (float[N, 3] x) => (float[N, 2] y) {
      a = ai.onnx.ml.Binarizer <threshold = 0.5> (x)
      y = MatMul (a, w)
    }"""
    graph = same(model(text, more=', "ai.onnx.ml" : 3', w=np.ones((3, 2), np.float32)), x=X)
    assert "Foreign" in ops(graph)


def test_operators_after_our_opset_by_their_bodies() -> None:
    text = "agraph (float[2, 3, 4, 8] q) => (float[2, 3, 4, 8] y) { y = Attention <is_causal = 1> (q, q, q) }"
    same(model(text, 24), q=np.random.default_rng(0).normal(size=(2, 3, 4, 8)).astype(np.float32))


def test_names_in_messages() -> None:
    text = "agraph (float[2, 3] x) => (float[2, 3] y) { y = MatMul (x, w) }"
    bad = model(text, w=np.ones((2, 2), np.float32))
    bad.graph.node[0].name = "head/fc"
    with pytest.raises(FileFormatError, match=r"MatMul node 'head/fc': MatMul\(float32\[2, 3\]"):
        importer.read(bad)


def test_unnamed_dims_of_two_inputs_are_not_one() -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["?", "?"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["?", "?"])
    node = helper.make_node("Identity", ["x"], ["y"])
    graph = imported(helper.make_model(helper.make_graph([node], "g", [x], [y])))
    first, second = graph.inputs["x"].shape
    assert first != second
