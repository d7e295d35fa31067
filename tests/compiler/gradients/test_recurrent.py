"""RNN, GRU and LSTM against the standard's equations, written down in NumPy.

Slopes are taken by complex numbers: ``imag(f(x + i e v)) / e`` is exact (Squire and Trapp 1998), also beside a
kink. Each operand's gradient is compared by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from waterhorse.compiler import autodiff, ir, lower
from waterhorse.compiler.infer import TensorType
from waterhorse.errors import GradientError

from .cases_recurrent import (
    BATCH,
    HIDDEN,
    KINKED,
    LAYERS,
    NUMBERS,
    STATES,
    STEPS,
    USUAL,
    Layer,
    layer,
)
from .harness import Array, graphs, run

STEP = 1e-30
DEFAULTS = {"LeakyRelu": (0.01,), "Elu": (1.0,), "HardSigmoid": (0.2, 0.5)}


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def absolute(x: Array) -> Array:
    return np.where(x.real < 0, -x, x)


def clipped(x: Array, low: float, high: float) -> Array:
    return np.where(x.real < low, low, np.where(x.real > high, high, x))


FUNCTIONS: dict[str, Callable[[Array, float, float], Array]] = {
    "affine": lambda x, a, b: a * x + b,
    "elu": lambda x, a, b: np.where(x.real < 0, a * (np.exp(x) - 1), x),
    "hardsigmoid": lambda x, a, b: clipped(a * x + b, 0, 1),
    "leakyrelu": lambda x, a, b: np.where(x.real < 0, a * x, x),
    "relu": lambda x, a, b: np.where(x.real < 0, 0, x),
    "scaledtanh": lambda x, a, b: a * np.tanh(b * x),
    "sigmoid": lambda x, a, b: sigmoid(x),
    "softplus": lambda x, a, b: np.log(1 + np.exp(x)),
    "softsign": lambda x, a, b: x / (1 + absolute(x)),
    "tanh": lambda x, a, b: np.tanh(x),
    "thresholdedrelu": lambda x, a, b: np.where(x.real < a, 0, x),
}


def functions(one: Layer, directions: int) -> list[Callable[[Array], Array]]:
    """The activation functions of all directions, with their numbers."""
    alphas = list(one.attributes.get("activation_alpha", ()))
    betas = list(one.attributes.get("activation_beta", ()))
    counts = {n.lower(): (c, DEFAULTS.get(n, ())) for n, c in NUMBERS.items()}

    def numbered(name: str) -> Callable[[Array], Array]:
        count, defaults = counts[name.lower()]
        a = (alphas.pop(0) if alphas else defaults[0]) if count > 0 else 0.0
        b = (betas.pop(0) if betas else defaults[1]) if count > 1 else 0.0
        return lambda x: FUNCTIONS[name.lower()](x, a, b)

    return [numbered(n) for n in one.attributes.get("activations", USUAL[one.name] * directions)]


def equations(one: Layer, given: dict[str, Array]) -> tuple[Array, ...]:
    """Y, Y_h and Y_c by the equations of the standard, one sequence at a time."""
    attributes, r = one.attributes, given["r"]
    directions, each = len(r), len(USUAL[one.name])
    chosen = functions(one, directions)
    lengths = given.get("lengths", np.full(BATCH, STEPS))
    y = np.zeros((STEPS, directions, BATCH, HIDDEN), complex)
    finals = np.zeros((2, directions, BATCH, HIDDEN), complex)
    cell = {"RNN": rnn_cell, "GRU": gru_cell, "LSTM": lstm_cell}[one.name]
    for d in range(directions):
        backwards = d == 1 or attributes.get("direction") == "reverse"
        mine = {k: a[d] for k, a in given.items() if k not in ("x", "lengths")}
        for n in range(BATCH):
            zero = np.zeros(HIDDEN, complex)
            h = mine["h0"][n] if "h0" in mine else zero
            c = mine["c0"][n] if "c0" in mine else zero
            for t in range(lengths[n])[:: -1 if backwards else 1]:
                fs = chosen[d * each : (d + 1) * each]
                h, c = cell(given["x"][t, n], h, c, mine, fs, attributes)
                y[t, d, n] = h
            if lengths[n]:  # of an empty sequence nothing is said; ONNX Runtime gives zeros
                finals[:, d, n] = h, c
    return y, finals[0], finals[1]


def halves(mine: dict[str, Array]) -> Any:
    return np.split(mine.get("bias", np.zeros(2 * len(mine["w"]))), 2)


def limited(x: Array, attributes: dict[str, Any]) -> Array:
    limit = attributes.get("clip")
    return clipped(x, -limit, limit) if limit else x


def rnn_cell(x: Array, h: Array, c: Array, mine: Any, fs: Any, attributes: Any) -> Any:
    of_input, of_hidden = halves(mine)
    return fs[0](limited(mine["w"] @ x + mine["r"] @ h + of_input + of_hidden, attributes)), c


def gru_cell(x: Array, h: Array, c: Array, mine: Any, fs: Any, attributes: Any) -> Any:
    f, g = [lambda v, k=k: fs[k](limited(v, attributes)) for k in (0, 1)]
    of_input, of_hidden = halves(mine)
    xz, xr, xh = np.split(mine["w"] @ x + of_input, 3)
    rz, rr, rh = np.split(mine["r"], 3)
    bz, br, bh = np.split(of_hidden, 3)
    z, r = f(xz + rz @ h + bz), f(xr + rr @ h + br)
    linear = attributes.get("linear_before_reset")
    candidate = g(xh + r * (rh @ h + bh)) if linear else g(xh + rh @ (r * h) + bh)
    return (1 - z) * candidate + z * h, c


def lstm_cell(x: Array, h: Array, c: Array, mine: Any, fs: Any, attributes: Any) -> Any:
    f, g = [lambda v, k=k: fs[k](limited(v, attributes)) for k in (0, 1)]
    of_input, of_hidden = halves(mine)
    i, o, forget, candidate = np.split(mine["w"] @ x + mine["r"] @ h + of_input + of_hidden, 4)
    pi, po, pf = np.split(mine.get("peepholes", np.zeros(3 * HIDDEN)), 3)
    i = f(i + pi * c)
    forget = 1 - i if attributes.get("input_forget") else f(forget + pf * c)
    c = forget * c + i * g(candidate)
    return f(o + po * c) * fs[2](c), c


def compare(one: Layer, found: dict[str, Array], cotangents: list[Array]) -> None:
    """Each gradient in a random direction against the equations' slope."""
    rng = np.random.default_rng(len(one.label))
    for name, dx in found.items():
        assert dx.shape == one.arrays[name].shape
        direction = rng.normal(size=dx.shape)
        there = {**one.arrays, name: one.arrays[name] + 1j * STEP * direction}
        ys = [equations(one, there)[k] for k in one.keep]
        expected = sum(np.sum(v * y.imag) for v, y in zip(cotangents, ys, strict=True)) / STEP
        size = np.abs(dx * direction).sum()
        assert abs(expected - np.sum(dx * direction)) <= 1e-5 * size, f"gradient of {name}"
        assert size > 0, f"gradient of {name} is zero: the case shows nothing"


