"""Keras' data sets: where they are looked for, what is refused, and what is said where they are not."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, DatasetError
from waterhorse.runtime.datasets import _archive, _cifar


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch) -> None:
    """An empty cache, no folder of data, and addresses of files that are not there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("WATERHORSE_DATA", raising=False)
    gone = (tmp_path / "gone").as_uri() + "/"
    real = _archive.get_file
    for module in (_archive, _cifar):
        monkeypatch.setattr(
            module, "get_file", lambda name, origin, **kw: real(name, gone + name, **kw)
        )


LOADERS = {
    "imdb.npz": wh.datasets.imdb.load_data,
    "imdb_word_index.json": wh.datasets.imdb.get_word_index,
    "reuters.npz": wh.datasets.reuters.load_data,
    "reuters_word_index.json": wh.datasets.reuters.get_word_index,
    "boston_housing.npz": wh.datasets.boston_housing.load_data,
    "california_housing.npz": wh.datasets.california_housing.load_data,
    "cifar-10-batches-py": wh.datasets.cifar10.load_data,
    "cifar-100-python": wh.datasets.cifar100.load_data,
}


@pytest.mark.parametrize("name", LOADERS)
def test_what_is_missing_is_said(name, tmp_path) -> None:
    with pytest.raises(DatasetError) as caught:
        LOADERS[name]()
    told = str(caught.value)
    assert name in told
    assert str(tmp_path / "cache" / "waterhorse" / "datasets") in told
    assert "set WATERHORSE_DATA" in told
    assert isinstance(caught.value, OSError)


HOUSES = {"x": np.arange(10.0).reshape(5, 2), "y": np.arange(5.0)}


def test_where_a_file_is_looked_for(tmp_path, monkeypatch) -> None:
    load = wh.datasets.boston_housing.load_data
    np.savez(tmp_path / "mine.npz", **HOUSES)
    by_path = load(str(tmp_path / "mine.npz"))
    assert by_path[0][0].shape == (4, 2)
    for folder in (tmp_path / "data", tmp_path / "data2" / "boston_housing"):
        folder.mkdir(parents=True)
        np.savez(folder / "boston_housing.npz", **HOUSES)
    for root in ("data", "data2"):
        monkeypatch.setenv("WATERHORSE_DATA", str(tmp_path / root))
        np.testing.assert_array_equal(load()[0][0], by_path[0][0])


def test_a_file_in_the_cache_must_be_the_published_one(tmp_path) -> None:
    cache = tmp_path / "cache" / "waterhorse" / "datasets"
    cache.mkdir(parents=True)
    np.savez(cache / "boston_housing.npz", **HOUSES)
    with pytest.raises(DatasetError, match="could not be downloaded"):
        wh.datasets.boston_housing.load_data()


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_parts(share, tmp_path) -> None:
    np.savez(tmp_path / "h.npz", **HOUSES)
    (a, b), (c, d) = wh.datasets.boston_housing.load_data(str(tmp_path / "h.npz"), share)
    assert len(c) == len(d) == (0 if share == 0 else 3)
    assert sorted([*b.tolist(), *d.tolist()]) == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(np.concatenate([a, c])[:, 0], np.concatenate([b, d]) * 2)


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path(self.__class__.__name__),))


def packed(path: Path, **members: bytes) -> str:
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(f"{name}.npy", data)
    return str(path)


def test_no_code_in_a_file_is_run(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    texts = np.empty(1, object)
    texts[0] = Evil()
    np.savez(tmp_path / "imdb.npz", x_train=texts, y_train=[1], x_test=texts, y_test=[1])
    with pytest.raises(DatasetError, match=r"which no plain data needs"):
        wh.datasets.imdb.load_data(str(tmp_path / "imdb.npz"))
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    for name in ("train", "test"):
        (folder / name).write_bytes(pickle.dumps({b"data": Evil()}))
    monkeypatch.setenv("WATERHORSE_DATA", str(tmp_path))
    with pytest.raises(DatasetError, match=r"which no plain data needs"):
        wh.datasets.cifar100.load_data()
    assert not (tmp_path / "Evil").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no archive of x, y"),
        (b"words", "no archive of x, y"),
    ],
)
def test_damaged_archives(content, told, tmp_path) -> None:
    (tmp_path / "h.npz").write_bytes(content)
    with pytest.raises(DatasetError, match=told):
        wh.datasets.boston_housing.load_data(str(tmp_path / "h.npz"))


