"""A variational autoencoder: a code that is a distribution, so that new digits can be drawn from it.

Kingma and Welling 2014. The model has its own ``train_step``; its two parts are models themselves.

    python examples/keras_programs/vae.py
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import waterhorse as keras
from waterhorse import layers, ops


class Sampling(layers.Layer):
    """A point of the code, drawn with the noise in the graph, so that gradients reach mean and variance."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs: Any) -> Any:
        z_mean, z_log_var = inputs
        epsilon = keras.random.normal(shape=ops.shape(z_mean), seed=self.seed_generator)
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon


def encoder(latent: int) -> Any:
    """Images to mean, logarithm of the variance, and a point drawn from that."""
    image = keras.Input(shape=(8, 8, 1))
    x = layers.Conv2D(32, 3, activation="relu", strides=2, padding="same")(image)
    x = layers.Conv2D(64, 3, activation="relu", strides=2, padding="same")(x)
    x = layers.Dense(32, activation="relu")(layers.Flatten()(x))
    z_mean = layers.Dense(latent, name="z_mean")(x)
    z_log_var = layers.Dense(latent, name="z_log_var")(x)
    return keras.Model(image, [z_mean, z_log_var, Sampling()([z_mean, z_log_var])], name="encoder")


def decoder(latent: int) -> Any:
    """A point of the code to an image."""
    code = keras.Input(shape=(latent,))
    x = layers.Reshape((2, 2, 64))(layers.Dense(2 * 2 * 64, activation="relu")(code))
    x = layers.Conv2DTranspose(64, 3, activation="relu", strides=2, padding="same")(x)
    x = layers.Conv2DTranspose(32, 3, activation="relu", strides=2, padding="same")(x)
    image = layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same")(x)
    return keras.Model(code, image, name="decoder")


class VAE(keras.Model):
    """Reconstruction error plus the divergence of the code from a normal distribution."""

    def __init__(self, encoder: Any, decoder: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.total_loss_tracker = keras.metrics.Mean(name="total_loss")
        self.reconstruction_loss_tracker = keras.metrics.Mean(name="reconstruction_loss")
        self.kl_loss_tracker = keras.metrics.Mean(name="kl_loss")

    @property
    def metrics(self) -> list[Any]:
        return [self.total_loss_tracker, self.reconstruction_loss_tracker, self.kl_loss_tracker]

    def train_step(self, data: Any) -> dict[str, Any]:
        z_mean, z_log_var, z = self.encoder(data)
        reconstruction = self.decoder(z)
        per_pixel = keras.losses.binary_crossentropy(data, reconstruction)
        reconstruction_loss = ops.mean(ops.sum(per_pixel, axis=(1, 2)))
        kl_loss = -0.5 * (1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var))
        kl_loss = ops.mean(ops.sum(kl_loss, axis=1))
        total_loss = reconstruction_loss + kl_loss
        gradients = keras.grad(total_loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        self.total_loss_tracker.update_state(total_loss)
        self.reconstruction_loss_tracker.update_state(reconstruction_loss)
        self.kl_loss_tracker.update_state(kl_loss)
        return {m.name: m.result() for m in self.metrics}


def main(epochs: int = 30, latent: int = 2, verbose: int = 1) -> dict[str, Any]:
    """Train on the small digits. Returns the history, digits drawn on a grid of codes, and the codes."""
    keras.utils.set_random_seed(2)
    (x_train, _), (x_test, y_test) = keras.datasets.load_digits()
    x_train, x_test = (x.astype("float32") / 16.0 for x in (x_train, x_test))
    vae = VAE(encoder(latent), decoder(latent))
    vae.compile(optimizer=keras.optimizers.Adam(learning_rate=2e-3))
    history = vae.fit(x_train, epochs=epochs, batch_size=64, verbose=verbose)
    line = np.linspace(-1.5, 1.5, 6, dtype="float32")
    grid = np.zeros((36, latent), "float32")
    grid[:, :2] = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    drawn = vae.decoder.predict(grid, verbose=0)
    z_mean, _, _ = vae.encoder.predict(x_test, verbose=0)
    if verbose:
        shades = " .:-=+*#%@"
        for row in drawn.reshape(6, 6, 8, 8)[::2, ::2]:
            for y in range(8):
                print("   ".join("".join(shades[int(v * 9.99)] * 2 for v in d[y]) for d in row))
            print()
    return {"history": history.history, "drawn": drawn, "codes": z_mean, "labels": y_test}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--latent", type=int, default=2)
    options = parser.parse_args()
    main(options.epochs, options.latent)
