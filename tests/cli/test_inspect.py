"""``waterhorse inspect``: counts, sizes, MACs, and what it looks like."""

import json
import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from waterhorse.compiler.inspection import Report, inspect
from waterhorse.compiler.inspection.macs import fitted
from waterhorse.errors import ArgumentError

from .command import digits_model, model, on_a_terminal, refuses, succeeds, value, weight

node = helper.make_node
LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def report(proto: onnx.ModelProto, **dims: int) -> Report:
    return inspect(proto, lambda op, domain: ("rule", domain), dims)


# -- MACs -------------------------------------------------------------------------------------

# Where all numbers are 1 and nothing is padded or cropped, an output is the number of products that
# are summed into it: so the sum of all outputs is the number of MACs, and ONNX Runtime counts them.
PRODUCTS = [
    ("Conv", {}, [(2, 3, 8, 9), (4, 3, 3, 2)]),
    ("Conv", {"group": 2, "strides": [2, 1], "dilations": [2, 3]}, [(2, 4, 9, 9), (6, 2, 2, 3)]),
    ("Conv", {"group": 3}, [(2, 3, 7), (3, 1, 3)]),
    ("ConvTranspose", {}, [(2, 3, 4, 5), (3, 4, 3, 2)]),
    ("ConvTranspose", {"group": 2, "strides": [2]}, [(2, 4, 5), (4, 3, 3)]),
    ("MatMul", {}, [(4, 5), (5, 6)]),
    ("MatMul", {}, [(3, 1, 4, 5), (2, 5, 6)]),
    ("MatMul", {}, [(5,), (2, 5, 6)]),
    ("MatMul", {}, [(2, 4, 5), (5,)]),
    ("Gemm", {"transA": 1}, [(5, 4), (5, 6)]),
    ("Gemm", {"transB": 1}, [(4, 5), (6, 5)]),
    ("Einsum", {"equation": "bij,bjk->bik"}, [(2, 3, 4), (2, 4, 5)]),
    ("Einsum", {"equation": "bij,bjk"}, [(2, 3, 4), (2, 4, 5)]),
    ("Einsum", {"equation": "...ij,jk->...k"}, [(2, 3, 4, 5), (5, 6)]),
    ("Einsum", {"equation": "ii,ij->j"}, [(3, 3), (3, 4)]),
    ("Einsum", {"equation": "i,j->"}, [(3,), (4,)]),
]  # fmt: skip


