"""RNN, GRU and LSTM.

ONNX Runtime runs them (in float32: it has no double kernels; ``onnx.reference`` ignores clip, sequence_lens,
activations and input_forget). ``test_recurrent.py`` compares the same cases, and ``KINKED``, with NumPy.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from waterhorse.compiler import ir, op

from .harness import Array, Case, case

STEPS, BATCH, INPUTS, HIDDEN = 4, 3, 2, 3
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
OPERANDS = ("x", "w", "r", "bias", "lengths", "h0", "c0", "peepholes")
STATES = ("bias", "h0", "c0")
DYNAMIC = {"x": (None, None, INPUTS), "h0": (1, None, HIDDEN), "c0": (1, None, HIDDEN),
           "lengths": (None,)}  # fmt: skip


def shapes(name: str, directions: int) -> dict[str, tuple[int, ...]]:
    rows = GATES[name] * HIDDEN
    return {
        "x": (STEPS, BATCH, INPUTS),
        "w": (directions, rows, INPUTS),
        "r": (directions, rows, HIDDEN),
        "bias": (directions, 2 * rows),
        "h0": (directions, BATCH, HIDDEN),
        "c0": (directions, BATCH, HIDDEN),
        "peepholes": (directions, 3 * HIDDEN),
    }


@dataclass(frozen=True)
class Layer:
    """A recurrent operator at a point. ``keep`` says which of its ``outputs`` are used."""

    name: str
    label: str
    arrays: dict[str, Array]
    outputs: int
    keep: tuple[int, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    dynamic: bool = False
    smooth: bool = True

    def build(self, *tensors: ir.Tensor) -> Any:
        by_name = dict(zip(self.arrays, tensors, strict=True))
        operands = [by_name.get(n) for n in OPERANDS]
        found = ir.apply(
            self.name, *operands, outputs=self.outputs, hidden_size=HIDDEN, **self.attributes
        )
        results = found if isinstance(found, tuple) else (found,)
        return tuple(op.Identity(results[k]) if self.outputs > 1 else results[k] for k in self.keep)

    def case(self) -> Case:
        dims = tuple(DYNAMIC.get(n) for n in self.arrays) if self.dynamic else None
        return case(self.name, self.build, *self.arrays.values(), label=self.label, dims=dims,
                    engine="single", smooth=self.smooth)  # fmt: skip


def layer(
    name: str, label: str, *optional: str, keep: tuple[int, ...] = (0,), outputs: int | None = None,
    lengths: list[int] | None = None, dynamic: bool = False, smooth: bool = True, **attributes: Any,
) -> Layer:  # fmt: skip
    """A layer with x, w, r and the ``optional`` operands that it has."""
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    sizes = shapes(name, directions)
    chosen = {"x", "w", "r", *optional} - (set() if name == "LSTM" else {"c0", "peepholes"})
    names = [n for n in OPERANDS if n in chosen or (n == "lengths" and lengths is not None)]
    rng = np.random.default_rng(zlib.crc32(f"{name} {label}".encode()))
    arrays: dict[str, Array] = {
        n: np.asarray(lengths, np.int32) if n == "lengths" else rng.normal(0, 0.5, sizes[n])
        for n in names
    }
    count = outputs or max(keep) + 1
    return Layer(name, label, arrays, count, keep, attributes, dynamic, smooth)


def usual(name: str) -> list[Layer]:
    """What all three operators have."""
    every = (0, 1, 2) if name == "LSTM" else (0, 1)
    both = "bidirectional"
    return [
        layer(name, "plain"),
        layer(name, "states", *STATES, keep=every),
        layer(name, "reverse", *STATES, keep=every, direction="reverse"),
        layer(name, "bidirectional", *STATES, keep=every, direction=both),
        layer(name, "dynamic", *STATES, keep=every, dynamic=True),
        layer(name, "dynamic-without-states", keep=every, dynamic=True, smooth=False),
        layer(name, "last-state", "bias", keep=(1,)),
        layer(name, "first-of-two", "bias", outputs=2, smooth=False),
        layer(name, "lengths", *STATES, keep=every, lengths=[4, 1, 2]),
        layer(name, "lengths-last-state", *STATES, keep=(1,), lengths=[3, 1, 2], smooth=False),
        layer(name, "lengths-reverse", *STATES, keep=every, lengths=[2, 4, 1], direction="reverse"),
        layer(name, "lengths-empty", *STATES, keep=every, lengths=[3, 0, 2], direction=both, smooth=False),
        layer(name, "lengths-dynamic", *STATES, keep=every, lengths=[1, 4, 2], dynamic=True, smooth=False),
    ]  # fmt: skip


LAYERS = [
    *(one for name in GATES for one in usual(name)),
    layer("GRU", "linear", linear_before_reset=1),
    layer("GRU", "linear-states", *STATES, keep=(0, 1), linear_before_reset=1, direction="bidirectional"),
    layer("GRU", "linear-lengths", *STATES, keep=(0, 1), lengths=[2, 4, 1], linear_before_reset=1,
          direction="bidirectional", smooth=False),
    layer("LSTM", "peepholes", *STATES, "peepholes", keep=(0, 1, 2)),
    layer("LSTM", "peepholes-lengths", *STATES, "peepholes", keep=(0, 1, 2), lengths=[2, 4, 1],
          direction="bidirectional", smooth=False),
    layer("LSTM", "coupled", *STATES, keep=(0, 1, 2), input_forget=1),
    layer("LSTM", "coupled-peepholes", *STATES, "peepholes", keep=(0, 1, 2), input_forget=1, smooth=False),
    layer("LSTM", "cell-state", *STATES, keep=(2,), smooth=False),
    layer("LSTM", "initial-cell-alone", "c0", smooth=False),
]  # fmt: skip
CASES: list[Case] = [one.case() for one in LAYERS]


NUMBERS = {"Affine": 2, "Elu": 1, "HardSigmoid": 2, "LeakyRelu": 1, "Relu": 0, "ScaledTanh": 2,
           "Sigmoid": 0, "Softplus": 0, "Softsign": 0, "Tanh": 0, "ThresholdedRelu": 1}  # fmt: skip
USUAL = {"RNN": ("Tanh",), "GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh")}


def activation(name: str, function: str, place: int) -> Layer:
    """``function`` in one place, with numbers of its own."""
    names = [*USUAL[name][:place], function, *USUAL[name][place + 1 :]]
    numbers = {"activation_alpha": [0.3], "activation_beta": [0.6]}
    given = dict(list(numbers.items())[: NUMBERS[function]])
    found = layer(name, f"{function}-{place}", "bias", "h0", activations=names, **given)
    found.arrays["bias"] += 0.3  # so that no gate is zero everywhere, and hides the rest
    return found


# Differences in float32 are too coarse beside a kink; NumPy's complex numbers know the slope itself.
KINKED = [
    *(activation(name, f, k) for name in GATES for k in range(len(USUAL[name])) for f in NUMBERS),
    layer("RNN", "default-numbers", "bias", direction="bidirectional", activations=["LeakyRelu", "Elu"]),
    layer("GRU", "default-numbers", "bias", activations=["HardSigmoid", "LeakyRelu"]),
    layer("RNN", "numbers-in-turn", "bias", direction="bidirectional",
          activations=["Tanh", "Affine"], activation_alpha=[0.4], activation_beta=[0.3]),
    layer("GRU", "numbers-in-turn", "bias", direction="bidirectional",
          activations=["Tanh", "LeakyRelu", "HardSigmoid", "Affine"],
          activation_alpha=[0.3, 0.4, 0.5], activation_beta=[0.1, 0.2]),
    layer("LSTM", "numbers-in-turn", "bias", direction="bidirectional",
          activations=["sigmoid", "Elu", "Tanh", "HardSigmoid", "Affine", "Softsign"],
          activation_alpha=[0.8, 0.3, 0.4], activation_beta=[0.4, 0.3]),
    *(layer(name, "clip", *STATES, clip=0.6) for name in GATES),
    layer("RNN", "clip-lengths", *STATES, clip=0.5, lengths=[2, 4, 1], direction="reverse"),
    layer("GRU", "linear-clip", *STATES, clip=0.5, linear_before_reset=1),
    layer("LSTM", "peepholes-clip", *STATES, "peepholes", keep=(0, 1, 2), clip=0.6),
    layer("LSTM", "everything", *STATES, "peepholes", keep=(0, 1, 2), clip=0.8, lengths=[4, 1, 3],
          direction="bidirectional", input_forget=1,
          activations=["HardSigmoid", "Softsign", "Relu", "Sigmoid", "ScaledTanh", "Tanh"],
          activation_alpha=[0.3, 1.5], activation_beta=[0.4, 0.7]),
]  # fmt: skip
