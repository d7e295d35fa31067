"""Golden values of Keras' utilities, data sets from folders and arrays, and loaders of data sets.

They need Keras with TensorFlow (the reference for how images are resized), in an environment of its own:

    python -m venv tf && tf/bin/pip install keras==3.15.1 tensorflow-cpu==2.21.0 pillow
    KERAS_BACKEND=tensorflow tf/bin/python tests/goldens/make_utils_goldens.py

What goes in is made by ``made_files.py``; ``keras_utils.npz`` has what came out.
"""

from __future__ import annotations

import json
import tempfile
from collections import OrderedDict, namedtuple
from pathlib import Path

import keras
import made_files as made
import numpy as np
from keras.src.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    imdb,
    reuters,
)
from keras.src.utils import dataset_utils

HERE = Path(__file__).parent
ARRAYS: dict[str, np.ndarray] = {}
FACTS: dict[str, object] = {}


def listed(folder: Path, case: dict) -> list:
    """Paths in the folder, labels and class names, as Keras' own functions find them."""
    case = dict(case)
    if case.get("label_mode", "int") is None:
        case["labels"] = None
    split, subset = case.pop("validation_split", None), case.pop("subset", None)
    paths, labels, names = dataset_utils.index_directory(
        str(folder), case.get("labels", "inferred"), made_suffixes(), case.get("class_names"),
        case.get("shuffle", True), case.get("seed"), verbose=False,
    )  # fmt: skip
    parts = []
    for part in ("training", "validation") if subset == "both" else (subset,):
        p, y = dataset_utils.get_training_or_validation_split(paths, labels, split, part)
        p = [str(Path(path).relative_to(folder)) for path in p]
        parts.append([p, None if y is None else [int(v) for v in y], names])
    return parts


def made_suffixes() -> tuple[str, ...]:
    return (".bmp", ".gif", ".jpeg", ".jpg", ".png")


def folders(root: Path) -> None:
    made.write_images(root / "images")
    made.write_texts(root / "texts")
    made.write_sounds(root / "sounds")
    FACTS["folders"] = [listed(root / "images", case) for case in made.FOLDER_CASES]
    for i, case in enumerate(made.IMAGE_CASES):
        # TensorFlow reads neither GIF nor BMP with channels=4
        names = ["emus"] if case.get("color_mode") == "rgba" else None
        found = keras.utils.image_dataset_from_directory(
            root / "images",
            shuffle=False,
            verbose=False,
            batch_size=None,
            class_names=names,
            **case,
        )
        ARRAYS[f"image/{i}"] = np.stack([np.asarray(x, "float32") for x, _ in found])
    texts = keras.utils.text_dataset_from_directory(
        root / "texts",
        shuffle=False,
        label_mode="binary",
        max_length=7,
        verbose=False,
        batch_size=3,
    )
    FACTS["texts"] = [
        [[t.decode("utf-8", "ignore") for t in x.numpy()], y.numpy().tolist()] for x, y in texts
    ]
    for length in (None, 40):
        sounds = keras.utils.audio_dataset_from_directory(
            root / "sounds", shuffle=False, label_mode="categorical", batch_size=3,
            output_sequence_length=length, verbose=False,
        )  # fmt: skip
        for i, (x, y) in enumerate(sounds):
            ARRAYS[f"sound/{length}/{i}/x"], ARRAYS[f"sound/{length}/{i}/y"] = x.numpy(), y.numpy()


def series() -> None:
    data, targets = np.arange(40).reshape(20, 2), np.arange(100, 120)
    for i, case in enumerate(made.SERIES_CASES):
        for with_targets in (False, True):
            found = keras.utils.timeseries_dataset_from_array(
                data, targets if with_targets else None, **case
            )
            batches = [
                [np.asarray(p).tolist() for p in (b if with_targets else (b,))] for b in found
            ]
            FACTS[f"series/{i}/{with_targets}"] = batches


def arrays() -> None:
    for i, case in enumerate(made.PAD_CASES):
        ARRAYS[f"pad/{i}"] = keras.utils.pad_sequences(made.SEQUENCES, **case)
    for i, (x, classes) in enumerate(made.ONE_HOT_CASES):
        ARRAYS[f"one_hot/{i}"] = keras.utils.to_categorical(x, classes)
    x = np.random.default_rng(4).normal(size=(2, 3, 4))
    x[0, 0] = 0
    for i, case in enumerate(made.NORM_CASES):
        ARRAYS[f"norm/{i}"] = keras.utils.normalize(x, **case)
    for i, (size, method, layout) in enumerate(made.SMART_CASES):
        image = np.random.default_rng(5).uniform(0, 255, (7, 8, 9)).astype("float32")
        ARRAYS[f"smart/{i}"] = np.asarray(
            keras.preprocessing.image.smart_resize(image, tuple(size), method, layout)
        )


def loaders(root: Path) -> None:
    made.write_datasets(root)

    def local(fname: str = "", **_: object) -> str:
        return str(root if fname.startswith("cifar") else root / fname)

    for module in (boston_housing, california_housing, cifar10, cifar100, imdb, reuters):
        module.get_file = local
    for name, module in (("imdb", imdb), ("reuters", reuters)):
        FACTS[name] = []
        for case in made.WORD_CASES:
            (a, b), (c, d) = module.load_data(**case)
            FACTS[name].append([[[int(w) for w in t] for t in a], b.tolist(),
                                [[int(w) for w in t] for t in c], d.tolist()])  # fmt: skip
    sets = {
        "boston": boston_housing.load_data(), "boston2": boston_housing.load_data(test_split=0.5, seed=3),
        "california": california_housing.load_data("small"),
        "cifar100": cifar100.load_data("coarse"),
    }  # fmt: skip
    for name, ((a, b), (c, d)) in sets.items():
        for label, array in zip(("a", "b", "c", "d"), (a, b, c, d), strict=True):
            # of the pictures, a few pixels; of the districts, a few features
            ARRAYS[f"{name}/{label}"] = array[..., :2, :2, :] if array.ndim == 4 else array[:, :2] if (
                array.ndim == 2) else array  # fmt: skip


def trees() -> None:
    point = namedtuple("Point", ["x", "y"])  # noqa: PYI024
    tree = keras.tree
    nests = [3, None, [1, [2, (3,)]], {"b": 1, "a": [2, None]}, point(1, {"z": 2}),
             OrderedDict([("b", 1), ("a", 2)]), (), [{}], {"k": {"c": 1, "a": 2}}]  # fmt: skip
    FACTS["trees"] = [
        {
            "flat": tree.flatten(nest),
            "paths": [[list(p), v] for p, v in tree.flatten_with_path(nest)],
            "nested": tree.is_nested(nest),
            "tuples": repr(tree.lists_to_tuples(nest)),
            "packed": repr(
                tree.pack_sequence_as(nest, list(range(10, 10 + len(tree.flatten(nest)))))
            ),
            "mapped": repr(tree.map_structure(lambda v: (v,), nest)),
        }
        for nest in nests
    ]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        folders(Path(temporary))
        loaders(Path(temporary) / "sets")
    series()
    arrays()
    trees()
    path = HERE / "keras_utils.npz"
    np.savez_compressed(path, facts=json.dumps(FACTS), **ARRAYS)
    print(f"{path.name}: {len(ARRAYS)} arrays, {path.stat().st_size} bytes")
