"""Cases for the ops that NumPy has as well, or nearly: each is asked of Keras at least once.

Not here, since Keras on torch has other results than NumPy, which ``test_ops.py`` compares with: ``nonzero`` and
``where`` with one argument (one array instead of a tuple), ``pad`` by one number or "symmetric" (wrong),
``average`` with weights along an axis, ``dot`` of more dims, ``vdot`` of matrices, ``imag`` (errors).
"""

from __future__ import annotations

import numpy as np

from .cases_ops import CASES as BEFORE
from .cases_ops import OpCase, case, positive, unit

RNG = np.random.default_rng(41)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


def whole(low: int, high: int, *shape: int) -> np.ndarray:
    return RNG.integers(low, high, shape).astype("int32")


A, B, ROW, CUBE = normal(4, 3), normal(4, 3), normal(3), normal(2, 3, 4)
SIZES, UNIT = np.abs(normal(4, 3)) + np.float32(0.5), np.tanh(normal(4, 3))
HALVES = np.array([-2.5, -1.5, -0.5, 0.0, 0.5, 1.5, 2.5, 3.2], "float32")
ODD = np.array([[1.0, np.nan, -2.0], [np.inf, -np.inf, 0.0]], "float32")
WHOLE, SMALL, FEW = whole(-9, 9, 4, 3), whole(1, 5, 4, 3), whole(0, 4, 5)
YES, NO = A > 0, B > 0
CHANCES = (np.exp(A) / np.exp(A).sum(-1, keepdims=True)).astype("float32")
ONE_HOT = np.eye(3, dtype="float32")[[0, 2, 1, 1]]


def flat(call: str, *inputs: object, **kwargs: object) -> OpCase:
    """A case without gradients and without an unknown dim."""
    return case(call, *inputs, wrt=0, dynamic=False, **kwargs)  # type: ignore[arg-type]


SMOOTH = ("abs", "absolute", "arctan", "arcsinh", "cos", "cosh", "deg2rad", "erf", "exp", "exp2",
          "fabs", "negative", "rad2deg", "sin", "sinc", "sinh", "square", "swish", "hard_swish", "tan", "logsumexp",
          "sum", "mean", "std", "var", "max", "min", "amax", "amin", "prod", "ptp", "average",
          "cumsum", "ravel", "copy", "conjugate", "fliplr", "flipud", "swapaxes", "moveaxis")  # fmt: skip
