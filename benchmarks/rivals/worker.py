"""Gradient graphs by onnx-ad and by onnxsim, in a Python of their own. See ``compare.py``, which runs it.

    python worker.py FOLDER

For each ``NAME.onnx`` of the folder it writes ``NAME.onnx-ad`` and ``NAME.onnxsim`` where these can
differentiate the model by all its floating-point inputs, and answers with one JSON object,
``{NAME: {rival: null or what it said}}``. Each result has inputs ``cotangent/<output>`` and outputs
``grad/<input>``; onnx-ad's have one more axis of size 1 at the end, which is its way.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import onnx
import onnx_ad
from onnx import TensorProto, helper, version_converter
from onnxsim import graph_grad, qat_graph

FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16}


def floats(values: object) -> list[str]:
    """Names of what is floating-point."""
    return [v.name for v in values if v.type.tensor_type.elem_type in FLOATS]  # type: ignore[attr-defined]


def renamed(model: onnx.ModelProto, names: dict[str, str]) -> onnx.ModelProto:
    """The model with other names for its inputs and outputs."""
    graph = model.graph
    for value in (*graph.input, *graph.output):
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        node.input[:] = [names.get(n, n) for n in node.input]
        node.output[:] = [names.get(n, n) for n in node.output]
    return model


def by_onnx_ad(model: onnx.ModelProto) -> onnx.ModelProto:
    """``onnx_ad.reverse`` with the seeds as a last axis."""
    inputs, outputs = floats(model.graph.input), floats(model.graph.output)
    found = onnx_ad.reverse(model, inputs=inputs, outputs=outputs, prefix="adj_", layout="onnx")
    return renamed(found, {**{f"adj_{n}": f"cotangent/{n}" for n in outputs},
                           **{f"adj_{n}": f"grad/{n}" for n in inputs}})  # fmt: skip


def by_onnxsim(model: onnx.ModelProto) -> onnx.ModelProto:
    """``graph_grad.build_backward`` on all nodes, and the graph that it leaves to its caller."""
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    graph = model.graph
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
              for v in (*graph.input, *graph.value_info, *graph.output)}  # fmt: skip
    shapes |= {t.name: list(t.dims) for t in graph.initializer}
    inputs, outputs = floats(graph.input), floats(graph.output)
    builder = qat_graph.GraphBuilder("b__")
    builder.initializer.extend(graph.initializer)
    builder.nodes.extend(graph.node)
    seeds = {n: f"cotangent/{n}" for n in outputs}
    found = graph_grad.build_backward(builder, list(graph.node), shapes, seeds, inputs)
    for name in inputs:
        builder.nodes.append(helper.make_node("Identity", [found[name]], [f"grad/{name}"]))
    seeded = [
        helper.make_tensor_value_info(s, TensorProto.FLOAT, shapes[n]) for n, s in seeds.items()
    ]
    gradients = [
        helper.make_tensor_value_info(f"grad/{n}", TensorProto.FLOAT, shapes[n]) for n in inputs
    ]
    made = helper.make_graph(builder.nodes, "gradient", [*graph.input, *seeded],
                             [*graph.output, *gradients], builder.initializer)  # fmt: skip
    opsets = list(model.opset_import)
    opsets += [helper.make_opsetid(d, 1) for d in sorted({f.domain for f in builder.functions})]
    result = helper.make_model(made, opset_imports=opsets, functions=list(builder.functions))
    result.ir_version = max(model.ir_version, 8)
    if builder.functions:
        from onnxsim.onnx_simplifier import inline_local_functions  # noqa: PLC0415 - an optional step

        result = inline_local_functions(result)
    return result


def attempt(rival: Callable[[onnx.ModelProto], onnx.ModelProto], model: onnx.ModelProto, opset: int) -> onnx.ModelProto:  # fmt: skip
    """On the model as it is; where that fails, on the model in the opset that the rival knows best."""
    try:
        return rival(copied(model))
    except Exception:
        return rival(version_converter.convert_version(model, opset))


def copied(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy, since rivals may change what they are given."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    return result


def main() -> None:
    """All models of a folder."""
    warnings.simplefilter("ignore")
    logging.disable()
    folder = Path(sys.argv[1])
    answers: dict[str, dict[str, str | None]] = {}
    for path in sorted(folder.glob("*.onnx")):
        model, found = onnx.load(path), answers.setdefault(path.stem, {})
        for name, rival, opset in (("onnx-ad", by_onnx_ad, 21), ("onnxsim", by_onnxsim, 17)):
            try:
                onnx.save(attempt(rival, model, opset), folder / f"{path.stem}.{name}")
                found[name] = None
            except Exception as error:  # whatever a rival says is its answer
                found[name] = f"{type(error).__name__}: {error}".partition("\n")[0][:200]
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
