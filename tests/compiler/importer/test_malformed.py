"""Damaged and hostile files: one clear exception, little time, little memory, never a dead process."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, helper, numpy_helper

import waterhorse as wh
from waterhorse.compiler.importer import reader
from waterhorse.compiler.inspection import inspect
from waterhorse.errors import ArgumentError, FileFormatError

from .malformed import MEMORY, model, node_of, refused, small, suppress_but

ROOT = Path(__file__).parents[3]


# -- bytes ------------------------------------------------------------------------------------------


def test_a_missing_file(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.onnx", tmp_path):
        with pytest.raises(ArgumentError, match="there is no file"):
            wh.load_onnx(path)


def test_truncated_at_every_place(tmp_path: Path) -> None:
    whole = small().SerializeToString()
    path = tmp_path / "model.onnx"
    read = 0
    for size in range(len(whole)):
        try:  # what is cut off may be a part that the model can do without
            wh.load_onnx(whole[:size])
            read += 1
        except FileFormatError:
            continue
    path.write_bytes(whole[: len(whole) // 2])
    assert "model.onnx" in refused(path)
    assert read < 4


NOISE = {
    "nothing": b"", "zeros": b"\0" * 64, "text": b"hello, model", "a zip": b"PK\x03\x04" + b"\0" * 60,
    "random": np.random.default_rng(1).bytes(500), "a length beyond the end": b"\x3a\xff\xff\xff\xff\x07abc",
    "a group without an end": b"\x0b" * 40, "deep": b"\x3a\x7f" * 3000,
}  # fmt: skip


@pytest.mark.parametrize("data", NOISE.values(), ids=NOISE)
def test_no_model_at_all(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(data)
    refused(data)
    refused(tmp_path / "m.onnx", "m.onnx")


def test_each_bit_flipped() -> None:
    """A model with any one bit turned over is read or refused, and nothing else."""
    whole = small().SerializeToString()
    outcomes = {"read": 0, "refused": 0}
    for place in range(len(whole)):
        for bit in (1 << place % 8, 0x80):
            data = bytearray(whole)
            data[place] ^= bit
            try:
                wh.load_onnx(bytes(data))
                outcomes["read"] += 1
            except FileFormatError:
                outcomes["refused"] += 1
    assert min(outcomes.values()) > 50, outcomes


# -- graphs -----------------------------------------------------------------------------------------


def changed(change: Callable[[onnx.ModelProto], Any]) -> onnx.ModelProto:
    made = small()
    change(made)
    return made


def _set(target: Any, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(target, name, value)


def _again(proto: onnx.ModelProto, what: str) -> None:
    items = getattr(proto.graph, what)
    items.add().CopyFrom(items[0])


GRAPHS: dict[str, tuple[Callable[[onnx.ModelProto], Any], str]] = {
    "no graph": (lambda m: m.ClearField("graph"), "has no graph"),
    "no outputs": (lambda m: m.graph.ClearField("output"), "has no graph with outputs"),
    "no nodes": (lambda m: m.graph.ClearField("node"), "'y' is used, but it is no input"),
    "no opset": (lambda m: m.ClearField("opset_import"), "which version of domain 'ai.onnx'"),
    "an opset too old": (lambda m: _set(m.opset_import[0], version=6), "opset 6; opsets 7 to 28"),
    "an opset from the future": (lambda m: _set(m.opset_import[0], version=99), "opset 99"),
    "a negative opset": (lambda m: _set(m.opset_import[0], version=-1), "opset -1"),
    "an opset of another domain": (lambda m: _set(m.opset_import[0], domain="com.acme"), "does not say which version"),
    "an unknown operator": (lambda m: _set(m.graph.node[1], op_type="Frobnicate"), "no operator 'Frobnicate'"),
    "an operator without a name": (lambda m: _set(m.graph.node[1], op_type=""), "no operator ''"),
    "an unknown domain": (lambda m: _set(m.graph.node[1], domain="com.acme"), "does not say which version of domain 'com.acme'"),
    "an undefined name": (lambda m: m.graph.node[1].input.__setitem__(0, "nowhere"), "'nowhere' is used, but"),
    "a node that uses itself": (lambda m: m.graph.node[1].input.__setitem__(0, "b"), "no result of an earlier node"),
    "a cycle": (lambda m: m.graph.node[0].input.__setitem__(0, "y"), "no result of an earlier node"),
    "nodes out of order": (lambda m: m.graph.node.reverse(), "no result of an earlier node"),
    "an output that nothing computes": (lambda m: _set(m.graph.output[0], name="z"), "'z' is used, but"),
    "a result defined twice": (lambda m: m.graph.node[1].output.__setitem__(0, "a"), "'a' is defined twice"),
    "an input given twice": (lambda m: _again(m, "input"), "'x' is defined twice"),
    "a stored tensor given twice": (lambda m: _again(m, "initializer"), "'w' is defined twice"),
    "a node that redefines an input": (lambda m: m.graph.node[1].output.__setitem__(0, "x"), "'x' is defined twice"),
    "too few operands": (lambda m: m.graph.node[0].input.pop(), "MatMul takes"),
    "too many operands": (lambda m: m.graph.node[1].input.extend(["w"] * 3), "Relu takes"),
    "too many results": (lambda m: m.graph.node[1].output.append("z"), "Relu"),
    "an operand left out": (lambda m: m.graph.node[0].input.__setitem__(1, ""), "MatMul"),
    "shapes that do not fit": (lambda m: m.graph.initializer[0].dims.reverse(), "MatMul.*\n?.*nompatible|MatMul"),
    "element types that do not fit": (
        lambda m: m.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((4, 3)), "w")), "MatMul"),
    "an input without a type": (lambda m: m.graph.input[0].ClearField("type"), "'x' is a value without a type"),
    "an input without a shape": (lambda m: m.graph.input[0].type.tensor_type.ClearField("shape"), "no declared rank"),
    "an input of an unknown type": (
        lambda m: _set(m.graph.input[0].type.tensor_type, elem_type=77), "unknown element type 77"),
    "an input of no type": (lambda m: _set(m.graph.input[0].type.tensor_type, elem_type=0), "element type"),
    "a sequence as input": (
        lambda m: m.graph.input[0].type.CopyFrom(helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, [1]))),
        "is a sequence_type; only tensors"),
    "a map as input": (
        lambda m: m.graph.input[0].type.CopyFrom(onnx.TypeProto(map_type=onnx.TypeProto.Map(key_type=7))), "only tensors"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), GRAPHS.values(), ids=GRAPHS)
def test_graphs(change: Any, message: str, tmp_path: Path) -> None:
    proto = changed(change)
    said = refused(proto, message)
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    refused(tmp_path / "m.onnx", message)
    assert len(said) < 1000


def test_names_that_are_no_text() -> None:
    whole = small().SerializeToString()
    found = 0
    for name in (b"Relu", b"\x0a\x01b"):
        at = whole.index(name) + len(name) - 1
        found += "no UTF-8" in refused(whole[:at] + b"\xff" + whole[at + 1 :])
    assert found == 2


# -- attributes -------------------------------------------------------------------------------------

CONV = ("float[1, 2, 5, 5]", "float[2, 2, 3, 3]")
ATTRIBUTES: dict[str, tuple[onnx.ModelProto, str]] = {
    "unknown": (node_of("Relu", "float[2]", attributes="slope = 1.0"), "Relu has no attribute 'slope'"),
    "missing": (node_of("Concat", "float[2]"), "Concat needs the attribute 'axis'"),
    "text for a number": (node_of("Concat", "float[2]", attributes='axis = "one"'), "Concat"),
    "a number for numbers": (node_of("Conv", *CONV, attributes="strides = 2"), "Conv"),
    "numbers for a number": (node_of("Softmax", "float[2]", attributes="axis = [1, 2]"), "Softmax"),
    "too few strides": (node_of("Conv", *CONV, attributes="strides = [1]"), "Conv"),
    "strides of zero": (node_of("Conv", *CONV, attributes="strides = [0, 0]"), "Conv"),
    "huge pads": (node_of("Conv", *CONV, attributes="pads = [9223372036854775807, 0, 9223372036854775807, 0]"), "Conv"),
    "a group that does not divide": (node_of("Conv", *CONV, attributes="group = 7"), "Conv"),
    "an axis beyond the rank": (node_of("Softmax", "float[2]", attributes="axis = 5"), "Softmax"),
    "an axis beyond C++": (
        node_of("LayerNormalization", "float[2, 3]", "float[3]", attributes="axis = 9223372036854775807"), "no position of anything"),
    "a permutation that is none": (node_of("Transpose", "float[2, 3]", attributes="perm = [0, 0]"), "Transpose"),
    "perm too short": (node_of("Transpose", "float[2, 3]", attributes="perm = [0]"), "Transpose"),
    "an unknown type to cast to": (node_of("Cast", "float[2]", attributes="to = 99"), "Cast"),
    "negative batch_dims": (node_of("GatherND", "float[2, 3]", "int64[2, 1]", attributes="batch_dims = -2"), "batch_dims=-2 is negative"),
    "more parts than outputs": (node_of("Split", "float[6]", attributes="num_outputs = 2", outputs=3), "num_outputs=2 for 3 outputs"),
    "an equation that is none": (node_of("Einsum", "float[6]", attributes='equation = "1"'), "the equation '1' is none"),
    "one dot": (node_of("Einsum", "float[6]", attributes='equation = "."'), "the equation '.' is none"),
    "a mode that is none": (node_of("Pad", "float[6]", "int64[2]", attributes='mode = "upwards"'), "Pad"),
    "a constant without a value": (model("g () => (float y) { y = Constant () }"), "one value"),
    "a constant with two": (model("g () => (float y) { y = Constant <value_int = 1, value_float = 2.0> () }"), "one value"),
}  # fmt: skip


@pytest.mark.parametrize(("proto", "message"), ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_attributes(proto: onnx.ModelProto, message: str) -> None:
    loaded = None
    with suppress_but(message):
        loaded = wh.load_onnx(proto)
    # what inference lets pass is the runtime's to refuse, but never silently
    if loaded is not None:
        with pytest.raises(wh.errors.WaterhorseError):
            loaded.predict([np.ones([d if isinstance(d, int) else 1 for d in s.shape], s.dtype)
                            for s in wh.compiler.tree.leaves(loaded.input_specs)], verbose=0)  # fmt: skip


def attribute_of(**fields: Any) -> onnx.ModelProto:
    """A Concat whose attribute is written field by field."""
    proto = node_of("Concat", "float[2]", attributes="axis = 0")
    made = proto.graph.node[0].attribute[0]
    made.Clear()
    for name, value in fields.items():
        getattr(made, name).extend(value) if isinstance(value, list) else setattr(made, name, value)
    return proto


RAW_ATTRIBUTES = {
    "no type": {"name": "axis", "i": 0},
    "a type without its field": {"name": "axis", "type": AttributeProto.TENSOR},
    "no name": {"type": AttributeProto.INT, "i": 0},
    "a graph": {"name": "axis", "type": AttributeProto.GRAPH},
    "tensors": {"name": "axis", "type": AttributeProto.TENSORS},
    "sparse": {"name": "axis", "type": AttributeProto.SPARSE_TENSOR},
    "a type of a type": {"name": "axis", "type": AttributeProto.TYPE_PROTO},
    "bytes that are no text": {"name": "axis", "type": AttributeProto.STRING, "s": b"\xff\xfe"},
    "a reference outside of a function": {"name": "axis", "type": AttributeProto.INT, "ref_attr_name": "a"},
    "a list": {"name": "axis", "type": AttributeProto.INTS, "ints": [0, 1]},
}  # fmt: skip


@pytest.mark.parametrize("fields", RAW_ATTRIBUTES.values(), ids=RAW_ATTRIBUTES)
def test_attributes_by_their_fields(fields: dict[str, Any]) -> None:
    refused(attribute_of(**fields), "Concat")


def test_an_attribute_twice() -> None:
    proto = node_of("Concat", "float[2]", attributes="axis = 0")
    proto.graph.node[0].attribute.add().CopyFrom(proto.graph.node[0].attribute[0])
    refused(proto, "'axis' is given twice")


# -- nesting and size -------------------------------------------------------------------------------


def nested(depth: int) -> onnx.ModelProto:
    """If within If."""
    inner = "z = Relu (x)"
    for _ in range(depth):
        inner = f"z = If (go) <then_branch = t () => (float z) {{ {inner} }}, else_branch = e () => (float z) {{ z = Neg (x) }}>"
    return model(f"g (float[2] x, bool go) => (float z) {{ {inner} }}")


def test_subgraphs_within_each_other() -> None:
    wh.load_onnx(nested(10))
    proto = nested(1)
    for _ in range(70):
        outer = nested(1)
        outer.graph.node[0].attribute[0].g.node[0].CopyFrom(proto.graph.node[0])
        proto = outer
        if len(proto.SerializeToString()) > 1 << 20:
            break
    refused(proto, "nested too deeply|damaged")


def functions(calls: dict[str, list[str]]) -> onnx.ModelProto:
    """Functions by the functions that they call one after the other."""
    text = "g (float[2] x) => (float[2] y) { y = local.f0 (x) }"
    for name, called in calls.items():
        steps = [
            f"v{i + 1} = {f'local.{c}' if c in calls else c} (v{i})" for i, c in enumerate(called)
        ]
        text += f'\n<domain: "local", opset_import: ["" : 18, "local" : 1]> {name} (v0) => (v{len(called)}) {{ {"  ".join(steps)} }}'
    return model(text, more=', "local" : 1')


def test_functions_that_call_themselves() -> None:
    refused(functions({"f0": ["f0"]}), "calls itself")
    refused(functions({"f0": ["f1"], "f1": ["Relu", "f0"]}), "calls itself")


def test_functions_that_double_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty small functions that would be 2^40 nodes."""
    monkeypatch.setattr(reader, "MOST_NODES", 20_000)
    calls = {f"f{i}": [f"f{i + 1}", f"f{i + 1}"] for i in range(40)}
    refused(functions({**calls, "f40": ["Relu"]}), "more than 20000 nodes")


