"""``get_file``: from file addresses, checked, kept, extracted; nothing half done is left behind."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from contextlib import nullcontext
from pathlib import Path

import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, DatasetError


@pytest.fixture
def origin(tmp_path) -> Path:
    path = tmp_path / "served" / "words.txt"
    path.parent.mkdir()
    path.write_bytes(b"words\n")
    return path


SHA = hashlib.sha256(b"words\n").hexdigest()
MD5 = hashlib.md5(b"words\n").hexdigest()


def listed(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


@pytest.mark.parametrize(
    "checks",
    [
        {}, {"file_hash": SHA}, {"file_hash": MD5}, {"md5_hash": MD5},
        {"file_hash": SHA, "hash_algorithm": "sha256"}, {"file_hash": MD5, "hash_algorithm": "md5"},
    ],
)  # fmt: skip
def test_a_file_is_kept(checks, origin, tmp_path) -> None:
    cache = tmp_path / "cache"
    found = wh.utils.get_file(origin=origin.as_uri(), cache_dir=cache, **checks)
    assert found == str(cache / "datasets" / "words.txt")
    assert Path(found).read_bytes() == b"words\n"
    assert listed(cache) == ["datasets", "datasets/words.txt"]
    origin.unlink()  # it is not asked for again
    assert wh.utils.get_file(origin=origin.as_uri(), cache_dir=cache, **checks) == found
    with pytest.raises(DatasetError, match=r"put the file at .*words\.txt"):
        wh.utils.get_file(origin=origin.as_uri(), cache_dir=cache, force_download=True, **checks)


def test_names_and_folders(origin, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    found = wh.utils.get_file("mine.txt", origin.as_uri(), cache_subdir="texts")
    assert found == str(tmp_path / "home" / "waterhorse" / "texts" / "mine.txt")
    found = wh.utils.get_file(origin=origin.as_uri(), cache_subdir=str(tmp_path / "elsewhere"))
    assert found == str(tmp_path / "elsewhere" / "words.txt")


def test_a_file_with_another_checksum_is_replaced(origin, tmp_path) -> None:
    cache = tmp_path / "cache"
    (cache / "datasets").mkdir(parents=True)
    (cache / "datasets" / "words.txt").write_text("old")
    found = wh.utils.get_file(origin=origin.as_uri(), cache_dir=cache, file_hash=SHA)
    assert Path(found).read_bytes() == b"words\n"


def test_what_is_not_expected_is_not_kept(origin, tmp_path) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(DatasetError, match=f"has the sha256 checksum {SHA}; expected {'0' * 64}"):
        wh.utils.get_file(origin=origin.as_uri(), cache_dir=cache, file_hash="0" * 64)
    assert listed(cache) == ["datasets"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "needs origin="),
        ({"origin": "http://example.org"}, "fname=''"),
        ({"fname": "a/b", "origin": "file:///x"}, "without folders"),
        ({"fname": "..", "origin": "file:///x"}, "without folders"),
        ({"origin": "file:///x", "hash_algorithm": "crc"}, "hash_algorithm='crc'"),
    ],
)
def test_arguments_that_make_no_sense(arguments, told) -> None:
    with pytest.raises(ArgumentError, match=told):
        wh.utils.get_file(**arguments)


# -- archives ------------------------------------------------------------------------------------------

CONTENT = {"set/a.txt": b"a", "set/deep/b.txt": b"b"}


def tar(path: Path, content=None) -> Path:
    with tarfile.open(path, "w:gz") as file:
        for name, data in (content or CONTENT).items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def zipped(path: Path, content=None) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, data in (content or CONTENT).items():
            file.writestr(name, data)
    return path


@pytest.mark.parametrize("make", [tar, zipped])
@pytest.mark.parametrize(
    ("fname", "folder", "archive"),
    [  # the names that Keras gives
        (None, "served.tgz", "served.tgz_archive"),
        ("mine", "mine", "mine_archive"),
        ("mine.tgz", "mine_extracted", "mine.tgz"),
    ],
)
def test_archives(make, fname, folder, archive, tmp_path) -> None:
    path, cache = make(tmp_path / "served.tgz"), tmp_path / "cache"
    found = wh.utils.get_file(fname, path.as_uri(), cache_dir=cache, extract=True)
    assert found == str(cache / "datasets" / folder)
    assert listed(cache / "datasets") == sorted(
        [
            archive,
            folder,
            *(f"{folder}/{n}" for n in ("set", "set/a.txt", "set/deep", "set/deep/b.txt")),
        ]
    )
    path.unlink()
    (Path(found) / "set" / "a.txt").write_text("changed")  # it is not extracted again
    again = wh.utils.get_file(fname, path.as_uri(), cache_dir=cache, extract=True)
    assert (Path(again) / "set" / "a.txt").read_text() == "changed"


def test_a_new_archive_takes_the_place_of_the_old_one(tmp_path) -> None:
    path, cache = tar(tmp_path / "s.tgz"), tmp_path / "cache"
    wh.utils.get_file(origin=path.as_uri(), cache_dir=cache, untar=True)
    tar(path, {"new.txt": b"new"})
    found = wh.utils.get_file(
        origin=path.as_uri(), cache_dir=cache, untar=True, force_download=True
    )
    assert listed(Path(found)) == ["new.txt"]


@pytest.mark.parametrize("make", [tar, zipped])
def test_archives_write_nowhere_else(make, tmp_path) -> None:
    path = make(tmp_path / "evil.tgz", {"../../outside.txt": b"x", "good.txt": b"y"})
    cache = tmp_path / "cache"
    refused = pytest.raises(DatasetError, match="could not be unpacked")
    with refused if make is tar else nullcontext():  # zipfile writes it inside of the folder
        wh.utils.get_file(origin=path.as_uri(), cache_dir=cache, extract=True)
    if make is tar:
        assert listed(cache / "datasets") == ["evil.tgz_archive"]
    assert not (tmp_path / "outside.txt").exists()
    assert not list(tmp_path.glob("cache/outside.txt"))


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"archive_format": None}, ArgumentError, "needs archive_format"),
        ({"archive_format": "rar"}, ArgumentError, "archive_format='rar'"),
        (
            {"archive_format": "zip"},
            DatasetError,
            r"no archive of a kind that was asked for \(zip\)",
        ),
    ],
)
def test_archives_of_other_kinds(arguments, error, told, tmp_path) -> None:
    path = tar(tmp_path / "s.tgz")
    with pytest.raises(error, match=told):
        wh.utils.get_file(
            origin=path.as_uri(), cache_dir=tmp_path / "cache", extract=True, **arguments
        )


def test_damaged_archives(tmp_path) -> None:
    path = tar(tmp_path / "s.tgz", {"a": bytes(range(256)) * 500})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DatasetError):
        wh.utils.get_file(origin=path.as_uri(), cache_dir=tmp_path / "cache", extract=True)
    assert listed(tmp_path / "cache" / "datasets") == ["s.tgz_archive"]
