"""Dense layers, embeddings, masking, activations against Keras; functions as layers; low-rank factors."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse import layers as L

from .layer_harness import suite

globals().update(suite("core"))

R = np.random.default_rng(0)
X = R.normal(size=(3, 5)).astype("float32")
S = R.normal(size=(2, 3, 4)).astype("float32")


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L.Dense(0), "units"),
        (lambda: L.Dense(2)(np.zeros(3, "float32")), "at least 2 axes"),
        (lambda: built(L.Dense(2), X)(S), "size 5 along axis -1"),
        (lambda: L.EinsumDense("ab->c", 3), "X,Y->Z"),
        (lambda: L.EinsumDense("ab,bcd->ac", 3), "'d' of the kernel"),
        (lambda: L.EinsumDense("ab,b->ad", 3), "'d' of the output"),
        (lambda: L.EinsumDense("abc,cd->abd", 5)(S), "2 sizes"),
        (lambda: L.EinsumDense("abc,cd->abd", (7, 5))(S), "which is 3"),
        (lambda: L.EinsumDense("ab,bc->ac", 5)(S), "takes 2 axes"),
        (lambda: L.EinsumDense("ab,bc->ac", 5, bias_axes="b")(X), "letters of the output"),
        (lambda: L.Embedding(0, 3), "input_dim"),
        (lambda: L.Embedding(3, True), "output_dim"),
        (lambda: L.ReLU(threshold=-1), "threshold"),
        (lambda: L.ReLU(negative_slope=None), "negative_slope"),  # type: ignore[arg-type]
        (lambda: L.LeakyReLU(-0.1), "negative_slope"),
        (lambda: L.Softmax()(X, mask=np.ones((1, 3, 5), bool)), "broadcasts"),
        (lambda: L.Lambda("relu"), "expected a function"),  # type: ignore[arg-type]
        (lambda: L.Lambda(wh.ops.relu, output_shape=(9,))(X), "output_shape says"),
        (lambda: L.Wrapper("dense"), "expected a layer"),  # type: ignore[arg-type]
        (lambda: L.Dense(2).enable_lora(1), "no weights yet"),
        (lambda: built(L.Dense(2, lora_rank=1), X).enable_lora(1), "already"),
        (lambda: built(L.Dense(2, kernel_constraint="non_neg"), X).enable_lora(1), "constrains"),
        (lambda: built(L.Dense(2), X).enable_lora(0), "rank=0"),
    ],
)
def test_wrong_arguments_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def built(layer: Any, x: Any) -> Any:
    layer(x)
    return layer


def test_what_is_missing_says_so() -> None:
    with pytest.raises(wh.errors.ArgumentError, match="quantization_config"):
        L.Dense(2, quantization_config="int8")
    with pytest.raises(NotImplementedError, match="sparse"):
        wh.Input((3,), sparse=True)


def test_fans_of_an_equation() -> None:
    """Glorot's limit counts what is summed over: 8 x 4 inputs, 64 outputs."""
    layer = built(L.EinsumDense("abcd,cde->abe", (None, 64)), np.zeros((1, 1, 8, 4), "float32"))
    limit = np.sqrt(6 / (32 + 64))
    largest = np.abs(layer.kernel.numpy()).max()
    assert 0.97 * limit < largest <= limit


def test_embedding_of_given_weights() -> None:
    table = R.normal(size=(5, 2)).astype("float32")
    layer = L.Embedding(5, 2, weights=[table], mask_zero=True)
    y = layer(np.array([[0, 4, 2]]))
    close(y, table[[[0, 4, 2]]])
    np.testing.assert_array_equal(y.mask, [[False, True, True]])
    assert L.Embedding.from_config(layer.get_config()).get_config()["weights"] is None


# -- functions as layers ------------------------------------------------------------------------


@wh.saving.register_keras_serializable("tests")
def doubled(x: Any, by: float = 2.0, training: bool = False) -> Any:
    return x * by + (1.0 if training else 0.0)


def test_lambda() -> None:
    layer = L.Lambda(doubled, arguments={"by": 3.0})
    close(layer(X), X * 3)
    close(layer(X, training=True), X * 3 + 1)
    layer = L.Lambda(lambda x, mask: wh.ops.cast(mask, "float32"), mask=lambda x, m: m)
    close(layer(masked(S)), M)
    close(L.Lambda(lambda x: x[:, 0], output_shape=(4,))(S), S[:, 0])
    mask = L.Lambda(lambda x: x, mask=lambda x, m: wh.ops.logical_not(m))(masked(S)).mask
    np.testing.assert_array_equal(mask, ~M)


M = np.array([[True, True, False], [True, False, False]])


def masked(x: Any) -> Any:
    return wh.ops.convert_to_tensor(x).with_mask(wh.ops.convert_to_tensor(M))


