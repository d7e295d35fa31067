"""``ai.onnx.preview.training``: the standard's own cases, and Gradient as its text describes it."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, numpy_helper, parser

import waterhorse as wh
from waterhorse.compiler import importer
from waterhorse.compiler.lower import lower

wh.load_onnx  # noqa: B018  # fills the table of gradient rules
DOMAIN = "ai.onnx.preview.training"
HEADER = f'<ir_version: 8, opset_import: ["": 17, "{DOMAIN}": 1]>'
GIVEN = Path(onnx.__file__).parent / "backend/test/data/simple"


def expanded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in standard operators."""
    graph = importer.read(model)
    weights = {n: (w.leaf, w.value) for n, w in graph.weights.items()}
    found = lower(graph.inputs, graph.outputs, weights).model
    onnx.checker.check_model(found, full_check=True)
    assert {n.domain for n in found.graph.node} <= {""}
    return found


def run(model: onnx.ModelProto, **feeds: np.ndarray) -> dict[str, np.ndarray]:
    session = ort.InferenceSession(expanded(model).SerializeToString())
    wanted = {i.name for i in session.get_inputs()}
    found = session.run(None, {n: a for n, a in feeds.items() if n in wanted})
    return dict(zip([o.name for o in session.get_outputs()], found, strict=True))


def text(body: str) -> onnx.ModelProto:
    """A model in the standard's text form; ``Gradient`` and the like are of the training domain."""
    for name in ("Gradient", "Adam", "Adagrad", "Momentum"):
        body = body.replace(f"{name} <", f"{DOMAIN}.{name} <")
    return parser.parse_model(HEADER + body)


# -- what the onnx package brings -------------------------------------------------------------------


def node_cases() -> dict[str, onnx.backend.test.case.test_case.TestCase]:
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy, in cases of other operators
        found = collect_testcases(None)
    return {
        c.name: c for c in found if any(o.domain == DOMAIN for o in c.model.opset_import)
    }  # fmt: skip


NODE_CASES = node_cases()


def test_all_node_cases_are_here() -> None:
    assert set(NODE_CASES) == {
        "test_adagrad", "test_adagrad_multiple", "test_adam", "test_adam_multiple", "test_momentum",
        "test_momentum_multiple", "test_nesterov_momentum",
    }  # fmt: skip


@pytest.mark.parametrize("name", NODE_CASES)
def test_node_case_of_the_standard(name: str) -> None:
    case = NODE_CASES[name]
    ((inputs, outputs),) = case.data_sets
    names = [i.name for i in case.model.graph.input]
    found = run(case.model, **{n: np.asarray(a) for n, a in zip(names, inputs, strict=True)})
    for output, wanted in zip(case.model.graph.output, outputs, strict=True):
        np.testing.assert_allclose(found[output.name], wanted, rtol=case.rtol, atol=case.atol)


@pytest.mark.parametrize("name", ["test_gradient_of_add", "test_gradient_of_add_and_mul"])
def test_gradient_case_of_the_standard(name: str) -> None:
    model = onnx.load(GIVEN / name / "model.onnx")

    def stored(what: str, i: int) -> np.ndarray:
        path = GIVEN / name / "test_data_set_0" / f"{what}_{i}.pb"
        return numpy_helper.to_array(TensorProto.FromString(path.read_bytes()))

    found = run(model, **{v.name: stored("input", i) for i, v in enumerate(model.graph.input)})
    for i, output in enumerate(model.graph.output):
        np.testing.assert_allclose(found[output.name], stored("output", i), rtol=1e-6)


# -- Gradient ---------------------------------------------------------------------------------------

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(3, 2)).astype("float32")
W = RANDOM.normal(size=(2, 2)).astype("float32")
Z = RANDOM.normal(size=(3, 2)).astype("float32")


def dtanh(a: np.ndarray) -> np.ndarray:
    return 1 - np.tanh(a) ** 2


