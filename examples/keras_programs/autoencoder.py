"""A convolutional autoencoder takes noise off images, and finds those that are unlike what it has seen.

It learns digits 0 to 7 only. What it cannot reconstruct, the digits 8 and 9, is an anomaly.

    python examples/keras_programs/autoencoder.py
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import waterhorse as keras
from waterhorse import layers


def noisy(x: np.ndarray, seed: int, amount: float = 0.3) -> np.ndarray:
    """Images with normal noise, still between 0 and 1."""
    noise = np.random.default_rng(seed).normal(size=x.shape).astype("float32")
    return np.clip(x + amount * noise, 0.0, 1.0)


def network() -> Any:
    """8x8 images, squeezed to 2x2x4 numbers and unfolded again."""
    image = layers.Input(shape=(8, 8, 1))
    x = layers.Conv2D(32, (3, 3), activation="relu", padding="same")(image)
    x = layers.MaxPooling2D((2, 2), padding="same")(x)
    x = layers.Conv2D(32, (3, 3), activation="relu", padding="same")(x)
    x = layers.MaxPooling2D((2, 2), padding="same")(x)
    code = layers.Conv2D(4, (1, 1), name="code")(x)
    x = layers.Conv2DTranspose(32, (3, 3), strides=2, activation="relu", padding="same")(code)
    x = layers.Conv2DTranspose(32, (3, 3), strides=2, activation="relu", padding="same")(x)
    return keras.Model(image, layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x))


def main(epochs: int = 20, verbose: int = 1) -> dict[str, float]:
    """Errors before and after denoising, and how well the error tells strange digits (area under ROC)."""
    keras.utils.set_random_seed(1)
    (x_train, y_train), (x_test, y_test) = keras.datasets.load_digits()
    x_train, x_test = (x.astype("float32") / 16.0 for x in (x_train, x_test))
    known, seen = x_train[y_train < 8], x_test[y_test < 8]
    model = network()
    model.compile(optimizer="adam", loss="binary_crossentropy")
    model.fit(
        x=noisy(known, 0), y=known, epochs=epochs, batch_size=32, shuffle=True, verbose=verbose,
        validation_data=(noisy(seen, 1), seen),
    )  # fmt: skip
    dirty = noisy(seen, 2)
    clean = model.predict(dirty, verbose=0)
    errors = np.mean((model.predict(x_test, verbose=0) - x_test) ** 2, axis=(1, 2, 3))
    auc = keras.metrics.AUC()
    auc.update_state(y_test >= 8, errors / errors.max())
    found = {
        "noise": float(np.mean((dirty - seen) ** 2)),
        "denoised": float(np.mean((clean - seen) ** 2)),
        "auc": float(auc.result()),
        "threshold": float(np.mean(errors) + np.std(errors)),
    }
    if verbose:
        print(f"squared error with noise {found['noise']:.4f}, denoised {found['denoised']:.4f}")
        print(f"digits 8 and 9 found by their error: area under ROC {found['auc']:.3f}")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=20)
    main(parser.parse_args().epochs)
