"""One small model per difference between opsets, at the opset that has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Stored:
    """An operand that the file holds."""

    array: Array


@dataclass(frozen=True)
class Case:
    """One node at one opset.

    Args:
        inputs: arrays are inputs of the model, ``Stored`` are in the file, None is left out.
        oracle: "ort" (the original file), "reference" (the same in ``onnx.reference``), or the outputs.
        converted: whether ``onnx.version_converter`` makes opset 21 of it.
        dims: names of dims for the first input, where they should be open.
    """

    op: str
    version: int
    inputs: tuple[Any, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    outputs: int = 1
    oracle: Any = "ort"
    converted: bool = True
    dims: tuple[Any, ...] | None = None
    label: str = ""

    def __str__(self) -> str:
        return f"{self.op}-{self.version}" + (f"-{self.label}" if self.label else "")


CASES: list[Case] = []
_rng = np.random.default_rng(7)


def case(op: str, version: int, *inputs: Any, **options: Any) -> None:
    known = {
        k: options.pop(k)
        for k in ("outputs", "oracle", "converted", "dims", "label")
        if k in options
    }
    CASES.append(Case(op, version, inputs, options, **known))


def normal(*shape: int) -> Array:
    return _rng.normal(size=shape).astype(np.float32)


def integers(*values: Any) -> Array:
    return np.array(values, np.int64)


def stored(*values: Any, dtype: Any = np.int64) -> Stored:
    return Stored(np.array(values, dtype))


# -- attributes that became inputs ----------------------------------------------------------------

x = normal(2, 3, 4)
for version in (7, 11, 12):
    case("Squeeze", version, normal(1, 3, 1), axes=[0, 2])
    case("Squeeze", version, normal(1, 3, 1), label="all")
    case("Unsqueeze", version, x, axes=[0, 2])
    case("Split", version, normal(6, 2), outputs=2, split=[2, 4], axis=0)
    case("Split", version, normal(6, 2), outputs=3, label="equal")
case("Squeeze", 11, normal(1, 3, 1), axes=[-1], label="negative")
case("Unsqueeze", 11, x, axes=[-1, 0], label="negative")
case("Squeeze", 13, normal(1, 3, 1), stored(0), label="input")
case("Squeeze", 21, normal(2, 1, 3), dims=("n", 1, "t"), label="open")
for version in (13, 17):
    case("Split", version, normal(6, 2), outputs=3, label="equal")
    case("Split", version, normal(6, 2), stored(1, 5), outputs=2, label="sizes")
for name in (
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin",
    "ReduceProd", "ReduceSumSquare", "ReduceSum",
):  # fmt: skip
    data = np.abs(x) + 0.5
    for version in (7, 11, 12, 13, 17):
        if name == "ReduceSum" and version > 12:
            continue
        case(name, version, data, axes=[1], keepdims=0)
        case(name, version, data, label="all")
    case(name, 11, data, axes=[-1, 0], label="negative")
case("Slice", 7, x, starts=[0, -3], ends=[1, 9], axes=[0, 2])
case("Slice", 9, x, starts=[1, 1], ends=[2, -1], label="first-axes")
case("Slice", 10, x, stored(1), stored(4), stored(2), stored(2), label="inputs")
case("Pad", 7, x, pads=[0, 1, 2, 0, 0, 1], value=1.5)
case("Pad", 10, x, pads=[0, 1, 2, 0, 0, 1])
case("Pad", 10, x, pads=[0, 1, 2, 0, 0, 1], mode="reflect", label="reflect")
case("Pad", 10, x, pads=[0, 1, 2, 0, 0, 1], mode="edge", label="edge")
case("Pad", 10, x, pads=[0, -1, 1, 0, 0, -1], label="crop")
case("Clip", 7, x, min=-0.5, max=0.25)
case("Clip", 10, x, max=0.25, label="max")
case("Clip", 10, x, label="none")
case("Dropout", 7, x, ratio=0.3, converted=False)
# nothing is dropped, so the mask is all ones (ONNX Runtime writes zeros before opset 12)
for version, dtype in ((7, np.float32), (10, bool)):
    kept = [x, np.ones(x.shape, dtype)]
    case("Dropout", version, x, outputs=2, ratio=0.3, oracle=kept, converted=False, label="mask")
case("TopK", 7, x, outputs=2, k=2, axis=1)
case("TopK", 10, x, stored(2), outputs=2, label="input")
signal = normal(2, 8, 1)
case("DFT", 17, signal, converted=False)
case("DFT", 19, normal(2, 8, 3, 2), axis=2, inverse=1, converted=False, label="axis")
case("DFT", 17, signal, onesided=1, converted=False, label="onesided")
case("CastLike", 15, x, integers(1), converted=False)
case("CastLike", 24, x, integers(1), round_mode="down", converted=False)
case("Cast", 24, x, to=7, round_mode="nearest", oracle="reference", converted=False)
case("Cast", 6 + 1, x, to=6, label="old")

# -- meaning --------------------------------------------------------------------------------------

for name in ("Softmax", "LogSoftmax", "Hardmax"):
    right: dict[str, Any] = {"converted": name != "Hardmax"}  # whose change the converter overlooks
    for version in (7, 11, 12):
        case(name, version, x, **right, label="default")
        case(name, version, x, axis=0, **right, label="all")
        case(name, version, x, axis=2, **right, label="last")
    case(name, 11, x, axis=-2, **right, label="negative")
    case(name, 11, x, axis=1, dims=("n", "t", 4), **right, label="open")
case("Scatter", 9, x, integers([[0, 1, 0, 1]]), normal(1, 1, 4), converted=False)
case("Scatter", 10, x, integers([[0, 1, 0, 1]]), normal(1, 1, 4), axis=1, converted=False)
case("OneHot", 9, integers(0, 2, 7), stored(3), Stored(np.array([0.5, 2], np.float32)))
case(
    "OneHot", 9, integers(0, -1, 3), stored(3), Stored(np.array([0, 1], np.float32)), axis=0,
    oracle=[np.array([[1, 0, 0], [0, 0, 0], [0, 0, 0]], np.float32)], converted=False, label="negative",
)  # fmt: skip
rois, batch = np.array([[0.5, 1, 6, 7], [1, 0, 4, 3]], np.float32), integers(0, 1)
for version in (10, 15):
    case(
        "RoiAlign", version, normal(2, 3, 8, 8), rois, batch, output_height=2, output_width=3,
        sampling_ratio=2, spatial_scale=0.9,
    )  # fmt: skip
case(
    "RoiAlign",
    16,
    normal(2, 3, 8, 8),
    rois,
    batch,
    output_height=2,
    output_width=2,
    label="shifted",
)
grid = _rng.uniform(-1.2, 1.2, (1, 3, 4, 2)).astype(np.float32)
for mode in ("bilinear", "bicubic", "nearest"):
    case("GridSample", 16, normal(1, 2, 5, 6), grid, mode=mode, label=mode)
case("GridSample", 16, normal(1, 2, 5, 6), grid, padding_mode="border", align_corners=1)
case("GridSample", 20, normal(1, 2, 5, 6), grid, mode="cubic", converted=False, label="new")
case(
    "GroupNormalization", 18, normal(2, 6, 5), normal(3), normal(3), num_groups=3, epsilon=1e-3,
    oracle="reference", converted=False,
)  # fmt: skip
case(
    "GroupNormalization", 20, normal(2, 4, 5), normal(2), normal(2), num_groups=2, dims=("n", None, 5),
    oracle="reference", converted=False, label="open",
)  # fmt: skip
image, vector = normal(2, 3, 4), lambda: np.abs(normal(3)) + 0.5
for version in (7, 9, 13):
    case("BatchNormalization", version, image, *(vector() for _ in range(4)), epsilon=1e-2)
plane = [np.abs(normal(3, 4)) + 0.5 for _ in range(4)]
case("BatchNormalization", 7, image, *plane, spatial=0, converted=False, label="per-element")
_scale, _bias, _mean, _var = (vector() for _ in range(4))
_m, _v = image.mean((0, 2)), image.var((0, 2))
case(
    "BatchNormalization", 9, image, _scale, _bias, _mean, _var, momentum=0.8, outputs=3, converted=False,
    oracle=[
        (image - _m[:, None]) / np.sqrt(_v[:, None] + 1e-5) * _scale[:, None] + _bias[:, None],
        _mean * 0.8 + _m * 0.2, _var * 0.8 + _v * 0.2,
    ],
    label="training",
)  # fmt: skip
picture = normal(1, 2, 3, 4)
for mode in ("nearest", "linear"):
    case(
        "Upsample", 7, picture, scales=[1.0, 1.0, 2.0, 1.5], mode=mode, converted=False, label=mode
    )
    factors = [("up", (1, 1, 2, 1.5)), ("down", (1, 1, 0.7, 0.6)), ("mixed", (1, 1, 2, 0.6))]
    for label, by in factors:
        scales = np.array(by, np.float32)
        if label == "up":
            case("Upsample", 9, picture, Stored(scales), mode=mode, converted=False, label=mode)
        case(
            "Resize",
            10,
            picture,
            Stored(scales),
            mode=mode,
            converted=False,
            label=f"{mode}-{label}",
        )
        case("Resize", 10, picture, scales, mode=mode, converted=False, label=f"{mode}-{label}-fed")
none = Stored(np.zeros(0, np.float32))
by = Stored(np.array([1, 1, 2, 1.5], np.float32))
for mode in ("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"):
    case(
        "Resize",
        11,
        picture,
        none,
        by,
        mode="linear",
        coordinate_transformation_mode=mode,
        label=mode,
    )
sizes = stored(1, 2, 5, 7)
case("Resize", 11, picture, none, none, sizes, mode="cubic", label="sizes")
case("Resize", 12, picture, none, none, sizes, mode="nearest", nearest_mode="ceil", label="sizes")
case("Resize", 13, picture, None, None, sizes, mode="linear", label="sizes")
case("Resize", 13, picture, none, none, sizes, mode="linear", label="empty")
case("Resize", 18, picture, None, None, stored(5, 7), axes=[2, 3], mode="linear", label="axes")
case(
    "Resize", 11, picture, none, by, mode="nearest", nearest_mode="floor", converted=False,
    coordinate_transformation_mode="tf_half_pixel_for_nn", label="tensorflow",
)  # fmt: skip

# -- the same at all opsets: kept honest -----------------------------------------------------------

case("ArgMax", 7, x, axis=1, keepdims=0)
case("ArgMin", 11, x, axis=1)
case("ArgMax", 12, np.array([[1, 3, 3]], np.float32), axis=1, select_last_index=1, label="last")
case("Gemm", 7, normal(2, 3), normal(4, 3), normal(4), transB=1, alpha=0.5)
case("Reshape", 7, x, stored(0, -1))
case("Reshape", 13, x, stored(4, 0, -1))
case("Shape", 13, x)
case("PRelu", 7, x, normal(4))
case("Pow", 7, np.abs(x), normal(4))
case("Max", 7, x, normal(2, 3, 4))
case("MaxPool", 7, normal(1, 2, 6, 6), kernel_shape=[2, 2], strides=[2, 2], pads=[1, 0, 0, 1])
case("MaxPool", 10, normal(1, 2, 6, 6), kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, outputs=2)
for version in (7, 10, 11):
    case("AveragePool", version, normal(1, 2, 6, 6), kernel_shape=[3, 2], strides=[2, 2],
         pads=[1, 0, 1, 1], count_include_pad=1)  # fmt: skip
case("LpPool", 11, normal(1, 2, 6, 6), kernel_shape=[3, 2], p=3)
case("DepthToSpace", 7, normal(1, 8, 2, 3), blocksize=2)
case("ScatterElements", 13, x, integers([[0, 1, 0, 1]]), normal(1, 1, 4), axis=1)
case("ScatterND", 16, x, integers([1], [0]), normal(2, 3, 4), reduction="add")
case("GatherND", 11, x, integers([0, 1], [1, 2]))
case(
    "LSTM",
    7,
    normal(3, 2, 4),
    normal(1, 20, 4),
    normal(1, 20, 5),
    normal(1, 40),
    hidden_size=5,
    outputs=3,
)
case(
    "GRU",
    7,
    normal(3, 2, 4),
    normal(1, 15, 4),
    normal(1, 15, 5),
    hidden_size=5,
    linear_before_reset=1,
)
case(
    "RNN",
    7,
    normal(3, 2, 4),
    normal(2, 5, 4),
    normal(2, 5, 5),
    hidden_size=5,
    direction="bidirectional",
)
case("DequantizeLinear", 10, np.array([1, 200], np.uint8), np.float32(0.5), np.array(128, np.uint8))
case("QuantizeLinear", 10, x, np.float32(0.03), np.array(100, np.uint8))
case("MeanVarianceNormalization", 9, normal(2, 3, 4, 4), oracle="reference")

# -- after our opset ------------------------------------------------------------------------------

scale = np.array(0.04, np.float32)
zero = np.array(3, np.int8)
later: dict[str, Any] = {"converted": False}
case("QuantizeLinear", 23, x, scale, zero, **later)
case("QuantizeLinear", 23, x, scale, zero, precision=1, **later, label="precision")
case(
    "QuantizeLinear",
    25,
    x.astype(np.float16),
    scale,
    zero,
    oracle="reference",
    **later,
    label="half",
)
case("DequantizeLinear", 23, np.array([-7, 5, 90], np.int8), scale, zero, **later)
case("DequantizeLinear", 23, np.array([-7, 5, 90], np.int8), scale.astype(np.float16), zero,
     output_dtype=1, oracle="reference", **later, label="type")  # fmt: skip
for dtype in (np.float16, np.float32, np.int64):
    bounds = (np.array(v, dtype) for v in (1, 9, 2))
    case("Range", 27, *bounds, oracle="reference", **later, label=np.dtype(dtype).name)
one = [np.array([v], np.float32) for v in (1, 9, 2)]
case(
    "Range", 11, *one, oracle=[np.array([1, 3, 5, 7], np.float32)], converted=False, label="vectors"
)
a, b = normal(4, 5) * 3, normal(5)
case("Mod", 28, a, b, oracle=[np.mod(a, b)], **later, label="floored")
case(
    "Mod",
    28,
    a,
    np.array(np.inf, np.float32),
    oracle=[np.mod(a, np.float32(np.inf))],
    **later,
    label="inf",
)
case("Mod", 28, a, b, fmod=1, oracle=[np.fmod(a, b)], **later, label="truncated")
case(
    "Mod",
    28,
    integers(-7, 7, 5),
    integers(3, -3, 2),
    oracle=[integers(2, -2, 1)],
    **later,
    label="whole",
)
case("SpaceToDepth", 28, normal(2, 3, 4, 6), blocksize=2, oracle="reference", **later)
case(
    "SpaceToDepth",
    28,
    normal(2, 3, 4, 6),
    blocksize=2,
    mode="CRD",
    oracle="reference",
    **later,
    label="crd",
)
for dtype in (np.int8, np.int16, np.int32, np.int64, np.uint16, np.uint8):
    left = np.array([1, 5, 100] if np.dtype(dtype).kind == "u" else [1, -5, 100], dtype)
    for direction in ("LEFT", "RIGHT"):
        case("BitShift", 28, left, np.array([1, 2, 70], dtype), direction=direction, oracle="reference",
             **later, label=f"{np.dtype(dtype).name}-{direction}")  # fmt: skip
case("BitShift", 11, np.array([1, 5], np.uint16), np.array([1, 2], np.uint16), direction="LEFT",
     oracle="reference")  # fmt: skip
case("Swish", 24, x, **later)
case("Swish", 24, x, alpha=1.7, **later, label="alpha")
case("SwiGLU", 28, x, normal(2, 3, 4), alpha=0.7, oracle="reference", **later)
case("RMSNormalization", 23, x, normal(4), **later)
case("RMSNormalization", 23, x, normal(3, 4), axis=1, epsilon=1e-2, **later, label="axis")
case("RMSNormalization", 23, x.astype(np.float16), normal(4).astype(np.float16), oracle="reference",
     **later, label="half")  # fmt: skip
case("BitCast", 26, np.array([1, -5], np.int32), to=12, oracle="reference", **later)
case("BitCast", 26, x, to=1, oracle="reference", **later, label="same")
cache = normal(2, 3, 6, 4)
case("TensorScatter", 24, cache, normal(2, 3, 2, 4), integers(1, 4), oracle="reference", **later)
case("TensorScatter", 24, cache, normal(2, 3, 2, 4), oracle="reference", **later, label="from-zero")
case("TensorScatter", 24, cache, normal(2, 3, 3, 4), integers(2, 5), mode="circular", oracle="reference",
     dims=("n", 3, "t", 4), **later, label="circular")  # fmt: skip
case("TensorScatter", 24, normal(2, 6), normal(2, 2), integers(1, 4), axis=1, oracle="reference", **later,
     label="matrix")  # fmt: skip
product = normal(2, 5, 3)
product[0, 2, 1] = 0
for exclusive in (0, 1):
    for reverse in (0, 1):
        for dims in (None, ("n", "t", 3)):
            case("CumProd", 26, product, Stored(np.array(1)), exclusive=exclusive, reverse=reverse, dims=dims,
                 oracle="reference", **later, label=f"{exclusive}{reverse}-{dims and 'open'}")  # fmt: skip
case(
    "CumProd",
    26,
    normal(4),
    Stored(np.array(-1)),
    oracle="reference",
    dims=("n",),
    **later,
    label="vector",
)

# -- what runs otherwise than it is written ---------------------------------------------------------

batched = normal(2, 4, 3)
for name, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
    weights = (normal(1, 5 * gates, 3), normal(1, 5 * gates, 5), normal(1, 10 * gates))
    states = (normal(2, 1, 5),) * (2 if name == "LSTM" else 1)
    case(name, 14, batched, *weights, None, *states, hidden_size=5, layout=1, oracle="reference",
         outputs=3 if name == "LSTM" else 2, converted=False, label="batch-first")  # fmt: skip
case(
    "Pow",
    13,
    np.abs(x),
    np.array([2, 0, 1, 3], np.uint32),
    oracle="reference",
    converted=False,
    label="unsigned",
)
for name in ("Max", "Min"):
    case(name, 13, np.array([1, -7], np.int16), np.array([0, 3], np.int16), oracle="reference",
         converted=False, label="short")  # fmt: skip
tall = normal(3, 4).astype(np.float16)
case("Celu", 28, tall, alpha=0.7, oracle="reference", **later, label="half")
case("Elu", 22, tall, **later, label="half")
pooled, where = normal(1, 1, 2, 2), np.array([[[[5, 7], [8, 15]]]])
for dims in (None, (1, 1, "h", "w")):
    case("MaxUnpool", 11, pooled, where, stored(1, 1, 5, 6), kernel_shape=[2, 2], strides=[2, 2], dims=dims,
         oracle="reference", converted=False, label=f"shape-{dims and 'open'}")  # fmt: skip
masked = np.array([[True], [False]])
case("Where", 16, masked, Stored(np.array(0, np.float32)), normal(2, 3), label="rows")
case("Split", 18, Stored(np.arange(5)), outputs=3, num_outputs=3, converted=False, label="constant")
case("Split", 13, Stored(np.arange(5)), stored(2, 3), outputs=2, converted=False, label="constant")

# -- attention, whose body is written anew: masks of every kind, against the standard's own --------------

dims4 = ("b", 2, "s", 4)
q, k, v = (normal(2, 2, 3, 4) for _ in range(3))
lowest = np.finfo(np.float32).min
hides = np.array([[0, -np.inf, 0.5], [-np.inf] * 3, [lowest] * 3], np.float32)
chosen = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 1]], bool)
for version in (23, 25):
    for causal in (0, 1):
        for label, mask in (
            ("plain", None),
            ("floats", hides),
            ("bools", chosen),
            ("tall", chosen[None, None]),
        ):
            case("Attention", version, q, k, v, mask, is_causal=causal, oracle="reference", **later,
                 label=f"{label}-{causal}")  # fmt: skip
past = normal(2, 2, 2, 4)
wide_mask = np.array(_rng.uniform(size=(1, 1, 3, 5)) > 0.3)
case("Attention", 24, q, k, v, wide_mask, past, past, is_causal=1, outputs=3, oracle="reference", **later,
     label="past")  # fmt: skip
case("Attention", 24, q, k, v, None, past, past, is_causal=1, outputs=3, dims=dims4, oracle="reference",
     **later, label="past-open")  # fmt: skip
case("Attention", 23, normal(2, 4, 3, 4), k, v, chosen, is_causal=1, softcap=2.0, scale=0.3, dims=("b", 4, "s", 4),
     oracle="reference", **later, label="groups")  # fmt: skip
case("Attention", 23, normal(2, 3, 8), normal(2, 3, 8), normal(2, 3, 6), q_num_heads=2, kv_num_heads=2,
     is_causal=1, dims=("b", "s", 8), oracle="reference", **later, label="packed")  # fmt: skip
case(
    "Attention",
    25,
    q,
    k,
    v,
    chosen,
    left_window_size=1,
    oracle="reference",
    **later,
    label="window",
)
