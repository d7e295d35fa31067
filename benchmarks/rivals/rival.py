"""Runs in the rivals' environment: a model in, the rival's gradient graph out.

    rivals-venv/bin/python rival.py {onnx-ad,onnxsim} MODEL OUT WEIGHT [WEIGHT ...]

MODEL has static shapes, its weights as inputs, and the scalar output ``loss``. OUT gets that output and one
gradient for each weight, in their order. The last line printed is JSON: how it was done, or why not. Each
rival gets the form of the model that it can do: as it is, in another opset, simplified by onnxsim.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import numpy as np
import onnx
import onnx.inliner
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper, shape_inference, version_converter

Weights = list[str]
LOSS = "loss"


def opset_of(model: onnx.ModelProto) -> int:
    """The version of the default domain."""
    return next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))


def in_opset(model: onnx.ModelProto, version: int) -> onnx.ModelProto:
    """The model in another opset, by onnx's own converter."""
    if opset_of(model) == version:
        return model
    return version_converter.convert_version(model, version)


def simplified(model: onnx.ModelProto) -> onnx.ModelProto:
    """What onnxsim's simplifier makes of it."""
    import onnxsim  # noqa: PLC0415

    return onnxsim.simplify(model)[0]


def by_onnx_ad(model: onnx.ModelProto, weights: Weights) -> onnx.ModelProto:
    """``reverse``, for one direction: the seed is a constant, so that ONNX Runtime may fold it."""
    import onnx_ad  # noqa: PLC0415

    made = onnx_ad.reverse(model, inputs=weights, outputs=[LOSS], layout="onnx")
    known = {i.name for i in model.graph.input}
    seeds = [i for i in made.graph.input if i.name not in known]
    results = {o.name.partition("_")[2]: o for o in made.graph.output if o.name != LOSS}
    if len(seeds) != 1 or set(results) != set(weights):
        raise ValueError(f"expected one seed and {weights}, got {seeds} and {[*results]}")
    made.graph.input.remove(seeds[0])
    made.graph.initializer.append(numpy_helper.from_array(np.ones(1, np.float32), seeds[0].name))
    loss = next(o for o in made.graph.output if o.name == LOSS)
    ordered = [loss, *(results[w] for w in weights)]
    for value in ordered[1:]:
        value.type.tensor_type.shape.dim[-1].dim_value = 1
    copies = [onnx.ValueInfoProto.FromString(v.SerializeToString()) for v in ordered]
    del made.graph.output[:]
    made.graph.output.extend(copies)
    return made


def by_onnxsim(model: onnx.ModelProto, weights: Weights) -> onnx.ModelProto:
    """``build_backward`` on what depends on the weights, then ``simplify``, as its training loop does."""
    from onnxsim import graph_grad, qat_graph  # noqa: PLC0415

    model = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    graph = model.graph
    depending, nodes = set(weights), []
    for node in graph.node:
        if depending.intersection(node.input):
            depending.update(node.output)
            nodes.append(node)
    shapes = {t.name: list(t.dims) for t in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        kind = value.type.tensor_type
        if kind.HasField("shape") and all(d.HasField("dim_value") for d in kind.shape.dim):
            shapes[value.name] = [d.dim_value for d in kind.shape.dim]
    builder = qat_graph.GraphBuilder(prefix="backward__")
    builder.nodes, builder.initializer = list(graph.node), list(graph.initializer)
    seed = builder.const(np.array(1.0, np.float32))
    found = graph_grad.build_backward(builder, nodes, shapes, {LOSS: seed}, weights)
    return simplified(_assembled(builder, model, [found[w] for w in weights], weights, shapes))


def _assembled(
    builder: object, model: onnx.ModelProto, found: list[str], weights: Weights,
    shapes: dict[str, list[int]],
) -> onnx.ModelProto:  # fmt: skip
    """The builder's nodes as a model with the model's inputs, its loss, and the gradients."""
    kinds = {i.name: i.type.tensor_type.elem_type for i in model.graph.input}
    nodes, functions = list(builder.nodes), list(builder.functions)  # type: ignore[attr-defined]
    outputs = [helper.make_tensor_value_info(LOSS, TensorProto.FLOAT, [])]
    for i, (weight, name) in enumerate(zip(weights, found, strict=True)):
        nodes.append(helper.make_node("Identity", [name], [f"gradient_{i}"]))
        kind = helper.make_tensor_value_info(f"gradient_{i}", kinds[weight], shapes[weight])
        outputs.append(kind)
    graph = helper.make_graph(
        nodes, "backward", list(model.graph.input), outputs, builder.initializer  # type: ignore[attr-defined]
    )  # fmt: skip
    imports = {o.domain: o.version for o in model.opset_import}
    imports.update({f.domain: 1 for f in functions})
    result = helper.make_model(
        graph, functions=functions, ir_version=model.ir_version,
        opset_imports=[helper.make_opsetid(d, v) for d, v in imports.items()],
    )  # fmt: skip
    return onnx.inliner.inline_local_functions(result) if functions else result


def forms(tool: str, model: onnx.ModelProto) -> dict[str, Callable[[], onnx.ModelProto]]:
    """The forms of the model to try, in this order."""
    if tool == "onnx-ad":
        return {
            "as it is": lambda: model,
            "opset 21": lambda: in_opset(model, 21),
            "simplified": lambda: in_opset(simplified(model), max(opset_of(model), 18)),
        }
    return {
        "simplified, opset 17": lambda: in_opset(simplified(model), 17),
        "opset 17, simplified": lambda: simplified(in_opset(model, 17)),
        "opset 17": lambda: in_opset(model, 17),
    }


def loadable(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model itself. Raises where ONNX Runtime cannot load it."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return model


def attempt(tool: str, model: onnx.ModelProto, weights: Weights, out: str) -> dict[str, str]:
    """The first form that works; else what each said."""
    differentiate = by_onnx_ad if tool == "onnx-ad" else by_onnxsim
    reasons = {}
    for how, form in forms(tool, model).items():
        try:
            onnx.save(loadable(differentiate(form(), weights)), out)
        except Exception as error:
            said = f"{type(error).__name__}: {error}".splitlines()[0].partition("; ")[0]
            reasons.setdefault(said[:200], how)
            continue
        return {"how": how}
    return {"reason": " / ".join(reasons)}


def main() -> None:
    """See the module."""
    tool, source, out, *weights = sys.argv[1:]
    found = attempt(tool, onnx.load(source), weights, out)
    sys.stdout.write("\n" + json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
