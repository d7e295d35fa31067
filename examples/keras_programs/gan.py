"""Two networks against each other: one draws digits, the other tells them from real ones.

DCGAN (Radford, Metz and Chintala 2016) plays with binary cross-entropy. WGAN-GP (Gulrajani et al. 2017)
asks the critic to have slopes of length 1 between real and drawn images: its loss holds a gradient, and is
differentiated again.

    python examples/keras_programs/gan.py               # DCGAN
    python examples/keras_programs/gan.py --kind wgan_gp
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import waterhorse as keras
from waterhorse import layers, ops

LATENT = 16


def generator() -> Any:
    """Noise [batch, LATENT] to images [batch, 8, 8, 1]."""
    return keras.Sequential(
        [
            keras.Input(shape=(LATENT,)),
            layers.Dense(2 * 2 * 32),
            layers.Reshape((2, 2, 32)),
            layers.Conv2DTranspose(32, kernel_size=4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2DTranspose(16, kernel_size=4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(1, kernel_size=3, padding="same", activation="sigmoid"),
        ],
        name="generator",
    )


def discriminator() -> Any:
    """Images to one logit: how real they look."""
    return keras.Sequential(
        [
            keras.Input(shape=(8, 8, 1)),
            layers.Conv2D(16, kernel_size=4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(32, kernel_size=4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(1),
        ],
        name="discriminator",
    )


class GAN(keras.Model):
    """Both networks are updated in each step, each by its own optimizer."""

    def __init__(self, discriminator: Any, generator: Any) -> None:
        super().__init__()
        self.discriminator, self.generator = discriminator, generator
        self.seed_generator = keras.random.SeedGenerator(42)
        self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
        self.g_loss_tracker = keras.metrics.Mean(name="g_loss")

    def compile(self, d_optimizer: Any, g_optimizer: Any, loss_fn: Any = None) -> None:
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

    @property
    def metrics(self) -> list[Any]:
        return [self.d_loss_tracker, self.g_loss_tracker]

    def drawn(self, count: Any) -> Any:
        """``count`` images from new noise."""
        noise = keras.random.normal(shape=(count, LATENT), seed=self.seed_generator)
        return self.generator(noise, training=True)

    def d_loss(self, real: Any) -> Any:
        """1 for drawn images, 0 for real ones, with a little noise on these labels."""
        count = ops.shape(real)[0]
        logits = self.discriminator(
            ops.concatenate([self.drawn(count), real], axis=0), training=True
        )
        labels = ops.concatenate([ops.ones((count, 1)), ops.zeros((count, 1))], axis=0)
        labels = labels + 0.05 * keras.random.uniform(ops.shape(labels), seed=self.seed_generator)
        return self.loss_fn(labels, logits)

    def g_loss(self, count: Any) -> Any:
        """Drawn images should be taken for real."""
        logits = self.discriminator(self.drawn(count), training=True)
        return self.loss_fn(ops.zeros((count, 1)), logits)

    def update(self, loss: Any, network: Any, optimizer: Any) -> None:
        weights = network.trainable_weights
        optimizer.apply_gradients(zip(keras.grad(loss, weights), weights, strict=True))

    def train_step(self, real_images: Any) -> dict[str, Any]:
        d_loss = self.d_loss(real_images)
        self.update(d_loss, self.discriminator, self.d_optimizer)
        g_loss = self.g_loss(ops.shape(real_images)[0])
        self.update(g_loss, self.generator, self.g_optimizer)
        self.d_loss_tracker.update_state(d_loss)
        self.g_loss_tracker.update_state(g_loss)
        return {"d_loss": self.d_loss_tracker.result(), "g_loss": self.g_loss_tracker.result()}


class WGANGP(GAN):
    """The critic is updated three times for each update of the generator."""

    def gradient_penalty(self, real: Any, fake: Any) -> Any:
        """How far the critic's slopes are from 1, at points between real and drawn images."""
        alpha = keras.random.uniform((ops.shape(real)[0], 1, 1, 1), seed=self.seed_generator)
        between = real + alpha * (fake - real)
        (slopes,) = keras.grad(ops.sum(self.discriminator(between, training=True)), [between])
        norm = ops.sqrt(ops.sum(ops.square(slopes), axis=[1, 2, 3]) + 1e-12)
        return ops.mean((norm - 1.0) ** 2)

    def d_loss(self, real: Any) -> Any:
        fake = self.drawn(ops.shape(real)[0])
        cost = ops.mean(self.discriminator(fake, training=True))
        cost = cost - ops.mean(self.discriminator(real, training=True))
        return cost + 10.0 * self.gradient_penalty(real, fake)

    def g_loss(self, count: Any) -> Any:
        return -ops.mean(self.discriminator(self.drawn(count), training=True))

    def train_step(self, real_images: Any) -> dict[str, Any]:
        for _ in range(2):
            self.update(self.d_loss(real_images), self.discriminator, self.d_optimizer)
        return super().train_step(real_images)


class Monitor(keras.callbacks.Callback):
    """Prints a few drawn digits every so many epochs."""

    def __init__(self, every: int) -> None:
        super().__init__()
        self.every = every
        self.noise = np.random.default_rng(0).normal(size=(5, LATENT)).astype("float32")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if (epoch + 1) % self.every == 0:
            images = self.model.generator.predict(self.noise, verbose=0)
            shades = " .:-=+*#%@"
            for y in range(8):
                print(
                    "   ".join(
                        "".join(shades[int(v * 9.99)] * 2 for v in d[y, :, 0]) for d in images
                    )
                )


def main(kind: str = "dcgan", epochs: int = 40, verbose: int = 1) -> dict[str, Any]:
    """Train. Returns the history, drawn images, and how far their mean is from that of real ones."""
    keras.utils.set_random_seed(3)
    (x_train, _), _ = keras.datasets.load_digits()
    x_train = x_train.astype("float32") / 16.0
    gan = (GAN if kind == "dcgan" else WGANGP)(discriminator(), generator())
    rate = 3e-4 if kind == "dcgan" else 5e-4
    gan.compile(
        d_optimizer=keras.optimizers.Adam(learning_rate=rate, beta_1=0.5),
        g_optimizer=keras.optimizers.Adam(learning_rate=2 * rate, beta_1=0.5),
        loss_fn=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    watch = [Monitor(20)] if verbose else []
    history = gan.fit(x_train, epochs=epochs, batch_size=64, callbacks=watch, verbose=verbose)
    noise = np.random.default_rng(1).normal(size=(512, LATENT)).astype("float32")
    drawn = gan.generator.predict(noise, verbose=0)
    distance = float(np.abs(drawn.mean(0) - x_train.mean(0)).mean())
    if verbose:
        print(
            f"mean absolute difference between the mean drawn and the mean real image: {distance:.3f}"
        )
    return {"history": history.history, "drawn": drawn, "distance": distance}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kind", choices=("dcgan", "wgan_gp"), default="dcgan")
    parser.add_argument("--epochs", type=int, default=40)
    options = parser.parse_args()
    main(options.kind, options.epochs)
