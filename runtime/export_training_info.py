"""The training step in the standard's own training IR: one file that is also the inference model."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper

from .._version import __version__
from ..compiler import op, scope, tree
from ..compiler.importer import recipe
from ..compiler.ir import Array, Tensor, argument, constant, data, toposort
from ..compiler.lower import lower, state_names
from ..compiler.optimizers import Optimizer, nodes
from ..compiler.program import Program
from ..compiler.schema import IR_VERSION, OPSET
from ..compiler.state import Variable, current_trace
from ..compiler.training_info import DOMAIN, combined, split
from ..errors import ExportError, WaterhorseError
from .export import check, compare, output_kinds
from .export_training import stem, training_program
from .files import replacing
from .minimizing import by_expansion, minimizing

if TYPE_CHECKING:
    from .model import Model


def export_training_info(model: Model, filepath: str | os.PathLike[str]) -> str:
    """See ``Model.export_training``."""
    base = stem(filepath)
    path = base.with_name(f"{base.name}.onnx")
    proto = training_info_model(model)
    with replacing(path) as temporary:
        onnx.save_model(proto, str(temporary))
        check(temporary)
        _check_training(proto, temporary)
        compare(model, temporary)
    return str(path)


def training_info_model(model: Model) -> onnx.ModelProto:
    """The inference graph, and in ``training_info`` the step and how it starts."""
    used: list[Optimizer] = []
    predicted: list[str] = []

    def by_nodes(model: Model, loss: Tensor) -> None:
        used.append(_minimized(model, loss))

    def predict(data_: Any) -> dict[str, Tensor]:
        found = _predictions(model, data_)
        predicted.extend(found)
        return found

    with minimizing(by_nodes):
        program = training_program(model, weighted=False, before=predict)
    program = _with_inputs_apart(_as_predicted(program, predicted), predicted)
    optimizer = used[0] if used else model.compiled().optimizer
    names = _names(program, optimizer)
    kinds = output_kinds(model, {n: program.outputs[n] for n in predicted})
    step = _lowered(program, names, nodes.present(optimizer))
    helper.set_model_props(
        step, {"waterhorse.version": __version__, "waterhorse.outputs": json.dumps(kinds)}
    )
    graph, algorithm = split(step.graph, predicted)
    graph.name, algorithm.name = model.name, "training_step"
    step.graph.CopyFrom(graph)
    info = step.training_info.add()
    info.algorithm.CopyFrom(algorithm)
    for variable in program.writes:
        info.update_binding.add(key=names[variable], value=f"next/{names[variable]}")
    first = {names[v]: a for v, a in nodes.first(optimizer).items() if v in names}
    info.initialization.CopyFrom(_initialization(first))
    for name in first:
        info.initialization_binding.add(key=name, value=f"initial/{name}")
    return step


def _as_predicted(program: Program, predicted: list[str]) -> Program:
    """The first outputs are what is predicted, under their own names even if a target has one of them."""
    labels = [*predicted, *[*program.outputs][len(predicted) :]]
    return replace(program, outputs=dict(zip(labels, program.outputs.values(), strict=True)))


def _with_inputs_apart(program: Program, predicted: list[str]) -> Program:
    """A target that has the name of an output of the model gets another: here both are in one graph."""
    taken = {*program.outputs, *program.inputs}
    inputs = {}
    for name, tensor in program.inputs.items():
        label = name
        while label in predicted or (label != name and label in taken):
            label = f"{label}_true"
        inputs[label] = tensor
    return replace(program, inputs=inputs)


# -- the step ---------------------------------------------------------------------------------------


def _minimized(model: Model, loss: Tensor) -> Optimizer:
    """One Gradient node, and the optimizer by nodes where it can be."""
    optimizer = model.compiled().optimizer
    variables = model.trainable_variables
    trace = current_trace()
    if not variables or trace is None or any(v in trace.writes for v in variables):
        by_expansion(model, loss)
        return optimizer
    found = nodes.by_nodes(optimizer, variables)
    found.apply(_gradients(found.scale_loss(loss), variables), variables)
    return found


def _gradients(loss: Tensor, variables: list[Variable]) -> list[Tensor]:
    """A Gradient node. Its last operand is the loss for now, until that has a name."""
    leaves = {
        t.key: t for n in toposort([loss]) if n.op == "Argument" for t in n.outputs
    }  # fmt: skip
    sources = [v.value for v in variables]
    xs = [t for t in sources if t.key in leaves]
    zs = [t for k, t in leaves.items() if k not in {t.key for t in xs}]
    with scope.replaced("backward"):
        made = nodes.node("Gradient", [*xs, *zs, loss], xs) if xs else ()
    found = {x.key: dx for x, dx in zip(xs, made, strict=True)}
    return [
        found[t.key] if t.key in found else constant(np.zeros(v.shape), v.dtype)
        for t, v in zip(sources, variables, strict=True)
    ]


def _named_gradients(graph: onnx.GraphProto) -> None:
    """Say by name what the Gradient nodes differentiate, and of what types the results are."""
    kinds = {t.name: (t.data_type, list(t.dims)) for t in graph.initializer}
    for node in graph.node:
        if node.domain == DOMAIN and node.op_type == "Gradient":
            *names, y = node.input
            count = len(node.output)
            del node.input[-1]
            options = {"xs": names[:count], "y": y} | (
                {"zs": names[count:]} if names[count:] else {}
            )
            node.attribute.extend(helper.make_attribute(n, v) for n, v in options.items())
            graph.value_info.extend(
                helper.make_tensor_value_info(o, *kinds[x])
                for o, x in zip(node.output, names, strict=False)
            )


def _predictions(model: Model, data_: Any) -> dict[str, Tensor]:
    """What the model gives in inference, by the names of its outputs."""
    found = tree.leaves(model.predict_step(data_))
    names = model.output_names
    if len(names) != len(found):
        names = [f"output_{i}" for i in range(len(found))]
    clashing = sorted(set(names) & {"loss", *model.metrics_names})
    if clashing:
        raise ExportError(f"the output {clashing[0]!r} has the name of a metric: rename its layer")
    return dict(zip(names, found, strict=True))


def _names(program: Program, optimizer: Optimizer) -> dict[Variable, str]:
    rate = optimizer.rate_variable
    paths = ["learning_rate" if v is rate else v.path for v in program.variables]
    taken = [*program.inputs, *program.outputs]
    return dict(zip(program.variables, state_names(paths, taken), strict=True))


def _lowered(
    program: Program, names: Mapping[Variable, str], values: Mapping[Variable, Array]
) -> onnx.ModelProto:
    """All in one graph, with the variables as initializers."""
    stored = {
        n: (program.reads.get(v, argument(n, v.type)), values[v] if v in values else v.numpy())
        for v, n in names.items()
    }
    updates = {f"next/{names[v]}": t for v, t in program.writes.items()}
    made = lower(program.inputs, {**program.outputs, **updates}, stored).model
    _named_gradients(made.graph)
    return made


def _initialization(values: Mapping[str, Array]) -> onnx.GraphProto:
    """A graph that gives these arrays; those of one number are filled rather than stored."""
    outputs = {}
    for name, array in values.items():
        same = array.size > 1 and bool((array == array.flat[0]).all())
        with scope.replaced(f"start/{name}"):
            outputs[f"initial/{name}"] = (
                op.ConstantOfShape(np.array(array.shape, np.int64), value=array.reshape(-1)[:1])
                if same else data(array)
            )  # fmt: skip
    graph: onnx.GraphProto = lower({}, outputs, name="initialization").model.graph
    return graph


# -- checks -----------------------------------------------------------------------------------------


def _check_training(proto: onnx.ModelProto, path: Path) -> None:
    """The checker does not look into ``training_info``: check the step as a graph, and read it back."""
    (info,) = proto.training_info
    start = helper.make_model(
        info.initialization, ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)]
    )
    try:
        for graph in (combined(proto, info.algorithm), start):
            onnx.checker.check_model(graph, full_check=True)
        recipe.algorithms(*recipe.opened(path))
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"the training step is not valid ONNX: {error}") from error
    except WaterhorseError as error:
        raise ExportError(f"the training step cannot be read back: {error}") from error


__all__ = ["export_training_info", "training_info_model"]
