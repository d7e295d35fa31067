"""Quantised layers and models agree with Keras', and survive being saved, loaded and exported.

What Keras computes: tests/goldens/make_quantization_goldens.py. Different on purpose: groups of int4 whose
range has not 0 in it (Keras loses such weights); gradients of the reverse call of ReversibleEmbedding with
quantised inputs (Keras has none of its own there).
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from sklearn.datasets import load_digits

import waterhorse as wh

from .goldens import Case, close, load

CASES = load("quantization")
LAYERS = [c for c in CASES if c.call != "pack_int4"]
PACKED = [c for c in CASES if c.call == "pack_int4"]
MODES = ("int8", "int4")


def quantised(case: Case) -> Any:
    layer = getattr(wh.layers, case.call)(**case.kwargs)
    layer(case["x"], **case.facts["given"])
    layer.set_weights([case[f"float_{i}"] for i in range(len(layer.weights))])
    options = case.facts["options"]
    if options is None:
        layer.quantize(case.facts["mode"])
    else:
        layer.quantize(config=getattr(wh.quantizers, case.facts["mode"])(**options))
    return layer


@pytest.mark.parametrize("case", LAYERS, ids=lambda c: c.name)
def test_layers_compute_what_keras_does(case: Case) -> None:
    layer, given = quantised(case), case.facts["given"]
    assert layer.dtype_policy.name == case.facts["policy"]
    close(layer(case["x"], **given), case["y"])
    for weight in layer.weights:
        wanted = case[f"after_{weight.name}"]
        close(weight.numpy().astype(float), wanted.astype(float))
        # Keras keeps the zero points of the reverse table as floats
        assert weight.dtype == wanted.dtype or weight.name == "reverse_embeddings_zero"
        assert not weight.trainable or weight.name == "bias"
    again = type(layer).from_config(layer.get_config())
    again(case["x"], **given)
    assert {w.name: w.shape for w in again.weights} == {w.name: w.shape for w in layer.weights}
    values = {w.name: w.numpy() for w in layer.weights}
    again.set_weights([values[w.name] for w in again.weights])
    close(again(case["x"], **given), case["y"])


@pytest.mark.parametrize("case", [c for c in LAYERS if c.has("dx")], ids=lambda c: c.name)
def test_gradients_are_keras(case: Case) -> None:
    layer, given = quantised(case), case.facts["given"]

    def gradient(x: wh.Tensor) -> Any:
        return wh.grad(wh.ops.sum(layer(x, **given) * case["cotangent"]), [x])[0]

    close(wh.function(gradient)(case["x"]), case["dx"], atol=2e-6)


@pytest.mark.parametrize("case", PACKED, ids=lambda c: c.name)
def test_int4_are_packed_as_in_keras(case: Case) -> None:
    axis = case.kwargs["axis"]
    x = case["x"].astype(np.int8)
    packed, shape, length = wh.quantizers.pack_int4(x, axis=axis)
    close(packed, case["packed"])
    assert (shape, length) == (packed.shape, int(case["length"]))
    close(wh.quantizers.unpack_int4(packed, length, axis=axis), x)
    positive = (x + 8).astype(np.uint8)
    packed, _, _ = wh.quantizers.pack_int4(positive, axis=axis, dtype="uint8")
    close(wh.quantizers.unpack_int4(packed, length, axis=axis, dtype="uint8"), positive)


def test_abs_max_against_numpy() -> None:
    x = np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32")
    values, scale = wh.quantizers.AbsMaxQuantizer()(x, axis=(0, 2))
    wanted = 127 / (np.abs(x).max((0, 2), keepdims=True) + np.float32(1e-7))
    close(scale, wanted)
    close(values, np.round(x * wanted).astype(np.int8))
    assert np.asarray(values).dtype == np.int8
    same = wh.quantizers.get(wh.quantizers.serialize(wh.quantizers.AbsMaxQuantizer(1)))
    assert same.axis == (1,)
    assert wh.quantizers.get("abs_max_quantizer").value_range == (-127, 127)


@pytest.mark.parametrize("weights", [np.full((4, 3), 0.7), np.linspace(1, 1.2, 12).reshape(4, 3)])
def test_groups_of_one_sign_keep_their_weights(weights: Any) -> None:
    """In Keras 3.15.1 the zero point is cut off, and 0.7 is read back as 0."""
    x = weights.astype("float32")
    q, scale, zero = (
        np.asarray(v, "float32")
        for v in wh.quantizers.abs_max_quantize_grouped_with_zero_point(x, block_size=4)
    )
    close((q - zero) * scale, x, rtol=0.04)


@pytest.mark.parametrize("mode", MODES)
def test_ellipsis(mode: str) -> None:
    """Which Keras cannot quantise: the same as the equation written out."""
    x = np.random.default_rng(0).normal(size=(2, 3, 6)).astype("float32")
    one = wh.layers.EinsumDense("...x,xy->...y", 4)
    other = wh.layers.EinsumDense("abx,xy->aby", (3, 4))
    one(x), other(x)
    other.set_weights(one.get_weights())
    for layer in (one, other):
        layer.quantize(mode)
    close(one(x), np.asarray(other(x)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["Dense", "EinsumDense", "Embedding"])
def test_low_rank_factors_beside_integers(kind: str, mode: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 7)).astype("float32")
    given = {"Dense": (5,), "EinsumDense": ("ab,bc->ac", 5), "Embedding": (7, 5)}[kind]
    layer = getattr(wh.layers, kind)(*given)
    x = np.eye(7, dtype="float32")[[0, 3]] if kind != "Embedding" else np.array([0, 3])
    layer(x)
    layer.quantize(mode)
    before = np.asarray(layer(x))
    layer.enable_lora(2)
    close(layer(x), before)
    factors = layer.trainable_weights[-2:]
    values = [rng.normal(size=w.shape).astype("float32") for w in factors]
    for weight, value in zip(factors, values, strict=True):
        weight.assign(value)
    change = (values[0] @ values[1])[[0, 3]]
    close(layer(x), before + change, atol=1e-5)
    again = type(layer).from_config(layer.get_config())
    again(x)
    state = {w.name: w.numpy() for w in layer.weights}
    again.set_weights([state[w.name] for w in again.weights])
    close(again(x), before + change, atol=1e-5)


def digits() -> tuple[Any, ...]:
    images, labels = load_digits(return_X_y=True)
    x, y = (images / 16).astype("float32"), labels.astype("int64")
    return x[:1200], y[:1200], x[1200:], y[1200:]


@pytest.fixture(scope="module")
def trained() -> wh.Model:
    wh.set_random_seed(3)
    inputs = wh.Input((64,))
    hidden = wh.layers.Dense(48, activation="relu")(inputs)
    hidden = wh.layers.Dropout(0.1)(hidden)
    hidden = wh.layers.Reshape((4, 12))(hidden)
    hidden = wh.layers.EinsumDense("abc,cd->abd", (4, 32), activation="relu", bias_axes="d")(hidden)
    outputs = wh.layers.Dense(10, activation="softmax")(wh.layers.Flatten()(hidden))
    model = wh.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y, _, _ = digits()
    model.fit(x, y, epochs=30, batch_size=32, verbose=0)
    return model


def accuracy(model: Any) -> float:
    _, _, x, y = digits()
    return float((model.predict(x, verbose=0).argmax(-1) == y).mean())


@pytest.mark.parametrize("mode", MODES)
def test_a_trained_model_loses_little_and_survives_files(
    trained: wh.Model, mode: str, tmp_path: Path
) -> None:
    trained.save(tmp_path / "float.waterhorse")
    model = wh.models.load_model(tmp_path / "float.waterhorse")
    model.quantize(mode)
    assert accuracy(trained) > 0.9
    assert accuracy(model) > accuracy(trained) - 0.01
    x = digits()[2]
    wanted = model.predict(x, verbose=0)
    model.save(tmp_path / "model.waterhorse")
    again = wh.models.load_model(tmp_path / "model.waterhorse")
    np.testing.assert_array_equal(again.predict(x, verbose=0), wanted)
    assert again.layers[1].quantization_mode == mode

    file = tmp_path / "model.onnx"
    model.export(file)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for n in (1, 2, 7):
        found = session.run(None, {session.get_inputs()[0].name: x[:n]})[0]
        close(found, wanted[:n])
    graph = onnx.load(file).graph
    small = {"int8": onnx.TensorProto.UINT8, "int4": onnx.TensorProto.INT8}[mode]
    kernels = [w for w in graph.initializer if np.prod(w.dims) >= 80 and "kernel" in w.name]
    assert [w.data_type for w in kernels if "g_idx" not in w.name] == [small] * 3
    assert "If" not in {n.op_type for n in graph.node}
    products = [n.op_type for n in graph.node if "MatMul" in n.op_type or n.op_type == "Gemm"]
    assert products == ["MatMulInteger" if mode == "int8" else "MatMul"] * 3

    before = model.layers[1].get_weights()
    model.fit(x[:64], digits()[3][:64], verbose=0)
    for weight, old in zip(model.layers[1].weights, before, strict=True):
        assert (weight.name == "bias") == bool((weight.numpy() != old).any())


def test_filters_and_layers_that_stay() -> None:
    names = ("first", "second", "third")

    def made() -> wh.Model:
        return wh.Sequential([wh.Input((4,)), *(wh.layers.Dense(3, name=n) for n in names)])

    filters = {
        "^s": [None, "int8", None],
        ("first", "ird"): ["int8", None, "int8"],
        (lambda layer: layer.name != "first"): [None, "int8", "int8"],
    }
    for given, wanted in filters.items():
        model = made()
        model.quantize("int8", filters=list(given) if isinstance(given, tuple) else given)
        assert [layer.quantization_mode for layer in model.layers] == wanted
    model = wh.Sequential([wh.Input((4, 3)), wh.layers.LSTM(2, name="memory"), wh.layers.Dense(3)])
    with pytest.warns(UserWarning, match=r"keep their weights.*memory"):
        model.quantize("int8")


def test_attention_is_quantised_inside() -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")
    inputs = wh.Input((None, 8))
    model = wh.Model(inputs, wh.layers.MultiHeadAttention(2, 4)(inputs, inputs))
    before = model.predict(x, verbose=0)
    model.quantize("int8")
    assert sum(w.dtype == np.int8 for w in model.weights) == 4
    found = model.predict(x, verbose=0)
    assert 0 < np.abs(found - before).max() < 0.05 * np.abs(before).max()


def test_policies() -> None:
    for name, mode, block in itertools.zip_longest(
        ("int8_from_float32", "int4_from_float32", "int4/64_from_mixed_bfloat16"),
        ("int8", "int4", "int4"), (None, None, 64),
    ):  # fmt: skip
        policy = wh.dtype_policies.get(name)
        assert isinstance(policy, wh.dtype_policies.QuantizedDTypePolicy)
        assert (policy.name, policy.quantization_mode, policy.block_size) == (name, mode, block)
        assert wh.dtype_policies.get(policy) == policy != wh.dtype_policies.get("float32")
    assert wh.layers.Dense(3, dtype="int8_from_float32").quantization_mode == "int8"
    with pytest.raises(wh.errors.ArgumentError, match="float16"):
        wh.dtype_policies.get("int8_from_float16")


def test_errors() -> None:
    layer = wh.layers.Dense(3)
    with pytest.raises(wh.errors.ArgumentError, match="no weights yet"):
        layer.quantize("int8")
    layer.build((None, 4))
    for mode in ("float8", "gptq", "awq", "ternary"):
        with pytest.raises(NotImplementedError, match="take 'int8' or 'int4'"):
            layer.quantize(mode)
    with pytest.raises(wh.errors.ArgumentError, match="expected 'int8' or 'int4'"):
        layer.quantize("int2")
    with pytest.raises(wh.errors.ArgumentError, match="configuration of 'int4'"):
        layer.quantize("int8", config=wh.quantizers.Int4QuantizationConfig())
    wrong = wh.quantizers.AbsMaxQuantizer(axis=1)
    with pytest.raises(wh.errors.ArgumentError, match="weight_quantizer gave a scale"):
        layer.quantize(config=wh.quantizers.Int8QuantizationConfig(weight_quantizer=wrong))
    layer = wh.layers.Dense(3)
    layer.build((None, 4))
    layer.quantize("int8")
    with pytest.raises(wh.errors.ArgumentError, match="int8 already"):
        layer.quantize("int4")
    with pytest.raises(wh.errors.ArgumentError, match="block_size=None"):
        wh.quantizers.Int4QuantizationConfig(activation_quantizer=wh.quantizers.AbsMaxQuantizer())

    class Own(wh.layers.Dense):
        pass

    own = Own(3)
    own.build((None, 4))
    with pytest.raises(NotImplementedError, match="type_check=False"):
        own.quantize("int8")
    own.quantize("int8", type_check=False)
    assert own.quantization_mode == "int8"
    with pytest.raises(NotImplementedError, match="float8"):
        _ = wh.quantizers.compute_float8_scale
