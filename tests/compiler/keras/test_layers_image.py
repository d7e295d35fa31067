"""Layers over images: against Keras where their outcome is certain, against NumPy and by chance elsewhere."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse import layers as L

from .layer_harness import suite

globals().update(suite("image"))

R = np.random.default_rng(0)
IMAGES = R.random((16, 6, 7, 3)).astype("float32")
UNIT = (0, 1)
RANDOM: dict[str, Callable[[], Any]] = {
    "crop": lambda: L.RandomCrop(4, 5, seed=3),
    "flip": lambda: L.RandomFlip(seed=3),
    "rotation": lambda: L.RandomRotation(0.3, seed=3),
    "zoom": lambda: L.RandomZoom(0.3, seed=3),
    "translation": lambda: L.RandomTranslation(0.3, 0.2, seed=3),
    "shear": lambda: L.RandomShear(0.3, 0.4, seed=3),
    "perspective": lambda: L.RandomPerspective(scale=0.5, seed=3),
    "contrast": lambda: L.RandomContrast(0.5, UNIT, seed=3),
    "brightness": lambda: L.RandomBrightness(0.5, UNIT, seed=3),
    "grayscale": lambda: L.RandomGrayscale(0.5, seed=3),
    "hue": lambda: L.RandomHue(0.5, UNIT, seed=3),
    "saturation": lambda: L.RandomSaturation(0.9, UNIT, seed=3),
    "invert": lambda: L.RandomInvert(1.0, UNIT, seed=3),
    "degeneration": lambda: L.RandomColorDegeneration(0.9, UNIT, seed=3),
    "jitter": lambda: L.RandomColorJitter(UNIT, 0.3, 0.3, 0.3, 0.3, seed=3),
    "posterization": lambda: L.RandomPosterization((1, 6), UNIT, seed=3),
    "solarization": lambda: L.Solarization(0.5, 0.5, UNIT, seed=3),
    "sharpness": lambda: L.RandomSharpness(1.0, UNIT, seed=3),
    "blur": lambda: L.RandomGaussianBlur(1.0, 3, 1.0, UNIT, seed=3),
    "erasing": lambda: L.RandomErasing(1.0, value_range=UNIT, seed=3),
    "mix_up": lambda: L.MixUp(seed=3),
    "cut_mix": lambda: L.CutMix(seed=3),
    "rand_augment": lambda: L.RandAugment(UNIT, num_ops=1, seed=3),
    "aug_mix": lambda: L.AugMix(UNIT, num_chains=1, chain_depth=1, seed=3),
}
every = pytest.mark.parametrize("make", RANDOM.values(), ids=RANDOM)


@every
def test_draws(make: Callable[[], Any]) -> None:
    """Another draw at each call, the same ones for the same seed, none outside of training."""
    layer, same = make(), make()
    first = layer(IMAGES, training=True).numpy()
    second = layer(IMAGES, training=True).numpy()
    np.testing.assert_array_equal(first, same(IMAGES, training=True).numpy())
    assert (first != second).any()
    assert np.isfinite(first).all()
    assert first.min() >= 0 and first.max() <= 1 + 1e-6  # noqa: PT018
    if not isinstance(layer, L.RandomCrop):
        np.testing.assert_array_equal(layer(IMAGES, training=False).numpy(), IMAGES)


@every
def test_single_images_and_both_layouts(make: Callable[[], Any]) -> None:
    """One image is a batch of one; channels-first is the same, turned. Each in a function, too."""
    one, batch = make()(IMAGES[0], training=True), make()(IMAGES[:1], training=True)
    np.testing.assert_array_equal(one.numpy(), batch.numpy()[0])
    layer = make()
    config = {**layer.get_config(), "data_format": "channels_first", "name": "turned"}
    turned = type(layer).from_config(config)

    @wh.function
    def run(x: Any) -> Any:
        return turned(x, training=True)

    found = run(IMAGES.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found, make()(IMAGES, training=True).numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "name", sorted({*RANDOM} - {"crop", "mix_up", "cut_mix", "rand_augment", "aug_mix"})
)
def test_images_of_a_batch_have_draws_of_their_own(name: str) -> None:
    """Sixteen times the same image. (Left out: what is drawn for a batch, or made of several images.)"""
    found = RANDOM[name]()(np.repeat(IMAGES[:1], 16, 0), training=True).numpy()
    assert (found != found[:1]).any()


@every
def test_labels_come_along(make: Callable[[], Any]) -> None:
    layer = make()
    labels = np.eye(16, dtype="float32")
    data = layer({"images": IMAGES, "labels": labels, "more": labels}, training=True)
    assert set(data) == {"images", "labels", "more"}
    np.testing.assert_array_equal(data["images"].numpy(), make()(IMAGES, training=True).numpy())
    if not isinstance(layer, (L.MixUp, L.CutMix)):
        np.testing.assert_array_equal(data["labels"].numpy(), labels)
    idle = layer({"images": IMAGES, "labels": labels}, training=False)
    np.testing.assert_array_equal(idle["labels"].numpy(), labels)
    for key in ("bounding_boxes", "segmentation_masks"):
        with pytest.raises(NotImplementedError, match=key):
            layer({"images": IMAGES, key: labels}, training=True)


def test_in_a_model_that_is_trained_and_exported(tmp_path: Any) -> None:
    """Drawn in fit, not in predict; nothing of it is in the exported file."""
    model = wh.Sequential([
        wh.Input((6, 7, 3)), L.RandomFlip("horizontal"), L.RandomRotation(0.1), L.RandomContrast(0.2),
        L.Flatten(), L.Dense(2),
    ])  # fmt: skip
    model.compile("sgd", "mse")
    model.fit(IMAGES, np.zeros((16, 2)), batch_size=6, epochs=2, verbose=0)
    kernel, bias = model.get_weights()
    wanted = IMAGES.reshape(16, -1) @ kernel + bias
    np.testing.assert_allclose(model.predict(IMAGES, verbose=0), wanted, rtol=1e-4, atol=1e-5)
    model.export(tmp_path / "model.onnx")


@pytest.mark.parametrize("mode", ["horizontal", "vertical", "horizontal_and_vertical"])
def test_flip(mode: str) -> None:
    axes = {"horizontal": (2,), "vertical": (1,), "horizontal_and_vertical": (1, 2)}[mode]
    x = R.random((64, 4, 5, 3)).astype("float32")
    found = L.RandomFlip(mode, seed=1)(x, training=True).numpy()
    mirrored = np.flip(x, axes)
    kept, turned = ((found == y).all((1, 2, 3)) for y in (x, mirrored))
    assert (kept ^ turned).all()
    assert 16 < turned.sum() < 48


def test_crop_is_a_window_and_reaches_all_places() -> None:
    x = np.arange(6 * 7, dtype="float32").reshape(1, 6, 7, 1)
    layer = L.RandomCrop(4, 5, seed=1)
    seen = set()
    for _ in range(80):
        y = layer(x, training=True).numpy()[0, :, :, 0]
        top, left = divmod(int(y[0, 0]), 7)
        np.testing.assert_array_equal(y, x[0, top : top + 4, left : left + 5, 0])
        seen.add((top, left))
    assert seen == {(a, b) for a in range(3) for b in range(3)}
    middle = L.Resizing(4, 5, crop_to_aspect_ratio=True)(x).numpy()
    np.testing.assert_array_equal(layer(x, training=False).numpy(), middle)
    assert L.RandomCrop(8, 5)(x, training=True).shape == (1, 8, 5, 1)


@pytest.mark.parametrize("factor", [0.2, 1.0])
def test_shear(factor: float) -> None:
    """Pixel (x, y) comes from (x + s y, y) with s or -s: in NumPy, where reading is along rows."""
    x = R.random((8, 5, 9, 2)).astype("float32")
    layer = L.RandomShear((factor, factor), (0, 0), fill_mode="nearest", seed=1)
    found = layer(x, training=True).numpy()
    for image, sheared in zip(x, found, strict=True):
        candidates = []
        for s in (factor, -factor):
            rows = [
                [np.interp(np.arange(9) + s * y, np.arange(9), image[y, :, c]) for c in range(2)]
                for y in range(5)
            ]
            candidates.append(np.array(rows).transpose(0, 2, 1))
        assert any(np.allclose(sheared, c, atol=1e-5) for c in candidates)


def test_solarization_and_saturation_in_numpy() -> None:
    x = R.random((2, 3, 4, 3)).astype("float32") * 255
    found = L.Solarization((0.2, 0.2), (0.6, 0.6))(x, training=True).numpy()
    added = np.clip(x + 0.2 * 255, 0, 255)
    np.testing.assert_allclose(
        found, np.where(added < 0.6 * 255, added, 255 - added), rtol=1e-5, atol=1e-3
    )
    pure = L.RandomSaturation((1.0, 1.0))(x, training=True).numpy()
    np.testing.assert_allclose(pure.max(-1), x.max(-1), rtol=1e-5)
    np.testing.assert_allclose(pure.min(-1), 0, atol=1e-3)


def test_contrast_and_brightness_stay_in_their_bounds() -> None:
    x = np.tile(np.array([0.4, 0.6], "float32")[:, None], (4000, 1, 2, 1))
    spread = np.ptp(L.RandomContrast((0.3, 0.5), UNIT, seed=1)(x, training=True).numpy(), (1, 2))[
        :, 0
    ]
    assert 0.2 * 0.7 - 1e-6 <= spread.min() < 0.2 * 0.72
    assert 0.2 * 1.48 < spread.max() <= 0.2 * 1.5 + 1e-6
    moved = L.RandomBrightness((-0.1, 0.3), UNIT, seed=1)(x, training=True).numpy() - x
    assert -0.1 - 1e-6 <= moved.min() < -0.098
    assert 0.298 < moved.max() <= 0.3 + 1e-6


def test_erasing_fills_one_rectangle() -> None:
    x = np.full((200, 10, 12, 3), 0.5, "float32")
    layer = L.RandomErasing(
        (1, 1), (0.1, 0.3), fill_value=(0.1, 0.2, 0.3), value_range=UNIT, seed=1
    )
    found = layer(x, training=True).numpy()
    for y in found:
        erased = (y != 0.5).any(-1)
        rows, columns = erased.any(1), erased.any(0)
        np.testing.assert_array_equal(erased, rows[:, None] & columns)
        np.testing.assert_allclose(
            y[erased], np.tile([0.1, 0.2, 0.3], (erased.sum(), 1)), rtol=1e-6
        )
    area = (found != 0.5).any(-1).mean((1, 2))
    assert 0.15 < area.mean() < 0.25  # the product of two square roots of numbers from 0.1 to 0.3
    noise = L.RandomErasing((1, 1), (1, 1), value_range=UNIT, seed=1)(x, training=True).numpy()
    assert noise.min() == 0
    assert noise.max() == 1
    assert abs((noise == 0).mean() - 0.5) < 0.02


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_mix_up(alpha: float) -> None:
    x = R.random((500, 2, 2, 1)).astype("float32")
    labels = np.eye(500, dtype="float32")
    data = L.MixUp(alpha, seed=1)({"images": x, "labels": labels}, training=True)
    found = data["labels"].numpy()
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(
        data["images"].numpy().reshape(500, -1), found @ x.reshape(500, -1), rtol=1e-4, atol=1e-5
    )
    weight = np.diag(found)
    assert abs(weight.mean() - 0.5) < 4 * np.sqrt(1 / (4 * (2 * alpha + 1)) / 500)
    assert abs(weight.var() * 4 * (2 * alpha + 1) - 1) < 0.2


def test_cut_mix() -> None:
    x = np.arange(1, 101, dtype="float32").reshape(100, 1, 1, 1) * np.ones(
        (1, 20, 20, 1), "float32"
    )
    labels = np.eye(100, dtype="float32")
    data = L.CutMix(seed=1)({"images": x, "labels": labels}, training=True)
    found = data["labels"].numpy()
    for i, (image, label) in enumerate(zip(data["images"].numpy()[..., 0], found, strict=True)):
        foreign = image != i + 1
        np.testing.assert_array_equal(foreign, foreign.any(1)[:, None] & foreign.any(0))
        assert len(np.unique(image)) <= 2
        # the label has the area of the rectangle, the image whole pixels of it
        side = np.sqrt(max(1 - label[i], 0)) * 20
        assert abs(np.sqrt(foreign.sum()) - side) < 1.01 or not foreign.any()
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L.RandomFlip("diagonal"), "mode='diagonal'"),
        (lambda: L.RandomRotation(2.0), "factor=2.0"),
        (lambda: L.RandomRotation(0.1, fill_mode="mirror"), "fill_mode='mirror'"),
        (lambda: L.RandomZoom(-1.0), "height_factor=-1.0"),
        (lambda: L.RandomTranslation(0.1, (0.2, 1.2)), "width_factor"),
        (lambda: L.RandomShear(-0.1), "x_factor=-0.1"),
        (lambda: L.RandomPerspective(scale=2), "scale=2"),
        (lambda: L.RandomBrightness(0.1, value_range=3), "value_range=3"),
        (lambda: L.RandomPosterization(9), "factor=9"),
        (lambda: L.RandomGaussianBlur(kernel_size=4), "odd"),
        (lambda: L.RandomErasing(fill_value=(1, 2)), "fill_value"),
        (lambda: L.MixUp(0), "alpha=0"),
        (lambda: L.Resizing(0, 3), "height=0"),
        (lambda: L.CenterCrop(3, 3)(np.zeros((4, 4), "float32")), "with or without a batch"),
    ],
)
def test_wrong_arguments_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
