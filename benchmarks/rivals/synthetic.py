"""Small models whose shapes are known and whose weights are inputs, which every rival can take."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, parser

Array = np.ndarray[Any, Any]
HEADER = '<ir_version: 8, opset_import: ["" : 17]>\n'

MLP = (
    HEADER
    + """mlp (float[32, 64] x, float[64, 128] w1, float[128] b1, float[128, 128] w2, float[128] b2,
     float[128, 10] w3, float[10] b3) => (float[32, 10] y) {
  h1 = MatMul(x, w1)  h2 = Add(h1, b1)  h3 = Relu(h2)
  h4 = MatMul(h3, w2)  h5 = Add(h4, b2)  h6 = Relu(h5)
  h7 = MatMul(h6, w3)  h8 = Add(h7, b3)  y = Softmax<axis = -1>(h8)
}"""
)

CONVNET = (
    HEADER
    + """convnet (float[16, 1, 28, 28] x, float[16, 1, 3, 3] w1, float[16] b1,
         float[32, 16, 3, 3] w2, float[32] b2, float[1568, 10] w3, float[10] b3) => (float[16, 10] y)
<int64[2] flat = {16, 1568}> {
  c1 = Conv<pads = [1, 1, 1, 1]>(x, w1, b1)  r1 = Relu(c1)
  p1 = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(r1)
  c2 = Conv<pads = [1, 1, 1, 1]>(p1, w2, b2)  r2 = Relu(c2)
  p2 = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(r2)
  f = Reshape(p2, flat)  m = MatMul(f, w3)  a = Add(m, b3)  y = Softmax<axis = -1>(a)
}"""
)

# One head of 64, layer normalisation before attention and before the two dense layers with GELU by Erf.
TRANSFORMER = (
    HEADER
    + """block (float[8, 32, 64] x, float[64] g1, float[64] n1, float[64, 64] wq,
       float[64, 64] wk, float[64, 64] wv, float[64, 64] wo, float[64] g2, float[64] n2, float[64, 256] w1,
       float[256] b1, float[256, 64] w2, float[64] b2) => (float[8, 32, 64] y)
<float scale = {8.0}, float root = {1.41421356}, float one = {1.0}, float half = {0.5}> {
  h = LayerNormalization(x, g1, n1)
  q = MatMul(h, wq)  k = MatMul(h, wk)  v = MatMul(h, wv)
  kt = Transpose<perm = [0, 2, 1]>(k)  s = MatMul(q, kt)  t = Div(s, scale)  p = Softmax<axis = -1>(t)
  o = MatMul(p, v)  u = MatMul(o, wo)  r = Add(x, u)
  l = LayerNormalization(r, g2, n2)
  d1 = MatMul(l, w1)  d2 = Add(d1, b1)
  e1 = Div(d2, root)  e2 = Erf(e1)  e3 = Add(e2, one)  e4 = Mul(d2, e3)  e5 = Mul(e4, half)
  d3 = MatMul(e5, w2)  d4 = Add(d3, b2)  y = Add(r, d4)
}"""
)

LSTM = (
    HEADER
    + """lstm (float[50, 16, 32] x, float[1, 256, 32] w, float[1, 256, 64] r, float[1, 512] b)
     => (float[50, 1, 16, 64] y) {
  y = LSTM<hidden_size = 64>(x, w, r, b)
}"""
)


def models() -> dict[str, tuple[onnx.ModelProto, dict[str, Array]]]:
    """Name -> model and inputs."""
    found = {}
    for name, text in (
        ("mlp", MLP),
        ("convnet", CONVNET),
        ("transformer", TRANSFORMER),
        ("lstm", LSTM),
    ):
        model = parser.parse_model(text)
        rng = np.random.default_rng(0)
        feeds = {}
        for value in model.graph.input:
            kind = value.type.tensor_type
            if kind.elem_type != TensorProto.FLOAT:
                raise ValueError(f"{value.name} is no float32")
            shape = [d.dim_value for d in kind.shape.dim]
            fan_in = 1 if len(shape) < 2 or value.name == "x" else int(np.prod(shape[1:]))
            feeds[value.name] = (rng.normal(size=shape) / np.sqrt(fan_in)).astype(np.float32)
        onnx.checker.check_model(model, full_check=True)
        found[name] = (model, feeds)
    return found


def static(model: onnx.ModelProto, feeds: dict[str, Array]) -> onnx.ModelProto:
    """The model with the shapes of these inputs, and of all that follows where inference finds it."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.value_info[:]
    for value in result.graph.input:
        shape = feeds[value.name].shape
        kind = helper.make_tensor_type_proto(value.type.tensor_type.elem_type, shape)
        value.type.CopyFrom(kind)
    for value in result.graph.output:
        value.type.tensor_type.ClearField("shape")
    return onnx.shape_inference.infer_shapes(result, data_prop=True)
