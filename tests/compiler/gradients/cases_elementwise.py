"""Elementwise operators and activations."""

from __future__ import annotations

import numpy as np

from waterhorse.compiler import op

from .data import apart, normal, positive, within
from .harness import Case, case

SMOOTH = {
    "Neg": normal, "Reciprocal": positive, "Sqrt": positive, "Exp": normal, "Log": positive,
    "Sin": normal, "Cos": normal, "Identity": normal, "Sigmoid": normal, "Tanh": normal,
}  # fmt: skip
# no double kernel
SINGLE = {
    "Tan": within, "Asin": within, "Acos": within, "Atan": normal, "Sinh": normal,
    "Cosh": normal, "Asinh": normal, "Atanh": within, "Softplus": normal, "Mish": normal,
}  # fmt: skip
KINKED = ("Elu", "Selu", "LeakyRelu", "Softsign", "HardSwish")
MASK = np.array([[True, False, True], [False, True, True]])

CASES: list[Case] = [
    *(case(name, lambda x, n=name: getattr(op, n)(x), make(2, 3)) for name, make in SMOOTH.items()),
    *(
        case(name, lambda x, n=name: getattr(op, n)(x), make(2, 3), engine="reference")
        for name, make in SINGLE.items()
    ),
    *(
        case(name, lambda x, n=name: getattr(op, n)(x), apart(4, 5), engine="reference", smooth=False)
        for name in KINKED
    ),
    case("ThresholdedRelu", op.ThresholdedRelu, apart(9) * 6, engine="reference", smooth=False),
    case("Erf", op.Erf, normal(9), engine="single"),
    case("Acosh", op.Acosh, positive(2, 3) + 1, engine="reference"),
    case("Abs", op.Abs, apart(2, 3)),
    case("Relu", op.Relu, apart(4, 3)),
    case("Add", op.Add, normal(2, 3), normal(2, 3)),
    case("Add", lambda x: x + x, normal(2, 3), label="same"),
    case("Add", op.Add, normal(2, 3), normal(3), label="lead"),
    case("Add", op.Add, normal(2, 1), normal(4, 1, 3), label="both"),
    case("Add", op.Add, normal(), normal(4, 3), label="scalar"),
    case("Add", op.Add, normal(4, 1), normal(1, 3), label="outer"),
    case("Add", op.Add, normal(4, 3), normal(1, 3), label="dynamic-one", dims=(("n", 3), ("m", 3))),
    case("Add", op.Add, normal(4, 3), normal(4, 3), label="dynamic-same", dims=(("n", 3), ("m", 3))),
    case("Add", op.Add, normal(1, 3), normal(5, 3), label="dynamic-left", dims=(("n", 3), ("m", 3))),
    case("Add", op.Add, normal(2, 1, 1), normal(4, 5), label="unknown",
         dims=((None, None, None), (None, None))),
    case("Add", op.Add, normal(1, 3), normal(2, 4, 3), label="dynamic-and-lead",
         dims=(("n", 3), ("a", "b", 3))),
    case("Add", op.Add, normal(1, 1), normal(4, 3), label="static-and-dynamic",
         dims=(("n", 1), ("m", 3))),
    case("Sub", op.Sub, normal(2, 3), normal(3)),
    case("Mul", op.Mul, normal(2, 3), normal(2, 1)),
    case("Mul", lambda x: x * x, normal(2, 3), label="square"),
    case("Mul", op.Mul, normal(1, 3), normal(4, 3), label="dynamic", dims=(("n", 3), ("m", 3))),
    case("Div", op.Div, normal(2, 3), positive(3)),
    case("Div", op.Div, normal(2, 3), positive(1, 1), label="dynamic", dims=(None, (None, None))),
    case("Pow", op.Pow, positive(2, 3), normal(3)),
    case("Pow", lambda x: x**3, apart(2, 3), label="cube"),
    case("Pow", lambda x: x**2, np.array([0.0, 1.0, -2.0]), label="zero-base"),
    case("Pow", lambda x: op.Pow(x, np.array([2, 3, 1])), apart(3), label="integers"),
    case("Mod", lambda x, y: op.Mod(x, y, fmod=1), apart(7) * 10 + 0.01, positive(7),
         smooth=False),
    case("Sum", op.Sum, normal(2, 3), normal(3), normal(2, 1)),
    case("Sum", op.Sum, normal(2, 3), label="one"),
    case("Mean", op.Mean, normal(2, 3), normal(3), normal(2, 1), engine="reference"),
    case("Max", op.Max, apart(2, 3), apart(2, 3) + 0.02, normal(3)),
    case("Max", op.Max, apart(2, 3), label="one"),
    case("Min", op.Min, apart(2, 3), apart(2, 3) + 0.02, np.array([-1.0, 0.5, 1.0]),
         smooth=False),
    case("Where", lambda x, y: op.Where(MASK, x, y), normal(2, 3), normal(3)),
    case("Where", op.Where, MASK[:, :1], normal(1, 3), normal(2, 3), label="dynamic",
         dims=(("n", 1), ("m", 3), ("n", 3))),
    case("Clip", op.Clip, apart(4, 3)),
    case("Clip", op.Clip, apart(4, 3), -0.21, 0.32, label="bounds"),
    case("Clip", lambda x, b: op.Clip(x, None, b), apart(4, 3), 0.32, label="no-min"),
    case("Clip", op.Clip, apart(4, 3), -0.21, label="no-max"),
    case("Cast", lambda x: op.Cast(op.Cast(x, to="float64"), to=x.dtype) * x, normal(3),
         engine="single"),
    case("CastLike", lambda x, y: op.CastLike(x, y) * y, normal(3), normal(3)),
    case("PRelu", op.PRelu, apart(2, 3, 4), normal(3, 1), engine="reference", smooth=False),
    case("PRelu", op.PRelu, apart(2, 3), normal(), engine="reference", smooth=False, label="scalar"),
    case("LeakyRelu", lambda x: op.LeakyRelu(x, alpha=0.3), apart(9), engine="reference",
         smooth=False, label="alpha"),
    case("Elu", lambda x: op.Elu(x, alpha=0.7), apart(9), engine="reference", label="alpha"),
    case("Celu", op.Celu, apart(9), engine="single"),
    case("Celu", lambda x: op.Celu(x, alpha=0.7), apart(9), engine="single", label="alpha"),
    case("Selu", lambda x: op.Selu(x, alpha=1.2, gamma=0.9), apart(9), engine="reference",
         label="alpha"),
    case("ThresholdedRelu", lambda x: op.ThresholdedRelu(x, alpha=0.12), apart(9),
         engine="reference", smooth=False, label="alpha"),
    case("HardSigmoid", lambda x: op.HardSigmoid(x, alpha=0.3, beta=0.4), apart(9) * 6,
         engine="reference", smooth=False),
    case("HardSwish", op.HardSwish, apart(11) * 8, engine="reference", label="wide"),
    case("Gelu", op.Gelu, normal(9), engine="single"),
    case("Gelu", lambda x: op.Gelu(x, approximate="tanh"), normal(9), engine="reference",
         label="tanh"),
    case("Softmax", op.Softmax, normal(2, 3)),
    case("Softmax", lambda x: op.Softmax(x, axis=0), normal(2, 3), label="first"),
    case("Softmax", lambda x: op.Softmax(x, axis=-2), normal(2, 3, 2), dims=((None, 3, None),),
         label="middle"),
    case("LogSoftmax", op.LogSoftmax, normal(2, 3)),
    case("LogSoftmax", lambda x: op.LogSoftmax(x, axis=1), normal(2, 3, 2), label="middle"),
    case("Shrink", lambda x: op.Shrink(x, bias=0.1, lambd=0.22), apart(9), engine="reference",
         smooth=False),
    case("Dropout", op.Dropout, normal(5)),
    case("Dropout", lambda x: op.Dropout(x, 0.4, False), normal(5), label="off"),
    *(
        case("Mod", lambda x, y: op.Mod(x, y, fmod=1), np.array([7.3, -7.3, 7.3, -7.3, 0.2]),
             np.array(divisors), label=f"signs-{len(divisors)}", smooth=False)
        for divisors in ([2.0, 2.1, -2.2, -2.4, 3.0], [-3.1])
    ),
    case("Mod", lambda x, y: op.Mod(x, y, fmod=1), np.array([0.3 + 1e-3, 0.7 + 1e-3]),
         np.array([0.1, 0.1]), label="just-above", smooth=False),
    case("Pow", op.Pow, np.array([-2.0, 3.0, -1.5]), np.array([3.0, 2.0, -2.0]),
         label="negative-bases", fixed=[1]),
    case("Pow", op.Pow, np.array([0.0, 0.0, 0.0, 2.0]),
         np.array([1.0, 2.0, 3.0, 0.0]), label="zero-bases", fixed=[1]),
    case("Pow", lambda x, y: op.Pow(y, op.Cast(x, to=y.dtype)), np.array([[2], [3]], np.int32),
         apart(3), label="cast-exponent"),
    case("Pow", op.Pow, positive(1, 3), normal(2, 1), label="dynamic",
         dims=((None, None), (None, None))),
    *(
        case("Pow", lambda x, p=exponent: x**p, positive(3), label=f"{exponent}")
        for exponent in (0.5, -1.0, 1.0, 2.0, 2.5)
    ),
    *(
        case("Div", op.Div, normal(*a), positive(*b), label=f"{a}{b}-{bool(dims)}", dims=dims)
        for a, b in (((2, 3), ()), ((), (2, 3)), ((3,), (2, 3)), ((2, 1, 3), (4, 1)))
        for dims in (None, ((None,) * len(a), (None,) * len(b)))
    ),
    *(
        case(name, lambda *xs, n=name: getattr(op, n)(*xs), apart(4, 3), apart(4, 1) + 0.013,
             apart(3) + 0.027, apart(1, 1) + 0.031, label="four", dims=dims, smooth=False)
        for name, dims in (("Max", None), ("Min", ((None, 3), (None, None), (3,), (None, None))))
    ),
    *(
        case("Clip", op.Clip, apart(4, 3), np.array(low), np.array(high), smooth=False,
             label=f"{low}-{high}", dims=((None, None), None, None))
        for low, high in ((-0.21, 0.32), (0.32, -0.21), ([-0.21], [0.32]))
    ),
    *(
        case("PRelu", op.PRelu, apart(2, 3, 4), normal(*shape), engine="reference", smooth=False,
             label=f"slopes-{shape}", dims=((None, 3, None), (None,) * len(shape)))
        for shape in ((1,), (4,), (3, 1), (2, 3, 4), (1, 3, 1))
    ),
    *(
        case(name, lambda x, n=name, a=axis: getattr(op, n)(x, axis=a), normal(2, 3, 4),
             label=f"axis-{axis}", dims=((None, "t", 4),))
        for name in ("Softmax", "LogSoftmax") for axis in (0, 1, 2, -1, -3)
    ),
    case("Where", op.Where, np.array([[True], [False]]), normal(), normal(1, 3), label="scalar",
         dims=((None, None), (), (None, None))),
]  # fmt: skip
