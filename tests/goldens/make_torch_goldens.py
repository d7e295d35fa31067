"""Golden gradients of normalisation and dropout in training mode, made by torch in float64.

Not run by the tests, which only read ``torch_normalization.npz``. To make it again, in a virtual
environment of its own:

    pip install torch==2.13.0 numpy
    python tests/goldens/make_torch_goldens.py

The file holds ``cases``, a JSON list of {"name", "op", ...}, and arrays under ``<name>/<what>``.
``grad/...`` are the derivatives of the sum of y times ``cotangent``.

Two conventions are torch's own and are turned into ONNX's here: torch's momentum is the weight of the
new value where ONNX's is the weight of the old one, and torch's running variance is that of a sample
where ONNX's is that of the population.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

RNG = np.random.default_rng(11)
# shape, attributes of the operator; None where the default is taken
BATCH_NORMALIZATION: dict[str, tuple[tuple[int, ...], float | None, float | None]] = {
    "flat": ((8, 5), None, None),
    "flat-two-rows": ((2, 4), 1e-2, 0.5),
    "sequence": ((3, 4, 7), 1e-3, 0.99),
    "image": ((4, 3, 5, 6), None, None),
    "image-momentum": ((2, 3, 4, 4), 1e-3, 0.1),
    "image-epsilon": ((3, 2, 3, 5), 0.5, 0.75),
    "one-image": ((1, 3, 4, 5), None, 0.0),
    "volume": ((2, 3, 3, 4, 2), None, 0.7),
    "volume-epsilon": ((3, 2, 2, 3, 3), 1e-2, 1.0),
}
# shape, ratio, training mode
DROPOUT: dict[str, tuple[tuple[int, ...], float, bool]] = {
    "half": ((6, 10), 0.5, True),
    "few": ((4, 3, 8), 0.1, True),
    "most": ((5, 12), 0.9, True),
    "none": ((3, 7), 0.0, True),
    "inference": ((3, 7), 0.6, False),
    "image": ((2, 3, 4, 5), 0.3, True),
}


def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
    """Numbers that float32 holds exactly, so that every precision starts from the same ones."""
    return (RNG.normal(size=shape) * scale).astype(np.float32).astype(np.float64)


def leaf(array: np.ndarray) -> torch.Tensor:
    return torch.tensor(array, requires_grad=True)


def batch_normalization(
    shape: tuple[int, ...], epsilon: float | None, momentum: float | None
) -> dict[str, Any]:
    """y, running statistics and gradients of ``BatchNormalization`` with ``training_mode=1``."""
    epsilon, momentum = 1e-5 if epsilon is None else epsilon, 0.9 if momentum is None else momentum
    channels = shape[1]
    # A mean far from zero shows whether the deviation is computed from centred values.
    x, scale, bias = (
        leaf(normal(*shape, scale=2.0) + 3.0),
        leaf(normal(channels)),
        leaf(normal(channels)),
    )
    mean, var = normal(channels), np.abs(normal(channels)) + 0.5
    var = var.astype(np.float32).astype(np.float64)
    new_mean, sample_var = torch.zeros(channels).double(), torch.zeros(channels).double()
    y = functional.batch_norm(
        x, new_mean, sample_var, scale, bias, training=True, momentum=1.0, eps=epsilon
    )
    count = x.numel() // channels
    population_var = sample_var.numpy() * (count - 1) / count
    cotangent = normal(*shape)
    y.backward(torch.tensor(cotangent))
    return {
        "x": x, "scale": scale, "bias": bias, "mean": mean, "var": var, "cotangent": cotangent, "y": y,
        "running_mean": mean * momentum + new_mean.numpy() * (1 - momentum),
        "running_var": var * momentum + population_var * (1 - momentum),
        "grad/x": x.grad, "grad/scale": scale.grad, "grad/bias": bias.grad,
    }  # fmt: skip


def dropout(shape: tuple[int, ...], ratio: float, training: bool) -> dict[str, Any]:
    """``tanh(Dropout(x) * w) * x`` and its gradients, with the mask that torch drew."""
    x, w = leaf(normal(*shape)), leaf(normal(shape[-1]))
    dropped, mask = torch.native_dropout(x, ratio, training)
    y = torch.tanh(dropped * w) * x
    cotangent = normal(*shape)
    y.backward(torch.tensor(cotangent))
    return {
        "x": x, "w": w, "dropped": dropped, "mask": mask, "cotangent": cotangent, "y": y,
        "grad/x": x.grad, "grad/w": w.grad,
    }  # fmt: skip


def plain(value: Any) -> np.ndarray:
    array = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    return array.astype(np.float32) if array.dtype == np.float64 else array


def main() -> None:
    torch.manual_seed(5)
    cases: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for label, (shape, epsilon, momentum) in BATCH_NORMALIZATION.items():
        given = {"epsilon": epsilon, "momentum": momentum}
        attributes = {k: v for k, v in given.items() if v is not None}
        name = f"BatchNormalization-{label}"
        cases.append({"name": name, "op": "BatchNormalization", "attributes": attributes})
        found = batch_normalization(shape, epsilon, momentum)
        arrays |= {f"{name}/{k}": plain(v) for k, v in found.items()}
    for label, (shape, ratio, training) in DROPOUT.items():
        name = f"Dropout-{label}"
        cases.append({"name": name, "op": "Dropout", "ratio": ratio, "training": training})
        arrays |= {f"{name}/{k}": plain(v) for k, v in dropout(shape, ratio, training).items()}
    path = Path(__file__).parent / "torch_normalization.npz"
    np.savez_compressed(path, cases=json.dumps(cases), **arrays)
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
