"""Files that say how they train: ``training_info`` written by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper, parser

import waterhorse as wh

DOMAIN = "ai.onnx.preview.training"
OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]


def graph(text: str, **stored: np.ndarray) -> onnx.GraphProto:
    """A graph in the standard's text form, and what it stores."""
    for name in ("Gradient", "Adam", "Adagrad", "Momentum"):
        text = text.replace(f"{name} <", f"{DOMAIN}.{name} <")
    made = parser.parse_graph(text)
    made.initializer.extend(numpy_helper.from_array(a, n) for n, a in stored.items())
    return made


def model(inference: onnx.GraphProto, *infos: onnx.TrainingInfoProto) -> onnx.ModelProto:
    made = helper.make_model(inference, opset_imports=OPSETS, ir_version=8)
    made.training_info.extend(infos)
    onnx.checker.check_model(made, full_check=True)
    return made


def linear() -> onnx.GraphProto:
    return graph(
        "line (float[N,3] x) => (float[N,1] p) { a = MatMul(x, w) p = Add(a, b) }",
        w=np.zeros((3, 1), "float32"), b=np.zeros(1, "float32"),
    )  # fmt: skip


def regression() -> onnx.ModelProto:
    """Linear regression as the standard's text sketches it: loss, Gradient, Momentum, counter."""
    algorithm = graph(
        """step (float[N,1] t) => (float loss, float[3,1] w_new, float[1] b_new, float[3,1] vw_new,
                float[1] vb_new, int64 count_new) {
            e = Sub(p, t) q = Mul(e, e) loss = ReduceMean <keepdims = 0> (q)
            gw, gb = Gradient <xs: strings = ["w", "b"], zs: strings = ["x", "t"], y: string = "loss"> (w, b, x, t)
            w_new, b_new, vw_new, vb_new = Momentum <alpha = 0.5, beta = 1.0, mode = "standard",
                norm_coefficient = 0.0> (rate, count, w, b, gw, gb, vw, vb)
            one = Constant <value_int = 1> () count_new = Add(count, one) }""",
        rate=np.array(0.1, "float32"), count=np.array(0),
        vw=np.zeros((3, 1), "float32"), vb=np.zeros(1, "float32"),
    )  # fmt: skip
    start = graph(
        """start () => (float[3,1] w0, float[1] b0, int64 count0) {
            w0 = RandomUniform <shape = [3, 1], low = -1.0, high = 1.0, seed = 1.0> ()
            b0 = Constant <value_floats = [0.0]> () count0 = Constant <value_int = 0> () }"""
    )
    updates = [(n, f"{n}_new") for n in ("w", "b", "vw", "vb", "count")]
    resets = [(n, f"{n}0") for n in ("w", "b", "count")]
    return model(linear(), helper.make_training_info(algorithm, updates, start, resets))


RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(64, 3)).astype("float32")
W, B = np.array([[1.0], [-2.0], [0.5]], "float32"), 0.3
Y = X @ W + np.float32(B)


def stepped(batches: int, size: int = 16) -> dict[str, np.ndarray]:
    """The same by hand in NumPy."""
    w, b, vw, vb = np.zeros((3, 1)), np.zeros(1), np.zeros((3, 1)), np.zeros(1)
    losses = []
    for i in range(batches):
        part = slice(i * size % 64, i * size % 64 + size)
        error = X[part] @ w + b - Y[part]
        losses.append(np.mean(error**2))
        vw = 0.5 * vw + X[part].T @ error * 2 / size
        vb = 0.5 * vb + error.sum(0) * 2 / size
        w, b = w - 0.1 * vw, b - 0.1 * vb
    return {"w": w, "b": b, "vw": vw, "vb": vb, "losses": np.array(losses)}


# -- by hand ----------------------------------------------------------------------------------------


def test_a_file_trains_itself_without_compile() -> None:
    net = wh.load_onnx(regression())
    history = net.fit(X, Y, epochs=30, batch_size=16, verbose=0).history
    assert list(history) == ["loss"]
    assert history["loss"][-1] < 1e-8
    np.testing.assert_allclose(net.state["w"].numpy(), W, atol=1e-4)
    np.testing.assert_allclose(net.state["b"].numpy(), [B], atol=1e-4)
    assert net.training_state["count"].numpy() == 30 * 4
    np.testing.assert_allclose(net.predict(X, verbose=0), Y, atol=1e-3)
    assert net.evaluate(X, Y, verbose=0) < 1e-8


