"""save and load_model: one file that gives the same model back, state and all."""

from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

import waterhorse as wh
from waterhorse import layers as L
from waterhorse.errors import ExportError, FileFormatError


def functional() -> wh.Model:
    image = wh.Input((8, 8, 1), name="image")
    x = L.Conv2D(4, 3, padding="same", activation="relu", kernel_regularizer="l2")(image)
    x = L.BatchNormalization()(x)
    y = L.Add()([x, L.Conv2D(4, 1, use_bias=False)(image)])
    y = wh.ops.relu(y) * 0.5 + 0.1
    return wh.Model(image, L.Dense(10, name="scores")(L.Dropout(0.2)(L.Flatten()(y))))


def sequential() -> wh.Sequential:
    initializer = wh.initializers.HeNormal(seed=3)
    return wh.Sequential(
        [wh.Input((8, 8, 1)), L.Flatten(), L.Dense(16, "tanh", kernel_initializer=initializer),
         L.LayerNormalization(), L.Dense(10)]
    )  # fmt: skip


def deferred() -> wh.Sequential:
    return wh.Sequential([L.Flatten(), L.Dense(8, activation=wh.activations.gelu), L.Dense(10)])


@pytest.mark.parametrize("build", [functional, sequential, deferred])
def test_training_goes_on_where_it_was(build, digits, tmp_path: Path) -> None:
    x, y = digits[0][:200], digits[1][:200]
    model = build()
    loss = wh.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(wh.optimizers.Adam(2e-3), loss, metrics=["accuracy"])
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "m.wh")
    loaded = wh.models.load_model(tmp_path / "m.wh")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    assert [type(a) for a in loaded.layers] == [type(a) for a in model.layers]
    a = model.fit(x, y, shuffle=False, verbose=0).history
    b = loaded.fit(x, y, shuffle=False, verbose=0).history
    assert a == b
    assert int(loaded.optimizer.iterations.numpy()) == int(model.optimizer.iterations.numpy())
    for u, v in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(u, v)


class Gate(L.Layer):
    """A user's layer."""

    def __init__(self, strength, **kwargs):
        super().__init__(**kwargs)
        self.strength = strength

    def build(self, input_shape):
        self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")

    def call(self, inputs):
        return inputs * wh.ops.sigmoid(self.scale * self.strength)


def test_custom_layers_need_to_be_named(tmp_path: Path) -> None:
    model = wh.Sequential([wh.Input((3,)), Gate(2.0), L.Dense(2)])
    model.save(tmp_path / "m.wh")
    x = np.ones((2, 3), "float32")
    loaded = wh.models.load_model(tmp_path / "m.wh", custom_objects={"Gate": Gate})
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    assert loaded.layers[0].strength == 2.0


def test_unknown_classes_are_refused(tmp_path: Path) -> None:
    class Hidden(L.Layer):
        def call(self, inputs):
            return inputs

    model = wh.Sequential([wh.Input((3,)), Hidden(), L.Dense(2)])
    model.save(tmp_path / "m.wh")
    data = (tmp_path / "m.wh").read_bytes().replace(b"Custom>Hidden", b"Custom>Unseen")
    (tmp_path / "m.wh").write_bytes(data)
    with pytest.raises(FileFormatError, match=r"unknown object 'Custom>Unseen'.*custom_objects"):
        wh.models.load_model(tmp_path / "m.wh")


def test_the_file_is_plain_safetensors(tmp_path: Path) -> None:
    model = sequential()
    model.save(tmp_path / "m.wh")
    with safe_open(tmp_path / "m.wh", framework="numpy") as file:
        assert "model/dense/kernel" in file.keys()  # noqa: SIM118
        assert set(file.metadata()) == {"waterhorse"}
    with pytest.raises(ExportError, match="exists"):
        model.save(tmp_path / "m.wh", overwrite=False)


def test_weights_alone(tmp_path: Path) -> None:
    a, b = sequential(), sequential()
    a.set_weights([w + 0.5 for w in a.get_weights()])
    wh.saving.save_weights(a, tmp_path / "w.safetensors")
    wh.utils.clear_session()
    b = sequential()
    wh.saving.load_weights(b, tmp_path / "w.safetensors")
    for u, v in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(u, v)
    wh.utils.clear_session()
    other = wh.Sequential([wh.Input((8, 8, 1)), L.Flatten(), L.Dense(9)])
    before = other.get_weights()
    with pytest.raises(FileFormatError, match="needs shape"):
        wh.saving.load_weights(other, tmp_path / "w.safetensors")
    np.testing.assert_array_equal(before[0], other.get_weights()[0])
