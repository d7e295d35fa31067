"""Models, data and optimizers that are trained twice: by Keras, to make goldens, and by Waterhorse.

Everything takes the module that speaks Keras as its argument. Weights, data and batches come from seeded
generators of NumPy, so that the goldens hold results alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

STEPS = 20
ROWS = 12


def mlp(keras: Any, activation: str = "relu") -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation=activation),
            layers.Dense(8, activation=activation),
            layers.Dense(3),
        ]
    )


def cnn(keras: Any, activation: str = "relu", pooling: str = "MaxPooling2D") -> Any:
    """Convolutions have no bias: that of a layer before BatchNormalization has the gradient 0 but for noise."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(4, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.Activation(activation),
            getattr(layers, pooling)(2),
            layers.Conv2D(4, 3, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation(activation),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


def lstm(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((5, 3)),
            layers.LSTM(4, return_sequences=True),
            layers.LSTM(4),
            layers.Dense(3),
        ]
    )


def gru(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((5, 3)), layers.Bidirectional(layers.GRU(4)), layers.Dense(3)]
    )


def attention(keras: Any) -> Any:
    layers = keras.layers
    tokens = keras.Input((6,), dtype="int32")
    x = layers.Embedding(11, 8)(tokens)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))
    x = layers.LayerNormalization()(x + layers.Dense(8, activation="gelu")(x))
    return keras.Model(tokens, layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))


MODELS: dict[str, Callable[[Any], Any]] = {
    "mlp": mlp,
    "mlp_smooth": lambda keras: mlp(keras, "tanh"),
    "cnn": cnn,
    "cnn_smooth": lambda keras: cnn(keras, "tanh", "AveragePooling2D"),
    "lstm": lstm,
    "gru": gru,
    "attention": attention,
}

OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda keras: keras.optimizers.SGD(0.1, momentum=0.9),
    "adam": lambda keras: keras.optimizers.Adam(0.01),
    "adamw": lambda keras: keras.optimizers.AdamW(0.01, weight_decay=0.05),
    "rmsprop": lambda keras: keras.optimizers.RMSprop(0.005),
    "adagrad": lambda keras: keras.optimizers.Adagrad(0.05),
    "nadam": lambda keras: keras.optimizers.Nadam(0.01),
}

LOSS = "SparseCategoricalCrossentropy"


def weights(variables: Any, seed: int = 0) -> list[np.ndarray]:
    """Values for variables in their order: positive for variances, around 1 for scales."""
    rng = np.random.default_rng(seed)
    made = []
    for variable in variables:
        shape, name = tuple(variable.shape), variable.path.rsplit("/", 1)[-1]
        value = rng.normal(size=shape) / np.sqrt(max(np.prod(shape[:-1], initial=1.0), 1.0))
        if name == "moving_variance":
            value = 0.5 + np.abs(value)
        elif name == "gamma":
            value = 1 + 0.1 * value
        elif len(shape) == 1:
            value = 0.1 * value
        made.append(value.astype("float32"))
    return made


def prepared(model: Any, seed: int = 0) -> Any:
    """The model with seeded weights."""
    model.set_weights(weights(model.weights, seed))
    return model


def batches(name: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """One batch per step: inputs, and classes that can be learnt from them."""
    rng = np.random.default_rng(sum(map(ord, name.split("_", maxsplit=1)[0])))
    shapes = {"mlp": (6,), "cnn": (6, 6, 2), "lstm": (5, 3), "gru": (5, 3), "attention": (6,)}
    shape = shapes[name.split("_", maxsplit=1)[0]]
    found = []
    for _ in range(STEPS):
        if name == "attention":
            x = rng.integers(0, 11, size=(ROWS, *shape)).astype("int32")
            y = x.sum(1) % 3
        else:
            x = rng.normal(size=(ROWS, *shape)).astype("float32")
            y = np.digitize(x.reshape(ROWS, -1).sum(1), [-1.0, 1.0])
        found.append((x, y.astype("int32")))
    return found


def trajectory(keras: Any, name: str, optimizer: str) -> tuple[list[float], list[np.ndarray]]:
    """The losses of 20 calls of ``train_on_batch``, and the weights after them."""
    model = prepared(MODELS[name](keras))
    model.compile(OPTIMIZERS[optimizer](keras), loss=getattr(keras.losses, LOSS)(from_logits=True))
    losses = [float(model.train_on_batch(x, y, return_dict=True)["loss"]) for x, y in batches(name)]
    return losses, model.get_weights()
