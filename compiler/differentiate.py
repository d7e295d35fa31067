"""``wh.differentiate``: an ONNX model in, the model with its gradients out. Nothing is run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
import onnx

from ..errors import ArgumentError
from . import dtypes, importer
from .autodiff import vector_jacobian
from .ir import Tensor, argument, constant, toposort
from .lower import lower


def differentiate(
    source: str | os.PathLike[str] | bytes | onnx.ModelProto,
    wrt: Sequence[str] | None = None,
    of: Sequence[str] | None = None,
) -> onnx.ModelProto:
    """A model that computes what ``source`` does, and its gradients beside it.

    Args:
        source: a path, the bytes of a file, or a model; opsets 7 to 28.
        wrt: names of floating-point inputs and stored tensors; all of them by default.
        of: names of floating-point outputs; all of them by default.

    The result (opset 21, standard operators only) has the inputs, outputs and stored tensors of
    ``source`` by their names. For each output in ``of`` that is no scalar it has one more input
    ``cotangent/<output>``, of the output's type: the gradient of what follows by that output (ones give
    the gradient of the sum of its elements). For each name in ``wrt`` it has one more output
    ``grad/<name>``, of that tensor's type: the sum over ``of`` of cotangents times Jacobians; zero where
    nothing depends on it.

    Raises ``FileFormatError`` for a model that cannot be read, ``ArgumentError`` for names that it does
    not have, ``GradientError`` that names the operator where one has no gradient.
    """
    graph = importer.read(source, masters=False)
    leaves = _differentiable(graph)
    targets = _chosen(
        "of", of, {n: t for n, t in graph.outputs.items() if dtypes.is_float(t.dtype)}
    )
    sources = _chosen("wrt", wrt, leaves)
    inputs = dict(graph.inputs)
    cotangents = []
    for name, y in targets.items():
        if all(d == 1 for d in y.shape):
            cotangents.append(constant(np.ones(y.shape), y.dtype))
            continue
        seed = argument(f"cotangent/{name}", y.type)
        inputs[f"cotangent/{name}"] = seed
        cotangents.append(seed)
    found = vector_jacobian([*targets.values()], cotangents, [*sources.values()], connected=False)
    gradients = {f"grad/{n}": g for n, g in zip(sources, found, strict=True)}
    outputs = {**graph.outputs, **gradients}
    used = set(toposort(outputs.values()))
    weights = {n: (w.leaf, w.value) for n, w in graph.weights.items() if w.leaf.node in used}
    return lower(inputs, outputs, weights, name=graph.name or "main", metadata=graph.metadata).model


def _differentiable(graph: importer.Imported) -> dict[str, Tensor]:
    leaves = {**graph.inputs, **{n: w.leaf for n, w in graph.weights.items()}}
    return {n: t for n, t in leaves.items() if dtypes.is_float(t.dtype)}


def _chosen(
    what: str, names: Sequence[str] | None, known: Mapping[str, Tensor]
) -> Mapping[str, Tensor]:
    if not known:
        kind = "output" if what == "of" else "input or stored tensor"
        raise ArgumentError(f"the model has no floating-point {kind}: there is no gradient to take")
    if names is None:
        return known
    if isinstance(names, str):
        raise ArgumentError(f"{what} is a list of names, so write [{names!r}]")
    unknown = [n for n in names if n not in known]
    if unknown or not names:
        listed = ", ".join(repr(n) for n in [*known][:20])
        raise ArgumentError(
            f"{what}={list(names)!r}: {unknown[0] if unknown else 'nothing'!r} is not among the "
            f"model's floating-point tensors: {listed}{' ...' if len(known) > 20 else ''}"
        )
    return {n: known[n] for n in names}