def one_node(op: str, attributes: dict, shapes: list[tuple[int, ...]]) -> onnx.ModelProto:
    names = [f"x{i}" for i in range(len(shapes))]
    inputs = [value(n, "FLOAT", *s) for n, s in zip(names, shapes, strict=True)]
    graph = helper.make_graph(
        [node(op, names, ["y"], **attributes)], "g", inputs,
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(("op", "attributes", "shapes"), PRODUCTS)
def test_macs_are_the_products_that_are_summed(op, attributes, shapes) -> None:
    proto = one_node(op, attributes, shapes)
    ones = {f"x{i}": np.ones(s, np.float32) for i, s in enumerate(shapes)}
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    (y,) = session.run(None, ones)
    assert report(proto).macs.number == int(y.sum())


@pytest.mark.parametrize(("op", "gates"), [("RNN", 1), ("GRU", 3), ("LSTM", 4)])
@pytest.mark.parametrize("layout", [0, 1])
def test_macs_of_recurrent_layers(op, gates, layout) -> None:
    time, batch, size, hidden = 7, 2, 5, 3
    x = (batch, time, size) if layout else (time, batch, size)
    shapes = [x, (2, gates * hidden, size), (2, gates * hidden, hidden)]
    options = {"hidden_size": hidden, "direction": "bidirectional", "layout": layout}
    # per step, example and direction: a product with the input, and one with the state
    expected = time * batch * 2 * gates * hidden * (size + hidden)
    assert report(one_node(op, options, shapes)).macs.number == expected


def test_einsum_of_three_multiplies_two_at_a_time() -> None:
    proto = one_node("Einsum", {"equation": "ij,jk,kl->il"}, [(2, 3), (3, 4), (4, 5)])
    assert report(proto).macs.number == 2 * 3 * 4 + 2 * 4 * 5


@pytest.mark.parametrize(
    ("name", "macs", "parameters"),
    [  # as torchvision's documentation has them (multiply-adds, parameters)
        ("resnet50", 4.09e9, 25_557_032),
        ("vgg19", 19.63e9, 143_667_240),
        ("densenet121", 2.83e9, None),  # this one stores two scales per normalisation
    ],
)
def test_well_known_networks(name, macs, parameters) -> None:
    found = report(onnx.load(LIGHT / f"light_{name}.onnx"))
    assert found.unknown == 0
    assert found.macs.number == pytest.approx(macs, rel=0.02)
    if parameters is None:
        return
    statistics = sum(
        s.count for s in found.stored if "BatchNormalization" in s.used_by and len(s.shape) == 1
    )
    floats = sum(s.count for s in found.stored if s.is_float)
    # half of what normalisation stores are running statistics, which are no parameters
    assert floats - statistics // 2 == pytest.approx(parameters, rel=0.001)


def test_open_sizes_stay_factors() -> None:
    found = report(digits_model())
    assert found.dims == {"batch": ["image.0"]}
    assert found.macs.terms == {("batch",): 8 * 64 * 9 + 128 * 10}
    assert report(digits_model(), batch=5).macs.number == 5 * (8 * 64 * 9 + 128 * 10)


def attention() -> onnx.ModelProto:
    """Self-attention whose sizes go through Reshape: by name they cannot be followed."""
    return model(
        [
            node("MatMul", ["x", "w"], ["q"]),
            node("Reshape", ["q", "heads"], ["h"]),
            node("Transpose", ["h"], ["t"], perm=[0, 2, 1, 3]),
            node("Transpose", ["h"], ["u"], perm=[0, 2, 3, 1]),
            node("MatMul", ["t", "u"], ["y"]),
        ],
        [value("x", "FLOAT", "n", "time", 12)],
        [value("y", "FLOAT", None, None, None, None)],
        [weight("w", 12, 12), numpy_helper.from_array(np.array([0, -1, 3, 4]), "heads")],
    )


def test_sizes_that_cannot_be_followed_are_fitted() -> None:
    found = report(attention())
    assert found.macs.terms == {("n", "time"): 144, ("n", "time", "time"): 12}
    assert found.resolved


def test_fitting_takes_nothing_for_a_polynomial_that_is_none() -> None:
    both = fitted(["a", "b"], lambda s: 3 * s[0] * s[1] ** 2 + 7 * s[0] + 5)
    assert both is not None
    assert both.terms == {("a", "b", "b"): 3, ("a",): 7, (): 5}
    assert fitted(["a"], lambda s: s[0] // 2) is None
    assert fitted(["a"], lambda s: s[0] ** 3) is None
    assert fitted(["a", "b"], lambda s: s[0] // 16 * 16 * s[1]) is None


def test_loops_and_branches() -> None:
    body = helper.make_graph(
        [node("MatMul", ["state", "w"], ["next"]), node("Identity", ["cond"], ["go"])], "body",
        [value("i", "INT64"), value("cond", "BOOL"), value("state", "FLOAT", 2, 4)],
        [value("go", "BOOL"), value("next", "FLOAT", 2, 4)],
    )  # fmt: skip
    small = helper.make_graph(
        [node("Identity", ["s"], ["a"])], "then", [], [value("a", "FLOAT", 2, 4)]
    )
    large = helper.make_graph(
        [node("MatMul", ["x", "w"], ["b"])], "else", [], [value("b", "FLOAT", 2, 4)]
    )
    proto = model(
        [
            node("Loop", ["trips", "", "x"], ["s"], body=body),
            node("If", ["flag"], ["y"], then_branch=small, else_branch=large),
        ],
        [value("x", "FLOAT", 2, 4), value("flag", "BOOL")],
        [value("y", "FLOAT", 2, 4)],
        [weight("w", 4, 4), numpy_helper.from_array(np.array(6), "trips")],
    )
    found = report(proto)
    assert found.macs.number == 6 * 32 + 32
    assert {o.name: o.count for o in found.operators} == {
        "MatMul": 2,
        "Identity": 2,
        "If": 1,
        "Loop": 1,
    }


def test_functions_are_counted_inlined() -> None:
    twice = helper.make_function(
        "own", "Twice", ["a", "b"], ["d"],
        [node("MatMul", ["a", "b"], ["c"]), node("MatMul", ["c", "b"], ["d"])],
        [helper.make_opsetid("", 13)],
    )  # fmt: skip
    proto = model(
        [node("Twice", ["x", "w"], ["y"], domain="own"), node("Twice", ["y", "w"], ["z"], domain="own")],
        [value("x", "FLOAT", 2, 4)], [value("z", "FLOAT", 2, 4)], [weight("w", 4, 4)],
        functions=[twice], imports=[helper.make_opsetid("own", 1)],
    )  # fmt: skip
    found = report(proto)
    assert found.functions == {"own::Twice": 2}
    assert [(o.name, o.count) for o in found.operators] == [("MatMul", 4)]
    assert found.macs.number == 4 * 32


def attention_node(q, k, v, past=0, **heads) -> onnx.ModelProto:
    names = ["q", "k", "v", *(["", "pk", "pv"] if past else [])]
    shapes = {"q": q, "k": k, "v": v}
    if past:
        shapes |= {"pk": (*k[:2], past, k[3]), "pv": (*v[:2], past, v[3])}
    outputs = ["y", "present_k", "present_v"] if past else ["y"]
    graph = helper.make_graph(
        [node("Attention", names, outputs, **heads)], "g",
        [value(n, "FLOAT", *s) for n, s in shapes.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=11)


@pytest.mark.parametrize(
    ("proto", "expected"),
    [  # queries by keys, and probabilities by values: 2 examples, 6 heads, 5 queries, 7 keys
        (attention_node((2, 6, 5, 8), (2, 6, 7, 8), (2, 6, 7, 3)), 2 * 6 * 5 * 7 * (8 + 3)),
        (attention_node((2, 6, 5, 8), (2, 3, 4, 8), (2, 3, 4, 3), 3), 2 * 6 * 5 * 7 * (8 + 3)),
        (
            attention_node((2, 5, 48), (2, 7, 24), (2, 7, 9), q_num_heads=6, kv_num_heads=3),
            2 * 6 * 5 * 7 * (8 + 3),
        ),
    ],
)
def test_macs_of_attention(proto, expected) -> None:
    assert report(proto).macs.number == expected


def no_opset(proto: onnx.ModelProto) -> None:
    del proto.opset_import[:]


def calls_itself(proto: onnx.ModelProto) -> None:
    own = helper.make_opsetid("own", 1)
    again = node("Again", ["a"], ["b"], domain="own")
    proto.functions.append(helper.make_function("own", "Again", ["a"], ["b"], [again], [own]))
    proto.opset_import.append(own)
    proto.graph.node[0].CopyFrom(node("Again", ["image"], ["c"], domain="own"))


@pytest.mark.parametrize("damage", [no_opset, calls_itself])
def test_what_is_wrong_does_not_hide_the_rest(damage) -> None:
    proto = digits_model()
    damage(proto)
    found = report(proto)
    assert "shapes cannot be inferred" in found.problem
    assert sum(o.count for o in found.operators) == 5
    assert found.unknown > 0
    assert [s.count for s in found.stored] == [72, 8, 1280, 10]


# -- what is stored ---------------------------------------------------------------------------


def test_where_things_are_stored(tmp_path: Path) -> None:
    half = numpy_helper.from_array(np.ones((3, 5), np.float16), "half")
    proto = model(
        [
            node("Constant", [], ["k"], value=weight("k", 64, 2)),
            node("ConstantOfShape", ["shape"], ["zeros"]),
            node("MatMul", ["x", "big"], ["a"]),
            node("MatMul", ["a", "k"], ["b"]),
            node("Add", ["b", "zeros"], ["c"]),
            node("Cast", ["half"], ["f"], to=1),
            node("ReduceSum", ["f"], ["g"], keepdims=0),
            node("Add", ["c", "g"], ["y"]),
        ],
        [value("x", "FLOAT", 7, 4)], [value("y", "FLOAT", 7, 2)],
        [weight("big", 4, 64), half, numpy_helper.from_array(np.array([7, 2]), "shape")],
    )  # fmt: skip
    path = tmp_path / "m.onnx"
    onnx.save_model(proto, path, save_as_external_data=True, location="m.bin", size_threshold=500)
    (tmp_path / "m.bin").unlink()  # nothing in it is needed
    found = {s.name: s for s in report(onnx.load(path, load_external_data=False)).stored}
    rows = {n: (s.where, s.dtype, s.shape, s.bytes, s.file) for n, s in found.items()}
    assert rows == {
        "big": ("initializer", "float32", (4, 64), 1024, "m.bin"),
        "half": ("initializer", "float16", (3, 5), 30, None),
        "shape": ("initializer", "int64", (2,), 16, None),
        "k": ("Constant", "float32", (64, 2), 512, None),
        "zeros": ("ConstantOfShape", "float32", (7, 2), 56, None),
    }
    assert found["big"].used_by == ("MatMul",)


def test_initializers_that_are_inputs_are_no_inputs() -> None:
    proto = digits_model()
    proto.ir_version = 3
    for tensor in proto.graph.initializer:
        proto.graph.input.append(value(tensor.name, "FLOAT", *tensor.dims))
    found = report(proto)
    assert [v.name for v in found.inputs] == ["image"]
    assert {s.where for s in found.stored} == {"initializer and input"}


def test_dims_without_a_name_go_by_their_place() -> None:
    proto = one_node("MatMul", {}, [(None, 5), (5, 6)])
    assert report(proto).dims == {"x0.0": ["x0.0"]}
    assert inspect(proto, lambda *_: ("rule", ""), {"x0.0": 4}).macs.number == 120
    with pytest.raises(ArgumentError, match=r"no open dim 'n'; it has: x0\.0"):
        report(proto, n=4)


def test_stale_annotations_are_not_believed() -> None:
    proto = digits_model()
    proto.graph.value_info.append(value("c", "FLOAT", 77, 8, 8, 8))
    assert report(proto).macs.names == {"batch"}


# -- the command ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("inspect")
    proto = digits_model()
    proto.metadata_props.add(key="author", value="someone " * 20)
    onnx.save(proto, path / "digits.onnx")
    onnx.save(attention(), path / "attention.onnx")
    return path


@pytest.fixture(scope="module")
def said(folder) -> str:
    return succeeds("inspect", "digits.onnx", "--weights", folder=folder)


@pytest.mark.parametrize(
    "line",
    [
        "5 nodes, opset ai.onnx 13, IR 8, made by someone",
        "input image float32 [batch, 1, 8, 8]",
        "output scores float32 [batch, 10]",
        "open dims: batch (image.0)",
        "Conv 1 batch x 4.61 k 78.3% rule",
        "Relu 1 rule",
        "MACs: batch x 5.89 k",
        "initializer float32 4 1,370 5.35 KB",
        "wh.load_onnx loads it: 4 weights to train",
        "conv.weight float32 [8, 1, 3, 3] 288 B Conv yes",
    ],
)
def test_what_it_says(said, line) -> None:
    """Remarks on rules are theirs; all else is ours."""
    lines = [" ".join(x.split()) for x in said.splitlines()]
    assert any(x == line or (line.endswith(" rule") and x.startswith(f"{line} ")) for x in lines)


def test_nothing_is_cut_and_nothing_is_coloured_in_a_file(said) -> None:
    assert "\x1b" not in said
    assert "…" not in said


def seen_on_a_terminal(folder: Path, columns: int) -> list[str]:
    seen = on_a_terminal("inspect", "digits.onnx", "--weights", columns=columns, folder=folder)
    assert "\x1b[32m" in seen, "a terminal gets colours"
    plain = re.sub(r"\x1b\[[0-9;]*m", "", seen).replace("\r", "")
    return [x.rstrip() for x in plain.splitlines()]


def test_a_wide_terminal_shows_what_a_file_gets(folder, said) -> None:
    assert seen_on_a_terminal(folder, 250) == said.splitlines()


def test_a_narrow_terminal_cuts_nothing_but_remarks_on_rules(folder, said) -> None:
    seen = seen_on_a_terminal(folder, 30)
    assert not any("…" in line for line in seen)
    whole = {" ".join(line.split()): line for line in said.splitlines()}
    for line in said.splitlines():
        if line.strip("─") and " rule " not in line:
            assert line in seen
    (conv,) = [x for x in seen if x.startswith("Conv ")]
    assert conv.endswith("rule")
    assert any(x.startswith(" ".join(conv.split())) for x in whole)
    assert "in a wider terminal, or in a file, it says more on each gradient" in seen


def test_dims_on_the_command_line(folder) -> None:
    said = succeeds("inspect", "attention.onnx", "--dims", "n=2,time=10", folder=folder)
    assert "MACs: 5.28 k" in said  # 2 * 10 * 144 + 2 * 100 * 12
    assert "open dims" not in said
    assert "100.0%" in said


def test_json(folder) -> None:
    found = json.loads(succeeds("inspect", "digits.onnx", "--json", folder=folder))
    assert found["macs"] == {"terms": [{"factors": ["batch"], "count": 5888}], "unknown_nodes": 0}
    assert found["opsets"] == {"ai.onnx": 13}
    assert found["inputs"][0] == {
        "name": "image", "kind": "tensor", "dtype": "float32", "shape": ["batch", 1, 8, 8],
    }  # fmt: skip
    assert {o["name"]: o["how"] for o in found["operators"]}["Conv"] == "rule"
    assert found["weights"] == dict.fromkeys(
        ["conv.weight", "conv.bias", "head.weight", "head.bias"], ""
    )
    assert found["loads"] is True
    assert found["metadata"]["author"] == "someone " * 20


def test_what_cannot_be_trained_says_so(folder) -> None:
    proto = model(
        [node("Twist", ["x"], ["a"], domain="com.example"), node("Sign", ["a"], ["b"]),
         node("MatMul", ["b", "w"], ["y"])],
        [value("x", "FLOAT", 2, 4)], [value("y", "FLOAT", 2, 3)], [weight("w", 4, 3)],
        imports=[helper.make_opsetid("com.example", 1)],
    )  # fmt: skip
    onnx.save(proto, folder / "twist.onnx")
    said = succeeds("inspect", "twist.onnx", folder=folder)
    rows = {x.split()[0]: x for x in said.splitlines() if x.strip()}
    assert re.search(r"com\.example::Twist +1 +no", rows["com.example::Twist"])
    assert "zero" in rows["Sign"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.onnx"], "there is no file nothing.onnx"),
        (["noise.onnx"], "noise.onnx is no ONNX file, or is damaged"),
        (["digits.onnx", "--dims", "batch"], "--dims 'batch': expected NAME=SIZE"),
        (["digits.onnx", "--dims", "batch=-1"], "expected NAME=SIZE"),
        (["digits.onnx", "--dims", "n=1"], "the model has no open dim 'n'; it has: batch"),
    ],
)
def test_mistakes(folder, arguments, message) -> None:
    (folder / "noise.onnx").write_bytes(np.random.default_rng(0).bytes(999))
    assert message in refuses("inspect", *arguments, folder=folder)