def test_lambda_is_saved_by_name_only(tmp_path: Path) -> None:
    model = wh.Sequential([wh.Input((5,)), L.Lambda(doubled, arguments={"by": 5.0})])
    model.save(tmp_path / "model.wh")
    close(wh.models.load_model(tmp_path / "model.wh").predict(X, verbose=0), X * 5)
    with pytest.raises(ValueError, match="lambda cannot be saved"):
        wh.Sequential([wh.Input((5,)), L.Lambda(lambda x: x)]).save(tmp_path / "other.wh")


def test_declared_shape_of_a_lambda() -> None:
    start = wh.Input((None, 4))
    y = L.Lambda(lambda x: x[:, ::2], output_shape=(3, 4))(start)
    assert y.shape == ("batch", 3, 4)
    whole = L.Lambda(lambda x: x[:, ::2], output_shape=lambda s: (s[0], 7, 4))(start)
    assert whole.shape[1:] == (7, 4)


# -- low-rank factors ------------------------------------------------------------------------------


def test_alpha_scales_the_factors() -> None:
    """Keras 3.15.1 forgets ``lora_alpha`` of the constructor in Dense and Embedding: against NumPy."""
    dense = L.Dense(4, lora_rank=2, lora_alpha=6)
    values = [R.normal(size=s).astype("float32") for s in ((5, 4), (4,), (5, 2), (2, 4))]
    dense(X)
    dense.set_weights(values)
    kernel, bias, a, b = values
    close(dense(X), X @ (kernel + 3 * a @ b) + bias)
    close(dense.kernel, kernel + 3 * a @ b)
    tokens = np.array([[0, 3], [3, 2]])
    table = L.Embedding(5, 4, lora_rank=2, lora_alpha=6)
    table(tokens)
    table.set_weights([kernel, a, b])
    close(table(tokens), (kernel + 3 * a @ b)[tokens])


def test_only_the_factors_are_trained_and_exported_files_have_the_sum(tmp_path: Path) -> None:
    model = wh.Sequential([wh.Input((5,)), L.Dense(6, activation="tanh"), L.Dense(2)])
    plain = model.predict(X, verbose=0)
    for layer in model.layers[-2:]:
        layer.enable_lora(2, lora_alpha=4)
    close(model.predict(X, verbose=0), plain)  # B is zero
    kernels = [layer._kernel.numpy() for layer in model.layers[-2:]]
    model.compile(wh.optimizers.SGD(0.5), "mse")
    model.fit(X, np.ones((3, 2), "float32"), epochs=3, verbose=0)
    for layer, before in zip(model.layers[-2:], kernels, strict=True):
        np.testing.assert_array_equal(layer._kernel.numpy(), before)
        assert np.abs(layer.kernel.numpy() - before).max() > 1e-4
    found = model.predict(X, verbose=0)
    model.save(tmp_path / "model.wh")
    close(wh.models.load_model(tmp_path / "model.wh").predict(X, verbose=0), found)
    model.export(tmp_path / "model.onnx")
    exported = wh.load_onnx(tmp_path / "model.onnx")
    close(exported(X), found)
    assert sorted(w.shape for w in exported.variables) == [(2,), (5, 6), (6,), (6, 2)]


# -- an ONNX file as a layer ------------------------------------------------------------------------


def test_an_onnx_file_is_a_layer(tmp_path: Path) -> None:
    """What Keras has TorchModuleWrapper for."""
    inner = wh.Sequential([wh.Input((5,)), L.Dense(4, activation="relu"), L.Dense(3)])
    inner.export(tmp_path / "inner.onnx")
    net = wh.load_onnx(tmp_path / "inner.onnx")
    start = wh.Input((5,))
    model = wh.Model(start, L.Dense(1)(net(L.Dense(5)(start))))
    assert net in model.layers
    assert len(model.trainable_weights) == 4 + 4
    before = net.get_weights()
    model.compile("adam", "mse")
    model.fit(X, np.ones((3, 1), "float32"), epochs=2, verbose=0)
    assert all((a != b).any() for a, b in zip(before, net.get_weights(), strict=True))
    found = model.predict(X, verbose=0)
    model.save(tmp_path / "model.wh")
    close(wh.models.load_model(tmp_path / "model.wh").predict(X, verbose=0), found)
    net.trainable = False
    assert len(model.trainable_weights) == 4
    with pytest.raises(NotImplementedError, match="load_onnx"):
        L.TorchModuleWrapper  # noqa: B018


def test_input_layers() -> None:
    start = L.InputLayer((5,), name="start")
    assert start.output is start.input
    assert L.InputLayer(input_tensor=start.output).output is start.output
    assert wh.Input(tensor=start.output) is start.output
    model = wh.Model(start.output, L.Dense(2)(start.output))
    assert model.predict(X, verbose=0).shape == (3, 2)
    assert model.layers[0].name == "start"
