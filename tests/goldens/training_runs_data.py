"""Runs on generators and other data, and what callbacks see; see ``training_runs``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from training_models import prepared
from training_runs import (
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


@run
def batches_by_number(keras: Any) -> dict[str, Any]:
    class Batches(keras.utils.PyDataset):  # type: ignore[name-defined,misc]
        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> Any:
            rows = slice(8 * index, 8 * index + 8)
            return X[rows], NUMBERS[rows], WEIGHTS[rows]

    model = classifier(keras, 2, None)
    model.compile("adam", "mse", weighted_metrics=["mae"])
    return {
        **fitted(model, Batches(), batch_size=None, validation_data=Batches()),
        **evaluated(model, Batches(), batch_size=None),
        "predicted": plain(model.predict(Batches(), verbose=0)),
        "steps": fitted(model, Batches(), batch_size=None, steps_per_epoch=2, epochs=4),
    }


@run
def arrays_in_parts(keras: Any) -> dict[str, Any]:
    """``steps_per_epoch`` with arrays: an epoch is a part of the data, the next goes on."""
    model = classifier(keras, 2, None)
    model.compile("sgd", "mse")
    return {
        **fitted(
            model, X, NUMBERS, steps_per_epoch=2, epochs=4, validation_data=[X, NUMBERS],
            validation_steps=1,
        ),
        **evaluated(model, X, NUMBERS, steps=2),
        "predicted": plain(model.predict(X, batch_size=8, steps=2, verbose=0)),
    }  # fmt: skip


@run
def nothing_to_do(keras: Any) -> dict[str, Any]:
    model = classifier(keras, 2, None)
    model.compile("sgd", "mse")
    return fitted(model, X, NUMBERS, epochs=2, initial_epoch=2)


@run
def what_callbacks_see(keras: Any) -> dict[str, Any]:
    seen: list[Any] = []

    class Look(keras.callbacks.Callback):  # type: ignore[name-defined,misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(["train", batch, plain(dict(logs))])

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(["test", batch, plain(dict(logs))])

        def on_test_end(self, logs: Any = None) -> None:
            seen.append(["tested", 0, plain(dict(logs))])

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append(["epoch", epoch, plain(dict(logs))])
            logs["zeta"] = float(epoch)

        def on_train_end(self, logs: Any = None) -> None:
            seen.append(["end", 0, plain(dict(logs))])

    model = classifier(keras)
    f1 = keras.metrics.F1Score(average=None, name="f1")
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy", f1])
    history = model.fit(
        X, ONE_HOT, batch_size=8, epochs=2, validation_split=0.4, shuffle=False, verbose=0,
        callbacks=[Look()],
    )  # fmt: skip
    found = {"history": plain(history.history), "params": plain(history.params)}
    events = {f"{i}_{kind}_{number}": logs for i, (kind, number, logs) in enumerate(seen)}
    return {**found, **events}


@run
def stopped_within_an_epoch(keras: Any) -> dict[str, Any]:
    class Stop(keras.callbacks.Callback):  # type: ignore[name-defined,misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = batch == 1

    model = classifier(keras, 2, None)
    model.compile("sgd", "mse")
    return fitted(model, X, NUMBERS, callbacks=[Stop()], validation_split=0.2)


@run
def an_end_that_comes_early(keras: Any) -> dict[str, Any]:
    """A generator that ends: its one pass is the only epoch with data."""

    def batches() -> Iterator[Any]:
        for i in range(0, 30, 8):
            yield X[i : i + 8], NUMBERS[i : i + 8]

    model = classifier(keras, 2, None)
    model.compile("sgd", "mse")
    return fitted(model, batches(), batch_size=None, epochs=1)
