"""Handwritten digits with a convolutional network: the first Keras program that most people meet.

python examples/keras_programs/convnet.py               # the 1,797 small digits that come along
python examples/keras_programs/convnet.py --data mnist  # 60,000 larger ones
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import waterhorse as keras
from waterhorse import layers


def data(name: str) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Images [n, height, width, 1] between 0 and 1, and their digits."""
    if name == "digits":
        (x_train, y_train), (x_test, y_test) = keras.datasets.load_digits()
        return (x_train / np.float32(16.0), y_train), (x_test / np.float32(16.0), y_test)
    (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, name).load_data()
    images = [np.expand_dims(x.astype("float32") / 255.0, -1) for x in (x_train, x_test)]
    return (images[0], y_train), (images[1], y_test)


def network(shape: tuple[int, ...], classes: int = 10) -> Any:
    """Two convolutions, and noise that only training sees: small turns and shifts, dropout."""
    return keras.Sequential(
        [
            keras.Input(shape, name="image"),
            layers.RandomRotation(0.03),
            layers.RandomTranslation(0.1, 0.1),
            layers.Conv2D(32, kernel_size=(3, 3), padding="same", activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(64, kernel_size=(3, 3), padding="same", activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(classes, activation="softmax", name="digit"),
        ],
        name="convnet",
    )


def main(
    name: str = "digits", epochs: int = 15, verbose: int = 1, folder: str = "."
) -> dict[str, float]:
    """Train, evaluate, export. Returns loss and accuracy on images that training has not seen."""
    keras.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = data(name)
    model = network(x_train.shape[1:])
    if verbose:
        model.summary()
    model.compile(
        optimizer="adam",
        loss="categorical_crossentropy",
        metrics=["accuracy", keras.metrics.TopKCategoricalAccuracy(2, name="top_2")],
    )
    best = str(Path(folder) / "convnet.best.keras")
    model.fit(
        x_train,
        keras.utils.to_categorical(y_train, 10),
        batch_size=32,
        epochs=epochs,
        validation_split=0.1,
        verbose=verbose,
        callbacks=[
            keras.callbacks.EarlyStopping(
                monitor="val_loss", patience=4, restore_best_weights=True
            ),
            keras.callbacks.ModelCheckpoint(best, monitor="val_loss", save_best_only=True),
        ],
    )
    found = model.evaluate(
        x_test, keras.utils.to_categorical(y_test, 10), verbose=0, return_dict=True
    )
    again = keras.models.load_model(best)
    again.export(Path(folder) / "convnet.onnx", labels=[str(i) for i in range(10)])
    if verbose:
        print(
            f"on {len(x_test)} new images: accuracy {found['accuracy']:.4f}, top 2 {found['top_2']:.4f}"
        )
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", choices=("digits", "mnist", "fashion_mnist"), default="digits")
    parser.add_argument("--epochs", type=int, default=15)
    options = parser.parse_args()
    main(options.data, options.epochs)
