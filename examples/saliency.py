"""What somebody else's classifier looks at, and how little changes its mind.

Two classic uses of a gradient by the *input*, which an ONNX file alone doesn't give:

* a saliency map (Simonyan, Vedaldi and Zisserman 2013): how strongly each pixel moves the score of the
  class that was answered;
* the fast gradient sign method (Goodfellow, Shlens and Szegedy 2014): one step of ``epsilon`` for each
  pixel, in the direction that makes the answer worse.

    python examples/saliency.py                     # digits: a small network, exported and read back
    python examples/saliency.py --ocr               # which way up is a line of text? PP-OCR's, by pip
    python examples/saliency.py MODEL.onnx IMAGE... # any classifier of images, [N, C, H, W] or [N, H, W, C]

Each writes ``saliency.png`` (``--output`` says where). Needs matplotlib and pillow: the extra ``viz``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import waterhorse as wh

Array = np.ndarray[Any, Any]


class Looker:
    """A classifier read from a file, with its gradient by the input.

    Args:
        path: an ONNX model with one input, images, and as its first output scores [N, classes], which may
            be probabilities or logits.
    """

    def __init__(self, path: str | Path) -> None:
        net = wh.load_onnx(path)
        self.net = net

        def scores(x: wh.Tensor) -> wh.Tensor:
            found = net(x)
            return next(iter(found.values())) if isinstance(found, dict) else found

        @wh.function
        def predict(x: wh.Tensor) -> wh.Tensor:
            return scores(x)

        def gradient(x: wh.Tensor, chosen: wh.Tensor, *, probabilities: bool) -> wh.Tensor:
            """Of the cross-entropy, summed over the images: each image's own gradient."""
            y = scores(x)
            logs = wh.ops.log(wh.ops.maximum(y, 1e-7)) if probabilities else wh.ops.log_softmax(y)
            (found,) = wh.grad(-wh.ops.sum(logs * chosen), [x])
            return found

        self._predict = predict
        self._gradients = {
            p: wh.function(lambda x, chosen, p=p: gradient(x, chosen, probabilities=p))
            for p in (False, True)
        }

    def predict(self, images: Array) -> Array:
        """Probabilities [N, classes]."""
        found = np.asarray(self._predict(images), np.float64)
        if self._are_probabilities(found):
            return found
        powers = np.exp(found - found.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)

    def gradient(self, images: Array, labels: Array) -> Array:
        """By each image, of the cross-entropy of its label."""
        found = np.asarray(self._predict(images))
        chosen = np.eye(found.shape[-1], dtype=np.float32)[labels]
        return np.asarray(self._gradients[self._are_probabilities(found)](images, chosen))

    def fgsm(self, images: Array, labels: Array, epsilon: float, low: float, high: float) -> Array:
        """Each pixel ``epsilon`` further in the direction that makes the label less likely."""
        moved = images + epsilon * np.sign(self.gradient(images, labels))
        return np.clip(moved, low, high).astype(images.dtype)

    @staticmethod
    def _are_probabilities(scores: Array) -> bool:
        return bool((scores >= 0).all() and np.allclose(scores.sum(axis=-1), 1, atol=1e-3))


@dataclass
class Shown:
    """Images on their way to the figure, with the names of the classes."""

    images: Array
    labels: list[str]
    low: float = 0.0
    high: float = 1.0
    epsilon: float = 0.1


def saliency(gradients: Array, axis: int) -> Array:
    """The largest slope over the colours: [N, H, W]."""
    return np.abs(gradients).max(axis=axis)


def colour_axis(shape: tuple[int, ...]) -> int:
    """Where the colours are in a batch of images."""
    for axis in (1, 3):
        if shape[axis] in {1, 3}:
            return axis
    raise SystemExit(f"Images of shape {list(shape)} have no axis of 1 or 3 colours.")


def figure(looker: Looker, shown: Shown, output: Path) -> list[tuple[str, str]]:
    """Draw image, saliency and what FGSM makes of it; (answer before, answer after) for each image."""
    import matplotlib as mpl  # noqa: PLC0415 - the extra `viz`

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    before = looker.predict(shown.images)
    answers = before.argmax(axis=-1)
    axis = colour_axis(shown.images.shape)
    maps = saliency(looker.gradient(shown.images, answers), axis)
    moved = looker.fgsm(shown.images, answers, shown.epsilon, shown.low, shown.high)
    after = looker.predict(moved)
    height, width = maps.shape[1:]
    panel = 3.0 if width > height else 1.7  # inches
    size = (3 * panel, (panel * height / width + 0.4) * len(maps))
    fig, axes = plt.subplots(len(maps), 3, squeeze=False, layout="constrained", figsize=size)
    texts = []
    for row, i in zip(axes, range(len(maps)), strict=True):
        said = [f"{shown.labels[p[i].argmax()]} {p[i].max():.1%}" for p in (before, after)]
        texts.append((said[0], said[1]))
        _panel(row[0], _picture(shown.images[i], axis, shown), said[0])
        _panel(row[1], maps[i] / (np.quantile(maps[i], 0.995) or 1.0), "saliency", cmap="inferno")
        _panel(row[2], _picture(moved[i], axis, shown), f"{said[1]} (ε = {shown.epsilon:g})")
    fig.savefig(output, dpi=110)
    plt.close(fig)
    return texts


def _panel(axes: Any, picture: Array, title: str, cmap: str = "gray") -> None:
    axes.imshow(picture, cmap=cmap, vmin=0, vmax=1)
    axes.set_title(title, fontsize=9)
    axes.axis("off")


