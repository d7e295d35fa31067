"""RNN, GRU and LSTM against torch: results and gradients.

``tests/goldens/make_recurrent_goldens.py`` says what ``torch_recurrent.npz`` holds and how it was made.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from waterhorse.compiler import autodiff, ir, lower
from waterhorse.compiler.infer import TensorType

from .harness import run

GOLDENS = np.load(Path(__file__).parents[2] / "goldens" / "torch_recurrent.npz")
CASES: list[dict[str, Any]] = json.loads(str(GOLDENS["cases"]))
TOLERANCE = 2e-6  # of the largest element


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_results_and_gradients(case: dict[str, Any], dynamic: bool) -> None:
    prefix = f"{case['name']}/"
    arrays = {k.removeprefix(prefix): GOLDENS[k].astype(np.float32)
              for k in GOLDENS.files if k.startswith(prefix)}  # fmt: skip
    wanted = [n for n in ("x", "w", "r", "bias", "h0", "c0") if n in arrays]
    results = [n for n in ("y", "y_h", "y_c") if n in arrays]
    names = [*wanted, *(f"cotangent/{n}" for n in results)]
    given = {
        n: ir.argument(n, TensorType(arrays[n].dtype, shape(arrays, n, dynamic))) for n in names
    }
    operands = [given.get(n) for n in ("x", "w", "r", "bias", "", "h0", "c0")]
    hidden = arrays["h0"].shape[-1]
    ys = ir.apply(
        case["op"], *operands, outputs=len(results), hidden_size=hidden, **case["attributes"]
    )
    dxs = autodiff.vector_jacobian(
        ys, [given[f"cotangent/{n}"] for n in results], [given[n] for n in wanted]
    )
    outputs = dict(zip(results, ys, strict=True))
    outputs |= {f"grad/{n}": dx for n, dx in zip(wanted, dxs, strict=True)}
    model = lower.lower(given, outputs).model
    onnx.checker.check_model(model, full_check=True)
    for name, value in zip(outputs, run(model, arrays), strict=True):
        assert value.shape == arrays[name].shape
        error = np.abs(value - arrays[name]).max() / np.abs(arrays[name]).max()
        assert error <= TOLERANCE, f"{name}: off by {error:.2g} of its largest element"


def shape(arrays: dict[str, Any], name: str, dynamic: bool) -> tuple[Any, ...]:
    """With ``dynamic`` neither the number of steps nor that of sequences is known."""
    found = arrays[name].shape
    if not dynamic or name in ("w", "r", "bias"):
        return tuple(found)
    unknown = {"x": (0, 1), "cotangent/y": (0, 2)}.get(name, (1,))
    return tuple(None if k in unknown else d for k, d in enumerate(found))
