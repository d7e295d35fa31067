"""Standard files: the inference model, and the training step with its initial state."""

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
from ..compiler.ir import Array, Node, Tensor, constant, data
from ..compiler.lower import lower, state_names
from ..compiler.program import Program, TensorSpec
from ..compiler.rewrite.freeze import freeze
from ..compiler.state import Variable, current_trace
from ..errors import ArgumentError, ExportError
from .data import NO_TARGETS, Structure
from .device import CPU
from .files import replacing
from .session import create
from .steps import traced

if TYPE_CHECKING:
    from .model import Model

TOLERANCE = 1e-5


def _input_specs(model: Model) -> Any:
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
    specs = _input_specs(model)
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
        "waterhorse.outputs": json.dumps(
            {n: {"kind": _kind(model, t)} for n, t in outputs.items()}
        ),
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
        _check(temporary)
        difference = _compare(model, temporary)
    if verbose:
        print(
            f"wrote {os.fspath(filepath)}: {len(proto.graph.node)} nodes, opset "
            f"{proto.opset_import[0].version}, largest difference from predict {difference:.1e}"
        )


def _check(path: Path) -> None:
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except Exception as error:  # the checker raises several unrelated types
        raise ExportError(f"the exported graph is not valid ONNX: {error}") from error


def _compare(model: Model, path: Path) -> float:
    """Run the file in a fresh session against ``predict``, on two batch sizes."""
    session = create(str(path), device=CPU)
    worst = 0.0
    for size in (1, 3):
        specs = tree.leaves(model.input_specs)
        arrays = [_sample(spec, size) for spec in specs]
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


def _sample(spec: TensorSpec, size: int) -> Array:
    """Numbers from 0 to 1 (and integers 0 and 1): they are valid indices, too."""
    shape = tuple(
        size if i == 0 and not isinstance(d, int) else (d if isinstance(d, int) else 5)
        for i, d in enumerate(spec.shape)
    )
    generator = np.random.default_rng(size)
    if spec.dtype.kind == "f":
        return generator.random(shape).astype(spec.dtype)
    return generator.integers(0, 2, shape).astype(spec.dtype)


# -- training ---------------------------------------------------------------------------------


def export_training(
    model: Model, filepath: str | os.PathLike[str], form: str = "expanded"
) -> tuple[str, str]:
    """See ``Model.export_training``."""
    if form != "expanded":
        if form == "training_info":
            raise NotImplementedError("export_training writes form='expanded' only, so far")
        raise ArgumentError(f"form={form!r}: expected 'expanded' or 'training_info'")
    step_path, init_path = _training_paths(filepath)
    program = training_program(model)
    rate = model.compiled().optimizer.rate_variable
    state = [v for v in program.variables if v is not rate]
    taken = [*program.inputs, *program.outputs, "learning_rate"]
    names = dict(zip(state, state_names([v.path for v in state], taken), strict=True))
    step = lower(
        _step_inputs(program, names, rate), _step_outputs(program, names), name=model.name,
        metadata={"waterhorse.version": __version__,
                  "waterhorse.state": json.dumps(list(names.values()))},
    ).model  # fmt: skip
    init = initial_state(names)
    with replacing(step_path) as first, replacing(init_path) as second:
        for proto, temporary in ((step, first), (init, second)):
            onnx.save_model(proto, str(temporary))
            _check(temporary)
        _try_training(first, second, program)
    return str(step_path), str(init_path)


def _training_paths(filepath: str | os.PathLike[str]) -> tuple[Path, Path]:
    """``NAME.train.onnx`` and ``NAME.init.onnx`` for either of them or for ``NAME``."""
    path = Path(filepath)
    stem = path.name.removesuffix(".onnx").removesuffix(".train").removesuffix(".init")
    return path.with_name(f"{stem}.train.onnx"), path.with_name(f"{stem}.init.onnx")


def training_program(model: Model) -> Program:
    """One training step; metrics start from zero in it, so that they are the batch's own."""
    structure, specs = _training_specs(model)
    metric_state: list[Variable] = []

    class Stepper:
        output_names = model.output_names

        def train_step(self, data_: Any) -> Any:
            trace = current_trace()
            compilation = model.compiled()
            if trace is not None:
                _prime(compilation, model, data_)
                metric_state.extend(compilation.metric_variables())
                for variable in metric_state:
                    trace.writes[variable] = constant(np.zeros(variable.shape, variable.dtype))
            return model.train_step(data_)

    program = traced(Stepper(), "train", structure, specs)  # type: ignore[arg-type]
    hidden = set(metric_state)
    return Program(
        program.inputs, program.outputs, program.structure,
        {v: t for v, t in program.reads.items() if v not in hidden},
        {v: t for v, t in program.writes.items() if v not in hidden},
    )  # fmt: skip


