"""Metric learning: images of one digit lie close together, also of digits that training has never seen.

One tower looks at both images of a pair (Bromley et al. 1993). A batch has one pair of each class, and each
image must find its partner among all (Sohn 2016). It learns digits 0 to 6; turned and mirrored ones are
classes of their own, 56 in all. Then it is shown a single example of 7, 8 and 9 each, and tells all others
by the nearest one.

    python examples/keras_programs/siamese.py
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import waterhorse as keras
from waterhorse import layers, ops


def symmetries(images: np.ndarray, digits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The images turned by quarters and mirrored, and eight times as many classes."""
    seen = [np.rot90(x, k, axes=(1, 2)) for x in (images, images[:, :, ::-1]) for k in range(4)]
    return np.concatenate(seen), np.concatenate([digits + 10 * k for k in range(8)])


class Pairs(keras.utils.PyDataset):
    """Batches of one pair for each of ``size`` classes; new ones in each epoch. Labels: 0, 1, 2 ..."""

    def __init__(
        self, images: np.ndarray, classes: np.ndarray, batches: int, size: int = 32
    ) -> None:
        super().__init__(workers=2)
        self.images, self.batches, self.size, self.epoch = images, batches, size, 0
        self.members = [np.flatnonzero(classes == c) for c in np.unique(classes)]

    def __len__(self) -> int:
        return self.batches

    def on_epoch_end(self) -> None:
        self.epoch += 1

    def __getitem__(self, index: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        random = np.random.default_rng([self.epoch, index])
        chosen = random.permutation(len(self.members))[: self.size]
        pairs = np.array([random.choice(self.members[c], 2, replace=False) for c in chosen])
        return (self.images[pairs[:, 0]], self.images[pairs[:, 1]]), np.arange(len(chosen))


def tower(size: int) -> Any:
    """Images to vectors of length 1."""
    return keras.Sequential(
        [
            keras.Input(shape=(8, 8, 1), name="image"),
            layers.RandomRotation(0.05),
            layers.RandomTranslation(0.05, 0.05),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(size),
            layers.UnitNormalization(),
        ],
        name="tower",
    )


def siamese(look: Any, temperature: float = 0.2) -> Any:
    """Two batches of images to how alike each of the first is to each of the second."""
    left = keras.Input(shape=(8, 8, 1), name="left")
    right = keras.Input(shape=(8, 8, 1), name="right")
    alike = ops.einsum("ae,be->ab", look(left), look(right)) / temperature
    return keras.Model(inputs=[left, right], outputs=alike, name="siamese")


def one_shot(vectors: np.ndarray, digits: np.ndarray, trials: int = 200) -> float:
    """How often the nearest of one example of each digit is the right one, over random examples."""
    random = np.random.default_rng(0)
    classes, rates = np.unique(digits), []
    for _ in range(trials):
        shown = np.array([random.choice(np.flatnonzero(digits == c)) for c in classes])
        distance = ((vectors[:, None] - vectors[shown]) ** 2).sum(-1)
        right = classes[distance.argmin(1)] == digits
        rates.append(np.delete(right, shown).mean())
    return float(np.mean(rates))


def main(
    epochs: int = 4, batches: int = 40, size: int = 64, verbose: int = 1, folder: str = "."
) -> dict[str, float]:
    """Train, export the tower. Returns one-shot accuracy by vectors and by raw pixels.

    For the digits that training has not seen, and for new images of those that it has ("known").
    """
    keras.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = keras.datasets.load_digits()
    x_train, x_test = (x.astype("float32") / 16.0 for x in (x_train, x_test))
    images, classes = symmetries(x_train[y_train < 7], y_train[y_train < 7])
    look = tower(size)
    model = siamese(look)
    if verbose:
        model.summary(expand_nested=True)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=2e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(Pairs(images, classes, batches), epochs=epochs, verbose=verbose)
    new = np.concatenate([x_train[y_train > 6], x_test[y_test > 6]])
    digits = np.concatenate([y_train[y_train > 6], y_test[y_test > 6]])
    known, labels = x_test[y_test < 7], y_test[y_test < 7]
    found = {
        "raw": one_shot(new.reshape(len(new), -1), digits),
        "learned": one_shot(look.predict(new, verbose=0), digits),
        "raw_known": one_shot(known.reshape(len(known), -1), labels),
        "learned_known": one_shot(look.predict(known, verbose=0), labels),
    }
    look.export(Path(folder) / "tower.onnx")
    if verbose:
        print("Digits told by one example of each:      raw pixels   learned")
        for label, end in (
            ("0 to 6, images that are new", "_known"),
            ("7 to 9, never seen before", ""),
        ):
            print(f"  {label:36s}{found['raw' + end]:12.1%}{found['learned' + end]:10.1%}")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--size", type=int, default=64, help="of the vectors")
    options = parser.parse_args()
    main(options.epochs, size=options.size)
