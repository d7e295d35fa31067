"""Calls of ``fit``, ``evaluate`` and others that are made twice: by Keras, to make goldens, and by Waterhorse.

Each run takes the module that speaks Keras and returns what can be written as JSON. Keys keep their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from training_models import prepared

RUNS: dict[str, Callable[[Any], dict[str, Any]]] = {}
RNG = np.random.default_rng(3)
X = RNG.normal(size=(30, 5)).astype("float32")
CLASSES = np.digitize(X[:, 0] + X[:, 1], [-0.6, 0.6]).astype("int32")
ONE_HOT = np.eye(3, dtype="float32")[CLASSES]
BINARY = (X[:, :1] > 0).astype("float32")
NUMBERS = (X[:, :2] * [1.0, -0.5] + 0.1).astype("float32")
WEIGHTS = RNG.uniform(0.2, 2.0, size=30).astype("float32")
TOKENS = RNG.integers(1, 7, size=(30, 6)).astype("int32")
TOKENS[np.arange(6) >= RNG.integers(1, 7, size=30)[:, None]] = 0
TAGS = (TOKENS % 3).astype("int32")
STEP_WEIGHTS = RNG.uniform(0.2, 2.0, size=(30, 6)).astype("float32")


def run(function: Callable[[Any], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    """Put a function into ``RUNS``. Automatic names are counted from the start in each run."""

    def anew(keras: Any) -> dict[str, Any]:
        keras.utils.clear_session()
        return function(keras)

    RUNS[function.__name__] = anew
    return function


def plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value if isinstance(value, (int, float, str, type(None))) else np.asarray(value).tolist()


def fitted(model: Any, *data: Any, **options: Any) -> dict[str, Any]:
    """The history of a silent ``fit`` in the order of the data."""
    given = {"epochs": 3, "batch_size": 8, "shuffle": False, "verbose": 0, **options}
    if given["batch_size"] is None:
        del given["batch_size"]
    history = model.fit(*data, **given)
    return {"history": plain(history.history), "epoch": history.epoch}


def evaluated(model: Any, *data: Any, **options: Any) -> dict[str, Any]:
    """What ``evaluate`` returns, as a dict and as it is."""
    given = {"batch_size": 8, "verbose": 0, **options}
    return {
        "by_name": plain(model.evaluate(*data, return_dict=True, **given)),
        "in_order": plain(model.evaluate(*data, **given)),
    }


def on_batches(model: Any, *data: Any, **options: Any) -> dict[str, Any]:
    """What the methods for single batches return."""
    return {
        "trained": plain(model.train_on_batch(*data, return_dict=True, **options)),
        "trained_in_order": plain(model.train_on_batch(*data, **options)),
        "tested": plain(model.test_on_batch(*data, return_dict=True)),
        "tested_in_order": plain(model.test_on_batch(*data)),
        "predicted": plain(model.predict_on_batch(data[0])),
    }


def classifier(keras: Any, units: int = 3, activation: Any = "softmax") -> Any:
    layers = keras.layers
    return prepared(
        keras.Sequential(
            [
                keras.Input((5,)),
                layers.Dense(8, activation="tanh"),
                layers.Dense(units, activation=activation),
            ]
        )
    )


def two_heads(keras: Any, as_dict: bool = False) -> Any:
    layers = keras.layers
    inputs = keras.Input((5,))
    x = layers.Dense(6, activation="tanh")(inputs)
    kind = layers.Dense(3, activation="softmax", name="kind")(x)
    size = layers.Dense(2, name="size")(x)
    outputs = {"kind": kind, "size": size} if as_dict else [kind, size]
    return prepared(keras.Model(inputs, outputs))


# -- weights of examples ------------------------------------------------------------------------


@run
def class_weight(keras: Any) -> dict[str, Any]:
    model = classifier(keras)
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy",
        metrics=["accuracy"], weighted_metrics=["accuracy"],
    )  # fmt: skip
    table = {0: 1.0, 1: 2.5, 2: 0.5}
    return {
        **fitted(model, X, CLASSES, class_weight=table, validation_split=0.2),
        **evaluated(model, X, CLASSES),
        **on_batches(model, X[:7], CLASSES[:7], class_weight=table),
    }


@run
def class_weight_one_hot(keras: Any) -> dict[str, Any]:
    model = classifier(keras)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    model.compile("adam", loss, metrics=["acc"], weighted_metrics=["categorical_crossentropy"])
    return fitted(model, X, ONE_HOT, class_weight={0: 0.3, 2: 4.0})


@run
def sample_weight(keras: Any) -> dict[str, Any]:
    model = classifier(keras, 1, "sigmoid")
    m = keras.metrics
    model.compile(
        keras.optimizers.Adam(0.02), "binary_crossentropy",
        metrics=["accuracy", m.AUC(), m.Precision(name="p"), m.Recall()],
        weighted_metrics=[m.AUC(curve="PR", name="weighted_pr"), "mae", m.BinaryAccuracy()],
    )  # fmt: skip
    held = (X[20:], BINARY[20:], WEIGHTS[20:])
    return {
        **fitted(
            model, X[:20], BINARY[:20], sample_weight=WEIGHTS[:20], validation_data=held,
            validation_batch_size=3,
        ),
        **evaluated(model, X, BINARY, sample_weight=WEIGHTS),
        **on_batches(model, X[:7], BINARY[:7]),
    }  # fmt: skip


@run
def sample_weight_split(keras: Any) -> dict[str, Any]:
    model = classifier(keras, 2, None)
    model.compile("rmsprop", "mse", weighted_metrics=["mse"])
    return fitted(model, X, NUMBERS, sample_weight=WEIGHTS, validation_split=0.3)


@run
def reductions(keras: Any) -> dict[str, Any]:
    found = {}
    for reduction in ("sum", "mean_with_sample_weight", "mean"):
        model = classifier(keras, 2, None)
        model.compile("sgd", keras.losses.MeanSquaredError(reduction=reduction))
        found[reduction] = fitted(model, X, NUMBERS, sample_weight=WEIGHTS, epochs=2)
    return found


# -- optimizers ---------------------------------------------------------------------------------


@run
def accumulation_and_schedule(keras: Any) -> dict[str, Any]:
    model = classifier(keras)
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.7, staircase=True)
    optimizer = keras.optimizers.Adam(rate, gradient_accumulation_steps=3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return {
        **fitted(model, X, CLASSES, epochs=4, validation_split=0.2),
        "iterations": int(optimizer.iterations),
    }


@run
def moving_average_and_plateau(keras: Any) -> dict[str, Any]:
    model = classifier(keras)
    optimizer = keras.optimizers.SGD(
        0.2, momentum=0.5, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=5
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    plateau = keras.callbacks.ReduceLROnPlateau(
        "val_loss", factor=0.5, patience=0, min_delta=0.05, cooldown=1
    )
    return {
        **fitted(model, X, CLASSES, epochs=5, validation_split=0.2, callbacks=[plateau]),
        **evaluated(model, X, CLASSES),
    }


@run
def moving_average(keras: Any) -> dict[str, Any]:
    model = classifier(keras)
    model.compile(
        keras.optimizers.Adam(0.02, use_ema=True, ema_momentum=0.9),
        "sparse_categorical_crossentropy",
    )
    return {**fitted(model, X, CLASSES), **evaluated(model, X, CLASSES)}


@run
def clipping_and_scheduler(keras: Any) -> dict[str, Any]:
    model = classifier(keras, 2, None)
    model.compile(keras.optimizers.SGD(0.5, global_clipnorm=0.3, weight_decay=0.01), "mae")
    halving = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    return fitted(model, X, NUMBERS, callbacks=[halving], validation_split=0.2, validation_freq=2)


@run
def early_stopping(keras: Any) -> dict[str, Any]:
    model = classifier(keras)
    model.compile(keras.optimizers.SGD(2.0, momentum=0.9), "sparse_categorical_crossentropy")
    stop = keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True)
    found = fitted(model, X, CLASSES, epochs=9, validation_split=0.3, callbacks=[stop])
    return {**found, **evaluated(model, X, CLASSES), "stopped": stop.stopped_epoch}


# -- metrics ------------------------------------------------------------------------------------


@run
def several_metrics(keras: Any) -> dict[str, Any]:
    model = classifier(keras)
    m = keras.metrics
    model.compile(
        "adam", "categorical_crossentropy",
        metrics=["accuracy", m.TopKCategoricalAccuracy(2, name="top_2"), m.F1Score(average=None),
                 m.F1Score(average="macro", name="macro"), m.KLDivergence(), m.AUC(multi_label=True)],
    )  # fmt: skip
    return {
        **fitted(model, X, ONE_HOT, validation_split=0.2),
        **evaluated(model, X, ONE_HOT),
        **on_batches(model, X[:7], ONE_HOT[:7]),
    }


@run
def top_k_sparse(keras: Any) -> dict[str, Any]:
    model = classifier(keras)
    model.compile(
        "adam", "sparse_categorical_crossentropy",
        metrics=[keras.metrics.SparseTopKCategoricalAccuracy(2), "sparse_categorical_crossentropy",
                 "sparse_categorical_accuracy"],
    )  # fmt: skip
    return fitted(model, X, CLASSES, validation_split=0.2)


@run
def numbers(keras: Any) -> dict[str, Any]:
    model = classifier(keras, 2, None)
    m = keras.metrics
    model.compile(
        "adam", "huber",
        metrics=["mse", "MAE", m.R2Score(), m.RootMeanSquaredError(), m.CosineSimilarity(),
                 keras.losses.log_cosh],
    )  # fmt: skip
    return {**fitted(model, X, NUMBERS, validation_split=0.2), **evaluated(model, X, NUMBERS)}


@run
def functions(keras: Any) -> dict[str, Any]:
    def quartic(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean(keras.ops.power(y_true - y_pred, 4), axis=-1)

    def overallBias(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean(y_pred - y_true)

    model = classifier(keras, 2, None)
    model.compile("sgd", quartic, metrics=[overallBias, quartic], weighted_metrics=[quartic])
    return fitted(model, X, NUMBERS, sample_weight=WEIGHTS, validation_split=0.2)


@run
def names_given_twice(keras: Any) -> dict[str, Any]:
    model = classifier(keras, 2, None)
    model.compile("sgd", "mse", metrics=["mae", "mae", "mse"], weighted_metrics=["mae", "mse"])
    return fitted(model, X, NUMBERS, sample_weight=WEIGHTS)


@run
def shorthands(keras: Any) -> dict[str, Any]:
    model = classifier(keras)
    model.compile("sgd", "crossentropy", metrics=["acc"])
    found = {"sparse": fitted(model, X, CLASSES)}
    model = classifier(keras)
    model.compile("sgd", "ce", metrics=["accuracy"])
    found["one_hot"] = fitted(model, X, ONE_HOT)
    model = classifier(keras, 1, "sigmoid")
    model.compile("sgd", "crossentropy", metrics=["accuracy"])
    return {**found, "binary": fitted(model, X, BINARY)}


@run
def flat_targets(keras: Any) -> dict[str, Any]:
    """One column of predictions, and targets without a column."""
    model = classifier(keras, 1, None)
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mse"])
    return {
        **fitted(model, X, X[:, 0], sample_weight=WEIGHTS, validation_split=0.2),
        **evaluated(model, X, X[:, 0]),
    }


# -- several outputs ----------------------------------------------------------------------------


@run
def outputs_listed(keras: Any) -> dict[str, Any]:
    model = two_heads(keras)
    model.compile(
        "adam", ["sparse_categorical_crossentropy", "mse"], loss_weights=[0.3, 2.0],
        metrics=["accuracy", ["mae", keras.metrics.R2Score()]],
        weighted_metrics=[None, [keras.metrics.MeanAbsoluteError(name="mae")]],
    )  # fmt: skip
    y = [CLASSES, NUMBERS]
    return {
        **fitted(model, X, y, validation_data=(X[:9], [CLASSES[:9], NUMBERS[:9]])),
        **evaluated(model, X, y),
        **on_batches(model, X[:7], [CLASSES[:7], NUMBERS[:7]]),
    }


@run
def outputs_by_name(keras: Any) -> dict[str, Any]:
    model = two_heads(keras)
    model.compile(
        "adam", {"kind": "sparse_categorical_crossentropy", "size": "mse"},
        loss_weights={"kind": 1.0, "size": 0.5}, metrics={"kind": ["accuracy"]},
        weighted_metrics={"size": ["mae"], "kind": ["accuracy"]},
    )  # fmt: skip
    return fitted(model, X, {"kind": CLASSES, "size": NUMBERS}, validation_split=0.2)


@run
def outputs_in_a_dict(keras: Any) -> dict[str, Any]:
    model = two_heads(keras, as_dict=True)
    model.compile(
        "sgd", {"kind": "sparse_categorical_crossentropy", "size": "mae"},
        metrics={"size": "mse", "kind": "acc"},
    )  # fmt: skip
    y = {"kind": CLASSES, "size": NUMBERS}
    return {
        **fitted(model, X, y),
        **evaluated(model, X, y),
        "predicted": plain(model.predict(X[:5], verbose=0)),
    }


@run
def weights_of_outputs(keras: Any) -> dict[str, Any]:
    model = two_heads(keras)
    losses = ["sparse_categorical_crossentropy", "mse"]
    model.compile("sgd", losses, loss_weights=[0.5, 1.5], weighted_metrics=["acc", "mae"])
    given = [WEIGHTS, WEIGHTS[::-1].copy()]
    y = [CLASSES, NUMBERS]
    return {
        "listed": fitted(model, X, y, sample_weight=given, validation_split=0.2),
        **evaluated(model, X, y, sample_weight=given),
        "named": weights_by_name(keras),
    }


def weights_by_name(keras: Any) -> dict[str, Any]:
    model = two_heads(keras, as_dict=True)
    model.compile(
        "sgd", {"kind": "sparse_categorical_crossentropy", "size": "mse"},
        weighted_metrics={"size": ["mae"], "kind": ["accuracy"]},
    )  # fmt: skip
    return fitted(
        model, X, {"kind": CLASSES, "size": NUMBERS},
        sample_weight={"kind": WEIGHTS, "size": WEIGHTS[::-1].copy()},
    )  # fmt: skip


@run
def one_weight_for_all_outputs(keras: Any) -> dict[str, Any]:
    model = two_heads(keras)
    model.compile(
        "sgd", ["sparse_categorical_crossentropy", "mse"], weighted_metrics=["acc", "mae"]
    )
    return fitted(model, X, [CLASSES, NUMBERS], sample_weight=WEIGHTS)


@run
def one_loss_for_all_outputs(keras: Any) -> dict[str, Any]:
    model = two_heads(keras)
    model.compile("sgd", "mse", metrics=["acc", None])
    return fitted(model, X, [ONE_HOT, NUMBERS], validation_split=0.2)


@run
def an_output_without_loss(keras: Any) -> dict[str, Any]:
    model = two_heads(keras)
    model.compile("sgd", [None, "mse"])
    return {"listed": fitted(model, X, [CLASSES, NUMBERS])}


@run
def outputs_of_a_subclass(keras: Any) -> dict[str, Any]:
    class Two(keras.Model):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.first = keras.layers.Dense(3, activation="softmax")
            self.second = keras.layers.Dense(2)

        def call(self, inputs: Any) -> Any:
            return {"second": self.second(inputs), "first": self.first(inputs)}

    model = Two()
    model(X[:1])
    prepared(model)
    model.compile(
        "sgd", {"first": "sparse_categorical_crossentropy", "second": "mse"},
        metrics={"first": ["acc"]},
    )  # fmt: skip
    y = {"first": CLASSES, "second": NUMBERS}
    return {**fitted(model, X, y), **evaluated(model, X, y)}


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


# -- data and epochs ----------------------------------------------------------------------------


def endless() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    while True:
        for i in range(0, 30, 7):
            yield X[i : i + 7], CLASSES[i : i + 7]


@run
def generator(keras: Any) -> dict[str, Any]:
    model = classifier(keras)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return {
        **fitted(
            model, endless(), batch_size=None, steps_per_epoch=3, epochs=5, initial_epoch=1,
            validation_data=(X, CLASSES), validation_steps=2, validation_batch_size=4,
            validation_freq=[2, 4],
        ),
        **evaluated(model, endless(), batch_size=None, steps=3),
        "predicted": plain(model.predict(endless(), steps=2, verbose=0)),
    }  # fmt: skip


@run
def generator_with_weights(keras: Any) -> dict[str, Any]:
    def batches() -> Iterator[Any]:
        while True:
            for i in range(0, 30, 8):
                yield X[i : i + 8], CLASSES[i : i + 8], WEIGHTS[i : i + 8]

    model = classifier(keras)
    model.compile("adam", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    # Two epochs: Keras begins each validation with the two batches that it peeked at, even where the
    # generator has gone on. Here they are the same batches for the last time.
    return fitted(
        model, batches(), batch_size=None, steps_per_epoch=4, validation_data=batches(),
        validation_steps=3, epochs=2,
    )  # fmt: skip


@run
def normalized(keras: Any) -> dict[str, Any]:
    """Moving statistics with a last batch of another size."""
    layers = keras.layers
    model = prepared(
        keras.Sequential(
            [
                keras.Input((5,)),
                layers.Dense(6, use_bias=False),
                layers.BatchNormalization(momentum=0.8),
                layers.Activation("tanh"),
                layers.Dense(2),
            ]
        )
    )
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "mse")
    return {**fitted(model, X, NUMBERS, validation_split=0.1), **evaluated(model, X, NUMBERS)}


@run
def frozen_and_compiled_again(keras: Any) -> dict[str, Any]:
    model = classifier(keras, 2, None)
    model.compile("adam", "mse")
    first = fitted(model, X, NUMBERS, epochs=2)
    model.layers[0].trainable = False
    model.compile(keras.optimizers.SGD(0.1), "mae", metrics=["mse"])
    again = fitted(model, X, NUMBERS, epochs=2)
    return {"first": first, "again": again, "frozen": plain(model.layers[0].get_weights()[0])}


@run
def fitted_twice(keras: Any) -> dict[str, Any]:
    model = classifier(keras, 2, None)
    model.compile("adam", "mse", metrics=["mae"])
    return {
        "first": fitted(model, X, NUMBERS, epochs=2),
        "second": fitted(model, X, NUMBERS, epochs=4, initial_epoch=2, batch_size=16),
    }


@run
def several_inputs(keras: Any) -> dict[str, Any]:
    a, b = keras.Input((5,), name="a"), keras.Input((2,), name="b")
    x = keras.layers.Concatenate()([keras.layers.Dense(4, activation="relu")(a), b])
    model = prepared(keras.Model({"a": a, "b": b}, keras.layers.Dense(1)(x)))
    model.compile("adam", "mse")
    data = {"b": NUMBERS, "a": X}
    return {
        **fitted(model, data, X[:, 2:3], validation_split=0.2),
        **on_batches(model, {"a": X[:5], "b": NUMBERS[:5]}, X[:5, 2:3]),
        "predicted_all": plain(model.predict(data, batch_size=8, verbose=0)),
    }