def test_archives_of_something_else(tmp_path) -> None:
    np.savez(tmp_path / "h.npz", x=HOUSES["x"])
    with pytest.raises(DatasetError, match="no archive of x, y"):
        wh.datasets.boston_housing.load_data(str(tmp_path / "h.npz"))
    path = packed(tmp_path / "p.npz", x=b"no array", y=b"")
    with pytest.raises(DatasetError, match="no archive of x, y"):
        wh.datasets.boston_housing.load_data(path)
    objects = np.array([None, 1], object)
    np.savez(tmp_path / "o.npz", x=objects, y=objects)
    with pytest.raises(DatasetError, match="no archive of x, y"):  # pickled, where numbers belong
        wh.datasets.boston_housing.load_data(str(tmp_path / "o.npz"))
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(DatasetError, match="is no JSON"):
        wh.datasets.imdb.get_word_index(str(tmp_path / "index.json"))


def cifar10(folder: Path, rows: int = 3, **more) -> None:
    folder.mkdir(exist_ok=True)
    for i, name in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
        data = np.arange(rows * 3072).reshape(rows, 3072) % 251 + i
        content = {b"data": data.astype(np.uint8), b"labels": [i] * rows, **more}
        (folder / name).write_bytes(pickle.dumps(content, protocol=3))


def test_cifar10(tmp_path, monkeypatch) -> None:
    cifar10(tmp_path / "cifar-10-batches-py")
    monkeypatch.setenv("WATERHORSE_DATA", str(tmp_path))
    (x_train, y_train), (x_test, y_test) = wh.datasets.cifar10.load_data()
    assert (x_train.shape, x_train.dtype) == ((15, 32, 32, 3), np.uint8)
    assert y_train.ravel().tolist() == np.repeat(range(5), 3).tolist()
    assert (y_test.shape, y_test.dtype, set(y_test.ravel())) == ((3, 1), np.uint8, {5})
    # the file has a picture's red plane first, row by row
    assert x_test[1, 2, 5, 1] == (3072 + 1024 + 2 * 32 + 5) % 251 + 5
    assert wh.datasets.cifar10.LABELS[3] == "cat"
    try:
        wh.config.set_image_data_format("channels_first")
        assert wh.datasets.cifar10.load_data()[0][0].shape == (15, 3, 32, 32)
    finally:
        wh.config.set_image_data_format("channels_last")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({b"labels": None}, "has no images and labels"),
        ({b"data": np.zeros((3, 7), np.uint8)}, "has no images and labels"),
    ],
)
def test_files_that_are_not_cifar(more, told, tmp_path, monkeypatch) -> None:
    cifar10(tmp_path / "cifar-10-batches-py")
    monkeypatch.setenv("WATERHORSE_DATA", str(tmp_path))
    path = tmp_path / "cifar-10-batches-py" / "data_batch_2"
    path.write_bytes(pickle.dumps({**pickle.loads(path.read_bytes()), **more}, protocol=3))
    with pytest.raises(DatasetError, match=f"data_batch_2 {told}"):
        wh.datasets.cifar10.load_data()
    path.write_bytes(b"words")
    with pytest.raises(DatasetError, match="data_batch_2 is no file of CIFAR"):
        wh.datasets.cifar10.load_data()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: wh.datasets.cifar100.load_data("x"), "label_mode='x'"),
        (lambda: wh.datasets.california_housing.load_data("x"), "version='x'"),
        (lambda: wh.datasets.boston_housing.load_data(test_split=1), "test_split=1"),
        (lambda: wh.datasets.reuters.load_data(test_split=-0.1), "test_split=-0.1"),
    ],
)
def test_arguments_that_make_no_sense(wrong, told) -> None:
    with pytest.raises(ArgumentError, match=told):
        wrong()


def test_texts_that_are_all_too_long(tmp_path) -> None:
    texts = np.empty(2, object)
    texts[:] = [[1, 2, 3], [4, 5, 6]]
    np.savez(tmp_path / "r.npz", x=texts, y=[0, 1])
    with pytest.raises(ArgumentError, match="maxlen=2: no text is shorter"):
        wh.datasets.reuters.load_data(str(tmp_path / "r.npz"), maxlen=2)
    (x, _), _ = wh.datasets.reuters.load_data(str(tmp_path / "r.npz"), test_split=0)
    assert x.dtype == object  # also where all texts are equally long
    assert len(wh.datasets.reuters.get_label_names()) == 46
