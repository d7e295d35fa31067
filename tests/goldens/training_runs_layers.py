"""Runs with penalties, masks, states and other things that layers bring; see ``training_runs``."""

from __future__ import annotations

from typing import Any

import numpy as np
from training_models import prepared
from training_runs import (
    BINARY,
    NUMBERS,
    STEP_WEIGHTS,
    TAGS,
    TOKENS,
    WEIGHTS,
    X,
    evaluated,
    fitted,
    plain,
    run,
)

IMAGES = np.random.default_rng(5).normal(size=(20, 4, 4, 2)).astype("float32")
MAPS = (IMAGES.sum(-1) > 0).astype("int32")
SERIES = np.random.default_rng(6).normal(size=(32, 3, 2)).astype("float32")


# -- further losses -----------------------------------------------------------------------------


@run
def penalties(keras: Any) -> dict[str, Any]:
    layers, regularizers = keras.layers, keras.regularizers

    class Pull(layers.Layer):  # type: ignore[name-defined,misc]
        def call(self, inputs: Any) -> Any:
            self.add_loss(0.1 * keras.ops.mean(keras.ops.square(inputs)))
            return inputs

    inputs = keras.Input((5,))
    x = layers.Dense(
        6, activation="tanh", kernel_regularizer=regularizers.L2(0.02),
        bias_regularizer=regularizers.L1(0.3), activity_regularizer=regularizers.L1L2(0.01, 0.02),
    )(inputs)  # fmt: skip
    x = layers.ActivityRegularization(l1=0.01)(Pull()(x))
    model = prepared(
        keras.Model(inputs, layers.Dense(2, kernel_regularizer="orthogonal_regularizer")(x))
    )
    model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mse"])
    return {
        **fitted(model, X, NUMBERS, sample_weight=WEIGHTS, validation_split=0.2),
        **evaluated(model, X, NUMBERS),
    }


@run
def only_added_loss(keras: Any) -> dict[str, Any]:
    class Distance(keras.layers.Layer):  # type: ignore[name-defined,misc]
        def call(self, x: Any, y: Any) -> Any:
            self.add_loss(keras.ops.mean(keras.ops.square(x - y)))
            return x

    a, b = keras.Input((5,), name="a"), keras.Input((2,), name="b")
    model = prepared(keras.Model([a, b], Distance()(keras.layers.Dense(2)(a), b)))
    model.compile("sgd")
    return fitted(model, [X, NUMBERS], validation_split=0.2)


@run
def a_loss_of_the_model(keras: Any) -> dict[str, Any]:
    class Own(keras.Model):  # type: ignore[name-defined,misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.largest = keras.metrics.Mean(name="largest")

        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
            training: bool = True,
        ) -> Any:  # fmt: skip
            loss = super().compute_loss(x, y, y_pred, sample_weight, training)
            return loss + 0.01 * keras.ops.sum(keras.ops.square(y_pred))

        def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            self.largest.update_state(keras.ops.max(keras.ops.abs(y_pred)))
            return super().compute_metrics(x, y, y_pred, sample_weight)

    inputs = keras.Input((5,))
    model = prepared(Own(inputs, keras.layers.Dense(2)(inputs)))
    model.compile("sgd", "mse", metrics=["mae"])
    return {**fitted(model, X, NUMBERS, validation_split=0.2), **evaluated(model, X, NUMBERS)}


# -- masks --------------------------------------------------------------------------------------