def test_an_unknown_function() -> None:
    proto = functions({"f0": ["Relu"]})
    proto.functions[
        0
    ].name = "other"  # so it is an operator of another domain, which we do not know
    with pytest.raises(wh.errors.WaterhorseError, match="f0"):
        wh.load_onnx(proto).predict(np.ones(2, "float32"), verbose=0)
    proto = functions({"f0": ["Relu"]})
    proto.graph.node[0].input.append("x")
    refused(proto, "takes 1 inputs, not 2")


TERABYTES = {
    "a weight by ConstantOfShape": model(
        "g (float[N, 4] x) => (float[N, M] y) { s = Constant <value = int64[2] {4, 1099511627776}> ()"
        "  w = ConstantOfShape (s)  y = MatMul (x, w) }"),
    "ConstantOfShape beyond 64 bits": model(
        "g (float[N, 4] x) => (float[N, M] y) { s = Constant <value = int64[3] {4294967296, 4294967296, 4}> ()"
        "  w = ConstantOfShape (s)  y = MatMul (x, w) }"),
    "an expanded number": model(
        "g (float[N] x) => (int64[M] y) { s = Constant <value = int64[2] {1099511627776, 1048576}> ()"
        "  one = Constant <value_int = 1> ()  y = Expand (one, s) }"),
    "a range": model(
        "g (float[N] x) => (int64[M] y) { a = Constant <value_int = 0> ()  b = Constant <value_int = 1099511627776> ()"
        "  c = Constant <value_int = 1> ()  y = Range (a, b, c) }"),
    "a tile": model(
        "g (float[2] x) => (float[M] y) { r = Constant <value = int64[1] {4611686018427387904}> ()  y = Tile (x, r) }"),
    "pads": model(
        "g (float[2] x) => (float[M] y) { r = Constant <value = int64[2] {0, 4611686018427387904}> ()  y = Pad (x, r) }"),
    "an image": node_of("Attention", "float[1, 1, 4294967296, 8]", "float[1, 1, 4294967296, 8]", "float[1, 1, 4294967296, 8]",
                        attributes="is_causal = 1", opset=23),
    "a shape of two billion axes": node_of("Expand", "float[2]", "int64[2147483647]"),
    "a tensor of that many axes": node_of("ConstantOfShape", "int64[2147483647]"),
    "a reshape to that many": node_of("Reshape", "float[2]", "int64[2147483648]"),
    "axes": node_of("Unsqueeze", "float[2]", "int64[2147483648]"),
    "a million million parts": model(
        "g (float[2147483647] x) => (float y) { s = SplitToSequence (x)  y = ConcatFromSequence <axis = 0> (s) }"),
    "parts of nothing": model(
        "g (float[8] x) => (float y) { n = Constant <value_int = 0> ()  s = SplitToSequence (x, n)"
        "  y = ConcatFromSequence <axis = 0> (s) }"),
    "a loop without an end": model(
        "g (float[2] x) => (float[2] y) { n = Constant <value_int = 1000000000> ()  s = SequenceEmpty () t = Loop (n, , s) <body = b"
        " (int64 i, bool c, seq(float[2]) p) => (bool d, seq(float[2]) q) { d = Identity (c)  q = SequenceInsert (p, x) }>"
        "  y = ConcatFromSequence <axis = 0> (t) }"),
}  # fmt: skip


