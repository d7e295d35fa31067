"""Compiled steps: exact with two buffers, whatever other steps do in between."""

import gc

import numpy as np
import onnxruntime as ort
import pytest

import waterhorse as wh
from waterhorse.runtime.state import PARITIES, DeviceStorage


def two_layers():
    generator = np.random.default_rng(0)
    w1 = wh.Variable(generator.normal(size=(8, 16)).astype("float32") * 0.3, name="w1")
    w2 = wh.Variable(generator.normal(size=(16, 1)).astype("float32") * 0.3, name="w2")

    @wh.function
    def step(x, y):
        hidden = wh.ops.tanh(wh.ops.matmul(x, w1))
        loss = wh.ops.mean(wh.ops.square(wh.ops.matmul(hidden, w2) - y))
        g1, g2 = wh.grad(loss, [w1, w2])
        w1.assign(w1 - 0.1 * g1)
        w2.assign(w2 - 0.1 * g2)
        return loss

    return w1, w2, step


def numpy_step(w1, w2, x, y):
    hidden = np.tanh(x @ w1)
    error = hidden @ w2 - y
    d = 2 * error / error.size
    g2 = hidden.T @ d
    g1 = x.T @ ((d @ w2.T) * (1 - hidden**2))
    return (error**2).mean(), w1 - 0.1 * g1, w2 - 0.1 * g2


def test_two_hundred_steps_equal_numpy() -> None:
    w1, w2, step = two_layers()
    a, b = w1.numpy(), w2.numpy()
    generator = np.random.default_rng(1)
    for _ in range(200):
        x = generator.normal(size=(16, 8)).astype("float32")
        y = np.sin(x[:, :1])
        found = step(x, y)
        wanted, a, b = numpy_step(a, b, x, y)
        assert float(found) == pytest.approx(float(wanted), rel=1e-4)
    np.testing.assert_allclose(w1.numpy(), a, atol=1e-5)
    np.testing.assert_allclose(w2.numpy(), b, atol=1e-5)


def test_steps_that_write_different_variables_mix_freely() -> None:
    """As in a GAN: the buffers' parities go through all their combinations."""
    a = wh.Variable(np.float32(0.0), name="a")
    b = wh.Variable(np.float32(0.0), name="b")

    @wh.function
    def first():
        a.assign(a + 1.0)
        return a + b

    @wh.function
    def second():
        b.assign(b + a)
        return b.value

    generator = np.random.default_rng(0)
    own_a = own_b = 0.0
    for _ in range(60):
        if generator.random() < 0.5:
            own_a += 1
            assert float(first()) == own_a + own_b
        else:
            own_b += own_a
            assert float(second()) == own_b
        if generator.random() < 0.1:
            own_b = 0.0
            b.assign(0.0)
    assert (float(a.numpy()), float(b.numpy())) == (own_a, own_b)


def test_reading_after_assigning_gives_the_new_value() -> None:
    v = wh.Variable(np.float32(1.0), name="v")

    @wh.function
    def step():
        before = v * 1.0
        v.assign(v * 2.0)
        middle = v * 1.0
        v.assign(v + 10.0)
        return before, middle, v.value

    assert [float(x) for x in step()] == [1.0, 2.0, 12.0]
    assert float(v.numpy()) == 12.0


def test_results_are_copies() -> None:
    _, _, step = two_layers()
    x, y = np.ones((4, 8), "float32"), np.ones((4, 1), "float32")
    first = step(x, y)
    kept = float(first)
    step(x, y)
    assert float(first) == kept


def test_slots_are_given_back() -> None:
    def three_hundred():
        return [DeviceStorage(np.zeros(1), wh.set_device("cpu")) for _ in range(300)]

    storages = three_hundred()
    assert len({s.slot for s in storages}) == 300
    del storages
    gc.collect()
    used = PARITIES._used
    again = three_hundred()
    assert len({s.slot for s in again}) == 300
    assert PARITIES._used == used


def test_ragged_batches_do_not_pile_up_buffers() -> None:
    @wh.function(input_signature=[wh.TensorSpec((None, 2))])
    def double(x):
        return x * 2.0

    for n in range(1, 60):
        np.testing.assert_array_equal(double(np.full((n, 2), 1.5, "float32")), np.full((n, 2), 3.0))
    (step,) = double._steps.values()
    assert len(step._bound) <= 16


def test_runs_alike_without_graph_optimisation() -> None:
    w1, w2, step = two_layers()
    x = np.random.default_rng(2).normal(size=(8, 8)).astype("float32")
    y = x[:, :1]
    feeds = {"x": x, "y": y, "w1": w1.numpy(), "w2": w2.numpy()}
    model = step.to_onnx(x, y)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    plain = ort.InferenceSession(model.SerializeToString(), options).run(None, feeds)
    loss = step(x, y)
    np.testing.assert_allclose(loss, plain[0], rtol=1e-5)
    np.testing.assert_allclose(w1.numpy(), plain[1], rtol=1e-5, atol=1e-6)


def test_device_words() -> None:
    assert str(wh.set_device("cpu")) == "cpu"
    found = wh.set_device("auto")
    assert found.kind in ("cpu", "cuda")
    wh.set_device("cpu")


def test_an_argument_may_have_a_variables_name() -> None:
    x_variable = wh.Variable(np.float32(5.0), name="x")

    @wh.function
    def step(x):
        x_variable.assign(x_variable + 1.0)
        return x * x_variable

    assert float(step(2.0)) == 12.0
    assert float(step(2.0)) == 14.0
    assert [i.name for i in step.to_onnx(2.0).graph.input] == ["x", "x_1"]