def test_its_steps_are_those_of_the_pseudo_code() -> None:
    net = wh.load_onnx(regression())
    wanted = stepped(6)
    history = net.fit(X, Y, batch_size=16, shuffle=False, verbose=0).history
    np.testing.assert_allclose(history["loss"], [wanted["losses"][:4].mean()], rtol=1e-5)
    losses = [net.train_on_batch(X[i : i + 16], Y[i : i + 16]) for i in (0, 16)]
    np.testing.assert_allclose(losses, wanted["losses"][4:], rtol=1e-5)
    for name, variable in {**net.state, **net.training_state}.items():
        if name in wanted:
            np.testing.assert_allclose(variable.numpy(), wanted[name], rtol=1e-4, atol=1e-6)


def test_training_step_by_names() -> None:
    net = wh.load_onnx(regression())
    wanted = stepped(4)
    for i in range(4):
        part = slice(16 * i, 16 * i + 16)
        found = net.training_step({"t": Y[part], "x": X[part]})
        assert list(found) == ["loss"]
        np.testing.assert_allclose(found["loss"], wanted["losses"][i], rtol=1e-5)
    np.testing.assert_allclose(net.state["w"].numpy(), wanted["w"], rtol=1e-4, atol=1e-6)
    with pytest.raises(wh.errors.ArgumentError, match="'t' is missing"):
        net.training_step({"x": X})
    with pytest.raises(wh.errors.ArgumentError, match="'y'"):
        net.training_step({"x": X, "t": Y, "y": Y})


def test_the_rate_is_a_variable() -> None:
    net = wh.load_onnx(regression())
    assert list(net.training_state) == ["rate", "count", "vw", "vb"]
    net.training_state["rate"].assign(0.0)
    net.fit(X, Y, verbose=0)
    assert not net.state["w"].numpy().any()
    assert net.training_state["vw"].numpy().all()


def test_evaluation_changes_nothing() -> None:
    net = wh.load_onnx(regression())
    loss = net.evaluate(X, Y, verbose=0)
    np.testing.assert_allclose(loss, np.mean(Y**2), rtol=1e-5)
    assert not any(v.numpy().any() for v in net.state.values())
    assert net.training_state["count"].numpy() == 0


def test_initialize_starts_anew() -> None:
    net = wh.load_onnx(regression())
    net.fit(X, Y, verbose=0)
    net.initialize()
    first = net.state["w"].numpy()
    assert first.all()
    assert (np.abs(first) <= 1).all()
    assert not net.state["b"].numpy().any()
    assert net.training_state["count"].numpy() == 0
    assert not net.training_state["vw"].numpy().any()  # as the file has it
    net.fit(X, Y, epochs=30, batch_size=16, verbose=0)
    np.testing.assert_allclose(net.state["w"].numpy(), W, atol=1e-4)


def test_compile_takes_over() -> None:
    net = wh.load_onnx(regression())
    net.compile(wh.optimizers.SGD(0.1), "mse")
    net.fit(X, Y, epochs=40, batch_size=16, verbose=0)
    np.testing.assert_allclose(net.state["w"].numpy(), W, atol=1e-3)
    assert net.training_state["count"].numpy() == 0


def test_inputs_are_mapped_in_their_order_or_by_name() -> None:
    net, other = wh.load_onnx(regression()), wh.load_onnx(regression())
    net.fit(X, Y, shuffle=False, verbose=0)
    other.fit({"x": X, "t": Y}, shuffle=False, verbose=0)
    np.testing.assert_array_equal(net.state["w"].numpy(), other.state["w"].numpy())
    with pytest.raises(wh.errors.ArgumentError, match=r"\['t'\] are missing"):
        net.fit(X, verbose=0)
    with pytest.raises(wh.errors.ArgumentError, match="'sample_weight'"):
        net.fit(X, Y, sample_weight=np.ones(64), verbose=0)


def test_a_saved_model_goes_on(tmp_path: Path) -> None:
    net = wh.load_onnx(regression())
    net.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    net.save(tmp_path / "m.wh")
    again = wh.models.load_model(tmp_path / "m.wh")
    for one in (net, again):
        one.fit(X, Y, shuffle=False, verbose=0)
    for name in ("vw", "count"):
        a, b = net.training_state[name].numpy(), again.training_state[name].numpy()
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(net.state["w"].numpy(), again.state["w"].numpy())
    with pytest.raises(wh.errors.ArgumentError, match="ONNX file"):
        again.initialize()


