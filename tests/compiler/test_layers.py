"""Layers against NumPy, and the ways in which models are put together."""

import numpy as np
import pytest

import waterhorse as wh
from waterhorse import layers as L

R = np.random.default_rng(0)


def images(n=2, h=6, w=5, c=3):
    return R.normal(size=(n, h, w, c)).astype("float32")


def conv(x, k, strides=(1, 1), dilation=(1, 1), pads=((0, 0), (0, 0))):
    x = np.pad(x, ((0, 0), *pads, (0, 0)))
    kh, kw = ((s - 1) * d + 1 for s, d in zip(k.shape[:2], dilation, strict=True))
    rows = range(0, x.shape[1] - kh + 1, strides[0])
    columns = range(0, x.shape[2] - kw + 1, strides[1])
    out = np.zeros((len(x), len(rows), len(columns), k.shape[-1]))
    for i, a in enumerate(rows):
        for j, b in enumerate(columns):
            window = x[:, a : a + kh : dilation[0], b : b + kw : dilation[1]]
            out[:, i, j] = np.einsum("nhwc,hwcf->nf", window, k)
    return out


def pool(x, size, strides, how):
    rows = range(0, x.shape[1] - size[0] + 1, strides[0])
    columns = range(0, x.shape[2] - size[1] + 1, strides[1])
    windows = [
        [how(x[:, a : a + size[0], b : b + size[1]], axis=(1, 2)) for b in columns] for a in rows
    ]
    return np.stack([np.stack(row, 1) for row in windows], 1)


def value(layer, *x, **options):
    return layer(*x, **options).numpy()


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_dense() -> None:
    layer = L.Dense(4, activation="tanh", bias_initializer="ones")
    x = R.normal(size=(3, 5)).astype("float32")
    found = value(layer, x)
    close(found, np.tanh(x @ layer.kernel.numpy() + 1))
    deep = R.normal(size=(2, 7, 5)).astype("float32")
    close(value(layer, deep), np.tanh(deep @ layer.kernel.numpy() + 1))
    assert layer.count_params() == 24


@pytest.mark.parametrize(
    ("options", "pads"),
    [
        ({}, ((0, 0), (0, 0))),
        ({"strides": 2}, ((0, 0), (0, 0))),
        ({"dilation_rate": 2}, ((0, 0), (0, 0))),
        ({"padding": "same"}, ((1, 1), (0, 1))),
        ({"padding": "same", "strides": 2}, ((0, 1), (0, 1))),
    ],
)
def test_conv(options, pads) -> None:
    layer = L.Conv2D(4, (3, 2), bias_initializer="ones", **options)
    x = images()
    found = value(layer, x)
    strides = (options.get("strides", 1),) * 2
    dilation = (options.get("dilation_rate", 1),) * 2
    close(found, conv(x, layer.kernel.numpy(), strides, dilation, pads) + 1)


def test_conv_channels_first_and_dynamic_size() -> None:
    x = images()
    last = L.Conv2D(4, 3, padding="same", strides=2)
    wanted = value(last, x)
    first = L.Conv2D(4, 3, padding="same", strides=2, data_format="channels_first")
    turned = x.transpose(0, 3, 1, 2)
    first(turned)
    first.set_weights(last.get_weights())
    close(value(first, turned).transpose(0, 2, 3, 1), wanted)
    start = wh.Input((None, None, 3))
    model = wh.Model(start, last(start))
    close(model.predict(x, verbose=0), wanted)


def test_pooling() -> None:
    x = images(h=7, w=6)
    close(value(L.MaxPooling2D(2), x), pool(x, (2, 2), (2, 2), np.max))
    close(value(L.MaxPooling2D((3, 2), strides=1), x), pool(x, (3, 2), (1, 1), np.max))
    close(value(L.AveragePooling2D(2), x), pool(x, (2, 2), (2, 2), np.mean))
    close(value(L.GlobalAveragePooling2D(), x), x.mean((1, 2)))
    assert value(L.GlobalAveragePooling2D(keepdims=True), x).shape == (2, 1, 1, 3)
    ones = np.ones((1, 3, 3, 1), "float32")
    close(value(L.AveragePooling2D(2, padding="same"), ones), np.ones((1, 2, 2, 1)))


def test_normalisation() -> None:
    x = images()
    layer = L.BatchNormalization(epsilon=1e-3, momentum=0.9)
    found = value(layer, x, training=True)
    close(found, (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-3))
    close(layer.moving_mean.numpy(), 0.1 * x.mean((0, 1, 2)))
    close(layer.moving_variance.numpy(), 0.9 + 0.1 * x.var((0, 1, 2)))
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    close(value(layer, x), (x - mean) / np.sqrt(variance + 1e-3))
    layer.trainable = False
    close(value(layer, x, training=True), (x - mean) / np.sqrt(variance + 1e-3))
    normal = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3)
    close(value(L.LayerNormalization(), x), normal)
    close(value(L.LayerNormalization(), x, training=True), normal)
    axes = (1, 2, 3)
    both = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-3)
    close(value(L.LayerNormalization(axis=[1, 2, 3]), x), both)
    first = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-3)
    close(value(L.LayerNormalization(axis=1), x), first)


