"""Utilities, data sets from folders and arrays, and loaders: against golden values of Keras.

``tests/goldens/make_utils_goldens.py`` wrote them (with TensorFlow's images); ``made_files.py`` makes what
goes in.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections import OrderedDict, namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh

GOLDENS = Path(__file__).parents[1] / "goldens"
SPEC = importlib.util.spec_from_file_location("made_files", GOLDENS / "made_files.py")
made: Any = importlib.util.module_from_spec(SPEC)  # type: ignore[arg-type]
SPEC.loader.exec_module(made)  # type: ignore[union-attr]
ARRAYS = np.load(GOLDENS / "keras_utils.npz")
FACTS = json.loads(str(ARRAYS["facts"]))


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    pytest.importorskip("PIL")
    made.write_images(folder / "images")
    made.write_texts(folder / "texts")
    made.write_sounds(folder / "sounds")
    made.write_datasets(folder / "sets")
    return folder


# -- folders ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("i", range(len(made.FOLDER_CASES)))
def test_files_labels_and_parts(i, root) -> None:
    case = made.FOLDER_CASES[i]
    found = wh.utils.image_dataset_from_directory(
        root / "images", batch_size=None, image_size=(3, 3), verbose=False, **case
    )
    sets = found if isinstance(found, list) else [found]
    for dataset, (paths, labels, names) in zip(sets, FACTS["folders"][i], strict=True):
        assert [str(Path(p).relative_to(root / "images")) for p in dataset.file_paths] == paths
        assert dataset.class_names == names
        assert len(dataset) == len(paths)
        if labels is None:
            assert next(dataset.iterate(0)).shape == (3, 3, 3)
            continue
        in_order = [int(y) for _, y in dataset.iterate(0)]
        assert sorted(in_order) == sorted(labels)
        if case.get("shuffle") is False or dataset is not sets[0]:  # shuffled again in each pass
            assert in_order == labels


def test_labels_go_with_their_files(root) -> None:
    dataset = wh.utils.image_dataset_from_directory(
        root / "images", batch_size=None, image_size=(4, 4), seed=3, verbose=False
    )
    assert dataset.class_names == ["cats", "dogs", "emus"]
    wanted = {}
    for i, path in enumerate(dataset.file_paths):
        name = Path(path).relative_to(root / "images")
        by_itself = root / f"single{i}" / "one" / name.name
        by_itself.parent.mkdir(parents=True)
        shutil.copy(path, by_itself)
        ((x, _),) = wh.utils.image_dataset_from_directory(
            root / f"single{i}", batch_size=None, image_size=(4, 4), verbose=False
        )
        wanted[x.tobytes()] = ["cats", "dogs", "emus"].index(name.parts[0])
    passes = [[(x.tobytes(), int(y)) for x, y in dataset.iterate(n)] for n in range(3)]
    assert all(dict(p) == wanted for p in passes)
    assert passes[0] != passes[1] != passes[2]


@pytest.mark.parametrize("i", range(len(made.IMAGE_CASES)))
def test_images(i, root) -> None:
    case = made.IMAGE_CASES[i]
    names = ["emus"] if case.get("color_mode") == "rgba" else None
    case = {**case, "image_size": tuple(case["image_size"])}
    dataset = wh.utils.image_dataset_from_directory(
        root / "images", shuffle=False, verbose=False, batch_size=4, class_names=names, **case
    )
    found = np.concatenate([x for x, _ in dataset])
    assert found.dtype == np.float32
    # TensorFlow looks bicubic weights up in a table of 1024 positions
    cubic = case.get("interpolation") == "bicubic"
    close = {"rtol": 1e-5, "atol": 0.5 if cubic else 1e-3}
    np.testing.assert_allclose(found, ARRAYS[f"image/{i}"], **close)


def test_texts(root) -> None:
    found = wh.utils.text_dataset_from_directory(
        root / "texts",
        shuffle=False,
        label_mode="binary",
        max_length=7,
        verbose=False,
        batch_size=3,
    )
    assert [[x.tolist(), y.tolist()] for x, y in found] == FACTS["texts"]
    assert found.class_names == ["bad", "good"]


@pytest.mark.parametrize("length", [None, 40])
def test_sounds(length, root) -> None:
    found = wh.utils.audio_dataset_from_directory(
        root / "sounds", shuffle=False, label_mode="categorical", batch_size=3,
        output_sequence_length=length, verbose=False,
    )  # fmt: skip
    batches = list(found)
    assert len(batches) == len(found) == 2
    for i, (x, y) in enumerate(batches):
        np.testing.assert_array_equal(x, ARRAYS[f"sound/{length}/{i}/x"])
        np.testing.assert_array_equal(y, ARRAYS[f"sound/{length}/{i}/y"])
        assert x.dtype == y.dtype == np.float32


# -- arrays -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_targets", [False, True])
@pytest.mark.parametrize("i", range(len(made.SERIES_CASES)))
def test_series(i, with_targets) -> None:
    data, targets = np.arange(40).reshape(20, 2), np.arange(100, 120)
    dataset = wh.utils.timeseries_dataset_from_array(
        data, targets if with_targets else None, **made.SERIES_CASES[i]
    )
    found = [[p.tolist() for p in (b if with_targets else (b,))] for b in dataset]
    assert found == FACTS[f"series/{i}/{with_targets}"]
    assert len(dataset) == len(found)


@pytest.mark.parametrize("i", range(len(made.PAD_CASES)))
def test_pad_sequences(i) -> None:
    found = wh.utils.pad_sequences(made.SEQUENCES, **made.PAD_CASES[i])
    np.testing.assert_array_equal(found, ARRAYS[f"pad/{i}"])
    assert found.dtype == ARRAYS[f"pad/{i}"].dtype


@pytest.mark.parametrize("i", range(len(made.ONE_HOT_CASES)))
def test_to_categorical(i) -> None:
    found = wh.utils.to_categorical(*made.ONE_HOT_CASES[i])
    np.testing.assert_array_equal(found, ARRAYS[f"one_hot/{i}"])
    assert found.dtype == ARRAYS[f"one_hot/{i}"].dtype


@pytest.mark.parametrize("i", range(len(made.NORM_CASES)))
def test_normalize(i) -> None:
    x = np.random.default_rng(4).normal(size=(2, 3, 4))
    x[0, 0] = 0
    found = wh.utils.normalize(x, **made.NORM_CASES[i])
    np.testing.assert_allclose(found, ARRAYS[f"norm/{i}"], rtol=1e-12)


@pytest.mark.parametrize("i", range(len(made.SMART_CASES)))
def test_smart_resize(i) -> None:
    size, method, layout = made.SMART_CASES[i]
    image = np.random.default_rng(5).uniform(0, 255, (7, 8, 9)).astype("float32")
    found = wh.preprocessing.image.smart_resize(image, tuple(size), method, layout)
    np.testing.assert_allclose(
        found, ARRAYS[f"smart/{i}"], rtol=1e-5, atol=0.5 if method == "bicubic" else 1e-3
    )


# -- loaders ------------------------------------------------------------------------------------------


@pytest.fixture
def local(root, monkeypatch) -> None:
    monkeypatch.setenv("WATERHORSE_DATA", str(root / "sets"))


@pytest.mark.parametrize("name", ["imdb", "reuters"])
@pytest.mark.parametrize("i", range(len(made.WORD_CASES)))
def test_words(name, i, local) -> None:
    module = getattr(wh.datasets, name)
    (a, b), (c, d) = module.load_data(**made.WORD_CASES[i])
    assert [a.tolist(), b.tolist(), c.tolist(), d.tolist()] == FACTS[name][i]
    assert a.dtype == c.dtype == object
    assert all(type(w) is int for text in a for w in text)
    assert module.get_word_index() == {"the": 1, "film": 2}


SETS = {
    "boston": wh.datasets.boston_housing.load_data,
    "boston2": lambda: wh.datasets.boston_housing.load_data(test_split=0.5, seed=3),
    "california": lambda: wh.datasets.california_housing.load_data("small"),
    "cifar100": lambda: wh.datasets.cifar100.load_data("coarse"),
}


@pytest.mark.parametrize("name", SETS)
def test_sets(name, local) -> None:
    (a, b), (c, d) = SETS[name]()
    for label, array in zip("abcd", (a, b, c, d), strict=True):
        wanted = ARRAYS[f"{name}/{label}"]
        few = (
            array[..., :2, :2, :] if array.ndim == 4 else array[:, :2] if array.ndim == 2 else array
        )
        np.testing.assert_array_equal(few, wanted)
        assert few.dtype == wanted.dtype


# -- nests --------------------------------------------------------------------------------------------

Point = namedtuple("Point", ["x", "y"])  # noqa: PYI024
NESTS = [
    3, None, [1, [2, (3,)]], {"b": 1, "a": [2, None]}, Point(1, {"z": 2}),
    OrderedDict([("b", 1), ("a", 2)]), (), [{}], {"k": {"c": 1, "a": 2}},
]  # fmt: skip


def undressed(text: str) -> Any:
    """What a repr says; the order of a dict's keys does not count."""
    return eval(text, {"Point": Point, "OrderedDict": OrderedDict})


@pytest.mark.parametrize("i", range(len(NESTS)))
def test_tree(i) -> None:
    nest, wanted, tree = NESTS[i], FACTS["trees"][i], wh.tree
    assert tree.flatten(nest) == wanted["flat"]
    assert [[list(p), v] for p, v in tree.flatten_with_path(nest)] == wanted["paths"]
    assert tree.is_nested(nest) == wanted["nested"]
    values = list(range(10, 10 + len(tree.flatten(nest))))
    assert tree.pack_sequence_as(nest, values) == undressed(wanted["packed"])
    assert tree.map_structure(lambda v: (v,), nest) == undressed(wanted["mapped"])
    assert tree.lists_to_tuples(nest) == undressed(wanted["tuples"])
