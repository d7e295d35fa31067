"""Data sets: the embedded one, local copies, downloads, and everything that can be wrong with them."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, DatasetError
from waterhorse.runtime.datasets import _idx
from waterhorse.runtime.datasets import fashion_mnist as fashion
from waterhorse.runtime.utils import download as transfer

ROOT = Path(__file__).parent.parent.parent
SHARED = ROOT.parent / "shared" / "data"
FIRST = (3, 1, 2)
NAMES = _idx._NAMES
Files = dict[str, bytes]


def idx(values: np.ndarray) -> bytes:
    """The idx file of an uint8 array, gzipped."""
    head = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    return gzip.compress(head + values.tobytes(), mtime=0)


def small_files() -> Files:
    """Six training and four test images in the set's four files."""
    pixels = np.arange(10 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(10, 28, 28)
    labels = np.array([*FIRST, 0, 9, 5, 7, 7, 0, 1], np.uint8)
    parts = (pixels[:6], labels[:6], pixels[6:], labels[6:])
    return dict(zip(NAMES, map(idx, parts), strict=True))


def described(files: Files, base: str = "http://127.0.0.1:9/", **more: Any) -> _idx.ImageSet:
    """The set ``toy_set`` of those files."""
    sums = tuple(hashlib.sha256(files[n]).hexdigest() for n in NAMES)
    known: dict[str, Any] = {"first_labels": FIRST, "counts": (6, 4), **more}
    return _idx.ImageSet("toy_set", base, sums, **known)  # type: ignore[arg-type]


def put(files: Files, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def assert_is_toy(split: _idx.Split) -> None:
    (x_train, y_train), (x_test, y_test) = split
    assert x_train.shape == (6, 28, 28)
    assert x_test.shape == (4, 28, 28)
    assert x_train.dtype == y_train.dtype == x_test.dtype == y_test.dtype == np.uint8
    assert y_train.tolist() == [3, 1, 2, 0, 9, 5]
    assert y_test.tolist() == [7, 7, 0, 1]
    np.testing.assert_array_equal(x_train[0, 0, :4], [0, 1, 2, 3])
    assert x_test[0, 0, 0] == (6 * 28 * 28) % 256


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees this machine's copies or writes to the user's cache, and none uses a proxy."""
    monkeypatch.delenv("WATERHORSE_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")


class Server:
    """Serves ``files`` on a loopback port; ``cut`` sends that many bytes and hangs up."""

    def __init__(self) -> None:
        self.files: Files = small_files()
        self.cut: int | None = None
        self.asked: list[str] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.base = f"http://127.0.0.1:{self._http.server_address[1]}/set/"
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.removeprefix("/set/")
                outer.asked.append(name)
                if name not in outer.files:
                    self.send_error(404)
                    return
                content = outer.files[name]
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: outer.cut])

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        return Handler

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


# --- the embedded digits ---


def test_digits_are_the_real_ones() -> None:
    (x, y), (x_test, y_test) = wh.datasets.load_digits(test_fraction=0)
    assert x.shape == (1797, 8, 8, 1)
    assert x.dtype == np.uint8
    assert y.dtype == np.int64
    assert (x.min(), x.max()) == (0, 16)
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    # The first image of the published file.
    assert x[0, 0, :, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert y[:10].tolist() == list(range(10))
    assert int(x.sum(dtype=np.int64)) == 561718
    assert x_test.shape == (0, 8, 8, 1)
    assert y_test.shape == (0,)


def test_digits_are_small_and_attributed() -> None:
    folder = ROOT / "runtime" / "datasets"
    assert (folder / "digits.npz").stat().st_size < 200_000
    told = (folder / "digits-ATTRIBUTION.md").read_text()
    for fact in ("Alpaydin", "Kaynak", "10.24432/C50P49", "CC BY 4.0"):
        assert fact in told


def test_digits_split_is_a_stratified_partition() -> None:
    (x_train, y_train), (x_test, y_test) = wh.datasets.load_digits(test_fraction=0.25)
    (x_all, _), _ = wh.datasets.load_digits(test_fraction=0)
    both = np.concatenate([x_train, x_test]).reshape(-1, 64)
    np.testing.assert_array_equal(np.unique(both, axis=0), np.unique(x_all.reshape(-1, 64), axis=0))
    assert len(both) == 1797
    share = np.bincount(y_test) / np.bincount(np.concatenate([y_train, y_test]))
    np.testing.assert_allclose(share, 0.25, atol=0.004)


def test_digits_split_depends_on_the_seed_alone() -> None:
    def test_part(seed: int) -> bytes:
        np.random.default_rng().random()
        return wh.datasets.load_digits(seed=seed)[1][0].tobytes()

    assert test_part(0) == test_part(0)
    assert test_part(0) != test_part(1)
    # Written down: a release of NumPy or of ours must not change what people's results refer to.
    assert hashlib.sha256(test_part(0)).hexdigest()[:12] == "08c1d81bf101"


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.5, float("nan"), "0.2", None, 0.001, 0.999])
def test_digits_bad_fraction(fraction: Any) -> None:
    with pytest.raises(ArgumentError, match=f"test_fraction={fraction!r}"):
        wh.datasets.load_digits(test_fraction=fraction)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, None, "0"])
def test_digits_bad_seed(seed: Any) -> None:
    with pytest.raises(ArgumentError, match="expected an integer"):
        wh.datasets.load_digits(seed=seed)


# --- local copies ---


@pytest.mark.parametrize("place", ["", "toy_set", "toy-set"])
@pytest.mark.parametrize("packed", [True, False])
def test_idx_files_in_the_data_folder(
    place: str, packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = small_files()
    ready = files if packed else {n[:-3]: gzip.decompress(c) for n, c in files.items()}
    put(ready, tmp_path / "data" / place)
    monkeypatch.setenv("WATERHORSE_DATA", str(tmp_path / "data"))
    assert_is_toy(_idx.load_split(described(files)))


def test_what_is_loaded_can_be_written_to(tmp_path: Path) -> None:
    files = small_files()
    what = described(files, places=(put(files, tmp_path / "package"),))
    split = _idx.load_split(what)
    assert_is_toy(split)
    split[0][0][0] = 7
    split[1][1][0] = 7


def test_npz_wins_and_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = small_files()
    what = described(files, places=(put(files, tmp_path / "package"),))
    (x, y), (x_test, y_test) = _idx.load_split(what)
    parts = {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test}
    monkeypatch.setenv("WATERHORSE_DATA", str(tmp_path))
    np.savez(tmp_path / "toy_set.npz", **parts)
    assert_is_toy(_idx.load_split(what))
    np.savez(tmp_path / "toy_set.npz", **{**parts, "x_test": x_test.astype(np.float32)})
    with pytest.raises(DatasetError, match="found float32"):
        _idx.load_split(what)
    np.savez(tmp_path / "toy_set.npz", x_train=x)
    with pytest.raises(DatasetError, match="no archive of x_train, y_train"):
        _idx.load_split(what)
    for damaged in (b"", b"PK\x03\x04 and no more", b"words"):
        (tmp_path / "toy_set.npz").write_bytes(damaged)
        with pytest.raises(DatasetError, match="no archive"):
            _idx.load_split(what)


def test_a_folder_that_is_none_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATERHORSE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DatasetError, match="nowhere is no folder"):
        wh.datasets.mnist.load_data()


HEAD = struct.pack(">HBBI", 0, 8, 1, 6)
LABELS = bytes([*FIRST, 0, 9, 5])
DAMAGE = {
    "not gzip": (b"this is a web page", "is damaged"),
    "empty": (b"", "damaged"),
    "gzip cut short": (gzip.compress(HEAD + LABELS)[:-5], "is damaged"),
    "too few labels": (gzip.compress(HEAD + LABELS[:-1]), "wrong length"),
    "too many labels": (gzip.compress(HEAD + LABELS + b"\1"), "wrong length"),
    "header cut short": (gzip.compress(HEAD[:6]), "is damaged"),
    "wrong magic": (gzip.compress(b"\1\2" + HEAD[2:] + LABELS), "no idx file of bytes"),
    "floats": (gzip.compress(b"\0\0\x0d" + HEAD[3:] + LABELS), "no idx file of bytes"),
    "label 10": (gzip.compress(HEAD + LABELS[:-1] + b"\x0a"), "label 10"),
    "another count": (idx(np.array([*FIRST], np.uint8)), r"labels \(6,\); found"),
    "images": (small_files()[NAMES[0]], "found uint8"),
    "another set": (idx(np.array([1, 1, 1, 0, 9, 5], np.uint8)), "this is not toy_set"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, expected = DAMAGE[damage]
    files = small_files()
    put({**files, NAMES[1]: content}, tmp_path)
    monkeypatch.setenv("WATERHORSE_DATA", str(tmp_path))
    with pytest.raises(DatasetError, match=expected) as caught:
        _idx.load_split(described(files))
    assert str(tmp_path) in str(caught.value)
    assert isinstance(caught.value, OSError)


# --- downloads ---


def cached(tmp_path: Path) -> list[str]:
    folder = tmp_path / "cache" / "waterhorse" / "toy_set"
    return sorted(p.name for p in folder.iterdir())


def test_download_once(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    what = described(server.files, server.base)
    assert_is_toy(_idx.load_split(what))
    assert server.asked == list(NAMES)
    assert cached(tmp_path) == sorted(NAMES)
    told = capsys.readouterr().err
    assert [line.split()[1] for line in told.splitlines()] == list(NAMES)
    assert "\r" not in told  # a plain line each where nobody watches
    assert_is_toy(_idx.load_split(what))
    assert len(server.asked) == 4


class Terminal(io.StringIO):
    """What a program writes to a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_a_bar(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    watched = Terminal()
    monkeypatch.setattr("sys.stderr", watched)
    monkeypatch.setenv("TERM", "xterm")
    assert_is_toy(_idx.load_split(described(server.files, server.base)))
    told = watched.getvalue()
    assert NAMES[0] in told
    assert "\u2501" in told  # the bar's line
    assert "downloading" not in told
    assert capsys.readouterr().out == ""


def test_only_what_is_missing_is_downloaded(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {name: server.files[name] for name in NAMES[:3]}
    put(here, tmp_path / "data" / "toy-set")
    monkeypatch.setenv("WATERHORSE_DATA", str(tmp_path / "data"))
    assert_is_toy(_idx.load_split(described(server.files, server.base)))
    assert server.asked == [NAMES[3]]


def test_a_changed_file_is_not_kept(server: Server, tmp_path: Path) -> None:
    what = described(server.files, server.base)
    server.files = {**server.files, NAMES[1]: idx(np.zeros(6, np.uint8))}
    with pytest.raises(DatasetError, match=f"expected {what.sha256[1]}"):
        _idx.load_split(what)
    assert cached(tmp_path) == [NAMES[0]]


def test_a_download_cut_short_is_not_kept(server: Server, tmp_path: Path) -> None:
    what = described(server.files, server.base)
    server.cut = 100
    with pytest.raises(DatasetError, match=NAMES[0]):
        _idx.load_split(what)
    assert cached(tmp_path) == []
    server.cut = None
    assert_is_toy(_idx.load_split(what))


def test_an_interrupted_download_leaves_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(source: Any, out: Any, *rest: Any) -> str:
        out.write(source.read(10))
        raise KeyboardInterrupt

    monkeypatch.setattr(transfer, "_copy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _idx.load_split(described(server.files, server.base))
    assert cached(tmp_path) == []


def test_a_file_that_is_gone_upstream(server: Server) -> None:
    what = described(server.files, server.base)
    server.files = {}
    with pytest.raises(DatasetError, match=r"could not be downloaded from .*Not Found"):
        _idx.load_split(what)


def test_offline_says_where_it_looked_and_what_to_do(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = described(server.files, server.base, places=(tmp_path / "package",))
    server.stop()
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("WATERHORSE_DATA", str(tmp_path / "data"))
    with pytest.raises(DatasetError) as caught:
        _idx.load_split(what)
    told = str(caught.value)
    for place in ("data/toy-set", "package", "cache/waterhorse/toy_set"):
        assert str(tmp_path / place) in told
    assert server.base + NAMES[0] in told
    assert "set WATERHORSE_DATA" in told


def test_an_unwritable_cache_is_a_clear_error(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(DatasetError, match="Not a directory"):
        _idx.load_split(described(server.files, server.base))


# --- the real sets, where this machine has them ---


def test_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    if not (SHARED / "mnist.npz").is_file():
        pytest.skip("no copy of MNIST at hand")
    monkeypatch.setenv("WATERHORSE_DATA", str(SHARED))
    (x_train, y_train), (x_test, y_test) = wh.datasets.mnist.load_data()
    assert x_train.shape == (60_000, 28, 28)
    assert x_test.shape == (10_000, 28, 28)
    assert y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert y_test[:5].tolist() == [7, 2, 1, 0, 4]


def test_fashion_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fashion.FASHION_MNIST.places[0]
    if not (folder / NAMES[0]).is_file():
        pytest.skip("dataset-fashion-mnist is not installed")
    (x_train, y_train), (x_test, y_test) = wh.datasets.fashion_mnist.load_data()
    assert x_train.shape == (60_000, 28, 28)
    assert np.bincount(y_train).tolist() == [6_000] * 10
    assert np.bincount(y_test).tolist() == [1_000] * 10
    assert fashion.LABELS[y_test[0]] == "Ankle boot"
    assert x_test.dtype == np.uint8
    # The same files under the other set's name are refused, not taken for it.
    monkeypatch.setenv("WATERHORSE_DATA", str(folder))
    with pytest.raises(DatasetError, match="this is not mnist"):
        wh.datasets.mnist.load_data()