@pytest.mark.parametrize("proto", TERABYTES.values(), ids=TERABYTES)
def test_what_would_take_all_memory_or_for_ever(proto: onnx.ModelProto) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with suppress_but(""):
        wh.load_onnx(proto)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10 < MEMORY


# -- control flow -----------------------------------------------------------------------------------

IF = "g (float[2] x, bool go) => (float[2] y) {{ y = If (go{extra}) <then_branch = t ({given}) => (float[2] a{more}) {{ a = Relu (x) {second} }}, else_branch = e () => ({kind} b) {{ {other} }}> }}"  # fmt: skip
LOOP = "g (float[2] x, int64 n) => (float[2] y) {{ y = Loop (n, , x) <body = b ({given}) => ({results}) {{ {steps} }}> }}"
SCAN = "g (float[2] h, float[T, 2] x) => (float[2] y, float[T, 2] z) {{ y, z = Scan <{options}, body = b ({given}) => (float[2] p, float[2] q) {{ p = Add (s, e)  q = Relu (p) }}> (h, x) }}"  # fmt: skip
PLAIN = {
    "extra": "",
    "given": "",
    "more": "",
    "second": "",
    "kind": "float[2]",
    "other": "b = Neg (x)",
}
STEP = {
    "given": "int64 i, bool c, float[2] s",
    "results": "bool d, float[2] t",
    "steps": "d = Identity (c)  t = Relu (s)",
}
CELL = {"options": "num_scan_inputs = 1", "given": "float[2] s, float[2] e"}
CONTROL = {
    "a branch with inputs": (IF, {**PLAIN, "given": "float[2] u"}, "subgraph takes 1 inputs, not 0"),
    "branches of different lengths": (IF, {**PLAIN, "more": ", float[2] c", "second": "c = Neg (x)"}, "If"),
    "branches of different types": (IF, {**PLAIN, "kind": "int64[2]", "other": "b = Cast <to = 7> (x)"}, "If"),
    "an operand too many": (IF, {**PLAIN, "extra": ", x"}, "If"),
    "a branch that uses what is not there": (IF, {**PLAIN, "other": "b = Neg (nowhere)"}, "'nowhere' is used"),
    "a body with too few inputs": (LOOP, {**STEP, "given": "int64 i, bool c", "steps": "d = Identity (c)  t = Relu (x)"}, "takes 2 inputs, not 3"),
    "a body with too many inputs": (LOOP, {**STEP, "given": STEP["given"] + ", float[2] u"}, "Loop"),
    "a body with too few results": (LOOP, {**STEP, "results": "bool d"}, "Loop"),
    "a state that changes its type": (LOOP, {**STEP, "results": "bool d, int64[2] t", "steps": "d = Identity (c)  t = Cast <to = 7> (s)"}, "a state is"),
    "a state that changes its rank": (LOOP, {**STEP, "results": "bool d, float[1, 2] t", "steps": "d = Identity (c)  a = Constant <value_ints = [0]> ()  t = Unsqueeze (s, a)"}, "a state is"),
    "a condition that is a number": (LOOP, {**STEP, "steps": "d = Identity (i)  t = Relu (s)"}, "condition of a Loop is a bool"),
    "more scanned than there are": (SCAN, {**CELL, "options": "num_scan_inputs = 5"}, "num_scan_inputs=5"),
    "nothing scanned": (SCAN, {**CELL, "options": "num_scan_inputs = 0"}, "num_scan_inputs=0"),
    "a negative number": (SCAN, {**CELL, "options": "num_scan_inputs = -1"}, "num_scan_inputs=-1"),
    "no axis for one": (SCAN, {**CELL, "options": "num_scan_inputs = 1, scan_input_axes = [0, 1]"}, "Scan"),
    "an axis that is not there": (SCAN, {**CELL, "options": "num_scan_inputs = 1, scan_input_axes = [7]"}, "Scan"),
    "a cell with too few inputs": (SCAN, {**CELL, "given": "float[2] s"}, "takes 1 inputs, not 2"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "parts", "message"), CONTROL.values(), ids=CONTROL)
