"""Small models of the usual kinds, in the text form of ONNX. In capitals: data, else weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnx.parser

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Sketch:
    """A graph as text. Integer inputs are drawn below ``below``; floats are normal, scaled by fan-in."""

    name: str
    inputs: str
    body: str
    output: str = "float[] loss"
    opset: int = 17
    below: int = 10
    positive: tuple[str, ...] = field(default=())

    def build(self) -> tuple[onnx.ModelProto, dict[str, Array], list[str]]:
        """The model, values of its inputs, and the names of its weights."""
        text = (
            f'<ir_version: 8, opset_import: ["" : {self.opset}]>\n'
            f"{self.name} ({self.inputs}) => ({self.output}) {{\n{self.body}\n}}"
        )
        model = onnx.parser.parse_model(text)
        model.ir_version = 8 if self.opset < 21 else 10
        rng = np.random.default_rng(0)
        feeds, wrt = {}, []
        for value in model.graph.input:
            kind = value.type.tensor_type
            shape = [d.dim_value for d in kind.shape.dim]
            if kind.elem_type == onnx.TensorProto.INT64:
                feeds[value.name] = rng.integers(0, self.below, shape)
                continue
            feeds[value.name] = self._floats(value.name, shape, rng)
            if not value.name.isupper():
                wrt.append(value.name)
        return model, feeds, wrt

    def _floats(self, name: str, shape: list[int], rng: np.random.Generator) -> Array:
        drawn = rng.normal(size=shape)
        if name in self.positive:
            return np.exp(drawn / 4).astype(np.float32)
        if name.isupper() or len(shape) < 2:
            return (drawn if name.isupper() else drawn / 10).astype(np.float32)
        fan_in = np.prod(shape[1:]) if len(shape) > 2 else max(shape)
        return (drawn / np.sqrt(fan_in)).astype(np.float32)


_MLP = """
    h1 = Gemm(X, w1, b1)
    a1 = Relu(h1)
    h2 = Gemm(a1, w2, b2)
    a2 = Relu(h2)
    y = Gemm(a2, w3, b3)
"""
_MLP_WEIGHTS = (
    "float[128,256] w1, float[256] b1, float[256,128] w2, float[128] b2, "
    "float[128,10] w3, float[10] b3"
)
_ATTENTION = """
    k1 = MatMul(X, wq)
    q = Add(k1, bq)
    k2 = MatMul(X, wk)
    k = Add(k2, bk)
    k3 = MatMul(X, wv)
    v = Add(k3, bv)
    heads = Constant <value_ints = [0, 0, 4, 32]> ()
    q4 = Reshape(q, heads)
    k4 = Reshape(k, heads)
    v4 = Reshape(v, heads)
    qt = Transpose <perm = [0, 2, 1, 3]> (q4)
    kt = Transpose <perm = [0, 2, 3, 1]> (k4)
    vt = Transpose <perm = [0, 2, 1, 3]> (v4)
    scores = MatMul(qt, kt)
    root = Constant <value_float = 5.656854> ()
    scaled = Div(scores, root)
    p = Softmax <axis = -1> (scaled)
    mixed = MatMul(p, vt)
    mixedt = Transpose <perm = [0, 2, 1, 3]> (mixed)
    flat = Constant <value_ints = [0, 0, 128]> ()
    m = Reshape(mixedt, flat)
    o1 = MatMul(m, wo)
    o = Add(o1, bo)
    r1 = Add(X, o)
"""
_BLOCK_WEIGHTS = (
    "float[8,32,128] X, float[128,128] wq, float[128] bq, float[128,128] wk, float[128] bk, "
    "float[128,128] wv, float[128] bv, float[128,128] wo, float[128] bo, float[128] g1, "
    "float[128] n1, float[128] g2, float[128] n2, float[128,256] w1, float[256] b1, "
    "float[256,128] w2, float[128] b2"
)


def _decomposed_normalization(x: str, g: str, b: str, y: str, *, power: bool) -> str:
    """As PyTorch exported it before opset 17; some exporters write the square as a product."""
    square = f"Pow({y}_c, {y}_two)" if power else f"Mul({y}_c, {y}_c)"
    return f"""
    {y}_mean = ReduceMean <axes = [-1]> ({x})
    {y}_c = Sub({x}, {y}_mean)
    {y}_two = Constant <value_float = 2.0> ()
    {y}_sq = {square}
    {y}_var = ReduceMean <axes = [-1]> ({y}_sq)
    {y}_eps = Constant <value_float = 0.00001> ()
    {y}_ve = Add({y}_var, {y}_eps)
    {y}_sd = Sqrt({y}_ve)
    {y}_n = Div({y}_c, {y}_sd)
    {y}_s = Mul({y}_n, {g})
    {y} = Add({y}_s, {b})
