"""``export_training`` in both forms, read back and run: 20 steps of the file are 20 steps of ``fit``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

import waterhorse as wh
from waterhorse import layers as L

DOMAIN = "ai.onnx.preview.training"
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(64, 3)).astype("float32")
Y = X @ np.array([[1.0], [-2.0], [0.5]], "float32") + np.float32(0.3)

SCHEDULE = wh.optimizers.schedules.ExponentialDecay(0.05, 5, 0.8)
OPTIMIZERS = {
    "Adam": (lambda: wh.optimizers.Adam(0.01), "Adam"),
    "Adam, schedule, clipped": (lambda: wh.optimizers.Adam(SCHEDULE, clipnorm=0.1), "Adam"),
    "AdamW": (lambda: wh.optimizers.AdamW(0.01, weight_decay=0.1), "Adam"),
    "Adam, accumulating": (lambda: wh.optimizers.Adam(0.01, gradient_accumulation_steps=3), "Adam"),
    "Adam, averaging": (lambda: wh.optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=4), "Adam"),
    "Adam, scaled loss": (lambda: wh.optimizers.Adam(0.01, loss_scale_factor=1024.0), "Adam"),
    "Adam, amsgrad": (lambda: wh.optimizers.Adam(0.01, amsgrad=True), None),
    "Adagrad": (lambda: wh.optimizers.Adagrad(0.1, epsilon=0.01), "Adagrad"),
    "SGD": (lambda: wh.optimizers.SGD(0.05), None),
    "SGD, momentum": (lambda: wh.optimizers.SGD(0.05, 0.9), "Momentum"),
    "SGD, Nesterov": (lambda: wh.optimizers.SGD(0.05, 0.8, nesterov=True, weight_decay=0.01), "Momentum"),
    "SGD, momentum, schedule": (lambda: wh.optimizers.SGD(SCHEDULE, 0.9), None),
    "RMSprop": (lambda: wh.optimizers.RMSprop(0.01), None),
    "Nadam": (lambda: wh.optimizers.Nadam(0.01), None),
}  # fmt: skip


def network() -> wh.Sequential:
    return wh.Sequential([wh.Input((3,), name="x"), L.Dense(5, "tanh"), L.Dense(1, name="p")])


def reloaded(net: wh.Model, folder: Path, form: str) -> wh.Model:
    return wh.load_onnx(net.export_training(folder / "m", form=form)[0])


def same_state(net: wh.Model, other: wh.Model) -> None:
    for variable in net.variables:
        np.testing.assert_allclose(
            other.state.get(variable.path, other.training_state.get(variable.path)).numpy(),
            variable.numpy(), rtol=2e-4, atol=1e-5, err_msg=variable.path,
        )  # fmt: skip


@pytest.mark.parametrize("form", ["training_info", "expanded"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_twenty_steps_of_the_file_are_those_of_fit(name: str, form: str, tmp_path: Path) -> None:
    make, _ = OPTIMIZERS[name]
    net = network()
    net.compile(make(), "mse", metrics=["mae"])
    net.fit(
        X, Y, epochs=2, shuffle=False, verbose=0
    )  # slots and counters are not those of the start
    other = reloaded(net, tmp_path, form)
    one, two = (
        n.fit(X, Y, epochs=5, batch_size=16, shuffle=False, verbose=0).history for n in (net, other)
    )
    assert one["loss"][-1] < one["loss"][0]
    for key, values in one.items():
        np.testing.assert_allclose(two[key], values, rtol=1e-4, err_msg=key)
    if "averaging" not in name:  # the end of fit puts averages in the weights' place
        same_state(net, other)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_file_has_the_standards_nodes(name: str, tmp_path: Path) -> None:
    make, kind = OPTIMIZERS[name]
    net = network()
    net.compile(make(), "mse")
    (path,) = net.export_training(tmp_path / "m.train.onnx", form="training_info")
    assert Path(path).name == "m.onnx"
    made = onnx.load(path)
    assert [n.op_type for n in made.graph.node] == ["Gemm", "Tanh", "Gemm"]
    (info,) = made.training_info
    kinds = [n.op_type for n in info.algorithm.node if n.domain == DOMAIN]
    assert kinds == ["Gradient"] + ([kind] * 4 if kind else [])
    bound = {b.key for b in info.update_binding}
    stored = {t.name for g in (made.graph, info.algorithm) for t in g.initializer}
    assert {"dense/kernel", "dense/bias", "p/kernel", "p/bias"} < bound <= stored
    assert any(n.endswith("/iterations") for n in bound)
    assert {b.value for b in info.update_binding} <= {o.name for o in info.algorithm.output}
    started = {b.key for b in info.initialization_binding}
    assert started <= stored
    assert bound - started == {"dense/kernel", "dense/bias", "p/kernel", "p/bias"}
    together = onnx.ModelProto()
    together.CopyFrom(made)
    del together.training_info[:]
    for field in ("input", "initializer", "output", "node", "value_info"):
        getattr(together.graph, field).extend(getattr(info.algorithm, field))
    onnx.checker.check_model(together, full_check=True)


def digits_model() -> wh.Sequential:
    made = wh.Sequential([
        wh.Input((8, 8, 1), name="image"), L.Conv2D(4, 3, use_bias=False, name="conv"),
        L.BatchNormalization(name="norm"), L.ReLU(), L.MaxPooling2D(2), L.Dropout(0.3), L.Flatten(),
        L.Dense(10, kernel_regularizer="l2", name="scores"),
    ])  # fmt: skip
    loss = wh.losses.SparseCategoricalCrossentropy(from_logits=True)
    made.compile(wh.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    return made


@pytest.mark.parametrize("form", ["training_info", "expanded"])
def test_convolution_normalisation_dropout(form: str, digits, tmp_path: Path) -> None:
    x, y = digits[0][:320], digits[1][:320]
    net = digits_model()
    other = reloaded(net, tmp_path, form)
    one, two = (n.fit(x, y, batch_size=16, shuffle=False, verbose=0).history for n in (net, other))
    np.testing.assert_allclose(two["loss"], one["loss"], rtol=1e-4)
    np.testing.assert_allclose(two["accuracy"], one["accuracy"], rtol=1e-2)
    names = {"norm/moving_mean", "norm/moving_variance", "conv/kernel", "scores/kernel"}
    assert names <= {*other.state, *other.training_state}
    for variable in net.variables:
        found = other.state.get(variable.path, other.training_state.get(variable.path))
        np.testing.assert_allclose(found.numpy(), variable.numpy(), rtol=2e-3, atol=2e-4)
    if form == "training_info":
        a, b = (n.predict(x, verbose=0) for n in (net, other))
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-2)
        other.export(tmp_path / "again.onnx")


def test_sample_weight_is_an_input_where_fit_had_it(tmp_path: Path) -> None:
    net = network()
    net.compile("adam", "mse")
    weight = RANDOM.random(64).astype("float32")
    net.fit(X, Y, sample_weight=weight, verbose=0)
    other = reloaded(net, tmp_path, "training_info")
    assert [i.name for i in other.proto.training_info[0].algorithm.input] == ["y", "sample_weight"]
    for n in (net, other):
        n.fit(X, Y, sample_weight=weight, shuffle=False, verbose=0)
    same_state(net, other)


def test_several_outputs(tmp_path: Path) -> None:
    x = wh.Input((3,), name="x")
    h = L.Dense(4, "relu")(x)
    net = wh.Model(x, [L.Dense(1, name="a")(h), L.Dense(1, name="b")(h)])
    net.compile("adam", "mse")
    targets = [Y, -Y]
    other = reloaded(net, tmp_path, "training_info")
    assert [o.name for o in other.proto.graph.output] == ["a", "b"]
    one, two = (n.fit(X, targets, shuffle=False, verbose=0).history for n in (net, other))
    assert set(one) == set(two) == {"loss", "a_loss", "b_loss"}
    for key, values in one.items():
        np.testing.assert_allclose(two[key], values, rtol=1e-5)


@pytest.mark.parametrize("form", ["training_info", "expanded"])
def test_penalties_of_activities_and_whole_numbers(form: str, tmp_path: Path) -> None:
    words = wh.Input((None,), dtype="int64", name="words")
    mean = wh.ops.mean(L.Embedding(20, 5)(words), axis=1)
    net = wh.Model(
        words, L.Dense(3, name="scores", activity_regularizer=wh.regularizers.L2(1.0))(mean)
    )
    net.compile("adam", wh.losses.SparseCategoricalCrossentropy(from_logits=True))
    other = reloaded(net, tmp_path, form)  # before any step of its own
    x, y = RANDOM.integers(0, 20, (48, 7)), RANDOM.integers(0, 3, 48)
    one, two = (n.fit(x, y, epochs=2, shuffle=False, verbose=0).history for n in (net, other))
    np.testing.assert_allclose(two["loss"], one["loss"], rtol=1e-6)


def test_what_is_frozen_stays(tmp_path: Path) -> None:
    net = network()
    net.get_layer("dense").trainable = False
    net.compile("adam", "mse")
    other = reloaded(net, tmp_path, "training_info")
    before = other.state["dense/kernel"].numpy()
    other.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(other.state["dense/kernel"].numpy(), before)
    (info,) = other.proto.training_info
    assert "dense/kernel" not in {b.key for b in info.update_binding}
    (gradient,) = [n for n in info.algorithm.node if n.op_type == "Gradient"]
    xs = next(a for a in gradient.attribute if a.name == "xs")
    assert list(xs.strings) == [b"p/kernel", b"p/bias"]


def test_a_step_of_ones_own_is_expanded(tmp_path: Path) -> None:
    class Mine(wh.Sequential):
        def train_step(self, data):
            x, y = data
            loss = wh.ops.mean(wh.ops.square(self(x, training=True) - y))
            weights = self.trainable_variables
            self.optimizer.apply(wh.grad(loss, weights), weights)
            return {"loss": loss}

    net = Mine([wh.Input((3,), name="x"), L.Dense(1, name="p")])
    net.compile(wh.optimizers.SGD(0.05), "mse")
    other = reloaded(net, tmp_path, "training_info")
    assert not [n for n in other.proto.training_info[0].algorithm.node if n.domain]
    for n in (net, other):
        n.fit(X, Y, shuffle=False, verbose=0)
    same_state(net, other)


@pytest.mark.parametrize("name", ["Adam", "Adagrad", "SGD, momentum", "Nadam"])
def test_initialize_restarts_the_optimizer_on_the_stored_weights(name: str, tmp_path: Path) -> None:
    make, _ = OPTIMIZERS[name]
    net = network()
    net.compile(make(), "mse")
    net.fit(X, Y, epochs=3, verbose=0)
    other = reloaded(net, tmp_path, "training_info")
    other.fit(X, Y, verbose=0)
    other.initialize()
    net.compile(make(), "mse")  # as with a new optimizer
    for n in (net, other):
        n.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    same_state(net, other)


def test_the_rate_of_an_exported_step_can_be_set(tmp_path: Path) -> None:
    net = network()
    net.compile(wh.optimizers.Adam(0.01), "mse")
    for form in ("training_info", "expanded"):
        other = reloaded(net, tmp_path, form)
        rate = other.training_state["learning_rate"]
        assert rate.numpy() == np.float32(0.01)
        rate.assign(0.0)
        before = other.state["p/kernel"].numpy()
        other.fit(X, Y, verbose=0)
        np.testing.assert_array_equal(other.state["p/kernel"].numpy(), before)


def test_the_expanded_form_gives_loss_and_metrics(tmp_path: Path) -> None:
    net = network()
    net.compile("adam", "mse", metrics=["mae"])
    other = reloaded(net, tmp_path, "expanded")
    weight = np.ones(64, "float32")
    found = other({"x": X, "y": Y, "sample_weight": weight})
    wanted = net.evaluate(X, Y, batch_size=64, verbose=0, return_dict=True)
    assert set(found) == set(wanted)
    for key, value in wanted.items():
        np.testing.assert_allclose(found[key].numpy(), value, rtol=1e-5)
        np.testing.assert_allclose(
            other.evaluate(X, Y, return_dict=True, verbose=0)[key], value, rtol=1e-5
        )


def test_the_expanded_form_needs_both_files(tmp_path: Path) -> None:
    net = network()
    net.compile("adam", "mse")
    step, init = net.export_training(tmp_path / "m")
    with pytest.raises(wh.errors.ArgumentError, match="by its path"):
        wh.load_onnx(Path(step).read_bytes())
    Path(init).unlink()
    with pytest.raises(wh.errors.ArgumentError, match=r"m\.init\.onnx"):
        wh.load_onnx(step)


def test_an_older_step_file_asks_for_its_rate(tmp_path: Path) -> None:
    net = network()
    net.compile("adam", "mse")
    step, _ = net.export_training(tmp_path / "m")
    made = onnx.load(step)
    kept = [p for p in made.metadata_props if p.key != "waterhorse.learning_rate"]
    del made.metadata_props[:]
    made.metadata_props.extend(kept)
    onnx.save(made, step)
    other = wh.load_onnx(step)
    with pytest.raises(wh.errors.ArgumentError, match="learning_rate"):
        other.fit(X, Y, verbose=0)
    other.training_state["learning_rate"].assign(0.01)
    other.fit(X, Y, verbose=0)


def test_a_target_with_the_name_of_an_output(tmp_path: Path) -> None:
    text = """<ir_version: 8, opset_import: ["" : 17]>
      g (float[N, 3] x) => (float[N, 1] y) { y = MatMul (x, w) }"""
    proto = onnx.parser.parse_model(text)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((3, 1), np.float32), "w"))
    model = wh.load_onnx(proto)
    model.compile(wh.optimizers.SGD(0.1), "mse")
    model.export_training(tmp_path / "g.onnx", form="training_info")
    loaded = wh.load_onnx(tmp_path / "g.onnx")
    for _ in range(3):
        assert loaded.train_on_batch(X, Y) == pytest.approx(model.train_on_batch(X, Y), rel=1e-5)