@pytest.mark.parametrize("one", [*LAYERS, *KINKED], ids=lambda c: f"{c.name}-{c.label}")
def test_equations(one: Layer) -> None:
    case = one.case()
    made = graphs(case, np.float32)
    feeds = {f"x{i}": a.astype(np.float32) if a.dtype.kind == "f" else a
             for i, a in enumerate(one.arrays.values())}  # fmt: skip
    ys = run(made.forward, feeds)
    expected = equations(one, one.arrays)
    for y, k in zip(ys, one.keep, strict=True):
        np.testing.assert_allclose(y, expected[k].real, 1e-5, 1e-5)
    rng = np.random.default_rng(0)
    cotangents = [rng.normal(size=y.shape) for y in ys]
    feeds |= {f"v{i}": v.astype(np.float32) for i, v in enumerate(cotangents)}
    gradients = run(made.gradient, feeds)
    names = [n for n in one.arrays if n != "lengths"]
    compare(one, dict(zip(names, gradients, strict=True)), cotangents)


FIRST = {"x": (1, 0, 2), "h0": (1, 0, 2), "c0": (1, 0, 2)}  # where the batch is first in layout 1
LAYOUTS = [layer(n, "layout", *STATES, keep=(0, 1, 2) if n == "LSTM" else (0, 1), direction="bidirectional")
           for n in USUAL]  # fmt: skip


def batch_first(one: Layer) -> tuple[dict[str, Array], dict[str, ir.Tensor]]:
    """The layer's arrays and arguments for ``layout=1``."""
    arrays = {n: a.transpose(FIRST[n]) if n in FIRST else a for n, a in one.arrays.items()}
    arrays = {n: a.astype(np.float32) for n, a in arrays.items()}
    kinds = {n: TensorType(a.dtype, a.shape) for n, a in arrays.items()}
    return arrays, {n: ir.argument(n, kind) for n, kind in kinds.items()}


@pytest.mark.parametrize("one", LAYOUTS, ids=lambda c: c.name)
def test_gradient_with_the_batch_first(one: Layer) -> None:
    """ONNX Runtime has no kernel for ``layout=1``: the gradient must not use the operator with it."""
    arrays, given = batch_first(one)
    ys = replace(one, attributes={**one.attributes, "layout": 1}).build(*given.values())
    vs = {f"v{i}": ir.argument(f"v{i}", y.type) for i, y in enumerate(ys)}
    dxs = autodiff.vector_jacobian(ys, list(vs.values()), list(given.values()))
    model = lower.lower(
        {**given, **vs}, {f"d{n}": d for n, d in zip(given, dxs, strict=True)}
    ).model
    rng = np.random.default_rng(0)
    cotangents = [rng.normal(size=[int(str(d)) for d in y.shape]) for y in ys]
    feeds = {f"v{i}": v.astype(np.float32) for i, v in enumerate(cotangents)}
    found = dict(zip(given, run(model, {**arrays, **feeds}), strict=True))
    found = {n: d.transpose(FIRST[n]) if n in FIRST else d for n, d in found.items()}
    back = [v.transpose((1, 2, 0, 3) if v.ndim == 4 else (1, 0, 2)) for v in cotangents]
    compare(one, found, back)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"activations": ["Gelu"]}, "Gelu"),
        ({"activations": ["ScaledTanh"], "activation_alpha": [0.5]}, "give activation_beta"),
        ({"activations": ["ThresholdedRelu"]}, "give activation_alpha"),
        ({"activations": ["Tanh", "Tanh", "Tanh"]}, "takes 1 activations"),
    ],
)
def test_what_has_no_gradient_says_so(attributes: dict[str, Any], message: str) -> None:
    one = layer("RNN", "wrong", **attributes)
    xs = [ir.argument(n, TensorType(np.dtype(np.float32), a.shape)) for n, a in one.arrays.items()]
    (y,) = one.build(*xs)
    with pytest.raises(GradientError, match=message):
        autodiff.vector_jacobian([y], [y], xs)
