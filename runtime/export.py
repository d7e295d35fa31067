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
from ..compiler import lora, losses, tree
from ..compiler.ir import Array, Node, Tensor, retyped
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
_TEXTS = ("", "one", "Two words,", "And a (longer) text:\nit's made-up; \t isn't it?")


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
    with lora.merged():
        program = traced(model, "predict", structure, tree.leaves(specs))
    taken = [*program.inputs, *program.outputs]
    unique = state_names([v.path for v in program.variables], taken)
    names = dict(zip(program.variables, unique, strict=True))
    outputs, weights = freeze(list(program.outputs.values()), program.reads, names)
    # what layers know of shapes is more than inference finds again: the batch by its name
    known = [retyped(t, old.type) for t, old in zip(outputs, program.outputs.values(), strict=True)]
    named = dict(zip(program.outputs, known, strict=True))
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
    example: Any = None,
) -> None:
    """See ``Model.export``.

    What a prediction changes (the states of stateful layers, counters of random numbers) is a constant
    of the file, with its present value: each run starts from there. The model itself stays as it is.
    """
    proto = inference_model(model, labels, inputs)
    with replacing(filepath) as temporary:
        onnx.save_model(proto, str(temporary))
        check(temporary)
        difference = compare(model, temporary, example)
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


def compare(model: Model, path: Path, example: Any = None) -> float:
    """Run the file in a fresh session against the model: on ``example``, or on made-up inputs.

    Made-up inputs that the model itself cannot run on (indices out of range, sizes that must agree) show
    nothing. The model is left as it was. Raises ``ExportError`` where results differ, or where none of
    them could be tried.
    """
    session = create(str(path), device=CPU)
    specs = tree.leaves(model.input_specs)
    if example is not None:
        trials = [[np.asarray(a) for a in tree.leaves(example)]]
    else:
        trials = [samples(specs, size) for size in (1, 3)]
    worst, refused = -1.0, ""
    for trial in trials:
        arrays = [a.astype(s.dtype) for a, s in zip(trial, specs, strict=True)]
        nested = tree.unflatten(tree.flatten(model.input_specs)[1], arrays)
        try:
            wanted = _predicted(model, nested)
        except Exception as error:  # onnxruntime's exceptions share no base but this
            refused = str(error)
            continue
        if all(_nothing_but_nan(b) for b in wanted):
            refused = "it gives nothing but NaN; are its weights finite?"
            continue
        feeds = {i.name: a for i, a in zip(session.get_inputs(), arrays, strict=True)}
        found = session.run(None, feeds)
        for a, b in zip(found, wanted, strict=True):
            worst = float(np.maximum(worst, _difference(a, b)))  # NaN stays NaN
    if worst < 0:
        raise ExportError(
            f"the model cannot be run on made-up inputs, so the file cannot be verified ({refused}); "
            "nothing was written. Pass example=, inputs as predict_on_batch takes them"
        )
    if not worst <= TOLERANCE:
        raise ExportError(
            f"the exported graph differs from predict by {worst:.1e} (limit {TOLERANCE}); nothing "
            "was written"
        )
    return worst


def _predicted(model: Model, x: Any) -> list[Array]:
    """What the model predicts, without what that changes."""
    structure, arrays = Structure(tree.flatten(x)[1], NO_TARGETS, False), tree.leaves(x)
    writes = model.steps.get("predict", structure, arrays).program.writes
    before = [(v, v.numpy()) for v in writes]
    try:
        return tree.leaves(model.predict_on_batch(x))
    finally:
        for variable, value in before:
            variable.assign(value)


def _nothing_but_nan(a: Array) -> bool:
    return a.size > 0 and a.dtype.kind in "fV" and bool(np.isnan(a.astype(np.float64)).all())


def _difference(a: Array, b: Array) -> float:
    """The largest difference, relative to the largest number; NaN must meet NaN."""
    if a.dtype.kind not in "fV":
        return 0.0 if np.array_equal(a, b) else float("inf")
    both = np.isnan(a.astype(np.float64)) & np.isnan(b.astype(np.float64))
    a, b = np.where(both, 0, a.astype(np.float64)), np.where(both, 0, b.astype(np.float64))
    difference = np.abs(a - b) / max(1.0, float(np.abs(b).max(initial=0)))
    return float(difference.max(initial=0))


def samples(specs: Sequence[TensorSpec], size: int) -> list[Array]:
    """Arrays of these types: ``size`` examples, and 5 for other open dims; equal names, equal sizes.

    Where an input has a fixed number of examples, all have that.
    """
    fixed = [s.shape[0] for s in specs if s.shape and isinstance(s.shape[0], int)]
    size = fixed[0] if fixed else size
    sizes: dict[str, int] = {}
    for spec in specs:
        for i, d in enumerate(spec.shape):
            if isinstance(d, str):
                sizes.setdefault(d, size if i == 0 else 5)
    return [sample(spec, size, sizes) for spec in specs]


def sample(spec: TensorSpec, size: int, sizes: Mapping[str, int] | None = None) -> Array:
    """Numbers from 0 to 1, integers 0 and 1 (which are valid indices, too), and short texts."""
    known = sizes or {}
    shape = tuple(
        d if isinstance(d, int) else known.get(d or "", size if i == 0 else 5)
        for i, d in enumerate(spec.shape)
    )
    generator = np.random.default_rng(size)
    if spec.dtype == object:
        return np.asarray(generator.choice(np.array(_TEXTS, object), shape))
    if spec.dtype.kind == "f":
        return np.asarray(generator.random(shape)).astype(spec.dtype)
    return np.asarray(generator.integers(0, 2, shape)).astype(spec.dtype)
