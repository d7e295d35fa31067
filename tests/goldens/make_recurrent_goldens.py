"""Golden results and gradients of recurrent layers, made by torch in float64.

Not run by the tests, which only read ``torch_recurrent.npz``. To make it again, in a virtual environment of
its own:

    pip install torch==2.13.0 numpy
    python tests/goldens/make_recurrent_goldens.py

The file holds ``cases``, a JSON list of {"name", "op", "attributes"}, and arrays under ``<name>/<what>``, all
in ONNX's order. ``grad/...`` are the derivatives of the sum over all results of result times ``cotangent``.

torch orders gates i, f, g, o (LSTM) and r, z, n (GRU) where ONNX has i, o, f, c and z, r, h.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

RNG = np.random.default_rng(12)
STEPS, BATCH, INPUTS, HIDDEN = 6, 2, 3, 4
ORDERS = {"RNN": [0], "GRU": [1, 0, 2], "LSTM": [0, 3, 1, 2]}
# name: torch's class and arguments, ONNX's attributes
LAYERS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "rnn-tanh": ("RNN", {}, {}),
    "rnn-relu": ("RNN", {"nonlinearity": "relu"}, {"activations": ["Relu"]}),
    "rnn-bidirectional": ("RNN", {"bidirectional": True}, {"direction": "bidirectional"}),
    "gru": ("GRU", {}, {"linear_before_reset": 1}),
    "gru-bidirectional": ("GRU", {"bidirectional": True},
                          {"linear_before_reset": 1, "direction": "bidirectional"}),
    "lstm": ("LSTM", {}, {}),
    "lstm-bidirectional": ("LSTM", {"bidirectional": True}, {"direction": "bidirectional"}),
}  # fmt: skip


def normal(*shape: int) -> np.ndarray:
    """Numbers that float32 holds exactly, so that every precision starts from the same ones."""
    return RNG.normal(size=shape).astype(np.float32).astype(np.float64)


def leaf(array: np.ndarray) -> torch.Tensor:
    return torch.tensor(array, requires_grad=True)


def gates(array: np.ndarray, name: str) -> np.ndarray:
    """Blocks of rows in ONNX's order."""
    return np.concatenate([np.split(array, len(ORDERS[name]))[k] for k in ORDERS[name]])


def weights(layer: torch.nn.RNNBase, name: str, of: Any) -> dict[str, np.ndarray]:
    """w, r and bias with a first axis of directions; ``of`` picks the value or the gradient."""
    found: dict[str, list[np.ndarray]] = {"w": [], "r": [], "bias": []}
    for suffix in ("", "_reverse")[: 2 if layer.bidirectional else 1]:
        parts = [
            gates(of(getattr(layer, f"{kind}_l0{suffix}")), name)
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ]
        found["w"].append(parts[0])
        found["r"].append(parts[1])
        found["bias"].append(np.concatenate(parts[2:]))
    return {k: np.stack(v) for k, v in found.items()}


def record(name: str, arguments: dict[str, Any]) -> dict[str, np.ndarray]:
    layer: torch.nn.RNNBase = getattr(torch.nn, name)(
        INPUTS, HIDDEN, dtype=torch.float64, **arguments
    )
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_(torch.tensor(0.5 * normal(*p.shape)))
    directions = 2 if layer.bidirectional else 1
    given = {"x": leaf(normal(STEPS, BATCH, INPUTS)), "h0": leaf(normal(directions, BATCH, HIDDEN))}
    if name == "LSTM":
        given["c0"] = leaf(normal(directions, BATCH, HIDDEN))
    state = (given["h0"], given["c0"]) if name == "LSTM" else given["h0"]
    y, final = layer(given["x"], state)
    y = y.reshape(STEPS, BATCH, directions, HIDDEN).permute(0, 2, 1, 3)
    results = {
        "y": y,
        **dict(zip(("y_h", "y_c"), final if name == "LSTM" else (final,), strict=False)),
    }
    cotangents = {k: normal(*t.shape) for k, t in results.items()}
    sum((t * torch.tensor(cotangents[k])).sum() for k, t in results.items()).backward()
    return {
        **{k: t.detach().numpy() for k, t in (given | results).items()},
        **{f"cotangent/{k}": v for k, v in cotangents.items()},
        **{f"grad/{k}": t.grad.numpy() for k, t in given.items()},
        **weights(layer, name, lambda p: p.detach().numpy()),
        **{f"grad/{k}": v for k, v in weights(layer, name, lambda p: p.grad.numpy()).items()},
    }


def main() -> None:
    arrays: dict[str, np.ndarray] = {}
    cases = []
    for label, (name, arguments, attributes) in LAYERS.items():
        cases.append({"name": label, "op": name, "attributes": attributes})
        arrays |= {f"{label}/{k}": v for k, v in record(name, arguments).items()}
    target = Path(__file__).with_name("torch_recurrent.npz")
    np.savez_compressed(target, cases=np.array(json.dumps(cases)), **arrays)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
