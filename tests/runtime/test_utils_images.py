"""Images from files to arrays and back, against Pillow's own values."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, DataError

Image = pytest.importorskip("PIL.Image")
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


@pytest.fixture
def path(tmp_path) -> Path:
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_load_as_it_is(path) -> None:
    for given in (path, str(path), str(path).encode(), io.BytesIO(path.read_bytes())):
        found = wh.utils.img_to_array(wh.utils.load_img(given))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, PIXELS)
    first = wh.utils.img_to_array(
        wh.utils.load_img(path), data_format="channels_first", dtype="uint8"
    )
    np.testing.assert_array_equal(first, PIXELS.transpose(2, 0, 1))


@pytest.mark.parametrize(("mode", "channels"), [("grayscale", 1), ("rgb", 3), ("rgba", 4)])
def test_modes(mode, channels, path) -> None:
    found = wh.utils.img_to_array(wh.utils.load_img(path, mode))
    wanted = np.asarray(Image.open(path).convert({1: "L", 3: "RGB", 4: "RGBA"}[channels]))
    np.testing.assert_array_equal(found, wanted.reshape(6, 9, channels))


def test_sixteen_bits_stay_sixteen(tmp_path) -> None:
    deep = np.array([[0, 300], [40000, 65535]], np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    found = wh.utils.img_to_array(wh.utils.load_img(tmp_path / "deep.png", "grayscale"))
    assert found[..., 0].tolist() == deep.tolist()


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"])
def test_sizes(method, path) -> None:
    found = wh.utils.load_img(path, target_size=(4, 5), interpolation=method)
    wanted = Image.open(path).resize((5, 4), getattr(Image.Resampling, method.upper()))
    np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted))


def test_shape_is_kept_by_cutting_the_sides(path) -> None:
    found = wh.utils.load_img(path, target_size=(3, 3), interpolation="box", keep_aspect_ratio=True)
    wanted = Image.fromarray(PIXELS[:, 1:7]).resize((3, 3), Image.Resampling.BOX)  # 6 of 9 columns
    np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_there_and_back(channels, tmp_path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (5, 4, channels), dtype=np.uint8)
    wh.utils.save_img(tmp_path / "b.png", pixels, scale=False)
    mode = {1: "grayscale", 3: "rgb", 4: "rgba"}[channels]
    np.testing.assert_array_equal(
        wh.utils.img_to_array(wh.utils.load_img(tmp_path / "b.png", mode)), pixels
    )
    wh.utils.save_img(tmp_path / "c.png", pixels.transpose(2, 0, 1), "channels_first", scale=False)
    assert (tmp_path / "c.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_scaling() -> None:
    found = np.asarray(wh.utils.array_to_img(np.array([[[-1.0], [0.0], [1.0]]])))
    assert found.tolist() == [[0, 127, 255]]
    assert np.asarray(wh.utils.array_to_img(np.zeros((1, 1, 3)))).tolist() == [[[0, 0, 0]]]
    wide = wh.utils.array_to_img(np.array([[[0], [70000]]]), scale=False)
    assert (wide.mode, np.asarray(wide).tolist()) == ("I", [[0, 70000]])


def test_jpeg_drops_transparency(tmp_path) -> None:
    with pytest.warns(UserWarning, match="no transparency"):
        wh.utils.save_img(tmp_path / "a.jpg", np.zeros((4, 4, 4)))
    assert wh.utils.load_img(tmp_path / "a.jpg", "rgb").size == (4, 4)
    with Image.open(tmp_path / "a.jpg") as written:
        assert (written.format, written.mode) == ("JPEG", "RGB")
    buffer = io.BytesIO()
    wh.utils.save_img(buffer, np.zeros((4, 4, 3)), file_format="jpg", quality=10)
    assert Image.open(io.BytesIO(buffer.getvalue())).format == "JPEG"


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        (lambda p: wh.utils.load_img(p, "cmyk"), ArgumentError, "color_mode='cmyk'"),
        (lambda p: wh.utils.load_img(p, target_size=(2, 2), interpolation="x"), ArgumentError, "interpolation='x'"),
        (lambda p: wh.utils.load_img(5), ArgumentError, "path is a int"),
        (lambda p: wh.utils.load_img(__file__), DataError, "no image that can be read"),
        (lambda p: wh.utils.array_to_img(np.zeros((2, 2))), DataError, "3 dims"),
        (lambda p: wh.utils.array_to_img(np.zeros((2, 2, 2))), DataError, "has 2"),
        (lambda p: wh.utils.img_to_array(np.zeros(3)), DataError, "2 or 3 dims"),
        (lambda p: wh.preprocessing.image.smart_resize(PIXELS, (2,)), ArgumentError, r"size=\(2,\)"),
        (lambda p: wh.preprocessing.image.smart_resize(PIXELS, (2, 2), "x"), ArgumentError, "interpolation='x'"),
        (lambda p: wh.preprocessing.image.smart_resize(PIXELS[0], (2, 2)), DataError, "3 or 4 dims"),
    ],
)  # fmt: skip
def test_what_is_refused(wrong, error, told, path) -> None:
    with pytest.raises(error, match=told):
        wrong(path)


def test_without_pillow(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    for call in (
        lambda: wh.utils.load_img("x"),
        lambda: wh.utils.image_dataset_from_directory("x"),
    ):
        with pytest.raises(ImportError, match="pip install pillow"):
            call()
