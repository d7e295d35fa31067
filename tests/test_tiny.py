"""The two-second test: does the whole way work at all?"""

from pathlib import Path

import numpy as np
import onnxruntime as ort

import waterhorse as wh


def test_train_export_and_run(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(256, 2)).astype("float32")
    y = (x[:, 0] * x[:, 1] > 0).astype("int64")
    model = wh.Sequential(
        [wh.Input((2,)), wh.layers.Dense(16, activation="tanh"), wh.layers.Dense(2)]
    )
    loss = wh.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(wh.optimizers.Adam(0.02), loss, metrics=["accuracy"])
    history = model.fit(x, y, epochs=30, verbose=0).history
    assert history["accuracy"][-1] > 0.95
    model.export(tmp_path / "xor.onnx")
    session = ort.InferenceSession(tmp_path / "xor.onnx")
    (found,) = session.run(None, {session.get_inputs()[0].name: x[:7]})
    np.testing.assert_allclose(found, model.predict(x[:7], verbose=0), rtol=1e-5, atol=1e-6)


def test_the_readmes_core_example() -> None:
    w = wh.Variable(np.zeros(3, "float32"), name="w")

    @wh.function
    def step(x, y):
        loss = wh.ops.mean(wh.ops.square(wh.ops.matmul(x, w) - y))
        (g,) = wh.grad(loss, [w])
        w.assign(w - 0.1 * g)
        return loss

    x = np.random.default_rng(1).normal(size=(50, 3)).astype("float32")
    y = x @ np.array([1.0, -2.0, 0.5], "float32")
    losses = [float(step(x, y)) for _ in range(100)]
    assert losses[-1] < 1e-3 < losses[0]
    np.testing.assert_allclose(w.numpy(), [1.0, -2.0, 0.5], atol=0.05)
    names = [n.name for n in step.to_onnx(x, y).graph.node]
    assert any(n.startswith("backward/") for n in names)
