"""Exported files: standard, readable, and equal to what they were made from."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

import waterhorse as wh
from waterhorse import layers as L
from waterhorse.cli import _quickstart as quickstart


def trained(digits) -> wh.Sequential:
    x, y = digits
    model = quickstart.build_model()
    quickstart.compile_model(model, steps=100)
    model.fit(x[:640] * 16, y[:640], verbose=0)
    return model


def test_inference_file(digits, tmp_path: Path) -> None:
    model = trained(digits)
    path = tmp_path / "digits.onnx"
    labels = [str(i) for i in range(10)]
    model.export(path, labels=labels, inputs={"image": {"range": [0, 16]}})
    proto = onnx.load(path)
    onnx.checker.check_model(proto, full_check=True)
    assert [(o.domain, o.version) for o in proto.opset_import] == [("", 21)]
    assert proto.ir_version == 10
    kinds = [n.op_type for n in proto.graph.node]
    assert kinds.count("Conv") == 3
    assert kinds.count("Gemm") == 1
    assert "Dropout" not in kinds
    assert {n.domain for n in proto.graph.node} == {""}
    metadata = {p.key: p.value for p in proto.metadata_props}
    assert json.loads(metadata["waterhorse.labels"]) == labels
    assert json.loads(metadata["waterhorse.inputs"]) == {"image": {"range": [0, 16]}}
    assert json.loads(metadata["waterhorse.outputs"]) == {"scores": {"kind": "logits"}}
    assert "waterhorse.version" in metadata
    session = ort.InferenceSession(path)
    assert [i.name for i in session.get_inputs()] == ["image"]
    assert [o.name for o in session.get_outputs()] == ["scores"]
    assert session.get_inputs()[0].shape == ["batch", 8, 8, 1]
    for size in (1, 5, 64):
        x = digits[0][:size] * 16
        (found,) = session.run(None, {"image": x})
        np.testing.assert_allclose(found, model.predict(x, verbose=0), rtol=1e-5, atol=1e-5)
    weights = {i.name for i in proto.graph.initializer}
    assert {"conv2d/kernel", "scores/bias"} <= weights
    assert str(Path.home()) not in str(proto)
    assert str(Path(__file__).parent) not in str(proto)


def test_training_files_train_with_onnxruntime_and_numpy_alone(digits, tmp_path: Path) -> None:
    """Twenty steps from the exported files give the losses that fit gives."""
    x, y = digits[0][:640] * 16, digits[1][:640]
    model = trained(digits)
    step_path, init_path = model.export_training(tmp_path / "digits.onnx")
    assert Path(step_path).name == "digits.train.onnx"
    assert Path(init_path).name == "digits.init.onnx"

    init = ort.InferenceSession(init_path)
    state = dict(zip([o.name for o in init.get_outputs()], init.run(None, {}), strict=True))
    session = ort.InferenceSession(step_path)
    names = [o.name for o in session.get_outputs()]
    losses = []
    for i in range(0, 640, 32):
        batch = {"image": x[i : i + 32], "y": y[i : i + 32]}
        weight = {"sample_weight": np.ones(32, np.float32)}
        found = dict(zip(names, session.run(None, {**batch, **weight, **state}), strict=True))
        losses.append(found["loss"])
        assert 0 <= found["accuracy"] <= 1
        state = {name: found[f"next/{name}"] for name in state}

    seen = []
    watch = wh.callbacks.LambdaCallback(
        on_train_batch_end=lambda _, logs: seen.append(logs["loss"])
    )
    model.fit(x, y, shuffle=False, callbacks=[watch], verbose=0)
    running = np.cumsum(losses) / np.arange(1, 21)  # fit reports the running mean
    np.testing.assert_allclose(running, seen, rtol=1e-4)
    np.testing.assert_allclose(running[:10], seen[:10], rtol=1e-5)
    for variable in model.trainable_weights:
        np.testing.assert_allclose(state[variable.path], variable.numpy(), rtol=1e-2, atol=1e-3)


def test_training_file_is_standard(digits, tmp_path: Path) -> None:
    model = quickstart.build_model()
    model.compile(
        wh.optimizers.Adam(1e-3), wh.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    step_path, init_path = model.export_training(tmp_path / "d")
    proto = onnx.load(step_path)
    onnx.checker.check_model(proto, full_check=True)
    assert {n.domain for n in proto.graph.node} == {""}
    state = json.loads({p.key: p.value for p in proto.metadata_props}["waterhorse.state"])
    inputs = [i.name for i in proto.graph.input]
    assert inputs[:4] == ["image", "y", "sample_weight", "learning_rate"]
    assert set(inputs[4:]) == set(state)
    assert {i.name for i in proto.graph.initializer}.isdisjoint(inputs)
    outputs = [o.name for o in proto.graph.output]
    assert outputs[0] == "loss"
    assert {f"next/{s}" for s in state} <= set(outputs)
    phases = {n.name.split("/")[0] for n in proto.graph.node if n.op_type != "Identity"}
    assert {"forward", "backward", "update"} <= phases
    assert any(n.name.startswith("backward/scores/Gemm") for n in proto.graph.node)
    assert any(n.name.startswith("update/conv2d/kernel/") for n in proto.graph.node)
    first = onnx.load(init_path)
    assert not first.graph.input
    assert [o.name for o in first.graph.output] == state
    session = ort.InferenceSession(init_path)
    kernel = dict(zip(state, session.run(None, {}), strict=True))["conv2d/kernel"]
    np.testing.assert_array_equal(kernel, model.layers[1].kernel.numpy())
    with pytest.raises(wh.errors.ArgumentError, match="training_info"):
        model.export_training(tmp_path / "d", form="folded")


BLOCKS = {
    "batch normalisation": lambda: [L.Conv2D(4, 3), L.BatchNormalization(), L.ReLU(), L.Flatten()],
    "strides": lambda: [L.Conv2D(4, 3, strides=2, padding="same"), L.GlobalAveragePooling2D()],
    "groups": lambda: [L.Conv2D(4, 3), L.Conv2D(8, 2, groups=2, dilation_rate=2), L.Flatten()],
    "average": lambda: [L.AveragePooling2D(3, 2, padding="same"), L.Flatten()],
    "max": lambda: [L.MaxPooling2D(3, 2, padding="same"), L.Flatten()],
    "layer normalisation": lambda: [L.Flatten(), L.LayerNormalization(), L.Dropout(0.5)],
    "activations": lambda: [L.Flatten(), L.Dense(8, "gelu"), L.Activation("mish"), L.Softmax()],
    "reshape": lambda: [L.Reshape((4, -1)), L.Dense(3, "selu"), L.Flatten()],
}


@pytest.mark.parametrize("name", BLOCKS)
def test_layers_train_and_export(name: str, digits, tmp_path: Path) -> None:
    model = wh.Sequential([wh.Input((8, 8, 1)), *BLOCKS[name](), L.Dense(10)])
    model.compile("adam", wh.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = digits[0][:96], digits[1][:96]
    losses = model.fit(x, y, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.export(tmp_path / "m.onnx")
    model.export_training(tmp_path / "m")


def test_embedding_and_several_outputs(tmp_path: Path) -> None:
    words = wh.Input((None,), dtype="int64", name="words")
    vectors = L.Embedding(20, 5)(words)
    mean = wh.ops.mean(vectors, axis=1)
    model = wh.Model(words, [L.Dense(2, name="a")(mean), L.Dense(3, name="b")(mean)])
    model.export(tmp_path / "m.onnx")
    session = ort.InferenceSession(tmp_path / "m.onnx")
    assert session.get_inputs()[0].shape == ["batch", "words_dim_1"]
    tokens = np.random.default_rng(0).integers(0, 20, (4, 9))
    for found, own in zip(
        session.run(None, {"words": tokens}), model.predict(tokens, verbose=0), strict=True
    ):
        np.testing.assert_allclose(found, own, rtol=1e-5, atol=1e-6)