"""


_DECOMPOSED_GELU = """
    c_root = Constant <value_float = 1.4142135> ()
    c_one = Constant <value_float = 1.0> ()
    c_half = Constant <value_float = 0.5> ()
    e1 = Div(h, c_root)
    e2 = Erf(e1)
    e3 = Add(e2, c_one)
    e4 = Mul(h, e3)
    a = Mul(e4, c_half)
"""
_NORM = "LayerNormalization <axis = -1, epsilon = 0.00001>"
_UP, _DOWN = "h0 = MatMul(z1, w1)\nh = Add(h0, b1)\n", "f0 = MatMul(a, w2)\nf = Add(f0, b2)\n"


def _block(*, power: bool) -> str:
    """A transformer block without operators that are newer than opset 13."""
    return (
        _ATTENTION
        + _decomposed_normalization("r1", "g1", "n1", "z1", power=power)
        + f"{_UP}{_DECOMPOSED_GELU}{_DOWN}r2 = Add(z1, f)\n"
        + _decomposed_normalization("r2", "g2", "n2", "y", power=power)
    )


def _fused_block(gelu: str) -> str:
    """A transformer block with LayerNormalization."""
    return (
        f"{_ATTENTION}z1 = {_NORM} (r1, g1, n1)\n{_UP}{gelu}{_DOWN}"
        f"r2 = Add(z1, f)\ny = {_NORM} (r2, g2, n2)"
    )


_SKETCHES = (
    Sketch("mlp_cross_entropy", f"float[64,128] X, int64[64] T, {_MLP_WEIGHTS}",
           _MLP + "loss = SoftmaxCrossEntropyLoss(y, T)"),
    Sketch("mlp_softmax_log", f"float[64,128] X, float[64,10] T, {_MLP_WEIGHTS}",
           _MLP + """
    p = Softmax <axis = -1> (y)
    l = Log(p)
    tl = Mul(T, l)
    s = ReduceMean <keepdims = 0> (tl)
    loss = Neg(s)
"""),
    Sketch("mlp_mean_square", f"float[64,128] X, float[64,10] T, {_MLP_WEIGHTS}",
           _MLP + "d = Sub(y, T)\ns = Mul(d, d)\nloss = ReduceMean <keepdims = 0> (s)"),
    Sketch("convnet",
           "float[16,1,28,28] X, float[6,1,5,5] w1, float[6] b1, float[16,6,5,5] w2, float[16] b2, "
           "float[256,120] w3, float[120] b3, float[120,10] w4, float[10] b4",
           """
    c1 = Conv(X, w1, b1)
    r1 = Relu(c1)
    p1 = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r1)
    c2 = Conv(p1, w2, b2)
    r2 = Relu(c2)
    p2 = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r2)
    flat = Constant <value_ints = [0, 256]> ()
    f = Reshape(p2, flat)
    h = Gemm(f, w3, b3)
    r3 = Relu(h)
    y = Gemm(r3, w4, b4)
""", "float[16,10] y"),
    Sketch("residual_block",
           "float[4,32,16,16] X, float[32,32,3,3] w1, float[32] g1, float[32] b1, float[32] M1, "
           "float[32] V1, float[32,32,3,3] w2, float[32] g2, float[32] b2, float[32] M2, "
           "float[32] V2, float[32,32,1,1] w3",
           """
    c1 = Conv <pads = [1, 1, 1, 1]> (X, w1)
    n1 = BatchNormalization(c1, g1, b1, M1, V1)
    r1 = Relu(n1)
    c2 = Conv <pads = [1, 1, 1, 1]> (r1, w2)
    n2 = BatchNormalization(c2, g2, b2, M2, V2)
    s = Conv(X, w3)
    a = Add(n2, s)
    y = Relu(a)
""", "float[4,32,16,16] y", positive=("V1", "V2", "g1", "g2")),
    Sketch("strided_convolution",
           "float[4,16,32,32] X, float[32,16,3,3] w1, float[32] b1, float[64,32,3,3] w2, float[64] b2",
           """
    c1 = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (X, w1, b1)
    r1 = Relu(c1)
    c2 = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (r1, w2, b2)
    r2 = Relu(c2)
    y = GlobalAveragePool(r2)
""", "float[4,64,1,1] y"),
    Sketch("overlapping_pools",
           "float[4,3,32,32] X, float[16,3,3,3] w1, float[16] b1, float[32,16,3,3] w2, float[32] b2",
           """
    c1 = Conv <pads = [1, 1, 1, 1]> (X, w1, b1)
    r1 = Relu(c1)
    p1 = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (r1)
    c2 = Conv <pads = [1, 1, 1, 1]> (p1, w2, b2)
    y = AveragePool <kernel_shape = [3, 3], strides = [2, 2]> (c2)
""", "float[4,32,7,7] y"),
    Sketch("depthwise_separable",
           "float[4,32,16,16] X, float[32,1,3,3] w1, float[32] b1, float[64,32,1,1] w2, float[64] b2, "
           "float[64,1,3,3] w3",
           """
    d1 = Conv <group = 32, pads = [1, 1, 1, 1]> (X, w1, b1)
    low = Constant <value_float = 0.0> ()
    high = Constant <value_float = 6.0> ()
    r1 = Clip(d1, low, high)
    c2 = Conv(r1, w2, b2)
    r2 = Relu(c2)
    y = Conv <group = 64, pads = [1, 1, 1, 1], strides = [2, 2]> (r2, w3)
