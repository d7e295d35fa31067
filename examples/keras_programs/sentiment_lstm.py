"""What somebody thinks of a film, from raw text: vectorization, embedding, an LSTM in both directions.

The exported file takes strings: no tokenizer goes beside it.

    python examples/keras_programs/sentiment_lstm.py --data FOLDER_OF_THE_ARCHIVE   # see sentences.py
    python examples/keras_programs/sentiment_lstm.py --data toy
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import sentences

import waterhorse as keras
from waterhorse import layers

SAYINGS = [
    "A gripping, moving film with a wonderful cast.",
    "Dull from start to end, and far too long.",
    "It is not a bad film at all.",
]


def network(texts: np.ndarray, units: int, max_tokens: int = 10_000) -> Any:
    """Strings to the probability that they are positive. Texts in a batch may have any lengths."""
    vectorize = layers.TextVectorization(max_tokens=max_tokens)
    vectorize.adapt(texts)
    text = keras.Input(shape=(), dtype="string", name="text")
    x = vectorize(text)
    x = layers.Embedding(vectorize.vocabulary_size(), 64, mask_zero=True)(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Bidirectional(layers.LSTM(units))(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(text, layers.Dense(1, activation="sigmoid", name="positive")(x))


def main(
    where: str | None = None, epochs: int = 8, units: int = 32, rate: float = 1e-3, verbose: int = 1,
    folder: str = ".",
) -> dict[str, Any]:  # fmt: skip
    """Train, evaluate, export. Returns the accuracy on new sentences, that of the file, and its answers."""
    keras.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = sentences.load(where, verbose)
    model = network(x_train, units)
    if verbose:
        model.summary()
    model.compile(
        optimizer=keras.optimizers.Adam(rate), loss="binary_crossentropy", metrics=["accuracy"]
    )
    model.fit(
        x_train, y_train, batch_size=32, epochs=epochs, validation_split=0.1, verbose=verbose,
        callbacks=[
            keras.callbacks.EarlyStopping(
                monitor="val_loss", patience=1, restore_best_weights=True
            )
        ],
    )  # fmt: skip
    found = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
    path = Path(folder) / "sentiment.onnx"
    model.export(path)
    session = onnxruntime.InferenceSession(path)
    (again,) = session.run(None, {"text": x_test})
    (answers,) = session.run(None, {"text": np.array(SAYINGS, object)})
    found["file_accuracy"] = float(np.mean((again[:, 0] > 0.5) == y_test))
    if verbose:
        print(f"accuracy on {len(x_test)} new sentences: {found['accuracy']:.3f}")
        for saying, answer in zip(SAYINGS, answers[:, 0], strict=True):
            print(f"{answer:6.1%} positive: {saying}")
    return {**found, "answers": answers[:, 0]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", help="toy, the archive, or the folder that has it")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--units", type=int, default=32)
    options = parser.parse_args()
    main(options.data, options.epochs, options.units)
