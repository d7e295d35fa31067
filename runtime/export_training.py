"""The training step as two files: the step, and its initial state."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from .._version import __version__
from ..compiler import losses, tree
from ..compiler.importer.recipe import RATE, STATE
from ..compiler.ir import Tensor, constant, data
from ..compiler.lower import lower, state_names
from ..compiler.program import Program, TensorSpec
from ..compiler.state import Trace, Variable, current_trace, tracing
from ..errors import ExportError
from .data import NO_TARGETS, Structure
from .device import CPU
from .export import check, input_specs, samples
from .files import replacing
from .session import create
from .steps import traced
from .utils import unpack_x_y_sample_weight

if TYPE_CHECKING:
    from .model import Model


def export_training(model: Model, filepath: str | os.PathLike[str]) -> tuple[str, str]:
    """See ``Model.export_training``."""
    step_path, init_path = _paths(filepath)
    program = training_program(model)
    rate = model.compiled().optimizer.rate_variable
    state = [v for v in program.variables if v is not rate]
    taken = [*program.inputs, *program.outputs, "learning_rate"]
    names = dict(zip(state, state_names([v.path for v in state], taken), strict=True))
    metadata = {"waterhorse.version": __version__, STATE: json.dumps(list(names.values()))}
    if rate is not None:
        metadata[RATE] = json.dumps(float(rate.numpy()))
    step = lower(_inputs(program, names, rate), _outputs(program, names), name=model.name,
                 metadata=metadata).model  # fmt: skip
    init = initial_state(names)
    with replacing(step_path) as first, replacing(init_path) as second:
        for proto, temporary in ((step, first), (init, second)):
            onnx.save_model(proto, str(temporary))
            check(temporary)
        _try(first, second, program)
    return str(step_path), str(init_path)


def stem(filepath: str | os.PathLike[str]) -> Path:
    """``NAME`` for any of ``NAME``, ``NAME.onnx``, ``NAME.train.onnx`` and ``NAME.init.onnx``."""
    path = Path(filepath)
    name = path.name.removesuffix(".onnx").removesuffix(".train").removesuffix(".init")
    return path.with_name(name)


def _paths(filepath: str | os.PathLike[str]) -> tuple[Path, Path]:
    base = stem(filepath)
    return base.with_name(f"{base.name}.train.onnx"), base.with_name(f"{base.name}.init.onnx")


def training_program(
    model: Model, *, weighted: bool = True, before: Callable[[Any], dict[str, Any]] | None = None
) -> Program:
    """One training step; metrics start from zero in it, so that they are the batch's own.

    Args:
        weighted: whether there is an input ``sample_weight`` even where ``fit`` was given none.
        before: gives further outputs from (x, y, sample_weight), before the step runs.
    """
    structure, specs = _training_specs(model, weighted)
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
            more = before(data_) if before is not None else {}
            return {**more, **model.train_step(data_)}

    program = traced(Stepper(), "train", structure, specs)  # type: ignore[arg-type]
    hidden = set(metric_state)
    return Program(
        program.inputs, program.outputs, program.structure,
        {v: t for v, t in program.reads.items() if v not in hidden},
        {v: t for v, t in program.writes.items() if v not in hidden},
    )  # fmt: skip


def _prime(compilation: Any, model: Model, data_: Any) -> None:
    """Metrics are made by the first step; make them before, so that they can be zeroed.

    In a trace of its own: what this prediction changes (states of stateful layers) is no part of the step.
    """
    if not compilation.built:
        x, y, _ = unpack_x_y_sample_weight(data_)
        with tracing(Trace()):
            model._paired(y, model(x, training=False))


def _training_specs(model: Model, weighted: bool) -> tuple[Structure, list[TensorSpec]]:
    """x, y and sample_weight as ``fit`` saw them last, else as the loss suggests."""
    known = model.steps.last("train")
    weight = [TensorSpec(("batch",), "float32", "sample_weight")]
    if known is not None:
        structure, specs = known
        more = weight if weighted and not structure.weighted else []
        return Structure(structure.x, structure.y, structure.weighted or weighted), [*specs, *more]
    inputs = input_specs(model)
    flat = tree.leaves(inputs)
    outputs = _output_types(model)
    targets = [_target_spec(model, t, "y" if len(outputs) == 1 else f"y_{i}")
               for i, t in enumerate(outputs)]  # fmt: skip
    y = tree.flatten(targets[0] if len(targets) == 1 else targets)[1]
    found = [*flat, *targets, *(weight if weighted else [])]
    return Structure(tree.flatten(inputs)[1], y, weighted), found


def _output_types(model: Model) -> list[Tensor]:
    specs = model.input_specs
    structure = Structure(tree.flatten(specs)[1], NO_TARGETS, False)
    return list(traced(model, "predict", structure, tree.leaves(specs)).outputs.values())


def _target_spec(model: Model, output: Tensor, name: str) -> TensorSpec:
    if isinstance(model.compiled().single_loss, losses.SparseCategoricalCrossentropy):
        return TensorSpec(("batch", *output.shape[1:-1]), "int64", name)
    return TensorSpec(("batch", *output.shape[1:]), output.dtype, name)


def _inputs(
    program: Program, names: Mapping[Variable, str], rate: Variable | None
) -> dict[str, Tensor]:  # fmt: skip
    inputs = dict(program.inputs)
    if rate is not None and rate in program.reads:
        inputs["learning_rate"] = program.reads[rate]
    return {**inputs, **{n: program.reads[v] for v, n in names.items() if v in program.reads}}


def _outputs(program: Program, names: Mapping[Variable, str]) -> dict[str, Tensor]:
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
        metadata={"waterhorse.version": __version__, STATE: json.dumps(list(names.values()))},
    ).model  # fmt: skip


def _try(step: Path, init: Path, program: Program) -> None:
    """One step by ONNX Runtime alone, as the file's users will run it."""
    start = create(str(init), device=CPU)
    state = dict(zip([o.name for o in start.get_outputs()], start.run(None, {}), strict=True))
    session = create(str(step), device=CPU)
    specs = [TensorSpec(t.shape, t.dtype, name) for name, t in program.inputs.items()]
    feeds = dict(zip(program.inputs, samples(specs, 2), strict=True))
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


__all__ = ["export_training", "initial_state", "stem", "training_program"]
