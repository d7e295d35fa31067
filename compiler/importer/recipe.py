"""How a file trains itself: the standard's ``training_info``, or a step of ours with its state.

The second is read as if it were the first: the step's forward pass and loss are the inference graph, the
rest is the algorithm, and the state is bound to what the step computes for it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from ...errors import ArgumentError, FileFormatError
from .. import dtypes, functional
from ..execution import evaluate
from ..infer import TensorType
from ..ir import Array, data, toposort
from ..training_info import DOMAIN, OPTIMIZERS, combined, split, stored_names
from . import Imported, parsed, read

STATE, RATE = "waterhorse.state", "waterhorse.learning_rate"
NEXT = "next/"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One ``TrainingInfoProto``.

    Args:
        graph: the inference graph and the algorithm as one graph.
        results: names of the algorithm's outputs that are not there to update something, and of the
            inference graph's that are single numbers.
        updates: the name of a stored tensor -> the output that it becomes.
        start: the initialization graph, None where there is none.
        resets: the name of a stored tensor -> the output of ``start`` that it becomes.
    """

    graph: Imported
    results: tuple[str, ...]
    updates: Mapping[str, str]
    start: Imported | None
    resets: Mapping[str, str]

    def initial(self) -> dict[str, Array]:
        """Run the initialization graph: new values of stored tensors."""
        if self.start is None:
            return {}
        stored = {w.leaf.key: data(w.value) for w in self.start.weights.values()}
        wanted = [self.start.outputs[o] for o in self.resets.values()]
        return dict(zip(self.resets, evaluate(functional.replay(wanted, stored)), strict=True))


def algorithms(
    model: onnx.ModelProto,
    folder: Path | None,
    input_shapes: Mapping[str, Sequence[int | None]] | None = None,
) -> list[Algorithm]:
    """The training steps of a model, in the order in which they run.

    Raises ``FileFormatError`` where bindings or graphs do not fit.
    """
    state = changed(model)
    found = []
    for info in model.training_info:
        updates = _bindings(info.update_binding)
        resets = _bindings(info.initialization_binding)
        own = {o.name for o in info.algorithm.output}
        step = read(combined(model, info.algorithm), masters=False, input_shapes=input_shapes,
                    state=state, folder=folder)  # fmt: skip
        results = [
            n
            for n, t in step.outputs.items()
            if n not in updates.values() and (n in own or is_number(t.type))
        ]
        found.append(Algorithm(step, tuple(results), updates, _start(model, info, folder), resets))
        _check(found[-1], stored_names(model.graph) | stored_names(info.algorithm))
    keys = [k for a in found for k in a.updates]
    twice = sorted({k for k in keys if keys.count(k) > 1})
    if twice:
        raise FileFormatError(f"update_binding: {twice[0]!r} is updated by two training steps")
    return found


def is_number(kind: TensorType) -> bool:
    """Whether a tensor is one floating-point number."""
    return dtypes.is_float(kind.dtype) and all(d == 1 for d in kind.shape)


def changed(model: onnx.ModelProto) -> set[str]:
    """The stored tensors that training changes: those that are bound, and the optimizers' rates."""
    found: set[str] = set()
    for info in model.training_info:
        found |= {b.key for b in (*info.update_binding, *info.initialization_binding)}
        found |= {
            n.input[0] for n in info.algorithm.node
            if n.domain == DOMAIN and n.op_type in OPTIMIZERS and n.input
        }  # fmt: skip
    return found


