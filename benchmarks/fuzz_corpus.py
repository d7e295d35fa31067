"""Small valid models to start from: every kind of thing that the reader treats specially.

``models()`` gives those written here; ``models(cases=True)`` also the node cases of the onnx package.
"""

from __future__ import annotations

import warnings

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, parser

HEAD = '<ir_version: 9, opset_import: ["" : {opset}{more}]>\n'
LARGEST = 20_000  # bytes of a case

TEXTS = {
    "mlp": (17, "", """g (float[N, 4] x) => (float[N, 3] y) {
        a = MatMul (x, w)  b = Add (a, bias)  c = Relu (b)  y = Gemm <alpha = 0.5, transB = 1> (c, v) }"""),
    "conv": (17, "", """g (float[N, 3, 8, 8] x) => (float[N, 2] y) {
        a = Conv <pads = [1, 1, 1, 1], strides = [2, 2], group = 1> (x, k)  b = Relu (a)
        c = MaxPool <kernel_shape = [2, 2]> (b)  d = GlobalAveragePool (c)  y = Flatten (d) }"""),
    "if": (18, "", """g (float[N, 3] x, bool go) => (float[N, 3] y) {
        two = Constant <value = float {2.0}> ()
        y = If (go) <then_branch = t () => (float[N, 3] a) { a = Mul (x, two) },
                     else_branch = e () => (float[N, 3] b) { b = Neg (x) }> }"""),
    "loop": (18, "", """g (float[2, 3] x, int64 n) => (float[2, 3] y, float[K, 3] sums) {
        go = Constant <value = bool {1}> ()
        y, sums = Loop (n, go, x) <body = step (int64 i, bool c, float[2, 3] s)
                                       => (bool d, float[2, 3] t, float[3] r) {
            d = Identity (c)  t = Add (s, x)  axes = Constant <value = int64[1] {0}> ()
            r = ReduceSum <keepdims = 0> (t, axes) }> }"""),
    "scan": (18, "", """g (float[3] h, float[T, 3] x) => (float[3] last, float[T, 3] all) {
        last, all = Scan <num_scan_inputs = 1, body = cell (float[3] s, float[3] e)
                                               => (float[3] t, float[3] o) {
            u = Add (s, e)  t = Tanh (u)  o = Identity (t) }> (h, x) }"""),
    "functions": (18, ', "local" : 1', """g (float[N, 3] x) => (float[N, 3] y) {
            y = local.twice <factor = 3.0> (x) }
        <domain: "local", opset_import: ["" : 18]>
        scaled <by> (a) => (b) { f = Constant <value_float: float = @by> ()  b = Mul (a, f) }
        <domain: "local", opset_import: ["" : 18, "local" : 1]>
        twice <factor: float = 2.0> (a) => (c) { c = local.scaled <by: float = @factor> (a) }"""),
    "sequence": (18, "", """g (float[2, 3] x) => (float[3, 2] y, int64 n) {
        s = SplitToSequence <axis = 1, keepdims = 0> (x)  n = SequenceLength (s)
        one = Constant <value_int = 1> ()  q = SequenceAt (s, one)  e = SequenceErase (s, one)
        p = SequenceInsert (e, q)  y = ConcatFromSequence <axis = 0, new_axis = 1> (p) }"""),
    "shapes": (18, "", """g (float[N, 4, 6] x) => (float[A, B] y) {
        s = Shape (x)  zero = Constant <value = int64[1] {0}> ()  two = Constant <value = int64[1] {2}> ()
        n = Slice (s, zero, two)  m = Constant <value = int64[1] {-1}> ()  r = Concat <axis = 0> (n, m)
        a = Reshape (x, r)  y = ReduceMax <keepdims = 0> (a, zero) }"""),
    "quantised": (21, "", """g (float[N, 4] x) => (float[N, 3] y) {
        scale = Constant <value = float {0.1}> ()  zp = Constant <value = int8 {1}> ()
        w = DequantizeLinear (wq, scale, zp)  y = MatMul (x, w) }"""),
    "lstm": (17, "", """g (float[T, N, 2] x) => (float[T, 1, N, 3] y) {
        y = LSTM <hidden_size = 3> (x, lw, lr) }"""),
    "normal": (17, "", """g (float[N, 2, 4] x) => (float[N, 2, 4] y) {
        a = BatchNormalization (x, two, two, two, two)  b = LayerNormalization (a, four, four)
        r = Constant <value = float {0.5}> ()  y = Dropout (b, r) }"""),
    "old": (8, "", """g (float[N, 4] x) => (float[N, 2] y) {
        a = Slice <axes = [1], starts = [0], ends = [2]> (x)  b = Clip <min = 0.0, max = 1.0> (a)
        c = Unsqueeze <axes = [0]> (b)  d = Squeeze <axes = [0]> (c)  y = Softmax <axis = 1> (d) }"""),
    "new": (28, "", """g (float[N, 2, 4, 8] q) => (float[N, 2, 4, 8] y) {
        a = Swish <alpha = 1.0> (q)  y = Attention (a, q, q) }"""),
    "einsum": (17, "", """g (float[N, 4] x) => (float[N, 3] y) {
        a = Einsum <equation = "ni,ij->nj"> (x, w)  axes = Constant <value = int64[1] {1}> ()
        k = Constant <value = int64[1] {2}> ()  v, i = TopK <axis = 1> (a, k)
        j = Gather <axis = 1> (a, zero)
        pads = Constant <value = int64[4] {0, 0, 0, 1}> ()  p = Pad (v, pads)  y = Add (p, j) }"""),
    "classical": (17, ', "ai.onnx.ml" : 3', """g (float[N, 4] x) => (float[N, 3] y) {
        a = ai.onnx.ml.Scaler <offset = [0.0, 0.0, 0.0, 0.0], scale = [1.0, 2.0, 1.0, 1.0]> (x)
        y = MatMul (a, w) }"""),
    "optional": (18, "", """g (float[N, 4] x) => (float[N, 3] y) {
        o = Optional (x)  h = OptionalHasElement (o)  e = OptionalGetElement (o)
        y = If (h) <then_branch = t () => (float[N, 3] a) { a = MatMul (e, w) },
                    else_branch = f () => (float[N, 3] b) { b = MatMul (x, w) }> }"""),
}  # fmt: skip
_RNG = np.random.default_rng(0)
STORED = {
    "mlp": {"w": (4, 5), "bias": (5,), "v": (3, 5)}, "conv": {"k": (2, 3, 3, 3)},
    "lstm": {"lw": (1, 12, 2), "lr": (1, 12, 3)}, "normal": {"two": (2,), "four": (4,)},
    "einsum": {"w": (4, 3)}, "classical": {"w": (4, 3)}, "optional": {"w": (4, 3)},
}  # fmt: skip