""", "float[4,64,8,8] y"),
    Sketch("autoencoder",
           "float[8,1,32,32] X, float[16,1,3,3] w1, float[16] b1, float[32,16,3,3] w2, float[32] b2, "
           "float[32,16,4,4] w3, float[16] b3, float[16,1,4,4] w4, float[1] b4",
           """
    c1 = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (X, w1, b1)
    r1 = Relu(c1)
    c2 = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (r1, w2, b2)
    r2 = Relu(c2)
    c3 = ConvTranspose <pads = [1, 1, 1, 1], strides = [2, 2]> (r2, w3, b3)
    r3 = Relu(c3)
    c4 = ConvTranspose <pads = [1, 1, 1, 1], strides = [2, 2]> (r3, w4, b4)
    s = Sigmoid(c4)
    y = Sub(s, X)
""", "float[8,1,32,32] y"),
    Sketch("transformer_block", _BLOCK_WEIGHTS, _fused_block("a = Gelu(h)\n"),
           "float[8,32,128] y", opset=20),
    Sketch("transformer_block_17", _BLOCK_WEIGHTS, _fused_block(_DECOMPOSED_GELU),
           "float[8,32,128] y"),
    Sketch("transformer_block_pytorch", _BLOCK_WEIGHTS, _block(power=True), "float[8,32,128] y"),
    Sketch("transformer_block_products", _BLOCK_WEIGHTS, _block(power=False), "float[8,32,128] y"),
    Sketch("lstm",
           "float[20,16,32] X, float[1,256,32] w, float[1,256,64] r, float[1,512] b, float[64,10] wo",
           """
    ys, yh, yc = LSTM <hidden_size = 64> (X, w, r, b)
    zero = Constant <value_ints = [0]> ()
    h = Squeeze(yh, zero)
    y = MatMul(h, wo)
""", "float[16,10] y"),
    Sketch("gru",
           "float[20,16,32] X, float[1,192,32] w, float[1,192,64] r, float[1,384] b, float[64,10] wo",
           """
    ys, yh = GRU <hidden_size = 64, linear_before_reset = 1> (X, w, r, b)
    zero = Constant <value_ints = [0]> ()
    h = Squeeze(yh, zero)
    y = MatMul(h, wo)
""", "float[16,10] y"),
    Sketch("embedding_mean", "int64[32,20] T, float[5000,64] w, float[64,10] wo, float[10] bo",
           """
    e = Gather(w, T)
    m = ReduceMean <axes = [1], keepdims = 0> (e)
    y = Gemm(m, wo, bo)
""", "float[32,10] y", below=5000),
    Sketch("embedding_flat", "int64[256] T, float[500,64] w, float[64,10] wo, float[10] bo",
           """
    e = Gather(w, T)
    t = Tanh(e)
    y = Gemm(t, wo, bo)
""", "float[256,10] y", below=500),
    Sketch("attention_23", "float[4,32,64] X, float[64,64] wq, float[64,64] wk, float[64,64] wv",
           """
    q = MatMul(X, wq)
    k = MatMul(X, wk)
    v = MatMul(X, wv)
    y = Attention <q_num_heads = 4, kv_num_heads = 4> (q, k, v)
""", "float[4,32,64] y", opset=23),
    Sketch("group_normalization", "float[4,32,16,16] X, float[32,32,3,3] w1, float[32] g, float[32] b",
           """
    c = Conv <pads = [1, 1, 1, 1]> (X, w1)
    n = GroupNormalization <num_groups = 4> (c, g, b)
    y = Relu(n)
""", "float[4,32,16,16] y", opset=21),
    Sketch("instance_normalization",
           "float[4,32,16,16] X, float[32,32,3,3] w1, float[32] g, float[32] b",
           """
    c = Conv <pads = [1, 1, 1, 1]> (X, w1)
    n = InstanceNormalization(c, g, b)
    y = Elu(n)
""", "float[4,32,16,16] y"),
    Sketch("einsum_attention", "float[4,32,64] X, float[64,4,16] wq, float[64,4,16] wk, float[64,4,16] wv",
           """
    q = Einsum <equation = "btd,dhe->bhte"> (X, wq)
    k = Einsum <equation = "btd,dhe->bhte"> (X, wk)
    v = Einsum <equation = "btd,dhe->bhte"> (X, wv)
    s = Einsum <equation = "bhqe,bhke->bhqk"> (q, k)
    p = Softmax(s)
    y = Einsum <equation = "bhqk,bhke->bqhe"> (p, v)
""", "float[4,32,4,16] y"),
)  # fmt: skip
SYNTHETIC = {sketch.name: sketch for sketch in _SKETCHES}
