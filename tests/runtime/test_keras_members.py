"""Members of models, layers, variables and metrics under Keras' names, each for what Keras says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError

X = np.arange(8, dtype="float32").reshape(4, 2)
Y = np.ones((4, 1), "float32")


def linear(**kwargs: Any) -> wh.Model:
    x = wh.Input((2,))
    model = wh.Model(x, wh.layers.Dense(1, use_bias=False, kernel_initializer="ones", **kwargs)(x))
    model.compile(wh.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return model


def test_compute_loss_of_ones_own_is_what_is_minimised_and_shown() -> None:
    class Mine(wh.Model):
        def __init__(self) -> None:
            super().__init__()
            self.weight = self.add_weight((), "ones")

        def call(self, x: Any) -> Any:
            return x * self.weight

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):  # type: ignore[no-untyped-def]
            return 3.0 * wh.ops.mean(y_pred)

    model = Mine()
    model.compile(wh.optimizers.SGD(0.1))
    history = model.fit(X, Y, batch_size=4, verbose=0).history
    assert history["loss"] == pytest.approx([3 * X.mean()])
    assert float(model.weight.numpy()) == pytest.approx(1 - 0.1 * 3 * X.mean())
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(
        3 * X.mean() * float(model.weight.numpy())
    )


def test_steps_of_ones_own() -> None:
    class Mine(wh.Model):
        def call(self, x: Any) -> Any:
            return x * 2

        def predict_step(self, data: Any) -> Any:
            x, _, _ = wh.utils.unpack_x_y_sample_weight(data)
            return self(x, training=False) + 1

        def test_step(self, data: Any) -> Any:
            x, y, _ = wh.utils.unpack_x_y_sample_weight(data)
            return {"gap": wh.ops.sum(x) - wh.ops.sum(y)}

    model = Mine()
    model.compile(loss="mse")
    np.testing.assert_allclose(model.predict(X, verbose=0), X * 2 + 1)
    assert model.evaluate(X, X - 1, batch_size=4, verbose=0, return_dict=True) == {"gap": 8.0}


def test_metrics_of_ones_own_step() -> None:
    class Mine(wh.Model):
        def __init__(self) -> None:
            super().__init__()
            self.weight = self.add_weight((), "ones")

        def call(self, x: Any) -> Any:
            return x * self.weight

        def compute_metrics(self, x, y, y_pred, sample_weight=None):  # type: ignore[no-untyped-def]
            found = super().compute_metrics(x, y, y_pred, sample_weight)
            return {**found, "extra": wh.ops.max(x)}

    model = Mine()
    model.compile("sgd", "mse")
    assert model.train_on_batch(X, X, return_dict=True) == {"loss": 0.0, "extra": 7.0}


def test_metrics_are_reset_and_have_variables() -> None:
    model = linear()
    model.evaluate(X, Y, verbose=0)
    tracked = [float(np.abs(v.numpy()).sum()) for v in model.metrics_variables]
    assert any(tracked)
    model.reset_metrics()
    assert not any(float(np.abs(v.numpy()).sum()) for v in model.metrics_variables)


def test_the_loss_as_a_function_of_values() -> None:
    model = linear()
    before = model.get_weights()
    kernel = np.array([[1.0], [-1.0]], "float32")
    predicted, _ = model.stateless_call([kernel], [], X)
    metrics = [v.value for v in model.metrics_variables]
    loss, after = model.stateless_compute_loss([kernel], [], metrics, X, Y, predicted)
    assert float(loss) == pytest.approx(float(((X @ kernel - Y) ** 2).mean()))
    assert [len(group) for group in after] == [1, 0, len(metrics)]
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    with pytest.raises(ArgumentError, match="0 values for 1"):
        model.stateless_compute_loss([], [], metrics, X, Y, predicted)


def test_compiled_again_from_a_configuration() -> None:
    model, other = linear(), linear()
    other.compile_from_config(model.get_compile_config())
    assert type(other.optimizer) is wh.optimizers.SGD
    assert other.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0))


def test_a_layer_is_built_again_for_the_same_shapes() -> None:
    dense = wh.layers.Dense(3)
    assert dense.get_build_config() is None
    dense.build((None, 4))
    other = wh.layers.deserialize(wh.layers.serialize(dense))
    other.build_from_config(dense.get_build_config())
    assert [v.shape for v in other.weights] == [(4, 3), (3,)]
    attention = wh.layers.MultiHeadAttention(2, 4)
    attention(np.zeros((1, 5, 3), "float32"), np.zeros((1, 6, 2), "float32"))
    again = wh.layers.MultiHeadAttention(2, 4)
    again.build_from_config(attention.get_build_config())
    assert [v.shape for v in again.weights] == [v.shape for v in attention.weights]


def test_a_layer_that_keras_wrote() -> None:
    written = {
        "module": "keras.layers", "class_name": "Dense", "registered_name": None, "config": {
            "name": "mine", "units": 2, "activation": "relu",
            "kernel_initializer": {"module": "keras.initializers", "class_name": "Constant",
                                   "config": {"value": 3.0}, "registered_name": None}},
    }  # fmt: skip
    made = wh.layers.deserialize(written)
    np.testing.assert_allclose(made(X[1:2]), [[15, 15]])
    assert made.name == "mine"
    with pytest.raises(ArgumentError, match="no layer"):
        wh.layers.deserialize(
            {**written, "module": "keras.initializers", "class_name": "Zeros", "config": {}}
        )


def test_shapes_masks_and_types_of_a_layer() -> None:
    dense = wh.layers.Dense(3, dtype="mixed_float16")
    assert dense.compute_output_shape((None, 5, 4)) == (None, 5, 3)
    assert dense.compute_output_spec(wh.Input((7, 4))).shape[1:] == (7, 3)
    assert (dense.variable_dtype, dense.compute_dtype) == ("float32", "float16")
    assert dense.supports_masking
    mask = np.array([[True, False]])
    assert dense.compute_mask(np.zeros((1, 2, 4)), mask) is mask
    model = wh.Sequential([wh.Input((4,)), wh.layers.Dense(3), wh.layers.BatchNormalization()])
    assert model.compute_output_shape((9, 4)) == (9, 3)
    assert [v.name for v in model.non_trainable_weights] == ["moving_mean", "moving_variance"]
    variable = model.layers[0].weights[0]
    assert (variable.ndim, variable.path.rsplit("/", 1)[-1]) == (2, "kernel")
    assert variable.regularizer is None
    assert variable.constraint is None


def test_layers_are_added_and_saved(tmp_path: Path) -> None:
    model = wh.Sequential(name="chain")
    model.add(wh.Input((4,)))
    model.add(wh.layers.Dense(3))
    assert model.output_shape == (None, 3)
    assert isinstance(model.output, wh.KerasTensor)
    wh.saving.save_model(model, tmp_path / "m.wh")
    again = wh.saving.load_model(tmp_path / "m.wh")
    x = np.ones((2, 4), "float32")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_layers_are_taken_off() -> None:
    model = wh.Sequential([wh.Input((4,)), wh.layers.Dense(3), wh.layers.Dense(2)])
    assert model.pop().units == 2
    assert model.output_shape == (None, 3)


def test_callbacks_are_told_of_the_run_and_the_model() -> None:
    class Spy(wh.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            self.seen = (self.model, self.params["epochs"], self.params["steps"])

    spy, model = Spy(), linear()
    model.fit(X, Y, batch_size=3, epochs=2, verbose=0, callbacks=[spy])
    assert spy.seen == (model, 2, 2)
    spy.set_params({"epochs": 5})
    spy.set_model(model)
    assert spy.params == {"epochs": 5}


class Numbers(wh.utils.PyDataset):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return X[2 * index : 2 * index + 2], Y[2 * index : 2 * index + 2]


def test_batches_made_in_processes() -> None:
    model, data = linear(), Numbers(workers=2, use_multiprocessing=True)
    assert data.use_multiprocessing
    assert model.evaluate(data, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0))


def test_a_list_of_callbacks_for_a_loop_of_ones_own() -> None:
    seen: list[Any] = []

    class Spy(wh.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            seen.append((self.model, self.params["epochs"]))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append((epoch, logs["loss"]))

    model = linear()
    several = wh.callbacks.CallbackList([Spy()], model=model, epochs=3)
    several.on_train_begin()
    several.on_epoch_end(2, {"loss": 0.5})
    assert seen == [(model, 3), (2, 0.5)]


class Doubled(wh.Regularizer):
    def __call__(self, x: Any) -> Any:
        return 2 * wh.ops.sum(x)

    def get_config(self) -> dict[str, Any]:
        return {}


class Threes(wh.Initializer):
    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        return np.full(shape, 3, dtype)


class Halved(wh.constraints.Constraint):
    def __call__(self, w: Any) -> Any:
        return w * 0.5


def test_initializers_regularizers_and_constraints_of_ones_own() -> None:
    dense = wh.layers.Dense(
        1, kernel_initializer=Threes(), kernel_regularizer=Doubled(), kernel_constraint=Halved()
    )
    model = wh.Sequential([wh.Input((2,)), dense])
    model.compile(wh.optimizers.SGD(0.0), "mse")
    assert float(sum(np.asarray(x) for x in model.losses)) == pytest.approx(12)
    model.fit(X, Y, batch_size=4, verbose=0)
    np.testing.assert_allclose(dense.get_weights()[0], [[1.5], [1.5]])


@pytest.mark.parametrize(
    "module", ["regularizers", "constraints", "initializers", "dtype_policies"]
)
def test_plain_data_and_back(module: str) -> None:
    package = getattr(wh, module)
    made = {"regularizers": lambda: package.L1L2(0.1, 0.2), "constraints": lambda: package.MaxNorm(3.0),
            "initializers": lambda: package.Constant(2.0), "dtype_policies": lambda: package.DTypePolicy("float16")}[module]()  # fmt: skip
    again = package.deserialize(package.serialize(made))
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()


def test_metrics_and_element_types() -> None:
    metric = wh.metrics.Mean(name="m")
    assert wh.metrics.Mean.from_config(metric.get_config()).name == "m"
    assert (
        wh.backend.standardize_dtype("float") == wh.utils.standardize_dtype(np.float32) == "float32"
    )
    assert wh.backend.result_type("int32", "float16") == "float16"
    assert wh.backend.is_float_dtype("bfloat16")
    assert wh.backend.is_int_dtype("uint8")
    assert not wh.backend.is_int_dtype("float32")
    assert wh.ops.empty_like(X).shape == X.shape
    assert np.asarray(wh.ops.imag(X)).tolist() == np.zeros_like(X).tolist()
    assert wh.version() == wh.__version__


def test_names_start_anew() -> None:
    wh.utils.clear_session(free_memory=False)
    assert [wh.layers.Dense(1).name, wh.layers.Dense(1).name] == ["dense", "dense_1"]
    wh.utils.clear_session()
    assert wh.layers.Dense(1).name == "dense"