def _prime(compilation: Any, model: Model, data_: Any) -> None:
    """Metrics are made by the first step; make them before, so that they can be zeroed."""
    if not compilation.built:
        x, y, _ = data_
        prediction = model(x, training=False)
        compilation.build(model.output_names, tree.leaves(y), tree.leaves(prediction))


def _training_specs(model: Model) -> tuple[Structure, list[TensorSpec]]:
    """x, y and sample_weight as ``fit`` saw them last, else as the loss suggests."""
    known = model.steps.last("train")
    if known is not None:
        structure, specs = known
        if not structure.weighted:
            specs = [*specs, TensorSpec(("batch",), "float32", "sample_weight")]
        return Structure(structure.x, structure.y, True), list(specs)
    inputs = _input_specs(model)
    flat = tree.leaves(inputs)
    outputs = _output_types(model)
    targets = [_target_spec(model, t, "y" if len(outputs) == 1 else f"y_{i}")
               for i, t in enumerate(outputs)]  # fmt: skip
    weight = TensorSpec(("batch",), "float32", "sample_weight")
    y = tree.flatten(targets[0] if len(targets) == 1 else targets)[1]
    return Structure(tree.flatten(inputs)[1], y, True), [*flat, *targets, weight]


def _output_types(model: Model) -> list[Tensor]:
    specs = model.input_specs
    structure = Structure(tree.flatten(specs)[1], NO_TARGETS, False)
    return list(traced(model, "predict", structure, tree.leaves(specs)).outputs.values())


def _target_spec(model: Model, output: Tensor, name: str) -> TensorSpec:
    loss = losses.get(model.compiled().config["loss"])
    if isinstance(loss, losses.SparseCategoricalCrossentropy):
        return TensorSpec(("batch", *output.shape[1:-1]), "int64", name)
    return TensorSpec(("batch", *output.shape[1:]), output.dtype, name)


def _step_inputs(
    program: Program, names: Mapping[Variable, str], rate: Variable | None
) -> dict[str, Tensor]:
    inputs = dict(program.inputs)
    if rate is not None and rate in program.reads:
        inputs["learning_rate"] = program.reads[rate]
    return {**inputs, **{n: program.reads[v] for v, n in names.items() if v in program.reads}}


def _step_outputs(program: Program, names: Mapping[Variable, str]) -> dict[str, Tensor]:
    following = {
        f"next/{n}": program.writes[v] if v in program.writes else program.reads[v]
        for v, n in names.items()
    }
    return {**dict(sorted(program.outputs.items())), **following}


def initial_state(names: Mapping[Variable, str]) -> onnx.ModelProto:
    """A graph without inputs whose outputs are the variables' present values."""
    leaves = {n: (data(v.numpy()), v.numpy()) for v, n in names.items()}
    return lower(
        {}, {n: leaf for n, (leaf, _) in leaves.items()},
        {f"initial/{n}": pair for n, pair in leaves.items()}, name="initial_state",
        metadata={"waterhorse.version": __version__,
                  "waterhorse.state": json.dumps(list(names.values()))},
    ).model  # fmt: skip


def _try_training(step: Path, init: Path, program: Program) -> None:
    """One step by ONNX Runtime alone, as the file's users will run it."""
    start = create(str(init), device=CPU)
    state = dict(zip([o.name for o in start.get_outputs()], start.run(None, {}), strict=True))
    session = create(str(step), device=CPU)
    feeds: dict[str, Any] = {}
    for name, tensor in program.inputs.items():
        feeds[name] = _sample(TensorSpec(tensor.shape, tensor.dtype, name), 2)
    rate = {"learning_rate": np.array(1e-3, np.float32)}
    wanted = {i.name for i in session.get_inputs()}
    given = {k: v for k, v in {**feeds, **rate, **state}.items() if k in wanted}
    missing = sorted(wanted - set(given))
    if missing:
        raise ExportError(f"the training step wants {missing}, which is no state: a defect")
    found = dict(
        zip([o.name for o in session.get_outputs()], session.run(None, given), strict=True)
    )
    for name, value in state.items():
        after = found[f"next/{name}"]
        if after.shape != value.shape or after.dtype != value.dtype:
            raise ExportError(f"the training step changes the type of {name!r}: a defect")


__all__ = [
    "export_model", "export_training", "inference_model", "initial_state", "training_program",
]  # fmt: skip
