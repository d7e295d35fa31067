"""Small folders of images, texts and sounds, and data sets in Keras' formats: made the same every time.

Used by ``make_utils_goldens.py``, which lets Keras read them, and by the tests, which let us. Needs NumPy
and Pillow alone.
"""

from __future__ import annotations

import json
import pickle
import wave
from pathlib import Path

import numpy as np

IMAGES = {  # path in the folder -> height, width, mode
    "cats/a.png": (9, 7, "RGB"),
    "cats/b.PNG": (6, 12, "RGB"),
    "cats/more/z.bmp": (5, 5, "RGB"),
    "dogs/10.png": (8, 8, "L"),
    "dogs/9.png": (16, 11, "RGBA"),
    "dogs/c.gif": (7, 9, "L"),
    "emus/e.png": (5, 20, "RGB"),
}
TEXTS = {
    "bad/1.txt": "No.", "bad/2.txt": "Not at all — never.\n", "good/1.txt": "Yes",
    "good/3.txt": "", "good/sub/2.txt": "Café, évidemment",
}  # fmt: skip
SOUNDS = {"low/a.wav": (50, 1), "low/b.wav": (31, 1), "high/c.wav": (44, 1), "high/d.wav": (60, 1)}


def write_images(folder: Path) -> None:
    from PIL import Image

    random = np.random.default_rng(1)
    for name, (height, width, mode) in IMAGES.items():
        channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
        pixels = random.integers(0, 256, (height, width, *channels), dtype=np.uint8)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    (folder / "cats" / "notes.txt").write_text("no image")
    (folder / ".hidden").mkdir(exist_ok=True)


def write_texts(folder: Path) -> None:
    for name, text in TEXTS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def write_sounds(folder: Path) -> None:
    random = np.random.default_rng(2)
    for name, (samples, channels) in SOUNDS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        values = random.integers(-(2**15), 2**15, (samples, channels)).astype("<i2")
        with wave.open(str(path), "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(values.tobytes())


def _texts(random: np.random.Generator, number: int) -> np.ndarray:
    found = np.empty(number, object)
    found[:] = [random.integers(1, 40, n).tolist() for n in random.integers(2, 9, number)]
    return found


def write_datasets(folder: Path) -> None:
    """Small files in the formats of IMDB, Reuters, the housing sets and CIFAR."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(3)
    words = {"x_train": _texts(random, 12), "x_test": _texts(random, 9)}
    labels = {"y_train": random.integers(0, 2, 12), "y_test": random.integers(0, 2, 9)}
    np.savez(folder / "imdb.npz", **words, **labels)
    np.savez(folder / "reuters.npz", x=_texts(random, 20), y=random.integers(0, 46, 20))
    for name in ("imdb_word_index.json", "reuters_word_index.json"):
        (folder / name).write_text(json.dumps({"the": 1, "film": 2}))
    np.savez(
        folder / "boston_housing.npz", x=random.normal(size=(15, 13)), y=random.normal(size=15)
    )
    california = random.normal(size=(610, 8)).astype("float32")
    np.savez(folder / "california_housing.npz", x=california, y=california[:, 0])
    _write_cifar(folder, random)


def _write_cifar(folder: Path, random: np.random.Generator) -> None:
    files = {f"cifar-10-batches-py/data_batch_{i}": ("labels", 10) for i in range(1, 6)}
    files["cifar-10-batches-py/test_batch"] = ("labels", 10)
    files["cifar-100-python/train"] = files["cifar-100-python/test"] = ("fine_labels", 100)
    for name, (key, classes) in files.items():
        content = {
            b"data": random.integers(0, 256, (3, 3072), dtype=np.uint8),
            key.encode(): random.integers(0, classes, 3).tolist(),
        }
        if classes == 100:
            content[b"coarse_labels"] = random.integers(0, 20, 3).tolist()
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pickle.dumps(content, protocol=3))


# -- cases: what both sides compute ---------------------------------------------------------------

FOLDER_CASES = [  # arguments of image_dataset_from_directory; Keras' permutation depends on the seed
    {"shuffle": False},
    {"seed": 1},
    {"seed": 20},
    {"shuffle": False, "class_names": ["emus", "cats"]},
    {"shuffle": False, "labels": None},
    {"shuffle": False, "label_mode": None},
    {"shuffle": False, "labels": [3, 1, 1, 0, 3, 1, 0]},
    {"seed": 5, "validation_split": 0.3, "subset": "training"},
    {"seed": 5, "validation_split": 0.3, "subset": "validation"},
    {"seed": 5, "validation_split": 0.5, "subset": "both"},
]
METHODS = (
    "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic",
)  # fmt: skip
IMAGE_CASES = [
    *({"interpolation": m, "image_size": [5, 6]} for m in METHODS),
    *({"interpolation": m, "image_size": [17, 13]} for m in METHODS),
    {"image_size": [6, 6], "crop_to_aspect_ratio": True},
    {"image_size": [4, 9], "crop_to_aspect_ratio": True, "interpolation": "nearest"},
    {"image_size": [6, 6], "pad_to_aspect_ratio": True},
    {"image_size": [11, 5], "pad_to_aspect_ratio": True, "interpolation": "bicubic"},
    {"image_size": [4, 4], "data_format": "channels_first"},
    {"image_size": [4, 4], "color_mode": "rgba"},
]
SERIES_CASES = [
    {"sequence_length": 4},
    {"sequence_length": 3, "sequence_stride": 2, "batch_size": 4},
    {"sequence_length": 4, "sampling_rate": 3, "sequence_stride": 5, "batch_size": 3},
    {"sequence_length": 3, "start_index": 4, "end_index": 17, "batch_size": 5},
    {"sequence_length": 2, "start_index": 6, "sampling_rate": 2},
    {"sequence_length": 5, "batch_size": None},
]
PAD_CASES = [
    {}, {"maxlen": 3}, {"maxlen": 3, "padding": "post"}, {"maxlen": 3, "truncating": "post"},
    {"maxlen": 6, "padding": "post", "truncating": "post", "value": -1.5, "dtype": "float32"},

]  # fmt: skip
SEQUENCES = [[1], [2, 3, 4, 5], [], [6, 7], [8, 9, 10, 11, 12]]
ONE_HOT_CASES = [
    ([0, 2, 1], None), ([[1], [0]], None), ([[0, 1], [2, 2]], 4), ([[[1], [3]]], 5), (2, None),
]  # fmt: skip
# Keras fails for axis=0, which it takes for -1
NORM_CASES = [{}, {"axis": 1, "order": 1}, {"axis": 2, "order": 3}]
WORD_CASES = [
    {}, {"num_words": 20}, {"skip_top": 6, "num_words": 25}, {"maxlen": 6}, {"start_char": None},
    {"oov_char": None, "num_words": 15}, {"index_from": 0, "start_char": None, "seed": 4},
]  # fmt: skip
SMART_CASES = [
    ([5, 4], "bilinear", "channels_last"), ([3, 9], "bicubic", "channels_last"),
    ([12, 12], "nearest", "channels_last"), ([4, 6], "bilinear", "channels_first"),
]  # fmt: skip