@run
def masked_sequence_to_class(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    model = prepared(
        keras.Sequential(
            [
                keras.Input((6,), dtype="int32"),
                layers.Embedding(7, 4, mask_zero=True),
                layers.LSTM(5),
                layers.Dense(1, activation="sigmoid"),
            ]
        )
    )
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy", "AUC"])
    return {
        **fitted(model, TOKENS, BINARY, validation_split=0.2),
        **evaluated(model, TOKENS, BINARY),
        "predicted": plain(model.predict(TOKENS, batch_size=8, verbose=0)),
    }


@run
def masked_sequence_to_sequence(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    model = prepared(
        keras.Sequential(
            [
                keras.Input((6,), dtype="int32"),
                layers.Embedding(7, 4, mask_zero=True),
                layers.Bidirectional(layers.GRU(3, return_sequences=True)),
                layers.Dense(3, activation="softmax"),
            ]
        )
    )
    model.compile(
        keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"],
        weighted_metrics=["accuracy", "sparse_categorical_crossentropy"],
    )  # fmt: skip
    return {
        "plain": fitted(model, TOKENS, TAGS, validation_split=0.2),
        "weighted": fitted(model, TOKENS, TAGS, sample_weight=STEP_WEIGHTS),
        **evaluated(model, TOKENS, TAGS),
    }


@run
def masked_numbers(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    x = np.where(TOKENS[..., None] > 0, np.sin(TOKENS[..., None] * [1.0, 2.0]), 0).astype("float32")
    model = prepared(
        keras.Sequential([keras.Input((6, 2)), layers.Masking(), layers.SimpleRNN(4, return_sequences=True),
                          layers.TimeDistributed(layers.Dense(2))])
    )  # fmt: skip
    model.compile("sgd", "mse", metrics=["mae"])
    return fitted(model, x, x[:, :, ::-1].copy(), validation_split=0.2)


# -- layers -------------------------------------------------------------------------------------


@run
def frozen_normalization(keras: Any) -> dict[str, Any]:
    """A frozen BatchNormalization takes its moving statistics and leaves them; its penalty does not count."""
    layers = keras.layers
    frozen = layers.BatchNormalization(gamma_regularizer="l2")
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(4, kernel_regularizer="l2", kernel_constraint="non_neg"),
            frozen,
            layers.Dense(2, kernel_constraint=keras.constraints.MaxNorm(0.5)),
        ]
    )
    prepared(model)
    frozen.trainable = False
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return {
        **fitted(model, X, NUMBERS, validation_split=0.2),
        "weights": plain(model.get_weights()),
    }


@run
def shared_layers_and_models(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    inputs = keras.Input((5,))
    hidden = layers.Dense(4, activation="tanh", activity_regularizer="l2", kernel_regularizer="l1")
    tower = keras.Sequential([keras.Input((5,)), hidden, layers.BatchNormalization()])
    x = layers.Subtract()([tower(inputs), tower(layers.Rescaling(0.5, 0.1)(inputs))])
    model = prepared(keras.Model(inputs, layers.Dense(2)(x)))
    model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return {**fitted(model, X, NUMBERS, validation_split=0.2), **evaluated(model, X, NUMBERS)}


@run
def built_by_the_data(keras: Any) -> dict[str, Any]:
    zeros = {"kernel_initializer": "zeros", "bias_initializer": "ones"}
    model = keras.Sequential([keras.layers.Dense(2, **zeros)])
    model.compile("adam", "mse", metrics=["mse"])
    return {**fitted(model, X, NUMBERS), "weights": plain(model.get_weights())}


@run
def states_across_batches(keras: Any) -> dict[str, Any]:
    """Without training: Keras cannot, on torch, since it changes the states in place."""
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input(batch_shape=(8, 3, 2)), layers.LSTM(4, stateful=True), layers.Dense(1)]
    )
    trainable = [v for v in model.weights if "state" not in v.path.rsplit("/", 1)[-1]]
    rng = np.random.default_rng(1)
    for variable in trainable:
        variable.assign((0.4 * rng.normal(size=tuple(variable.shape))).astype("float32"))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    y = SERIES.sum((1, 2))[:, None]
    return {
        **evaluated(model, SERIES, y),
        "predicted": plain(model.predict(SERIES, batch_size=8, verbose=0)),
    }


@run
def maps_of_classes(keras: Any) -> dict[str, Any]:
    """One-hot: of class numbers in maps, torch's derivative fails ("grad_input must be contiguous")."""
    layers = keras.layers
    model = prepared(
        keras.Sequential(
            [
                keras.Input((4, 4, 2)),
                layers.Dense(4, activation="tanh"),
                layers.Dense(3, activation="softmax"),
            ]
        )
    )
    weights = 1.0 + MAPS.astype("float32")
    model.compile(
        keras.optimizers.Adam(0.02), "categorical_crossentropy",
        metrics=["accuracy", keras.metrics.OneHotMeanIoU(3)],
        weighted_metrics=[keras.metrics.CategoricalAccuracy(name="heavy")],
    )  # fmt: skip
    y = np.eye(3, dtype="float32")[MAPS]
    return fitted(model, IMAGES, y, sample_weight=weights, validation_split=0.25)


@run
def masked_steps_of_yes_or_no(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    model = prepared(
        keras.Sequential(
            [
                keras.Input((6,), dtype="int32"),
                layers.Embedding(7, 4, mask_zero=True),
                layers.GRU(3, return_sequences=True),
                layers.Dense(1, activation="sigmoid"),
            ]
        )
    )
    m = keras.metrics
    model.compile(
        keras.optimizers.Adam(0.02), "binary_crossentropy",
        metrics=["accuracy", m.AUC(), m.Precision(), m.MeanSquaredError()], weighted_metrics=["mae"],
    )  # fmt: skip
    return fitted(model, TOKENS, (TOKENS % 2)[..., None].astype("float32"), validation_split=0.2)


@run
def masked_attention(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    tokens = keras.Input((6,), dtype="int32")
    x = layers.Embedding(7, 4, mask_zero=True)(tokens)
    x = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(2, 3)(x, x)]))
    model = prepared(keras.Model(tokens, layers.Dense(1)(layers.GlobalAveragePooling1D()(x))))
    model.compile(keras.optimizers.SGD(0.1), keras.losses.BinaryCrossentropy(from_logits=True))
    return fitted(model, TOKENS, BINARY, validation_split=0.2)
