"""The inference model as a standard file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from .._version import __version__
from ..compiler import losses, tree
from ..compiler.ir import Array, Node, Tensor
from ..compiler.lower import lower, state_names
from ..compiler.program import TensorSpec
from ..compiler.rewrite.freeze import freeze
from ..errors import ArgumentError, ExportError
from .data import NO_TARGETS, Structure
from .device import CPU
from .files import replacing
from .session import create
from .steps import traced

if TYPE_CHECKING:
    from .model import Model

TOLERANCE = 1e-5


def input_specs(model: Model) -> Any:
    """What the model takes. Raises ``ExportError`` where it does not know yet."""
    if model.input_specs is None:
        raise ExportError(
            f"model {model.name!r} does not know its inputs yet: call it on data, fit it, or give it "
            "a wh.Input first"
        )
    return model.input_specs


# -- inference --------------------------------------------------------------------------------


def inference_model(
    model: Model, labels: Sequence[str] | None = None, inputs: Mapping[str, Any] | None = None
) -> onnx.ModelProto:
    """The inference graph with the present weights."""
    specs = input_specs(model)
    structure = Structure(tree.flatten(specs)[1], NO_TARGETS, False)
    program = traced(model, "predict", structure, tree.leaves(specs))
    taken = [*program.inputs, *program.outputs]
    unique = state_names([v.path for v in program.variables], taken)
    names = dict(zip(program.variables, unique, strict=True))
    outputs, weights = freeze(list(program.outputs.values()), program.reads, names)
    named = dict(zip(program.outputs, outputs, strict=True))
    metadata = _metadata(model, named, labels, inputs, list(program.inputs))
    return lower(program.inputs, named, weights, name=model.name, metadata=metadata).model


def _metadata(
    model: Model, outputs: Mapping[str, Tensor], labels: Any, inputs: Any, names: Sequence[str]
) -> dict[str, str]:
    found = {
        "waterhorse.version": __version__,
        "waterhorse.outputs": json.dumps(output_kinds(model, outputs)),
    }
    if labels is not None:
        found["waterhorse.labels"] = json.dumps(_checked_labels(labels, outputs))
    if inputs is not None:
        unknown = sorted(set(inputs) - set(names))
        if unknown:
            raise ArgumentError(f"the model has no input {unknown[0]!r}; it has {list(names)}")
        found["waterhorse.inputs"] = json.dumps(inputs)
    return found


def _checked_labels(labels: Sequence[str], outputs: Mapping[str, Tensor]) -> list[str]:
    if isinstance(labels, str) or not all(isinstance(x, str) for x in labels):
        raise ArgumentError("labels is a list of strings, one per class")
    classes = next(iter(outputs.values())).shape[-1]
    if isinstance(classes, int) and classes != len(labels):
        raise ArgumentError(f"{len(labels)} labels for a model with {classes} outputs")
    return list(labels)


def output_kinds(model: Model, outputs: Mapping[str, Tensor]) -> dict[str, dict[str, str]]:
    """What the outputs mean, as the metadata has it."""
    return {n: {"kind": _kind(model, t)} for n, t in outputs.items()}


def _kind(model: Model, output: Tensor) -> str:
    """What an output means: "probabilities", "logits" or just "scores"."""
    node: Node = output.node
    while node.op in ("Identity", "Cast", "Transpose", "Reshape") and node.inputs[0] is not None:
        node = node.inputs[0].node
    if node.op in ("Softmax", "Sigmoid"):
        return "probabilities"
    loss = model.compilation.config["loss"] if model.compilation is not None else None
    found = loss if isinstance(loss, losses.Loss) else None
    return "logits" if getattr(found, "from_logits", False) else "scores"


def export_model(
    model: Model,
    filepath: str | os.PathLike[str],
    labels: Sequence[str] | None,
    inputs: Mapping[str, Any] | None,
    verbose: bool,
) -> None:
    """See ``Model.export``."""
    proto = inference_model(model, labels, inputs)
    with replacing(filepath) as temporary:
        onnx.save_model(proto, str(temporary))
        check(temporary)
        difference = compare(model, temporary)
    if verbose:
        print(
            f"wrote {os.fspath(filepath)}: {len(proto.graph.node)} nodes, opset "
            f"{proto.opset_import[0].version}, largest difference from predict {difference:.1e}"
        )


def check(path: Path) -> None:
    """Raises ``ExportError`` where a file is not valid ONNX."""
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except Exception as error:  # the checker raises several unrelated types
        raise ExportError(f"the exported graph is not valid ONNX: {error}") from error


def compare(model: Model, path: Path) -> float:
    """Run the file in a fresh session against ``predict``, on two batch sizes."""
    session = create(str(path), device=CPU)
    worst = 0.0
    for size in (1, 3):
        specs = tree.leaves(model.input_specs)
        arrays = [sample(spec, size) for spec in specs]
        feeds = {i.name: a for i, a in zip(session.get_inputs(), arrays, strict=True)}
        found = session.run(None, feeds)
        nested = tree.unflatten(tree.flatten(model.input_specs)[1], arrays)
        wanted = tree.leaves(model.predict(nested, batch_size=size, verbose=0))
        for a, b in zip(found, wanted, strict=True):
            difference = np.abs(a - b) / max(1.0, float(np.abs(b).max(initial=0)))
            worst = float(np.maximum(worst, difference.max(initial=0)))  # NaN stays NaN
    if not worst <= TOLERANCE:
        raise ExportError(
            f"the exported graph differs from predict by {worst:.1e} (limit {TOLERANCE}); nothing "
            "was written. If the model gives NaN, its weights are not finite"
        )
    return worst


def sample(spec: TensorSpec, size: int) -> Array:
    """Numbers from 0 to 1 (and integers 0 and 1): they are valid indices, too."""
    shape = tuple(
        size if i == 0 and not isinstance(d, int) else (d if isinstance(d, int) else 5)
        for i, d in enumerate(spec.shape)
    )
    generator = np.random.default_rng(size)
    if spec.dtype.kind == "f":
        return generator.random(shape).astype(spec.dtype)
    return generator.integers(0, 2, shape).astype(spec.dtype)
