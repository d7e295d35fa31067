"""``wh.lora``: against the original file with its weights changed by NumPy, run in ONNX Runtime."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper, parser
from safetensors import safe_open

import waterhorse as wh
from waterhorse.errors import ArgumentError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Case:
    """A model in text form, its weights, and what its factors look like at rank 2."""

    text: str
    weights: dict[str, tuple[int, ...]]
    x: tuple[int, ...]
    classes: int
    factors: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]  # weight -> shapes of a and b
    inputs_first: tuple[str, ...] = ()  # weights with inputs as rows
    vocabulary: int = 0

    def model(self) -> onnx.ModelProto:
        made = parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {self.text}')
        rng = np.random.default_rng(5)
        for name, shape in self.weights.items():
            value = rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]) or 1)
            made.graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), name))
        return made

    def data(self, count: int = 24) -> tuple[Array, Array]:
        rng = np.random.default_rng(6)
        shape = (count, *self.x)
        if self.vocabulary:
            return rng.integers(0, self.vocabulary, shape), rng.integers(0, self.classes, count)
        return rng.normal(size=shape).astype(np.float32), rng.integers(0, self.classes, count)


CASES = {
    "mlp": Case(
        """net (float[N, 6] x) => (float[N, 4] y) {
            a = MatMul (x, w0)  b = Add (a, bias)  c = Relu (b)
            d = Gemm <alpha = 0.5, transB = 1> (c, w1, b1)  e = Tanh (d)
            f = Gemm <transA = 0> (e, w2, b2)  y = MatMul (f, w3) }""",
        {"w0": (6, 8), "bias": (8,), "w1": (7, 8), "b1": (7,), "w2": (7, 5), "b2": (5,), "w3": (5, 4)},
        (6,), 4,
        {"w0": ((2, 6), (8, 2)), "w1": ((2, 8), (7, 2)), "w2": ((2, 7), (5, 2)), "w3": ((2, 5), (4, 2))},
        ("w0", "w2", "w3"),
    ),
    "convnet": Case(
        """net (float[N, 3, 8, 8] x) => (float[N, 4] y) {
            a = Conv <auto_pad = "SAME_UPPER", strides = [2, 2]> (x, c0, b0)  b = Relu (a)
            c = Conv <group = 2, pads = [1, 1, 1, 1]> (b, c1)  d = Tanh (c)
            e = ConvTranspose <strides = [2, 2]> (d, up)  f = Relu (e)
            g = ConvTranspose <group = 2> (f, grouped)
            k = Conv <group = 6> (g, deep)
            p = GlobalAveragePool (k)  q = Flatten (p)  y = Gemm (q, w, bias) }""",
        {"c0": (6, 3, 3, 3), "b0": (6,), "c1": (4, 3, 3, 3), "up": (4, 6, 2, 2), "grouped": (6, 3, 2, 2),
         "deep": (6, 1, 2, 2), "w": (6, 4), "bias": (4,)},
        (3, 8, 8), 4,
        {"c0": ((2, 3, 3, 3), (6, 2)), "c1": ((2, 3, 3, 3), (4, 2)), "up": ((2, 4), (6, 2, 2, 2)),
         "grouped": ((2, 6), (3, 2, 2, 2)), "deep": ((2, 1, 2, 2), (6, 2)), "w": ((2, 6), (4, 2))},
        ("up", "grouped", "w"),
    ),
    "attention": Case(  # a table that is used twice, weights per head, a weight on the left
        """net (int64[N, 5] x) => (float[N, 9] y) {
            e = Gather (table, x)  axes = Constant <value_ints = [1]> ()  u = Unsqueeze (e, axes)
            q = MatMul (u, wq)  k = MatMul (u, wk)  v = MatMul (u, wv)
            kt = Transpose <perm = [0, 1, 3, 2]> (k)  s = MatMul (q, kt)  a = Softmax <axis = -1> (s)
            h = MatMul (a, v)  last = Constant <value_ints = [1]> ()  m = ReduceMean <axes = [1], keepdims = 0> (h)
            l = MatMul (mix, m)  f = ReduceMean <axes = [1], keepdims = 0> (l)
            o = MatMul (f, wo)  tt = Transpose <perm = [1, 0]> (table)  y = MatMul (o, tt) }""",
        {"table": (9, 6), "wq": (2, 6, 4), "wk": (2, 6, 4), "wv": (2, 6, 4), "mix": (3, 5), "wo": (4, 6)},
        (5,), 9,
        {"table": ((2, 9), (6, 2)), "wq": ((2, 2, 6), (2, 4, 2)), "wk": ((2, 2, 6), (2, 4, 2)),
         "wv": ((2, 2, 6), (2, 4, 2)), "mix": ((2, 5), (3, 2)), "wo": ((2, 4), (6, 2))},
        ("table", "wq", "wk", "wv", "wo"), vocabulary=9,
    ),
}  # fmt: skip
EACH = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def adapted(case: Case, **options: Any) -> Any:
    model = wh.load_onnx(case.model())
    wh.lora.add(model, **{"rank": 2, "alpha": 3.0, "seed": 4, **options})
    return model


def filled(model: Any) -> Any:
    """Factors that change something."""
    rng = np.random.default_rng(9)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape).astype(variable.dtype) * 0.4)
    return model


def compiled(model: Any, optimizer: Any = None) -> Any:
    loss = wh.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer or wh.optimizers.Adam(0.05), loss=loss)
    return model


def changed(case: Case, model: Any, scale: float, nudge: dict[str, Array] | None = None) -> Any:
    """The original file with W + scale B A, by NumPy."""
    proto = case.model()
    values = {v.path: v.numpy().astype(np.float64) for v in model.variables}
    values |= {n: values[n] + step for n, step in (nudge or {}).items()}
    for tensor in proto.graph.initializer:
        if tensor.name not in case.factors:
            continue
        w = numpy_helper.to_array(tensor)
        a, b = values[f"{tensor.name}/lora_a"], values[f"{tensor.name}/lora_b"]
        if a.ndim == 3:  # a matrix per head
            delta = np.einsum("hri,hor->hio", a, b)
        else:
            delta = b.reshape(-1, b.shape[-1]) @ a.reshape(a.shape[0], -1)
            delta = delta.T if tensor.name in case.inputs_first else delta
        merged = w + scale * delta.reshape(w.shape)
        tensor.CopyFrom(numpy_helper.from_array(merged.astype(np.float32), tensor.name))
    return proto


def run(proto: onnx.ModelProto, x: Array) -> Array:
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    found: Array = session.run(None, {"x": x})[0]
    return found


def loss_of(logits: Array, y: Array) -> float:
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(-1)) - shifted[np.arange(len(y)), y]))


# -- what it computes -------------------------------------------------------------------------------


@EACH
def test_factors(case: Case) -> None:
    model = wh.load_onnx(case.model())
    names = wh.lora.add(model, rank=2)
    found = {v.path: v.shape for v in model.trainable_variables}
    wanted = {
        f"{n}/lora_{'ab'[i]}": s for n, both in case.factors.items() for i, s in enumerate(both)
    }
    assert sorted(names) == sorted(case.factors)
    assert found == wanted
    numbers = sum(int(np.prod(s)) for s in wanted.values())
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == numbers
    assert {v.path for v in model.non_trainable_variables} == set(case.weights)
    for name, (a, _) in case.factors.items():
        first = {v.path: v for v in model.variables}[f"{name}/lora_a"].numpy()
        columns = a[-1] if len(a) == 3 else np.prod(a[1:])
        assert 0 < np.abs(first).max() <= 1 / np.sqrt(columns)


@EACH
def test_nothing_changes_at_the_start(case: Case) -> None:
    x, _ = case.data()
    np.testing.assert_array_equal(
        adapted(case).predict(x, verbose=0), wh.load_onnx(case.model()).predict(x, verbose=0)
    )


@EACH
def test_it_computes_what_the_changed_weights_do(case: Case) -> None:
    x, _ = case.data()
    model = filled(adapted(case))
    wanted = run(changed(case, model, 1.5), x)
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, 1e-4, 1e-5)
    assert np.abs(wanted - run(case.model(), x)).max() > 0.01
    training = np.asarray(model(x, training=True).numpy())
    np.testing.assert_allclose(training, wanted, 1e-4, 1e-5)


@EACH
def test_gradients(case: Case) -> None:
    x, y = case.data()
    model = compiled(filled(adapted(case)), wh.optimizers.SGD(1.0))
    before = {v.path: v.numpy() for v in model.trainable_variables}
    rng = np.random.default_rng(3)
    steps = {n: rng.normal(size=a.shape) * 5e-4 for n, a in before.items()}
    up, down = (
        loss_of(run(changed(case, model, 1.5, {n: sign * s for n, s in steps.items()}), x), y)
        for sign in (1, -1)
    )
    model.fit(x, y, batch_size=len(x), verbose=0)
    gradients = {
        n: before[n] - v.numpy() for n, v in zip(before, model.trainable_variables, strict=True)
    }
    slope = 2 * sum(float((gradients[n] * s).sum()) for n, s in steps.items())
    np.testing.assert_allclose(slope, up - down, rtol=0.02, atol=1e-6)
    assert all(np.abs(g).max() > 0 for g in gradients.values())


@EACH
def test_training(case: Case, tmp_path: Path) -> None:
    x, y = case.data()
    model = compiled(adapted(case))
    loss = model.fit(x, y, epochs=25, batch_size=len(x), verbose=0).history["loss"]
    assert loss[-1] < 0.9 * loss[0]
    for tensor in case.model().graph.initializer:  # bit for bit
        np.testing.assert_array_equal(
            model.state[tensor.name].numpy(), numpy_helper.to_array(tensor)
        )
    model.export(tmp_path / "merged.onnx")
    merged = onnx.load(str(tmp_path / "merged.onnx"))
    np.testing.assert_allclose(run(merged, x), model.predict(x, verbose=0), 1e-4, 1e-5)
    plain = wh.load_onnx(case.model())
    plain.export(tmp_path / "plain.onnx")
    unchanged = onnx.load(str(tmp_path / "plain.onnx"))
    assert [n.op_type for n in merged.graph.node] == [n.op_type for n in unchanged.graph.node]
    assert {t.name: list(t.dims) for t in merged.graph.initializer} == {
        t.name: list(t.dims) for t in unchanged.graph.initializer
    }


def test_the_step_has_no_gradient_of_the_weights_size() -> None:
    """Multiplied by the factors, a weight of 40 x 50 needs none: the reason for all of this."""
    case = Case("net (float[N, 40] x) => (float[N, 50] y) { y = MatMul (x, w) }", {"w": (40, 50)}, (40,),
                50, {})  # fmt: skip
    model = wh.load_onnx(case.model())
    wh.lora.add(model, rank=2)
    compiled(model, wh.optimizers.SGD(0.1))
    model.fit(*case.data(), verbose=0)
    big = [s for s in _shapes_of_step(model) if s == (40, 50)]
    assert not big


def _shapes_of_step(model: Any) -> list[tuple[Any, ...]]:
    (found,) = [step for key, (_, step) in model.steps._steps.items() if key[0] == "train"]
    program = found.program
    nodes = wh.compiler.ir.toposort([*program.outputs.values(), *program.writes.values()])
    return [k.shape for n in nodes if n.op not in wh.compiler.ir.LEAVES for k in n.types]


def test_dropout_is_of_what_the_factors_get() -> None:
    case = CASES["mlp"]
    x, _ = case.data()
    model = filled(adapted(case, dropout=0.5))
    calm = model.predict(x, verbose=0)
    first, second = (np.asarray(model(x, training=True).numpy()) for _ in range(2))
    assert np.abs(first - calm).max() > 1e-3
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_allclose(calm, run(changed(case, model, 1.5), x), 1e-4, 1e-5)
    draws = [np.asarray(model(x, training=True).numpy()) for _ in range(400)]
    linear = Case("net (float[N, 6] x) => (float[N, 4] y) { y = MatMul (x, w) }", {"w": (6, 4)}, (6,), 4,
                  {"w": ((2, 6), (4, 2))}, ("w",))  # fmt: skip
    model = filled(adapted(linear, dropout=0.25))
    draws = [np.asarray(model(x, training=True).numpy()) for _ in range(600)]
    error = np.abs(np.mean(draws, 0) - model.predict(x, verbose=0))  # the mean of the masks is 1
    assert (error < 6 * np.std(draws, 0) / np.sqrt(600) + 1e-6).all()


def test_the_seed_decides() -> None:
    case = CASES["mlp"]
    first, same, other = (adapted(case, seed=s) for s in (1, 1, 2))
    a, b, c = (
        [v.numpy() for v in m.trainable_variables if v.path.endswith("a")]
        for m in (first, same, other)
    )
    assert all((x == y).all() for x, y in zip(a, b, strict=True))
    assert not any((x == y).all() for x, y in zip(a, c, strict=True))
    assert len({x.flat[0] * np.sqrt(x.shape[1]) for x in a}) == len(a)  # each weight has its own


# -- what is trained --------------------------------------------------------------------------------


def test_targets_and_what_stays_trainable() -> None:
    model = wh.load_onnx(CASES["mlp"].model())
    assert wh.lora.add(model, targets=["w0", "w[23]"], rank=1, also=("b*",)) == ["w0", "w2", "w3"]
    assert {v.path for v in model.trainable_variables} == {
        *(f"{n}/lora_{f}" for n in ("w0", "w2", "w3") for f in "ab"), "bias", "b1", "b2",
    }  # fmt: skip


def test_adapters_of_different_ranks() -> None:
    model = wh.load_onnx(CASES["mlp"].model())
    wh.lora.add(model, targets="w0", rank=1)
    wh.lora.add(model, targets="w1", rank=3)
    shapes = {v.path: v.shape for v in model.trainable_variables}
    assert shapes == {
        "w0/lora_a": (1, 6),
        "w0/lora_b": (8, 1),
        "w1/lora_a": (3, 8),
        "w1/lora_b": (7, 3),
    }


def test_a_compiled_model_takes_them() -> None:
    case = CASES["mlp"]
    x, y = case.data()
    model = compiled(wh.load_onnx(case.model()))
    model.fit(x, y, verbose=0)
    weights = {n: v.numpy() for n, v in model.state.items()}
    wh.lora.add(model, rank=2)
    model.fit(x, y, epochs=2, verbose=0)
    assert all((weights[n] == v.numpy()).all() for n, v in model.state.items())
    assert all(np.abs(v.numpy()).max() > 0 for v in model.trainable_variables)


def test_merge_and_remove() -> None:
    case = CASES["convnet"]
    x, _ = case.data()
    trained = {v.path for v in wh.load_onnx(case.model()).trainable_variables}
    for end in (wh.lora.merge, wh.lora.remove):
        model = filled(adapted(case))
        before = model.predict(x, verbose=0)
        end(model)
        assert {v.path for v in model.trainable_variables} == trained
        assert {v.path for v in model.variables} == set(case.weights)
        wanted = before if end is wh.lora.merge else run(case.model(), x)
        np.testing.assert_allclose(model.predict(x, verbose=0), wanted, 1e-4, 1e-5)
        with pytest.raises(ArgumentError, match="has no adapters"):
            end(model)


# -- files ------------------------------------------------------------------------------------------


@EACH
def test_a_file_of_adapters(case: Case, tmp_path: Path) -> None:
    x, _ = case.data()
    model = filled(adapted(case))
    wh.lora.save(model, tmp_path / "a.safetensors")
    with safe_open(str(tmp_path / "a.safetensors"), framework="numpy") as file:
        content = json.loads(file.metadata()["waterhorse.lora"])
        assert {*file.keys()} == {v.path for v in model.trainable_variables}
    assert content["targets"].keys() == case.factors.keys()
    assert {(t["rank"], t["alpha"]) for t in content["targets"].values()} == {(2, 3.0)}
    other = wh.load_onnx(case.model())
    assert wh.lora.load(other, tmp_path / "a.safetensors") == [*content["targets"]]
    np.testing.assert_array_equal(other.predict(x, verbose=0), model.predict(x, verbose=0))
    assert {v.path for v in other.trainable_variables} == {
        v.path for v in model.trainable_variables
    }
    again = adapted(case)  # with adapters of its own
    wh.lora.load(again, tmp_path / "a.safetensors")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_a_saved_model_and_a_resumed_run(tmp_path: Path) -> None:
    case = CASES["mlp"]
    x, y = case.data()
    model = compiled(adapted(case, dropout=0.2, also="b1"))
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "model.wh")
    again = wh.models.load_model(tmp_path / "model.wh")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert [v.path for v in again.trainable_variables] == [
        v.path for v in model.trainable_variables
    ]
    histories = [
        m.fit(x, y, epochs=2, shuffle=False, verbose=0).history["loss"] for m in (model, again)
    ]
    assert histories[0] == histories[1]
    wh.lora.remove(again)
    assert {v.path for v in again.trainable_variables} == set(case.weights)


def test_the_training_step_is_exported_with_the_factors(tmp_path: Path) -> None:
    case = CASES["mlp"]
    x, y = case.data()
    model = compiled(adapted(case), wh.optimizers.SGD(0.1))
    step_path, init_path = model.export_training(tmp_path / "step")
    step, init = (
        ort.InferenceSession(p, providers=["CPUExecutionProvider"]) for p in (step_path, init_path)
    )
    state = dict(zip([o.name for o in init.get_outputs()], init.run(None, {}), strict=True))
    feeds = {i.name: state.get(i.name) for i in step.get_inputs()}
    feeds |= {
        "x": x,
        "y": y,
        "sample_weight": np.ones(len(x), "float32"),
        "learning_rate": np.array(0.1, "float32"),
    }
    named = [o.name for o in step.get_outputs()]
    found = dict(
        zip(
            named, step.run(None, {n: feeds[n] for n in feeds if feeds[n] is not None}), strict=True
        )
    )
    for name in case.factors:
        np.testing.assert_array_equal(found[f"next/{name}"], model.state[name].numpy())
    model.fit(x, y, batch_size=len(x), shuffle=False, verbose=0)
    for variable in model.trainable_variables:
        np.testing.assert_allclose(found[f"next/{variable.path}"], variable.numpy(), 1e-4, 1e-6)


def test_a_weight_that_a_subgraph_uses_too() -> None:
    text = """net (float[N, 3] x, bool flag) => (float[N, 3] y) {
        a = MatMul (x, w)
        y = If (flag) <then_branch = t () => (float[N, 3] p) { p = MatMul (a, w) },
                       else_branch = e () => (float[N, 3] q) { q = Mul (a, m) }> }"""
    proto = Case(text, {"w": (3, 3), "m": (1, 3)}, (3,), 3, {}).model()
    model = wh.load_onnx(proto)
    assert wh.lora.add(model, rank=1, alpha=2.0) == ["w"]
    filled(model)
    values = {v.path: v.numpy() for v in model.variables}
    w = values["w"] + 2 * (values["w/lora_b"] @ values["w/lora_a"]).T
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    for flag, wanted in ((True, x @ w @ w), (False, x @ w * values["m"])):
        found = model({"x": x, "flag": np.array(flag)}).numpy()
        np.testing.assert_allclose(found, wanted, 1e-4, 1e-5)


def test_dropout_where_the_factors_are_not_used() -> None:
    with pytest.raises(ArgumentError, match="the weight 'table' is used by Transpose"):
        adapted(CASES["attention"], dropout=0.1)
    assert adapted(CASES["attention"], dropout=0.1, targets="w*").adapters


def test_batch_normalisation_follows_the_changed_activations() -> None:
    """Running statistics are of what the adapters made of the data."""
    text = """net (float[N, 4] x) => (float[N, 3] y) {
        a = MatMul (x, w)  y = BatchNormalization (a, gamma, beta, mean, variance) }"""
    proto = Case(text, {"w": (4, 3)}, (4,), 3, {}).model()
    for name, value in (("gamma", 1.0), ("beta", 0.0), ("mean", 0.0), ("variance", 1.0)):
        proto.graph.initializer.append(numpy_helper.from_array(np.full(3, value, "float32"), name))
    model = wh.load_onnx(proto, batch_norm="train")
    wh.lora.add(model, rank=1, seed=0)
    compiled(filled(model), wh.optimizers.SGD(0.0))
    x = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
    values = {v.path: v.numpy() for v in model.variables}
    model.fit(x, np.zeros(16, int), batch_size=16, verbose=0)
    inner = x @ (values["w"] + (values["w/lora_b"] @ values["w/lora_a"]).T)
    np.testing.assert_allclose(model.state["mean"].numpy(), 0.1 * inner.mean(0), 1e-4, 1e-5)


def test_the_cases_themselves() -> None:
    """The cases themselves are valid ONNX."""
    for case in CASES.values():
        onnx.checker.check_model(case.model(), full_check=True)