def test_dropout_drops_and_scales() -> None:
    x = np.ones((200, 500), "float32")
    layer = L.Dropout(0.3, seed=1)
    a, b = value(layer, x, training=True), value(layer, x, training=True)
    assert set(np.unique(a)) == {np.float32(0), np.float32(1 / 0.7)}
    assert abs((a == 0).mean() - 0.3) < 0.01
    assert abs(((a == 0) & (b == 0)).mean() - 0.09) < 0.01
    np.testing.assert_array_equal(value(layer, x), x)
    rows = value(L.Dropout(0.5, noise_shape=(None, 1), seed=2), x, training=True)
    assert (rows == rows[:, :1]).all()


def test_small_layers() -> None:
    x = images()
    assert value(L.Flatten(), x).shape == (2, 90)
    np.testing.assert_array_equal(value(L.Flatten(), x), x.reshape(2, -1))
    np.testing.assert_array_equal(value(L.Reshape((-1, 9)), x), x.reshape(2, 10, 9))
    close(value(L.Rescaling(0.5, 1.0), np.arange(4, dtype="uint8")), np.arange(4) / 2 + 1)
    close(
        value(L.ReLU(6, 0.1, 1.0), x * 9),
        np.where(x * 9 >= 1, np.minimum(x * 9, 6), 0.1 * (x * 9 - 1)),
    )
    close(value(L.Softmax(axis=(1, 2)), x).sum((1, 2)), np.ones((2, 3)))
    close(value(L.Add(), [x, x, x]), 3 * x)
    assert value(L.Concatenate(axis=1), [x, x]).shape == (2, 12, 5, 3)
    table = L.Embedding(7, 3)
    tokens = np.array([[0, 6], [3, 3]])
    np.testing.assert_array_equal(value(table, tokens), table.embeddings.numpy()[tokens])


def test_chain_is_channels_first_inside() -> None:
    """One Transpose at each end, however many layers are between."""
    layers = [L.Conv2D(4, 3, activation="relu"), L.BatchNormalization(), L.MaxPooling2D(2),
              L.Conv2D(4, 1), L.ReLU(), L.AveragePooling2D(2)]  # fmt: skip
    model = wh.Sequential([wh.Input((12, 12, 3)), *layers, L.Flatten()])
    model.compile("sgd", "mse")

    @wh.function
    def run(x):
        return model(x)

    kinds = [n.op_type for n in run.to_onnx(wh.TensorSpec(("n", 12, 12, 3))).graph.node]
    assert kinds.count("Transpose") == 2 + 2  # the image's two, and one per kernel


def test_functional_graph_shares_layers_and_extracts_features() -> None:
    start = wh.Input((4,), name="start")
    shared = L.Dense(4, activation="tanh", name="shared")
    end = L.Dense(2, name="end")(shared(shared(start)) + start)
    model = wh.Model(start, end)
    x = R.normal(size=(3, 4)).astype("float32")
    k, b = shared.get_weights()
    hidden = np.tanh(np.tanh(x @ k + b) @ k + b)
    features = wh.Model(model.input, model.get_layer("shared").output)
    close(features.predict(x, verbose=0), hidden)
    ek, eb = model.get_layer("end").get_weights()
    close(model.predict(x, verbose=0), (hidden + x) @ ek + eb)
    assert len(model.weights) == 4
    outer = wh.Sequential([wh.Input((4,)), model, L.Dense(1)])
    assert outer.predict(x, verbose=0).shape == (3, 1)
    assert [a.name for a in model.layers] == ["start", "shared", "end"]


def test_summary_is_not_cut_when_piped(capsys) -> None:
    name = (
        "a_layer_with_a_name_that_is_much_longer_than_any_terminal_would_like_to_show_in_one_line"
    )
    model = wh.Sequential([wh.Input((4,)), L.Dense(300, name=name), L.Dense(2)])
    model.summary()
    text = capsys.readouterr().out
    assert f"{name} (Dense)" in text
    assert "Total params: 2,102 (8.21 KB)" in text
    assert "(None, 300)" in text
    seen = []
    model.summary(print_fn=seen.append)
    assert "2,102" in "".join(seen)


def test_names_follow_keras() -> None:
    names = [L.Conv2D(1, 1).name, L.Conv2D(1, 1).name, L.MaxPooling2D().name, L.ReLU().name]
    assert names == ["conv2d", "conv2d_1", "max_pooling2d", "re_lu"]


def test_constraints_and_regularizers_reach_the_weights() -> None:
    layer = L.Dense(3, kernel_constraint="non_neg", kernel_regularizer=wh.regularizers.L1(0.1))
    model = wh.Sequential([wh.Input((4,)), layer])
    model.compile(wh.optimizers.SGD(0.5), "mse")
    x = R.normal(size=(16, 4)).astype("float32")
    logs = model.train_on_batch(x, -np.ones((16, 3)), return_dict=True)
    assert layer.kernel.numpy().min() >= 0
    assert logs["loss"] > 0