def test_control_flow(text: str, parts: dict[str, str], message: str) -> None:
    refused(model(text.format(**parts)), message)


def test_the_forms_of_these_cases_are_read() -> None:
    for text, parts in ((IF, PLAIN), (LOOP, STEP), (SCAN, CELL)):
        wh.load_onnx(model(text.format(**parts)))


def test_subgraphs_that_are_missing() -> None:
    for op, inputs, name in (("If", ("bool",), "then_branch"), ("Loop", ("int64", "bool"), "body"), ("Scan", ("float[2]",), "body")):  # fmt: skip
        refused(node_of(op, *inputs), name)
    proto = model(IF.format(**PLAIN))
    proto.graph.node[0].attribute[0].type = AttributeProto.INT
    refused(proto, "If")


HAZARDS = (
    "an axis beyond C++",
    "negative batch_dims",
    "more parts than outputs",
    "an equation that is none",
    "one dot",
)


@pytest.mark.parametrize("name", HAZARDS)
def test_what_ends_onnx_itself_can_be_inspected(name: str) -> None:
    """Also within a subgraph: inference of a whole model cannot be stopped on its way."""
    proto = ATTRIBUTES[name][0]
    outer = model(IF.format(**PLAIN))
    branch = outer.graph.node[0].attribute[0].g
    branch.node[0].CopyFrom(proto.graph.node[0])
    for case in (proto, outer):
        report = inspect(case, lambda op, domain: ("rule", ""))
        assert "cannot be inferred" in report.problem
        assert sum(o.count for o in report.operators) > 0


# -- by chance --------------------------------------------------------------------------------------


def test_damage_by_chance(tmp_path: Path) -> None:
    """Some hundred models; ``python benchmarks/fuzz_import.py --seconds 600`` for as many as you like."""
    command = [sys.executable, "benchmarks/fuzz_import.py", "--executions", "500", "--seed", "7", "--keep", str(tmp_path)]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "500 models" in done.stdout
