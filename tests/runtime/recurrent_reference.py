"""Recurrent layers step by step in NumPy, as Keras' documentation describes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = Any


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def lstm_step(
    x: Array, states: Sequence[Array], kernel: Array, recurrent: Array, bias: Array
) -> Any:
    h, c = states
    i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=-1)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    h = _sigmoid(o) * np.tanh(c)
    return h, [h, c]


def gru_step(
    x: Array, states: Sequence[Array], kernel: Array, recurrent: Array, bias: Array
) -> Any:
    (h,) = states
    z, r, g = np.split(x @ kernel + bias[0], 3, axis=-1)
    by_z, by_r, by_g = np.split(h @ recurrent + bias[1], 3, axis=-1)
    z = _sigmoid(z + by_z)
    h = z * h + (1 - z) * np.tanh(g + _sigmoid(r + by_r) * by_g)
    return h, [h]


def simple_step(
    x: Array, states: Sequence[Array], kernel: Array, recurrent: Array, bias: Array
) -> Any:
    h = np.tanh(x @ kernel + states[0] @ recurrent + bias)
    return h, [h]


STEPS = {"LSTM": lstm_step, "GRU": gru_step, "SimpleRNN": simple_step}
STATES = {"LSTM": 2, "GRU": 1, "SimpleRNN": 1}


def run(
    step: Callable[..., Any], x: Array, states: Sequence[Array], mask: Array | None = None,
    backwards: bool = False, zeros: bool = False,
) -> tuple[Array, list[Array]]:  # fmt: skip
    """All outputs [batch, time, units] in the order of the run, and the final states."""
    steps = range(x.shape[1])
    states = list(states)
    previous = None
    outputs = []
    for t in reversed(steps) if backwards else steps:
        output, new = step(x[:, t], states)
        if mask is not None:
            valid = mask[:, t][:, None]
            before = np.zeros_like(output) if previous is None or zeros else previous
            output = np.where(valid, output, before)
            new = [np.where(valid, a, b) for a, b in zip(new, states, strict=True)]
        previous, states = output, new
        outputs.append(output)
    return np.stack(outputs, 1), states
