"""Calls of ``fit``, ``evaluate`` and others that are made twice: by Keras, to make goldens, and by Waterhorse.

Each run takes the module that speaks Keras and returns what can be written as JSON. Keys keep their order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from training_models import prepared

PARTS = ("outputs", "layers", "data")  # modules that put more into RUNS
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
