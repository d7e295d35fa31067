"""What somebody thinks of a film, by attention: a block of a transformer as a layer of one's own.

Vaswani et al. 2017. The layers are registered, so that a saved model can be read again anywhere.

    python examples/keras_programs/transformer.py --data FOLDER_OF_THE_ARCHIVE   # see sentences.py
    python examples/keras_programs/transformer.py --data toy
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import sentences

import waterhorse as keras
from waterhorse import layers, ops


@keras.saving.register_keras_serializable(package="examples")
class TransformerBlock(layers.Layer):
    """Attention, then two dense layers at each place; both are added to what comes in, and normalised."""

    def __init__(
        self, embed_dim: int, num_heads: int, ff_dim: int, rate: float = 0.1, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.embed_dim, self.num_heads, self.ff_dim, self.rate = embed_dim, num_heads, ff_dim, rate
        self.supports_masking = True
        self.att = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim // num_heads)
        self.ffn = keras.Sequential(
            [layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)]
        )
        self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1, self.dropout2 = layers.Dropout(rate), layers.Dropout(rate)

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        attention_mask = None if mask is None else ops.expand_dims(mask, 1)
        attended = self.att(inputs, inputs, attention_mask=attention_mask)
        out1 = self.layernorm1(inputs + self.dropout1(attended, training=training))
        return self.layernorm2(out1 + self.dropout2(self.ffn(out1), training=training))

    def get_config(self) -> dict[str, Any]:
        own = {
            "embed_dim": self.embed_dim,
            "num_heads": self.num_heads,
            "ff_dim": self.ff_dim,
            "rate": self.rate,
        }
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="examples")
class TokenAndPositionEmbedding(layers.Layer):
    """A vector for the token, and one for where it stands; texts may have any length."""

    def __init__(self, maxlen: int, vocab_size: int, embed_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.maxlen, self.vocab_size, self.embed_dim = maxlen, vocab_size, embed_dim
        self.token_emb = layers.Embedding(vocab_size, embed_dim, mask_zero=True)
        self.pos_emb = layers.Embedding(maxlen, embed_dim)

    def call(self, x: Any) -> Any:
        positions = ops.minimum(ops.arange(ops.shape(x)[-1]), self.maxlen - 1)
        return self.token_emb(x) + self.pos_emb(positions)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self.token_emb.compute_mask(inputs)

    def get_config(self) -> dict[str, Any]:
        own = {"maxlen": self.maxlen, "vocab_size": self.vocab_size, "embed_dim": self.embed_dim}
        return {**super().get_config(), **own}


def network(texts: np.ndarray, embed_dim: int = 32, num_heads: int = 2, ff_dim: int = 32) -> Any:
    """Strings to logits of negative and positive."""
    vectorize = layers.TextVectorization(max_tokens=10_000)
    vectorize.adapt(texts)
    text = layers.Input(shape=(), dtype="string", name="text")
    embedding = TokenAndPositionEmbedding(64, vectorize.vocabulary_size(), embed_dim)
    x = layers.Dropout(0.4)(embedding(vectorize(text)))
    x = TransformerBlock(embed_dim, num_heads, ff_dim)(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dropout(0.3)(x)
    return keras.Model(inputs=text, outputs=layers.Dense(2, activation="softmax")(x))


def main(
    where: str | None = None,
    epochs: int = 6,
    rate: float = 1e-3,
    verbose: int = 1,
    folder: str = ".",
) -> dict[str, Any]:
    """Train, save, load. Returns the accuracy on new sentences, and whether the loaded model agrees."""
    keras.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = sentences.load(where, verbose)
    model = network(x_train)
    if verbose:
        model.summary()
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
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
    path = Path(folder) / "transformer.keras"
    model.save(path)
    again = keras.models.load_model(path)
    some = x_test[:50]
    same = np.array_equal(again.predict(some, verbose=0), model.predict(some, verbose=0))
    again.export(Path(folder) / "transformer.onnx", labels=["negative", "positive"])
    if verbose:
        print(f"accuracy on {len(x_test)} new sentences: {found['accuracy']:.3f}")
        print(f"read again from {path}, it says {'the same' if same else 'something else'}")
    return {**found, "same": same}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", help="toy, the archive, or the folder that has it")
    parser.add_argument("--epochs", type=int, default=6)
    options = parser.parse_args()
    main(options.data, options.epochs)