GRAPHS = {
    "by a weight": (
        """g (float[3,2] x, float[2,2] w) => (float y, float[2,2] d) {
            a = MatMul(x, w) h = Tanh(a) y = ReduceSum <keepdims=0> (h)
            d = Gradient <xs: strings = ["w"], zs: strings = ["x"], y: string = "y"> (w, x) }""",
        {"d": X.T @ dtanh(X @ W)},
    ),
    "not a scalar: of the sum": (
        """g (float[N,2] x, float[2,2] w) => (float[N,2] y, float[2,2] d) {
            y = MatMul(x, w)
            d = Gradient <xs: strings = ["w"], zs: strings = ["x"], y: string = "y"> (w, x) }""",
        {"d": X.T @ np.ones((3, 2))},
    ),
    "by an intermediate tensor": (
        """g (float[3,2] x, float[2,2] w) => (float y, float[3,2] d) {
            a = MatMul(x, w) h = Tanh(a) q = Mul(h, h) y = ReduceSum <keepdims=0> (q)
            d = Gradient <xs: strings = ["h"], y: string = "y"> (h) }""",
        {"d": 2 * np.tanh(X @ W)},
    ),
    "at another value of an intermediate tensor": (
        """g (float[3,2] x, float[2,2] w, float[3,2] z) => (float y, float[3,2] d) {
            a = MatMul(x, w) h = Tanh(a) q = Mul(h, h) y = ReduceSum <keepdims=0> (q)
            d = Gradient <xs: strings = ["h"], y: string = "y"> (z) }""",
        {"d": 2 * Z, "y": np.sum(np.tanh(X @ W) ** 2)},
    ),
    "at other values of both": (
        """g (float[3,2] x, float[2,2] w, float[3,2] z) => (float y, float[2,2] d) {
            a = MatMul(x, w) h = Tanh(a) y = ReduceSum <keepdims=0> (h) v = Neg(w)
            d = Gradient <xs: strings = ["w"], zs: strings = ["x"], y: string = "y"> (v, z) }""",
        {"d": Z.T @ dtanh(Z @ -W)},
    ),
    "only the second": (
        """g (float[3,2] x, float[2,2] w) => (float y, float[3,2] d) {
            a = MatMul(x, w) y = ReduceSum <keepdims=0> (a)
            "", d = Gradient <xs: strings = ["w", "x"], y: string = "y"> (w, x) }""",
        {"d": np.ones((3, 2)) @ W.T},
    ),
    "of equal tensors with two names": (  # h and k are one node for us, but not for the file
        """g (float[3,2] x) => (float y, float[3,2] d) {
            h = Tanh(x) k = Tanh(x) q = Mul(h, k) y = ReduceSum <keepdims=0> (q)
            d = Gradient <xs: strings = ["h"], zs: strings = ["x"], y: string = "y"> (h, x) }""",
        {"d": np.tanh(X)},
    ),
    "of a gradient": (
        """g (float[3,2] x) => (float y, float[3,2] d, float[3,2] e) {
            h = Tanh(x) y = ReduceSum <keepdims=0> (h)
            d = Gradient <xs: strings = ["x"], y: string = "y"> (x)
            e = Gradient <xs: strings = ["x"], y: string = "d"> (x) }""",
        {"d": dtanh(X), "e": -2 * np.tanh(X) * dtanh(X)},
    ),
    "of a gradient elsewhere": (
        """g (float[3,2] x, float[3,2] z) => (float y, float[3,2] d, float[3,2] e) {
            h = Tanh(x) y = ReduceSum <keepdims=0> (h)
            d = Gradient <xs: strings = ["x"], y: string = "y"> (x)
            n = Mul(d, x)
            e = Gradient <xs: strings = ["x"], y: string = "n"> (z) }""",
        {"d": dtanh(X), "e": dtanh(Z) - 2 * Z * np.tanh(Z) * dtanh(Z)},
    ),
    "of a gradient by what it is taken at": (  # d/dw of (d/dx of sum(tanh(x w)) at x), summed
        """g (float[3,2] x, float[2,2] w) => (float y, float[3,2] d, float[2,2] e) {
            a = MatMul(x, w) y = ReduceSum <keepdims=0> (a)
            d = Gradient <xs: strings = ["x"], zs: strings = ["w"], y: string = "y"> (x, w)
            e = Gradient <xs: strings = ["w"], zs: strings = ["x"], y: string = "d"> (w, x) }""",
        {"d": np.ones((3, 2)) @ W.T, "e": np.full((2, 2), 3.0)},
    ),
    "written before what it differentiates": (
        """g (float[3,2] x) => (float y, float[3,2] d) {
            d = Gradient <xs: strings = ["x"], y: string = "y"> (x)
            h = Tanh(x) y = ReduceSum <keepdims=0> (h) }""",
        {"d": dtanh(X)},
    ),
    "of what does not depend on it": (
        """g (float[3,2] x, float[3,2] z) => (float y, float[3,2] d) {
            h = Tanh(x) y = ReduceSum <keepdims=0> (h)
            d = Gradient <xs: strings = ["z"], zs: strings = ["x"], y: string = "y"> (z, x) }""",
        {"d": np.zeros((3, 2))},
    ),
    "of itself": (
        """g (float[3,2] x) => (float[3,2] y, float[3,2] d) {
            y = Tanh(x)
            d = Gradient <xs: strings = ["y"], y: string = "y"> (y) }""",
        {"d": np.ones((3, 2))},
    ),
    "through a branch": (
        """g (float[3,2] x, float[3,2] z, bool c) => (float y, float[3,2] d) {
            h = Tanh(x)
            b = If (c) <
                then_branch = t () => (float[3,2] p) { p = Mul(h, z) },
                else_branch = f () => (float[3,2] q) { q = Neg(h) }>
            y = ReduceSum <keepdims=0> (b)
            d = Gradient <xs: strings = ["x"], zs: strings = ["z", "c"], y: string = "y"> (x, z, c) }""",
        {"d": Z * dtanh(X)},
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_gradient(name: str) -> None:
    body, wanted = GRAPHS[name]
    found = run(text(body), x=X, w=W, z=Z, c=np.array(True))
    for output, value in wanted.items():
        np.testing.assert_allclose(found[output], value, rtol=1e-5, atol=1e-6, err_msg=output)


def test_the_forward_pass_is_shared() -> None:
    body, _ = GRAPHS["by a weight"]
    kinds = [n.op_type for n in expanded(text(body)).graph.node]
    assert kinds.count("Tanh") == 1
    assert kinds.count("MatMul") + kinds.count("Gemm") == 2


def test_a_gradient_belongs_to_the_dropout_that_was_drawn() -> None:
    found = run(text("""g (float[3,2] x) => (float[3,2] h, float[3,2] d) {
        r = Constant <value_float = 0.5> () t = Constant <value_int = 1> () b = Cast <to = 9> (t)
        s = Mul(x, x) h = Dropout(s, r, b)
        d = Gradient <xs: strings = ["x"], y: string = "h"> (x) }"""), x=X)  # fmt: skip
    np.testing.assert_allclose(found["d"], np.where(found["h"] == 0, 0, 4 * X), rtol=1e-6)


# -- optimizers: against their pseudo code ----------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 7])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_adam(count: int, dtype: str) -> None:
    rng = np.random.default_rng(1)
    x, g, v, h = (np.abs(rng.normal(size=(4,))).astype(dtype) for _ in range(4))
    kind = "float" if dtype == "float32" else "double"
    names = ", ".join(f"{kind}[4] {n}" for n in "xgvh")
    found = run(text(f"""m (float r, int64 t, {names}) => ({kind}[4] a, {kind}[4] b, {kind}[4] c) {{
        a, b, c = Adam <alpha = 0.8, beta = 0.99, epsilon = 0.001, norm_coefficient = 0.1,
                        norm_coefficient_post = 0.2> (r, t, x, g, v, h) }}"""),
        r=np.array(0.1, "float32"), t=np.array(count), x=x, g=g, v=v, h=h)  # fmt: skip
    g = 0.1 * x + g
    v, h = 0.8 * v + 0.2 * g, 0.99 * h + 0.01 * g * g
    rate = 0.1 * np.sqrt(1 - 0.99**count) / (1 - 0.8**count) if count else 0.1
    x = 0.8 * (x - rate * v / (np.sqrt(h) + 0.001))
    for name, value in zip("abc", (x, v, h), strict=True):
        np.testing.assert_allclose(found[name], value, rtol=1e-7 if dtype == "float64" else 2e-6)


@pytest.mark.parametrize("count", [0, 1, 7])
@pytest.mark.parametrize("mode", ["standard", "nesterov"])
def test_momentum(count: int, mode: str) -> None:
    x, g, v = RANDOM.normal(size=(3, 5)).astype("float32")
    found = run(text(f"""m (float[1] r, int64[1] t, float[5] x, float[5] g, float[5] v) => (float[5] a, float[5] b) {{
        a, b = Momentum <alpha = 0.9, beta = 0.4, mode = "{mode}", norm_coefficient = 0.1> (r, t, x, g, v) }}"""),
        r=np.array([0.1], "float32"), t=np.array([count]), x=x, g=g, v=v)  # fmt: skip
    g = 0.1 * x + g
    v = 0.9 * v + (0.4 if count else 1) * g
    x = x - 0.1 * (g + 0.9 * v if mode == "nesterov" else v)
    np.testing.assert_allclose(found["a"], x, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["b"], v, rtol=1e-5, atol=1e-6)


# -- what is refused --------------------------------------------------------------------------------

WRONG = {
    "no such tensor": ('Gradient <xs: strings = ["x"], y: string = "q"> (x)', "'q'"),
    "twice": ('Gradient <xs: strings = ["x"], zs: strings = ["x"], y: string = "y"> (x, x)', "twice"),
    "too few inputs": ('Gradient <xs: strings = ["x"], zs: strings = ["w"], y: string = "y"> (x)', "1 input"),
    "integers": ('Gradient <xs: strings = ["i"], y: string = "y"> (i)', "only floats"),
    "target without gradient": ('Gradient <xs: strings = ["x"], y: string = "i"> (x)', "no gradient"),
    "its own target": ('Gradient <xs: strings = ["x"], y: string = "n"> (x) n = Neg(d)', "its own"),
    "an unknown mode": ('Momentum <alpha = 1.0, beta = 1.0, mode = "x", norm_coefficient = 0.0> (y, c, x, x, x)', "'x'"),
    "an attribute missing": ('Momentum <alpha = 1.0, beta = 1.0, mode = "standard"> (y, c, x, x, x)', "norm_coefficient"),
    "too few tensors": ("Adam <alpha = 0.5> (y, c, x, x, x)", "5 inputs"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_refusals(name: str) -> None:
    node, message = WRONG[name]
    model = text(f"""g (float[3] x, int64[3] i, int64 c) => (float[3] d) {{
        h = Tanh(x) y = ReduceSum <keepdims=0> (h) d = {node} }}""")
    with pytest.raises(wh.errors.FileFormatError, match=message):
        importer.read(model)


def test_a_gradient_within_a_branch_is_refused() -> None:
    model = text("""g (float[3] x, bool c) => (float[3] d) {
        h = Tanh(x)
        d = If (c) <
            then_branch = t () => (float[3] p) { p = Gradient <xs: strings = ["x"], y: string = "h"> (x) },
            else_branch = f () => (float[3] q) { q = Neg(x) }> }""")  # fmt: skip
    with pytest.raises(wh.errors.FileFormatError, match="subgraph"):
        importer.read(model)


def test_the_domain_must_be_imported() -> None:
    body, _ = GRAPHS["of itself"]
    model = text(body)
    del model.opset_import[1]
    with pytest.raises(wh.errors.FileFormatError, match="domain"):
        importer.read(model)


def test_only_version_1_is_known() -> None:
    body, _ = GRAPHS["of itself"]
    model = text(body)
    model.opset_import[1].version = 2
    with pytest.raises(wh.errors.FileFormatError, match="version 2"):
        importer.read(model)
