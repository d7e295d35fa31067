"""Operators of opsets 7 to 28 mean the same in our graph: against ONNX Runtime on the original file."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper, version_converter
from onnx.reference import ReferenceEvaluator

from waterhorse import _boot
from waterhorse.compiler import autodiff, importer, ir, lower, schema
from waterhorse.compiler.importer import adapters
from waterhorse.errors import FileFormatError

from .cases_opsets import CASES, Array, Case, Stored

assert _boot.gradients  # importing it fills the table of rules


def model_of(case: Case) -> onnx.ModelProto:
    """The case as a file of its opset."""
    names = ["" if x is None else f"x{i}" for i, x in enumerate(case.inputs)]
    held, infos = [], []
    for i, (name, x) in enumerate(zip(names, case.inputs, strict=True)):
        if isinstance(x, Stored):
            held.append(onnx.numpy_helper.from_array(x.array, name))
        elif x is not None:
            shape = case.dims if case.dims and i == 0 else np.shape(x)
            infos.append(helper.make_tensor_value_info(name, _kind(x), shape))
    outputs = [f"y{i}" for i in range(case.outputs)]
    node = helper.make_node(case.op, names, outputs, **case.attributes)
    graph = helper.make_graph(
        [node], "case", infos, [helper.make_empty_tensor_value_info(y) for y in outputs], held
    )
    version = helper.make_opsetid("", case.version)
    model = helper.make_model(
        graph, opset_imports=[version], ir_version=8 if case.version < 22 else 14
    )
    return onnx.shape_inference.infer_shapes(model)


def _kind(x: Any) -> int:
    return helper.np_dtype_to_tensor_dtype(np.asarray(x).dtype)


def feeds_of(case: Case) -> dict[str, Array]:
    given = enumerate(case.inputs)
    return {f"x{i}": np.asarray(x) for i, x in given if x is not None and not isinstance(x, Stored)}


def run(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> list[Array]:
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return [np.asarray(a) for a in session.run(None, dict(feeds))]


def imported(model: onnx.ModelProto) -> onnx.ModelProto:
    """Read and written again, at our opset."""
    found = importer.read(model)
    weights = {n: (w.leaf, w.value) for n, w in found.weights.items()}
    written = lower.lower(found.inputs, found.outputs, weights).model
    onnx.checker.check_model(written, full_check=True)
    return written


@pytest.mark.parametrize("case", CASES, ids=str)
def test_means_the_same(case: Case) -> None:
    model, feeds = model_of(case), feeds_of(case)
    if isinstance(case.oracle, list):
        expected = case.oracle
    elif case.oracle == "reference":
        expected = [np.asarray(a) for a in ReferenceEvaluator(model).run(None, feeds)]
    else:
        expected = run(model, feeds)
    found = run(imported(model), feeds)
    _same(found, expected)
    if case.converted:
        converted = version_converter.convert_version(model, schema.OPSET)
        _same(found, run(converted, feeds))


def _same(found: list[Array], expected: list[Array]) -> None:
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        loose = 1e-3 if a.dtype == np.float16 else 1e-5
        np.testing.assert_allclose(a, b, rtol=loose, atol=loose, equal_nan=True)


def test_each_adapter_has_a_case_in_each_of_its_ranges() -> None:
    tried = {(c.op, c.version) for c in CASES}
    shared = set(adapters.half.learned())  # one function for all of them
    for op, spans in adapters.ranges().items():
        for low, high in spans:
            if op in shared and low == schema.OPSET + 1:
                continue
            assert any(name == op and low <= v <= high for name, v in tried), (op, low, high)


# A new attribute (or optional input) without which the operator is what it was before: no adapter.
ADDED = {
    ("ArgMax", 12), ("ArgMin", 12), ("AveragePool", 10), ("AveragePool", 19), ("Cast", 19),
    ("CastLike", 19), ("Constant", 11), ("Constant", 12), ("DepthToSpace", 11), ("DequantizeLinear", 13),
    ("DequantizeLinear", 21), ("Dropout", 12), ("GRU", 14), ("GatherND", 12), ("Gemm", 11),
    ("GroupNormalization", 21), ("LSTM", 14), ("LpPool", 18), ("MaxPool", 8), ("MaxPool", 10),
    ("OptionalHasElement", 18), ("Pad", 18), ("QuantizeLinear", 13), ("QuantizeLinear", 19),
    ("QuantizeLinear", 21), ("RNN", 14), ("Reshape", 14), ("Resize", 13), ("Resize", 18),
    ("ScatterElements", 16), ("ScatterND", 16), ("Shape", 15), ("TopK", 11),
}  # fmt: skip
# Read by the reader itself: blocks, and the names of operands only
ELSEWHERE = {("Scan", 9)}
# By their function bodies at the file's own opset
BODIES = {"Attention", "CausalConvWithState", "LinearAttention", "RotaryEmbedding"}


def _steps() -> list[tuple[str, int, bool]]:
    """(operator, version, whether more than types changed) from opset 7 on."""
    history: dict[str, dict[int, Any]] = {}
    for s in onnx.defs.get_all_schemas_with_history():
        if s.domain == "":
            history.setdefault(s.name, {})[s.since_version] = s
    found = []
    for op, versions in sorted(history.items()):
        order = sorted(versions)
        start = max([v for v in order if v <= 7], default=order[0])
        for a, b in itertools.pairwise(order):
            if a >= start:
                found.append((op, b, _form(versions[a]) != _form(versions[b])))
    return found


def _form(s: Any) -> Any:
    attributes = {n: (a.type, a.required, str(a.default_value)) for n, a in s.attributes.items()}
    return (
        [p.option for p in s.inputs], [p.option for p in s.outputs], attributes, s.deprecated,
    )  # fmt: skip


@pytest.mark.parametrize(("op", "version"), [(o, v) for o, v, changed in _steps() if changed])
def test_each_change_of_form_is_decided(op: str, version: int) -> None:
    """A new release of ONNX that changes an operator makes this fail until someone has looked at it."""
    if (op, version) in ADDED | ELSEWHERE or op in BODIES:
        return
    relevant = version - 1 if version <= schema.OPSET else version
    assert adapters.find(op, relevant) is not None, f"{op} changed at opset {version}"


@pytest.mark.parametrize(
    "op", sorted({s.name for s in onnx.defs.get_all_schemas() if s.domain == ""})
)
def test_each_operator_after_our_opset_can_be_read(op: str) -> None:
    facts = onnx.defs.get_schema(op, 28)
    body = facts.has_function or facts.has_context_dependent_function
    assert op in schema.names() or facts.deprecated or body or adapters.find(op, 28) is not None


REFUSED = [
    Case("Resize", 11, (np.ones((1, 1, 2, 2), np.float32), Stored(np.zeros(0, np.float32)),
                        Stored(np.array([1, 1, 2, 2], np.float32))),
         {"mode": "linear", "coordinate_transformation_mode": "tf_half_pixel_for_nn"}),
    Case("Range", 27, tuple(np.array(v, np.float16) for v in (0, 2, 1)), {"stash_type": 10}),
    Case("BitCast", 26, (np.ones(2, np.float32),), {"to": 6}),
    Case("Split", 12, (np.ones(5, np.float32),), {"axis": 0}, 2),
    Case("BatchNormalization", 7, (np.ones((2, 3, 4), np.float32), *(np.ones((3, 4), np.float32),) * 4),
         {"spatial": 0}, 3),
    Case("CumProd", 26, (np.ones(5, np.float32), np.array(0, np.int64))),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_refused_with_a_reason(case: Case) -> None:
    names = [f"x{i}" for i in range(len(case.inputs))]
    node = helper.make_node(
        case.op, names, [f"y{i}" for i in range(case.outputs)], **case.attributes
    )
    infos, held = [], []
    for name, x in zip(names, case.inputs, strict=True):
        if isinstance(x, Stored):
            held.append(onnx.numpy_helper.from_array(x.array, name))
        else:
            infos.append(helper.make_tensor_value_info(name, _kind(x), x.shape))
    outputs = [helper.make_empty_tensor_value_info(y) for y in node.output]
    graph = helper.make_graph([node], "case", infos, outputs, held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", case.version)])
    with pytest.raises(FileFormatError, match=case.op):
        importer.read(model)


def test_gradient_of_a_row_that_is_masked_altogether() -> None:
    """Zero, not NaN: the bodies of attention replace NaN by zero after the Softmax."""
    node = helper.make_node("Attention", ["q", "k", "v", "mask"], ["y"])
    infos = [helper.make_tensor_value_info(n, 1, [1, 1, 3, 4]) for n in "qkv"]
    infos.append(helper.make_tensor_value_info("mask", 9, [3, 3]))
    result = helper.make_tensor_value_info("y", 1, [1, 1, 3, 4])
    graph = helper.make_graph([node], "attention", infos, [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 24)])
    found = importer.read(model)
    seed = ir.argument("seed", found.outputs["y"].type)
    wrt = [found.inputs[n] for n in "qkv"]
    dq, dk, dv = autodiff.vector_jacobian([found.outputs["y"]], [seed], wrt)
    written = lower.lower({**found.inputs, "seed": seed}, {"dq": dq, "dk": dk, "dv": dv}).model
    rng = np.random.default_rng(0)
    feeds = {n: rng.normal(size=(1, 1, 3, 4)).astype(np.float32) for n in ("q", "k", "v", "seed")}
    feeds["mask"] = np.array([[1, 0, 0], [0, 0, 0], [1, 1, 1]], bool)
    gradients = run(written, feeds)
    assert all(np.isfinite(g).all() for g in gradients)
    assert not gradients[0][0, 0, 1].any()
    assert gradients[0][0, 0, 2].any()


def test_where_is_otherwise_what_it_was() -> None:
    condition = helper.make_tensor_value_info("c", 9, [3, 1])
    x = helper.make_tensor_value_info("x", 1, [3, 4])
    nodes = [
        helper.make_node("Exp", ["x"], ["e"]),
        helper.make_node("Where", ["c", "z", "e"], ["y"]),
    ]
    zero = onnx.numpy_helper.from_array(np.zeros((), np.float32), "z")
    result = helper.make_tensor_value_info("y", 1, [3, 4])
    graph = helper.make_graph(nodes, "plain", [condition, x], [result], [zero])
    written = imported(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]))
    assert [n.op_type for n in written.graph.node] == ["Exp", "Where"]


@pytest.mark.parametrize("name", ["INT2", "UINT2", "FLOAT4E2M1"])
def test_stored_types_that_our_opset_lacks(name: str) -> None:
    kind = getattr(onnx.TensorProto, name)
    values = np.array([[0, 1, 1], [1, 0, 1]]).astype(helper.tensor_dtype_to_np_dtype(kind))
    held = [onnx.numpy_helper.from_array(values, "x")]
    zero = np.array(0 if name.startswith("FLOAT") else 1).astype(values.dtype)
    held.append(onnx.numpy_helper.from_array(zero, "zero"))
    node = helper.make_node("DequantizeLinear", ["x", "scale", "zero"], ["y"])
    scale = helper.make_tensor_value_info("scale", 1, [])
    result = helper.make_tensor_value_info("y", 1, [2, 3])
    graph = helper.make_graph([node], "narrow", [scale], [result], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)])
    feeds = {"scale": np.array(0.5, np.float32)}
    _same(run(imported(model), feeds), ReferenceEvaluator(model).run(None, feeds))
    quantize = helper.make_node("QuantizeLinear", ["y", "scale", "zero"], ["back"])
    model.graph.node.append(quantize)
    with pytest.raises(FileFormatError, match="zero"):
        importer.read(model)


@pytest.mark.parametrize("version", [9, 12, 13])
def test_shapes_are_worked_out_through_adapters(version: int) -> None:
    """What exporters write to flatten all but the batch becomes a Reshape by numbers."""
    old = version < 13
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Slice", ["shape"], ["first"], axes=[0], starts=[0], ends=[1])
        if version < 10 else helper.make_node("Slice", ["shape", "zero", "one"], ["first"]),
        helper.make_node("Squeeze", ["first"], ["batch"], axes=[0])
        if old else helper.make_node("Squeeze", ["first", "zero"], ["batch"]),
        helper.make_node("Unsqueeze", ["batch"], ["again"], axes=[0])
        if old else helper.make_node("Unsqueeze", ["batch", "zero"], ["again"]),
        helper.make_node("Concat", ["again", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["y"]),
    ]  # fmt: skip
    held = [
        onnx.numpy_helper.from_array(np.array([v]), n)
        for n, v in (("zero", 0), ("one", 1), ("rest", 12))
    ]
    x = helper.make_tensor_value_info("x", 1, ["n", 3, 4])
    y = helper.make_tensor_value_info("y", 1, None)
    graph = helper.make_graph(nodes, "flatten", [x], [y], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)])
    written = imported(model)
    assert [n.op_type for n in written.graph.node] == ["Reshape"]
    assert importer.read(model).outputs["y"].shape == ("n", 12)