def _bindings(entries: Iterable[onnx.StringStringEntryProto]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in entries:
        if entry.key in found:
            raise FileFormatError(f"a binding of training_info sets {entry.key!r} twice")
        found[entry.key] = entry.value
    return found


def _start(
    model: onnx.ModelProto, info: onnx.TrainingInfoProto, folder: Path | None
) -> Imported | None:
    """The initialization graph. It has no inputs."""
    if not info.initialization.output:
        return None
    if info.initialization.input:
        raise FileFormatError("the initialization graph of training_info has inputs")
    alone = onnx.ModelProto(ir_version=model.ir_version)
    alone.opset_import.extend(model.opset_import)
    alone.functions.extend(model.functions)
    alone.graph.CopyFrom(info.initialization)
    return read(alone, masters=False, folder=folder)


def _check(algorithm: Algorithm, stored: set[str]) -> None:
    """Bound are stored tensors, to outputs of the same type."""
    starts = algorithm.start.outputs if algorithm.start is not None else {}
    for what, bindings, outputs in (
        ("update_binding", algorithm.updates, algorithm.graph.outputs),
        ("initialization_binding", algorithm.resets, starts),
    ):
        for key, value in bindings.items():
            if key not in stored:
                raise FileFormatError(f"{what} sets {key!r}, which is no initializer")
            if value not in outputs:
                raise FileFormatError(f"{what} sets {key!r} to {value!r}, which is no output")
            leaf, result = algorithm.graph.weights[key].leaf.type, outputs[value].type
            fits = leaf.dtype == result.dtype and len(leaf.shape) == len(result.shape)
            if not fits or any(
                isinstance(b, int) and a != b for a, b in zip(leaf.shape, result.shape, strict=True)
            ):
                raise FileFormatError(f"{what} sets {key!r}, {leaf}, to {value!r}, {result}")


# -- Waterhorse's own form ----------------------------------------------------------------------------


def opened(
    source: str | os.PathLike[str] | bytes | onnx.ModelProto,
) -> tuple[onnx.ModelProto, Path | None]:
    """``parsed``, with ``NAME.train.onnx`` as a model with ``training_info``.

    Raises ``ArgumentError`` where ``NAME.init.onnx`` is not beside it.
    """
    model, folder = parsed(source)
    metadata = {p.key: p.value for p in model.metadata_props}
    if STATE not in metadata or not any(o.name.startswith(NEXT) for o in model.graph.output):
        return model, folder
    try:
        names = [str(n) for n in json.loads(metadata[STATE])]
        rate = json.loads(metadata.get(RATE, "null"))
    except (ValueError, TypeError) as error:
        raise FileFormatError(f"the metadata {STATE!r} or {RATE!r} is no JSON: {error}") from error
    values = _stored(_beside(source), names)
    if isinstance(rate, (int, float)):
        values["learning_rate"] = np.array(rate, np.float32)
    return _bound(model, names, values), folder


def _beside(source: str | os.PathLike[str] | bytes | onnx.ModelProto) -> Path:
    """Where the initial state is."""
    if isinstance(source, (bytes, onnx.ModelProto)):
        raise ArgumentError(
            "this model is a training step, whose state is in the file beside it: load it by its path"
        )
    path = Path(os.fspath(source))
    stem = path.name.removesuffix(".onnx").removesuffix(".train")
    found = path.with_name(f"{stem}.init.onnx")
    if not found.is_file():
        raise ArgumentError(
            f"{path} is a training step; its state should be in {found}, which is missing"
        )
    return found


def _stored(path: Path, names: Sequence[str]) -> dict[str, Array]:
    """The values of the state. They are outputs of a graph without inputs, and stored: nothing is run."""
    if not names:
        return {}
    graph = read(path, masters=False)
    leaves = {w.leaf.key: w.value for w in graph.weights.values()}
    found = {}
    for name in names:
        tensor = graph.outputs.get(name)
        if tensor is None:
            raise FileFormatError(f"{path} has no output {name!r}, which is part of the state")
        while tensor.node.op == "Identity" and tensor.node.inputs[0] is not None:
            tensor = tensor.node.inputs[0]
        if tensor.key in leaves:
            found[name] = leaves[tensor.key]
        elif tensor.node.concrete and len(toposort([tensor])) == 1:
            found[name] = tensor.numpy()
        else:
            raise FileFormatError(f"{path}: the output {name!r} is computed, not stored")
    return found


def _bound(
    model: onnx.ModelProto, names: Sequence[str], values: Mapping[str, Array]
) -> onnx.ModelProto:
    """The step with its state as initializers, and with bindings to what it becomes."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    given = [i for i in made.graph.input if i.name not in values]
    del made.graph.input[:]
    made.graph.input.extend(given)
    made.graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in values.items())
    outputs = [o.name for o in made.graph.output]
    missing = [n for n in names if NEXT + n not in outputs]
    if missing:
        raise FileFormatError(f"the training step has no output {NEXT + missing[0]!r}")
    results = [n for n in outputs if not n.startswith(NEXT)]
    graph, algorithm = split(made.graph, results)
    made.graph.CopyFrom(graph)
    info = made.training_info.add()
    info.algorithm.CopyFrom(algorithm)
    for name in names:
        info.update_binding.add(key=name, value=NEXT + name)
    if "learning_rate" in values and "learning_rate" not in names:
        start = numpy_helper.from_array(values["learning_rate"], "initial/learning_rate")
        info.initialization.initializer.append(start)
        info.initialization.output.add(name=start.name)
        info.initialization_binding.add(key="learning_rate", value=start.name)
    return made