def test_several_steps_run_one_after_the_other() -> None:
    """Block coordinate descent: the second step sees what the first one did."""

    def descent(name: str, shape: str) -> onnx.TrainingInfoProto:
        algorithm = graph(f"""step (float[N,1] t) => (float loss_{name}, float[{shape}] {name}_new) {{
            e = Sub(p, t) q = Mul(e, e) loss_{name} = ReduceMean <keepdims = 0> (q)
            g = Gradient <xs: strings = ["{name}"], zs: strings = ["x", "t"], y: string = "loss_{name}">
                ({name}, x, t)
            r = Constant <value_float = 0.1> () s = Mul(r, g) {name}_new = Sub({name}, s) }}""")
        return helper.make_training_info(algorithm, [(name, f"{name}_new")], None, None)

    infos = descent("w", "3,1"), descent("b", "1")
    net = wh.load_onnx(model(linear(), *infos))
    found = net.training_step({"x": X, "t": Y})
    w = 0.1 * 2 * X.T @ Y / 64
    error = X @ w - Y
    np.testing.assert_allclose(found["loss_w"], np.mean(Y**2), rtol=1e-5)
    np.testing.assert_allclose(found["loss_b"], np.mean(error**2), rtol=1e-5)
    np.testing.assert_allclose(net.state["w"].numpy(), w, rtol=1e-5)
    np.testing.assert_allclose(net.state["b"].numpy(), -0.2 * error.mean(0), rtol=1e-5)


def test_numbers_that_the_file_does_not_have_are_asked_for() -> None:
    info = helper.make_training_info(graph(
        """step (float[N,1] t, float rate) => (float loss, float[3,1] w_new) {
            e = Sub(p, t) q = Mul(e, e) loss = ReduceMean <keepdims = 0> (q)
            g = Gradient <xs: strings = ["w"], zs: strings = ["x", "t"], y: string = "loss"> (w, x, t)
            s = Mul(rate, g) w_new = Sub(w, s) }"""), [("w", "w_new")], None, None)  # fmt: skip
    net = wh.load_onnx(model(linear(), info))
    with pytest.raises(wh.errors.ArgumentError, match="'rate'"):
        net.fit(X, Y, verbose=0)
    net.training_state["rate"].assign(0.1)
    losses = net.fit(X, Y, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 10
    net.training_step({"x": X, "t": Y, "rate": 0.01})
    assert net.training_state["rate"].numpy() == np.float32(0.01)


def test_training_that_updates_nothing_is_none() -> None:
    start = graph("start () => (float[1] b0) { b0 = Constant <value_floats = [3.0]> () }")
    info = helper.make_training_info(onnx.GraphProto(), [], start, [("b", "b0")])
    made = model(linear())
    made.training_info.append(info)
    net = wh.load_onnx(made)
    net.initialize()
    assert net.state["b"].numpy() == 3
    with pytest.raises(wh.errors.ArgumentError, match="updates nothing"):
        net.fit(X, Y, verbose=0)


def test_a_file_without_a_recipe_has_none() -> None:
    net = wh.load_onnx(model(linear()))
    with pytest.raises(wh.errors.ArgumentError, match="not compiled"):
        net.fit(X, Y, verbose=0)
    with pytest.raises(wh.errors.ArgumentError, match="does not say"):
        net.initialize()


STEP = """step (float[N,1] t) => (float loss, float[3,1] w_new) {
    e = Sub(p, t) loss = ReduceSum <keepdims = 0> (e) w_new = Add(w, w) }"""
WRONG = {
    "no initializer": (STEP, [("x", "w_new")], "no initializer"),
    "no output": (STEP, [("w", "v_new")], "no output"),
    "another type": (STEP, [("w", "loss")], "sets 'w', float32"),
    "twice": (STEP, [("w", "w_new"), ("w", "w_new")], "twice"),
    "an unknown tensor": (STEP.replace("Add(w, w)", "Add(w, v)"), [("w", "w_new")], "'v' is used"),
}


@pytest.mark.parametrize("name", WRONG)
def test_refusals(name: str) -> None:
    text, bindings, message = WRONG[name]
    made = model(linear())
    made.training_info.append(helper.make_training_info(graph(text), bindings, None, None))
    with pytest.raises(wh.errors.FileFormatError, match=message):
        wh.load_onnx(made)


def test_a_tensor_is_updated_by_one_step_only() -> None:
    info = helper.make_training_info(graph(STEP), [("w", "w_new")], None, None)
    with pytest.raises(wh.errors.FileFormatError, match="two training steps"):
        wh.load_onnx(model(linear(), info, info))