def _picture(image: Array, axis: int, shown: Shown) -> Array:
    """[H, W] or [H, W, 3], from 0 to 1."""
    scaled = (np.moveaxis(image, axis - 1, -1) - shown.low) / (shown.high - shown.low)
    return scaled[..., 0] if scaled.shape[-1] == 1 else scaled


# -- three classifiers ----------------------------------------------------------------------------


def digits_model(path: Path, epochs: int = 20) -> tuple[Array, Array]:
    """Train a small network on 8x8 digits and export it; images and labels that it has not seen."""
    (x, y), (x_test, y_test) = wh.datasets.load_digits()
    wh.set_random_seed(0)
    model = wh.Sequential([
        wh.Input((8, 8, 1)),
        wh.layers.Conv2D(16, 3, activation="relu"),
        wh.layers.Conv2D(32, 3, activation="relu"),
        wh.layers.Flatten(),
        wh.layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    model.compile(wh.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(_scaled(x), y, epochs=epochs, verbose=0)
    model.export(path)
    return _scaled(x_test), y_test


def _scaled(x: Array) -> Array:
    return (x.reshape(-1, 8, 8, 1) / 16).astype(np.float32)


def digits(output: Path, epochs: int = 20) -> dict[str, float]:
    """The digits as a stranger's model: accuracy without, with FGSM, and with noise as large."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.onnx"
        x, y = digits_model(path, epochs)
        looker = Looker(path)
    epsilon = 0.12
    signs = np.random.default_rng(0).choice([-1.0, 1.0], x.shape)
    noisy = np.clip(x + epsilon * signs, 0, 1).astype(np.float32)
    attacked = looker.fgsm(x, y, epsilon, 0.0, 1.0)
    rates = {
        name: float(np.mean(looker.predict(images).argmax(-1) == y))
        for name, images in (("clean", x), ("noise", noisy), ("fgsm", attacked))
    }
    print(f"right on {len(y)} digits: {rates['clean']:.1%}; with each pixel moved by {epsilon} at random "
          f"{rates['noise']:.1%}, by the sign of its gradient {rates['fgsm']:.1%}")  # fmt: skip
    first = [int(np.flatnonzero(y == d)[0]) for d in (0, 3, 5, 8)]
    figure(looker, Shown(x[first], [str(d) for d in range(10)], epsilon=epsilon), output)
    return rates


def ocr(output: Path, epsilon: float = 0.03) -> list[tuple[str, str]]:
    """Which way up a line of text is, by PP-OCR's classifier."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    import models  # noqa: PLC0415 - knows where the model is to be had

    looker = Looker(models.fetch("ppocr_cls"))
    upright = [line(text) for text in ("Waterhorse", "gradients for all", "upside down?")]
    images = np.stack([*upright[:2], upright[2][:, ::-1, ::-1]])
    shown = Shown(images, ["0°", "180°"], -1.0, 1.0, epsilon)
    found = figure(looker, shown, output)
    for before, after in found:
        print(f"{before}, after one step of {epsilon} (of 2) per pixel: {after}")
    return found


def line(text: str) -> Array:
    """A line of black text on white, [3, 48, 192], from -1 to 1."""
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415 - the extra `viz`

    image = Image.new("RGB", (192, 48), "white")
    font = ImageFont.load_default(24)
    ImageDraw.Draw(image).text((8, 8), text, "black", font)
    return (np.asarray(image, np.float32).transpose(2, 0, 1) / 255 - 0.5) / 0.5


def given(path: Path, files: list[Path], output: Path, epsilon: float) -> list[tuple[str, str]]:
    """A model and images of the user's."""
    from PIL import Image  # noqa: PLC0415 - the extra `viz`

    looker = Looker(path)
    spec = looker.net.input_specs
    if isinstance(spec, dict) or len(spec.shape) != 4:
        raise SystemExit("The model must have one input, images of four dimensions.")
    shape = tuple(d if isinstance(d, int) else 224 for d in spec.shape)
    axis = colour_axis(shape)
    height, width = (d for i, d in enumerate(shape) if i not in {0, axis})
    mode = "L" if shape[axis] == 1 else "RGB"
    images = []
    for file in files:
        pixels = (
            np.asarray(Image.open(file).convert(mode).resize((width, height)), np.float32) / 255
        )
        pixels = pixels.reshape(height, width, -1)
        images.append(np.moveaxis(pixels, -1, axis - 1))
    classes = looker.predict(np.stack(images)).shape[-1]
    shown = Shown(np.stack(images), [f"class {i}" for i in range(classes)], epsilon=epsilon)
    found = figure(looker, shown, output)
    for file, (before, after) in zip(files, found, strict=True):
        print(f"{file}: {before}; after FGSM {after}")
    return found


def main() -> None:
    """The digits, the orientation of text, or what the user has."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("images", nargs="*", type=Path)
    parser.add_argument("--ocr", action="store_true", help="PP-OCR's classifier of text directions")
    parser.add_argument("--epsilon", type=float, default=0.03)
    parser.add_argument("--output", type=Path, default=Path("saliency.png"))
    options = parser.parse_args()
    if options.model is not None:
        if not options.images:
            parser.error("say which images to look at")
        given(options.model, options.images, options.output, options.epsilon)
    elif options.ocr:
        ocr(options.output, options.epsilon)
    else:
        digits(options.output)
    print(f"drawn: {options.output}")


if __name__ == "__main__":
    main()
