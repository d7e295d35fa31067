"""Normalisation and dropout in training mode against torch.

``tests/goldens/make_torch_goldens.py`` says what ``torch_normalization.npz`` holds and how it was made.
Our graphs run on ONNX Runtime in float32 and in float64.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from waterhorse.compiler import autodiff, ir, lower, op
from waterhorse.compiler.infer import TensorType

from .harness import Array, run

GOLDENS = np.load(Path(__file__).parents[2] / "goldens" / "torch_normalization.npz")
CASES: list[dict[str, Any]] = json.loads(str(GOLDENS["cases"]))
# of the largest element: float32 adds up hundreds of them, and of two rows next to nothing is left
TOLERANCE = 2e-5


def cases_of(name: str) -> list[dict[str, Any]]:
    return [c for c in CASES if c["op"] == name]


def arrays_of(case: dict[str, Any], dtype: Any) -> dict[str, Array]:
    """The arrays of a case, by what they are."""
    prefix = f"{case['name']}/"
    found = {k.removeprefix(prefix): GOLDENS[k] for k in GOLDENS.files if k.startswith(prefix)}
    return {k: a.astype(dtype) if a.dtype.kind == "f" else a for k, a in found.items()}


def arguments(arrays: dict[str, Array], names: list[str], dynamic: bool) -> dict[str, ir.Tensor]:
    """Symbolic inputs; with ``dynamic`` only the channels of x and of what resembles it are known."""
    found = {}
    for name in names:
        shape: tuple[Any, ...] = arrays[name].shape
        if dynamic and len(shape) > 1:
            shape = (None, shape[1], *(None for _ in shape[2:]))
        found[name] = ir.argument(name, TensorType(arrays[name].dtype, shape))
    return found


def lowered(inputs: dict[str, ir.Tensor], outputs: dict[str, ir.Tensor]) -> onnx.ModelProto:
    model = lower.lower(inputs, outputs).model
    onnx.checker.check_model(model, full_check=True)
    return model


def compare(model: onnx.ModelProto, arrays: dict[str, Array]) -> None:
    """Run and compare what comes out with what torch gave by that name."""
    found = run(model, arrays)
    for output, value in zip(model.graph.output, found, strict=True):
        expected = arrays[output.name]
        assert value.dtype == expected.dtype
        assert value.shape == expected.shape
        error = np.abs(value - expected).max() / np.abs(expected).max()
        assert error <= TOLERANCE, f"{output.name}: off by {error:.2g} of its largest element"


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("case", cases_of("BatchNormalization"), ids=lambda c: c["name"])
def test_batch_normalization(case: dict[str, Any], dtype: Any, dynamic: bool) -> None:
    arrays = arrays_of(case, dtype)
    given = arguments(arrays, ["x", "scale", "bias", "mean", "var", "cotangent"], dynamic)
    x, scale, bias, mean, var, cotangent = given.values()
    y, new_mean, new_var = op.BatchNormalization(
        x, scale, bias, mean, var, training_mode=1, outputs=3, **case["attributes"]
    )
    gradients = autodiff.vector_jacobian([y], [cotangent], [x, scale, bias])
    outputs = {"y": y, "running_mean": new_mean, "running_var": new_var}
    outputs |= dict(zip(["grad/x", "grad/scale", "grad/bias"], gradients, strict=True))
    compare(lowered(given, outputs), arrays)


def with_given_draw(model: onnx.ModelProto, names: list[str]) -> onnx.ModelProto:
    """The model with its one Dropout taken out: what it drew becomes inputs of these names."""
    (node,) = [n for n in model.graph.node if n.op_type == "Dropout"]
    model.graph.node.remove(node)
    rename = {old: new for old, new in zip(node.output, names, strict=True) if old}
    for other in model.graph.node:
        other.input[:] = [rename.get(i, i) for i in other.input]
    model.graph.input.extend(onnx.helper.make_empty_tensor_value_info(n) for n in names)
    kinds = {"mask": onnx.TensorProto.BOOL}
    like = model.graph.input[0].type
    for added in model.graph.input[-len(names) :]:
        added.type.CopyFrom(like)
        added.type.tensor_type.elem_type = kinds.get(added.name, like.tensor_type.elem_type)
    onnx.checker.check_model(model, full_check=True)
    return model


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("case", cases_of("Dropout"), ids=lambda c: c["name"])
def test_dropout(case: dict[str, Any], dtype: Any, dynamic: bool) -> None:
    """The rule must use the mask that was drawn, so torch's is given to it in place of ours."""
    arrays = arrays_of(case, dtype)
    given = arguments(arrays, ["x", "w", "cotangent"], dynamic)
    x, w, cotangent = given.values()
    ratio = ir.constant(case["ratio"], np.float32)
    dropped, _ = op.Dropout(x, ratio, ir.constant(case["training"]), outputs=2)
    y = op.Tanh(dropped * w) * x
    gradients = autodiff.vector_jacobian([y], [cotangent], [x, w])
    outputs = {"y": y, **dict(zip(["grad/x", "grad/w"], gradients, strict=True))}
    model = lowered(given, outputs)
    compare(with_given_draw(model, ["dropped", "mask"]), arrays)
