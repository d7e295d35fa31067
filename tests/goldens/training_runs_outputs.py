"""Runs of models with several outputs; see ``training_runs``."""

from __future__ import annotations

from typing import Any

from training_models import prepared
from training_runs import (
    BINARY,
    CLASSES,
    NUMBERS,
    ONE_HOT,
    WEIGHTS,
    X,
    classifier,
    evaluated,
    fitted,
    on_batches,
    plain,
    run,
)


def two_heads(keras: Any, as_dict: bool = False) -> Any:
    layers = keras.layers
    inputs = keras.Input((5,))
    x = layers.Dense(6, activation="tanh")(inputs)
    kind = layers.Dense(3, activation="softmax", name="kind")(x)
    size = layers.Dense(2, name="size")(x)
    outputs = {"kind": kind, "size": size} if as_dict else [kind, size]
    return prepared(keras.Model(inputs, outputs))


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


@run
def yes_or_no_without_a_column(keras: Any) -> dict[str, Any]:
    model = classifier(keras, 1, "sigmoid")
    m = keras.metrics
    model.compile(
        "adam", "binary_crossentropy", metrics=["accuracy", m.AUC(), m.F1Score("micro", threshold=0.5)],
        weighted_metrics=[m.Recall()],
    )  # fmt: skip
    y = BINARY[:, 0]
    return {
        **fitted(model, X, BINARY, class_weight={0: 1.0, 1: 3.0}, validation_data=(X[:9], BINARY[:9])),
        "flat": flat_yes_or_no(keras, y),
    }  # fmt: skip


def flat_yes_or_no(keras: Any, y: Any) -> dict[str, Any]:
    model = classifier(keras, 1, "sigmoid")
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    found = fitted(model, X, y, class_weight={0: 1.0, 1: 3.0}, validation_split=0.2)
    return {**found, **evaluated(model, X, y.astype(bool)), **on_batches(model, X[:5], y[:5])}


@run
def classes_in_a_column(keras: Any) -> dict[str, Any]:
    model = classifier(keras)
    model.compile("adam", ["sparse_categorical_crossentropy"], metrics=[["accuracy"]])
    y = CLASSES[:, None].astype("int64")
    return fitted(model, X, y, class_weight={1: 2.0}, validation_split=0.2)


@run
def three_outputs_one_without_loss(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    inputs = keras.Input((5,))
    x = layers.Dense(4, activation="tanh")(inputs)
    outputs = [
        layers.Dense(3, activation="softmax", name="kind")(x),
        x,
        layers.Dense(2, name="size")(x),
    ]
    model = prepared(keras.Model(inputs, outputs))
    model.compile(
        "sgd", ["categorical_crossentropy", None, "mse"], loss_weights=[1.0, None, 0.1],
    )  # fmt: skip
    y = [ONE_HOT, NUMBERS]
    return {**fitted(model, X, y), **evaluated(model, X, y)}


@run
def outputs_as_a_tuple_of_a_subclass(keras: Any) -> dict[str, Any]:
    class Two(keras.Model):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.first = keras.layers.Dense(3, activation="softmax")
            self.second = keras.layers.Dense(2)

        def call(self, inputs: Any) -> Any:
            return self.first(inputs), self.second(inputs)

    model = Two()
    model(X[:1])
    prepared(model)
    model.compile("sgd", ["sparse_categorical_crossentropy", "mse"])
    found = fitted(model, X, (CLASSES, NUMBERS))
    return {"loss": found["history"]["loss"], "epoch": found["epoch"]}


@run
def one_output_weighs_nothing(keras: Any) -> dict[str, Any]:
    model = two_heads(keras)
    model.compile(
        "sgd", {"kind": "categorical_crossentropy", "size": "mse"},
        loss_weights={"kind": 0.0, "size": 1.0}, metrics=[["acc"], []],
    )  # fmt: skip
    return fitted(model, X, {"size": NUMBERS, "kind": ONE_HOT}, batch_size=16)