def models(*, cases: bool = False) -> dict[str, bytes]:
    """Serialised models by name."""
    found = {name: _written(name).SerializeToString() for name in TEXTS}
    found |= {"sparse": _sparse().SerializeToString(), "training": _training().SerializeToString()}
    return found | (_cases() if cases else {})


def _written(name: str) -> onnx.ModelProto:
    opset, more, text = TEXTS[name]
    made = parser.parse_model(HEAD.format(opset=opset, more=more) + text)
    for stored, shape in STORED.get(name, {}).items():
        value = _RNG.normal(size=shape).astype(np.float32)
        made.graph.initializer.append(numpy_helper.from_array(value, stored))
    if name == "quantised":
        value = _RNG.integers(-9, 9, (4, 3)).astype(np.int8)
        made.graph.initializer.append(numpy_helper.from_array(value, "wq"))
    if name == "einsum":
        made.graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.int64), "zero"))
    return made


def _sparse() -> onnx.ModelProto:
    made = parser.parse_model(
        HEAD.format(opset=17, more="")
        + "g (float[N, 4] x) => (float[N, 3] y) { y = MatMul (x, w) }"
    )
    values = helper.make_tensor("w", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0])
    places = helper.make_tensor("places", TensorProto.INT64, [3, 2], [0, 0, 1, 1, 3, 2])
    made.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [4, 3]))
    return made


def _training() -> onnx.ModelProto:
    """A step with a Gradient and a Momentum node, as ``training_info``."""
    domain = "ai.onnx.preview.training"
    made = parser.parse_model(
        HEAD.format(opset=17, more=f', "{domain}" : 1')
        + "g (float[N, 3] x) => (float[N, 1] p) { p = MatMul (x, w) }"
    )
    made.graph.initializer.append(numpy_helper.from_array(np.zeros((3, 1), np.float32), "w"))
    info = made.training_info.add()
    info.algorithm.CopyFrom(
        parser.parse_graph(f"""
        step (float[N, 1] t) => (float loss, float[3, 1] w_new) {{
        e = Sub (p, t)  q = Mul (e, e)  loss = ReduceMean <keepdims = 0> (q)
        gw = {domain}.Gradient <xs: strings = ["w"], zs: strings = ["x", "t"], y: string = "loss"> (w, x, t)
        rate = Constant <value = float {{0.1}}> ()  s = Mul (gw, rate)  w_new = Sub (w, s) }}""")
    )
    info.update_binding.add(key="w", value="w_new")
    info.initialization.CopyFrom(parser.parse_graph(
        "start () => (float[3, 1] w0) { w0 = RandomUniform <shape = [3, 1], low = -1.0, high = 1.0> () }"
    ))  # fmt: skip
    info.initialization_binding.add(key="w", value="w0")
    return made


def _cases() -> dict[str, bytes]:
    from onnx.backend.test.case.node import collect_testcases  # noqa: PLC0415  # slow

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        every = collect_testcases(None)
    made = {c.name: c.model.SerializeToString() for c in every if c.model is not None}
    return {n: data for n, data in made.items() if len(data) <= LARGEST}