NEEDS = {"swapaxes": {"axis1": 0, "axis2": 1}, "moveaxis": {"source": 0, "destination": 1}}
ELEMENTWISE = [
    *(case(n, A, **NEEDS.get(n, {})) for n in SMOOTH), case("erfc", A, rtol=1e-4),
    *(case(n, SIZES) for n in ("sqrt", "log", "log2", "log10", "reciprocal", "rsqrt", "cbrt")),
    *(case(n, UNIT) for n in ("arcsin", "arccos", "arctanh")), case("arccosh", SIZES + 1),
    *(flat(n, HALVES) for n in ("floor", "ceil", "trunc", "round", "sign", "signbit")),
    flat("round", A, decimals=1), case("clip", A, x_min=-0.5, x_max=0.7),
    *(flat(n, ODD) for n in ("isfinite", "isinf", "isnan", "isneginf", "isposinf", "nan_to_num")),
    flat("nan_to_num", ODD, nan=1.0, posinf=2.0, neginf=-3.0),
    flat("logical_not", YES),
]  # fmt: skip
PAIRS = [
    *(case(n, A, B, wrt=2) for n in ("add", "subtract", "multiply", "divide", "true_divide", "maximum",
                                     "minimum", "logaddexp2", "divide_no_nan")),
    *(case(n, A, ROW, wrt=2) for n in ("add", "subtract", "multiply", "divide", "maximum", "minimum")),
    *(flat(n, A, B) for n in ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal",
                              "floor_divide", "mod", "fmod", "heaviside", "isclose", "allclose")),
    *(flat(n, WHOLE, SMALL) for n in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "equal",
                                      "less", "mod", "floor_divide", "bitwise_and", "bitwise_or",
                                      "bitwise_xor", "bitwise_left_shift", "right_shift")),
    *(flat(n, YES, NO) for n in ("logical_and", "logical_or", "logical_xor")),
    *(flat(n, WHOLE) for n in ("bitwise_not", "bitwise_invert", "abs", "square", "sum", "mean", "sign")),
    case("power", SIZES, B, wrt=2), case("power", A, 3), flat("power", SMALL, 2),
    flat("divide_no_nan", A, np.zeros_like(A)), flat("isin", WHOLE, np.array([1, 2, -3], "int32")),
]  # fmt: skip
REDUCTIONS = [
    *(case(n, CUBE, axis=(0, 2), keepdims=k) for n in ("sum", "mean", "max", "min", "prod", "std", "var", "logsumexp")
      for k in (False, True)),
    *(flat(n, A, axis=a) for n in ("argmax", "argmin", "argsort") for a in (0, -1)),
    flat("argmax", A), flat("argmin", A, axis=1, keepdims=True), flat("argsort", A, axis=None),
    *(flat(n, YES, axis=a) for n in ("all", "any", "count_nonzero") for a in (None, 1)),
    case("average", A, axis=0), case("cumsum", CUBE, axis=1),
    case("ptp", A, axis=1), case("sort", A, axis=0), case("sort", A), case("trace", CUBE, offset=1, axis1=1, axis2=2),
    case("moments", CUBE, axes=[0, 1]), case("moments", CUBE, axes=[2], keepdims=True), case("diff", A, axis=0),
    case("diff", CUBE, n=2), flat("in_top_k", np.array([0, 2, 1, 1], "int32"), A, k=2), case("top_k", A, k=2, wrt=0),
    flat("searchsorted", np.sort(ROW), HALVES), flat("searchsorted", np.sort(ROW), HALVES, side="right"),
]  # fmt: skip
PRODUCTS = [
    case("matmul", A, normal(3, 2), wrt=2), case("matmul", CUBE, normal(2, 4, 5), wrt=2), case("matmul", A, ROW, wrt=2),
    case("dot", A, normal(3, 2), wrt=2), case("dot", CUBE, normal(4, 2), wrt=2), case("inner", A, B, wrt=2),
    case("outer", ROW, normal(4), wrt=2), case("vdot", ROW, normal(3), wrt=2, dynamic=False), case("cross", A, B, wrt=2),
    case("einsum", "bij,jk->bik", CUBE, normal(4, 5), wrt=0), case("einsum", "...i,...i->...", A, B, wrt=0),
    case("tensordot", CUBE, normal(3, 4, 2), axes=2, wrt=2),
    case("tensordot", CUBE, normal(4, 2), axes=[[2], [0]], wrt=2), case("eigh", positive(3, 3), wrt=0, dynamic=False),
]  # fmt: skip
SHAPES = [
    case("reshape", CUBE, newshape=(-1, 6)), case("transpose", CUBE), case("transpose", CUBE, axes=(1, 0, 2)),
    case("expand_dims", A, axis=1), case("expand_dims", A, axis=(0, 2)), case("squeeze", A[:, None], axis=1),
    case("broadcast_to", ROW, shape=(4, 3), dynamic=False), case("repeat", A, repeats=2, axis=1),
    case("repeat", A, repeats=2), case("tile", A, repeats=(2, 1)), case("roll", CUBE, shift=1, axis=1), case("roll", A, shift=2),
    case("rot90", CUBE, k=3), case("flip", CUBE, axis=1), case("flip", A), case("pad", A, pad_width=((1, 2), (0, 1))),
    case("pad", A, pad_width=((1, 1), (1, 1)), constant_values=2.0), case("pad", CUBE, pad_width=((0, 0), (2, 1), (1, 1)), mode="reflect"),
    case("append", A, B, axis=1, wrt=2),
    case("diag", ROW, k=1, dynamic=False), case("diag", A, dynamic=False), case("diagonal", CUBE, axis1=1, axis2=2), case("tril", CUBE, k=-1),
    case("triu", A, k=1), *(case(n, A, B, wrt=2, unpacked=True) for n in ("concatenate", "stack", "hstack", "vstack")),
    case("concatenate", A, normal(4, 2), axis=1, wrt=2, unpacked=True), case("stack", A, B, axis=-1, wrt=2, unpacked=True),
    case("split", CUBE, indices_or_sections=[1, 3], axis=2), case("split", CUBE, indices_or_sections=3, axis=1),
    case("unstack", CUBE, axis=1), case("meshgrid", ROW, normal(2), wrt=2, dynamic=False),
    case("array", A), case("convert_to_tensor", A), flat("cast", A, dtype="int32"), flat("saturate_cast", A * 300, dtype="uint8"),
    flat("size", CUBE), flat("ndim", CUBE), flat("zeros_like", A), flat("ones_like", WHOLE), flat("full_like", A, fill_value=2),
    flat("stop_gradient", A),
]  # fmt: skip
PICKING = [
    case("take", CUBE, whole(0, 3, 2, 2), axis=1), case("take", A, FEW % 4, axis=0, dynamic=False),
    case("take_along_axis", A, whole(0, 3, 4, 2), axis=1), case("where", YES, A, B, wrt=0),
    flat("select", [YES, NO], [A, B], default=-1.0), case("slice", CUBE, start_indices=(0, 1, 1), shape=(2, 2, 3), dynamic=False),
    case("slice_update", A, start_indices=(1, 1), updates=np.ones((2, 2), "float32"), dynamic=False),
    flat("scatter", np.array([[0], [2], [0]], "int32"), normal(3, 2), shape=(4, 2)),
    case("scatter_update", A, indices=[[0, 1], [3, 2]], updates=[5.0, 6.0], dynamic=False), flat("one_hot", FEW, num_classes=4),
    flat("one_hot", FEW - 1, num_classes=3, axis=0), flat("multi_hot", whole(0, 4, 3, 2), num_classes=4),
]  # fmt: skip
MADE = [
    *(flat("arange", *given) for given in ((5,), (1, 7, 2), (0.5, 2.0, 0.25))), flat("linspace", 0.0, 1.0, num=5),
    flat("linspace", 0.0, 1.0, num=4, endpoint=False), flat("logspace", 0.0, 2.0, num=3), flat("eye", 3, 4, k=1),
    flat("identity", 3), flat("tri", 3, 4, k=1), flat("zeros", (2, 3)), flat("ones", (2,), dtype="int32"),
    flat("full", (2, 2), 7.0),
]  # fmt: skip
LOSSES = [
    case("binary_crossentropy", (unit(4, 3) > 0.5).astype("float32"), CHANCES, wrt=0),
    case("binary_crossentropy", (unit(4, 3) > 0.5).astype("float32"), A, from_logits=True, wrt=0),
    case("categorical_crossentropy", ONE_HOT, CHANCES, wrt=0), case("categorical_crossentropy", ONE_HOT, A, from_logits=True, wrt=0),
    case("sparse_categorical_crossentropy", np.array([0, 2, 1, 1], "int32"), CHANCES, wrt=0),
    case("sparse_categorical_crossentropy", np.array([0, 2, 1, 1], "int32"), A, from_logits=True, wrt=0),
]  # fmt: skip

CASES = [*BEFORE, *ELEMENTWISE, *PAIRS, *REDUCTIONS, *PRODUCTS, *SHAPES, *PICKING, *MADE, *LOSSES]
