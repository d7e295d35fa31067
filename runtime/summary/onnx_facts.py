"""What becomes of a model in ONNX, as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...compiler import lora, tree
from ...compiler.lower import lower
from ...compiler.program import Program
from ...compiler.rewrite.freeze import freeze
from ...compiler.schema import IR_VERSION, OPSET
from ...errors import WaterhorseError
from ..data import NO_TARGETS, Structure
from ..steps import traced
from .calls import losses_kept
from .training import gradients

if TYPE_CHECKING:
    from ..model import Model


def onnx_facts(model: Model) -> dict[str, Any]:
    """Opset, IR version, nodes of the exported file and of the loss with its gradients, open dims."""
    specs = model.input_specs
    structure = Structure(tree.flatten(specs)[1], NO_TARGETS, False)
    flat = tree.leaves(specs)
    try:
        with losses_kept(model), lora.merged():
            program = traced(model, "predict", structure, flat)
        nodes = {"forward": _frozen_count(program)}
    except WaterhorseError:  # some of it runs on the host alone, so that no file can hold it
        with losses_kept(model):
            program = traced(model, "predict", structure, flat, host=True)
        nodes = {"forward": _count(program)}
    training = _training_count(model) if model.compilation is not None else None
    if training is not None:
        nodes["training"] = training
    given = program.inputs.values()
    dims = dict.fromkeys(d for t in given for d in t.shape if isinstance(d, str))
    return {"opset": OPSET, "ir_version": IR_VERSION, "nodes": nodes, "dynamic_dims": list(dims)}


def _frozen_count(program: Program) -> int:
    """Nodes of the exported file, in which what depends on weights alone is computed already."""
    names = {v: f"variable_{i}" for i, v in enumerate(program.reads)}
    outputs, weights = freeze(list(program.outputs.values()), program.reads, names)
    named = dict(zip(program.outputs, outputs, strict=True))
    leaves = {n: leaf for n, (leaf, _) in weights.items()}
    return len(lower({**program.inputs, **leaves}, named).model.graph.node)


def _count(program: Program) -> int:
    named = {f"variable_{i}": t for i, t in enumerate(program.reads.values())}
    hosted = {f"hosted_{i}": c.result for i, c in enumerate(program.hosted)}
    written = lower({**program.inputs, **named, **hosted}, program.outputs)
    return len(written.model.graph.node)


def _training_count(model: Model) -> int | None:
    """Nodes of the forward pass in training, the loss and the gradients; None before they are known."""
    try:
        found = gradients(model)
    except (WaterhorseError, NotImplementedError):
        return None  # what the targets are like is known after fit, or there is no loss
    program = found.program
    pairs = enumerate(found.gradients.values())
    outputs = {"loss": found.loss, **{f"gradient_{i}": g for i, g in pairs}}
    return _count(Program(program.inputs, outputs, None, program.reads, {}, program.hosted))
