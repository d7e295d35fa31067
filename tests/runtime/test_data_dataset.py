"""``Dataset``: transformations, passes, sizes; data sets from folders and series that make no sense."""

from __future__ import annotations

import itertools
import wave
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError, DataError, DatasetError
from waterhorse.runtime.data import Dataset
from waterhorse.runtime.directory.audio import read_wave, resampled


def numbers(count=7) -> Dataset:
    """In pass n: 100 n, 100 n + 1, ..."""
    return Dataset(lambda n: iter(np.arange(count) + 100 * n), count)


def plain(elements) -> list:
    return [np.asarray(e).tolist() for e in elements]


CHAINS = [
    (lambda d: d.map(lambda v: v * 2), [0, 2, 4, 6, 8, 10, 12], 7),
    (lambda d: d.map(lambda v: v * 2, num_parallel_calls=3), [0, 2, 4, 6, 8, 10, 12], 7),
    (lambda d: d.filter(lambda v: v % 2 == 0), [0, 2, 4, 6], None),
    (lambda d: d.take(2), [0, 1], 2),
    (lambda d: d.take(-1), [0, 1, 2, 3, 4, 5, 6], 7),
    (lambda d: d.take(99), [0, 1, 2, 3, 4, 5, 6], 7),
    (lambda d: d.skip(5), [5, 6], 2),
    (lambda d: d.skip(99), [], 0),
    (lambda d: d.batch(3), [[0, 1, 2], [3, 4, 5], [6]], 3),
    (lambda d: d.batch(3, drop_remainder=True), [[0, 1, 2], [3, 4, 5]], 2),
    (lambda d: d.batch(3).unbatch(), [0, 1, 2, 3, 4, 5, 6], None),
    (lambda d: d.take(2).repeat(2), [0, 1, 100, 101], 4),
    (lambda d: d.prefetch(2), [0, 1, 2, 3, 4, 5, 6], 7),
    (lambda d: d.prefetch(-1).map(lambda v: -v).take(3).batch(2), [[0, -1], [-2]], 2),
    (lambda d: d.map(lambda v: (v, v + 1)).map(lambda a, b: {"s": a + b}).take(2).map(lambda d: d["s"]), [1, 3], 2),
]  # fmt: skip


@pytest.mark.parametrize("i", range(len(CHAINS)))
def test_chains(i) -> None:
    chain, wanted, size = CHAINS[i]
    found = chain(numbers())
    assert plain(found) == wanted
    if size is None:
        with pytest.raises(TypeError, match="not known"):
            len(found)
    else:
        assert len(found) == size
    assert plain(found.as_numpy_iterator()) != wanted or not wanted  # the next pass is another one


def test_each_iteration_is_a_pass() -> None:
    found = numbers(2).map(lambda v: v)
    assert [plain(found) for _ in range(3)] == [[0, 1], [100, 101], [200, 201]]
    assert plain(found.iterate(1)) == [100, 101]


def test_repeat_without_end() -> None:
    assert plain(itertools.islice(numbers(2).repeat(), 5)) == [0, 1, 100, 101, 200]
    assert plain(Dataset(lambda n: iter(())).repeat()) == []


def test_cache_keeps_a_whole_pass() -> None:
    found = numbers(3).cache()
    next(iter(found))  # not a whole one
    assert [plain(found) for _ in range(2)] == [[100, 101, 102]] * 2


@pytest.mark.parametrize("size", [1, 3, 99])
def test_shuffle(size) -> None:
    same = Dataset(lambda n: iter(np.arange(20)), 20)
    found = same.shuffle(size, seed=1)
    passes = [plain(found.iterate(n)) for n in range(3)]
    assert all(sorted(p) == list(range(20)) for p in passes)
    assert plain(same.shuffle(size, seed=1).iterate(2)) == passes[2]
    assert (passes[0] == passes[1]) == (size == 1)
    fixed = same.shuffle(size, seed=1, reshuffle_each_iteration=False)
    assert plain(fixed.iterate(0)) == plain(fixed.iterate(5))
    # an element is at most as much too early as the buffer is large
    assert all(value <= place + size - 1 for p in passes for place, value in enumerate(p))


def test_shuffle_is_fair() -> None:
    found = Dataset(lambda n: iter(np.arange(3)), 3).shuffle(3, seed=0)
    seen = Counter(tuple(plain(found.iterate(n))) for n in range(1200))
    assert len(seen) == 6
    assert min(seen.values()) > 140  # 200 are expected; 5 standard deviations


def test_padded_batches() -> None:
    ragged = Dataset(lambda n: iter([np.ones((2, 1)), np.ones((3, 2)), np.ones((1, 1))]), 3)
    first, last = list(ragged.padded_batch(2))
    assert first.tolist() == [[[1, 0], [1, 0], [0, 0]], [[1, 1], [1, 1], [1, 1]]]
    assert last.tolist() == [[[1]]]
    with pytest.raises(DataError, match="padded_batch pads them"):
        list(ragged.batch(2))


def test_element_spec() -> None:
    pairs = numbers().map(lambda v: (v.astype("float32"), np.zeros((2, 3), "uint8"))).batch(4)
    x, y = pairs.element_spec
    assert (x.shape, x.dtype.name, y.shape, y.dtype.name) == ((4,), "float32", (4, 2, 3), "uint8")
    with pytest.raises(DataError, match="empty"):
        numbers(0).element_spec  # noqa: B018


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        (lambda d: d.batch(0), ArgumentError, "batch_size=0"),
        (lambda d: d.shuffle(0), ArgumentError, "buffer_size=0"),
        (lambda d: d.cache("file"), NotImplementedError, "leave filename out"),
        (lambda d: d.map(abs, deterministic=False), NotImplementedError, "keeps the order"),
    ],
)
def test_what_is_refused(wrong, error, told) -> None:
    with pytest.raises(error, match=told):
        wrong(numbers())


# -- splitting --------------------------------------------------------------------------------------------


def test_split_arrays_and_sets() -> None:
    x, y = np.arange(10), np.arange(10) * 10
    left, right = wh.utils.split_dataset((x, y), left_size=0.7)
    assert plain(left.map(lambda a, b: b)) == [0, 10, 20, 30, 40, 50, 60]
    assert len(right) == 3
    left, right = wh.utils.split_dataset(x, right_size=2)
    assert (len(left), plain(right)) == (8, [8, 9])
    left, right = wh.utils.split_dataset(numbers().batch(2), left_size=3)
    assert plain(left) == [[0, 1], [2]]
    assert plain(right) == [[3, 4], [5, 6]]
    left, right = wh.utils.split_dataset(iter(x), 2, 3)
    assert (plain(left), plain(right)) == ([0, 1], [7, 8, 9])


def test_split_shuffled() -> None:
    parts = [wh.utils.split_dataset(np.arange(10), 4, shuffle=True, seed=s) for s in (1, 1, 2)]
    found = [plain(a) + plain(b) for a, b in parts]
    assert sorted(found[0]) == list(range(10))
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "needs left_size or right_size"),
        ({"left_size": 1.5}, "left_size=1.5"),
        ({"left_size": 10}, "would be empty"),
        ({"left_size": 0.6, "right_size": 0.6}, "more than all"),
        ({"right_size": "x"}, "right_size='x'"),
    ],
)
def test_splits_that_make_no_sense(arguments, told) -> None:
    with pytest.raises(ArgumentError, match=told):
        wh.utils.split_dataset(np.arange(10), **arguments)


# -- series -------------------------------------------------------------------------------------------------


def test_shuffled_series_have_all_windows() -> None:
    series = np.arange(12)
    found = wh.utils.timeseries_dataset_from_array(
        series, series * 2, 3, batch_size=4, shuffle=True, seed=1
    )
    passes = [list(found) for _ in range(2)]
    for batches in passes:
        x, y = (np.concatenate(c) for c in zip(*batches, strict=True))
        np.testing.assert_array_equal(np.sort(x[:, 0]), np.arange(10))
        np.testing.assert_array_equal(x, x[:, :1] + np.arange(3))
        np.testing.assert_array_equal(y, x[:, 0] * 2)
    assert plain(passes[0][0]) != plain(passes[1][0])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"start_index": -1}, "start_index=-1"),
        ({"start_index": 20}, "start_index=20"),
        ({"end_index": 20}, "end_index=20"),
        ({"start_index": 5, "end_index": 5}, "end_index=5"),
        ({"sampling_rate": 0}, "sampling_rate=0"),
        ({"sequence_stride": 20}, "sequence_stride=20"),
        ({"sequence_length": 0}, "sequence_length=0"),
    ],
)
def test_series_that_make_no_sense(arguments, told) -> None:
    with pytest.raises(ArgumentError, match=told):
        wh.utils.timeseries_dataset_from_array(
            np.arange(20), None, **{"sequence_length": 3, **arguments}
        )


# -- folders -------------------------------------------------------------------------------------------------


def texts(folder: Path) -> Path:
    for name in ("a/1.txt", "a/2.txt", "b/3.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    return folder


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"labels": "x"}, "labels='x'"),
        ({"labels": [1, 2, 3], "class_names": ["a"]}, "class_names goes with"),
        ({"class_names": ["z"]}, "'z', which is no folder"),
        ({"label_mode": "x"}, "label_mode='x'"),
        ({"labels": [1]}, "labels has 1 entries"),
        ({"subset": "x", "validation_split": 0.2}, "subset='x'"),
        ({"validation_split": 0.2}, "go together"),
        ({"validation_split": 2, "subset": "both"}, "validation_split=2"),
        ({"validation_split": 0.2, "subset": "both"}, "needs a seed"),
        ({"label_mode": "binary", "class_names": ["a"]}, "needs two classes"),
        ({"format": "x"}, "format='x'"),
    ],
)
def test_folders_that_make_no_sense(arguments, told, tmp_path) -> None:
    with pytest.raises(ArgumentError, match=told):
        wh.utils.text_dataset_from_directory(texts(tmp_path), verbose=False, **arguments)


def test_what_is_said_and_what_is_missing(tmp_path, capsys) -> None:
    with pytest.raises(DatasetError, match="is no folder"):
        wh.utils.text_dataset_from_directory(tmp_path / "none")
    with pytest.raises(
        DatasetError, match=r"has no files for the subset 'all'; names may end in \.txt"
    ):
        wh.utils.text_dataset_from_directory(tmp_path)
    capsys.readouterr()
    wh.utils.text_dataset_from_directory(
        texts(tmp_path), validation_split=0.34, subset="both", seed=1
    )
    assert capsys.readouterr().out == (
        "Found 3 files belonging to 2 classes.\nUsing 2 files for training.\n"
        "Using 1 files for validation.\n"
    )
    with pytest.raises(NotImplementedError, match="grain"):
        wh.utils.text_dataset_from_directory(tmp_path, format="grain")
    (tmp_path / "a" / "4.txt").write_bytes(b"\xff\xff")
    with pytest.raises(DatasetError, match=r"4\.txt is no UTF-8"):
        list(wh.utils.text_dataset_from_directory(tmp_path, verbose=False))


def test_files_are_read_when_they_are_asked_for(tmp_path) -> None:
    found = wh.utils.text_dataset_from_directory(
        texts(tmp_path), shuffle=False, batch_size=1, verbose=False
    )
    (tmp_path / "a" / "2.txt").write_text("changed")
    assert [x.tolist() for x, _ in found] == [["a/1.txt"], ["changed"], ["b/3.txt"]]


# -- sounds ---------------------------------------------------------------------------------------------------


def write_wave(path: Path, data: bytes, width: int, channels: int = 1, rate: int = 100) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)
    return str(path)


@pytest.mark.parametrize(
    ("data", "width", "wanted"),
    [
        (bytes([0, 128, 255]), 1, [-1, 0, 127 / 128]),
        (np.array([-(2**15), 0, 2**14], "<i2").tobytes(), 2, [-1, 0, 0.5]),
        (b"\x00\x00\x80\x00\x00\x00\x00\x00\x40", 3, [-1, 0, 0.5]),
        (np.array([-(2**31), 0, 2**30], "<i4").tobytes(), 4, [-1, 0, 0.5]),
    ],
)
def test_samples_of_every_width(data, width, wanted, tmp_path) -> None:
    sound, rate = read_wave(write_wave(tmp_path / "a.wav", data, width))
    assert rate == 100
    assert sound.dtype == np.float32
    assert sound[:, 0].tolist() == wanted


def test_channels(tmp_path) -> None:
    data = np.array([[1, 2], [3, 4]], "<i2").tobytes()
    sound, _ = read_wave(write_wave(tmp_path / "a.wav", data, 2, channels=2))
    assert (sound * 2**15).tolist() == [[1, 2], [3, 4]]


def test_what_is_no_sound(tmp_path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF no more")
    with pytest.raises(DatasetError, match=r"a\.wav"):
        read_wave(str(tmp_path / "a.wav"))


@pytest.mark.parametrize(
    ("rate", "wanted"), [(8000, 16000), (8000, 4000), (8000, 11025), (44100, 8000)]
)
def test_resampling_keeps_tones(rate, wanted) -> None:
    tone = 440.0

    def sine(at, samples):
        return np.sin(2 * np.pi * tone * np.arange(samples) / at)[:, None].astype("float32")

    found = resampled(sine(rate, rate // 2), rate, wanted)
    inner = slice(wanted // 20, -(wanted // 20))  # a filter has half of its samples at the ends
    assert len(found) == -(-(rate // 2) * wanted // rate)
    same = sine(wanted, len(found))
    np.testing.assert_allclose(found[inner], same[inner], atol=2e-3)


def test_resampling_drops_what_is_too_high() -> None:
    tone = np.sin(2 * np.pi * 3000 * np.arange(4000) / 8000)[:, None].astype("float32")
    assert np.abs(resampled(tone, 8000, 4000)[100:-100]).max() < 0.01


def test_sounds_at_a_rate(tmp_path) -> None:
    (tmp_path / "a").mkdir()
    write_wave(tmp_path / "a" / "1.wav", np.zeros(50, "<i2").tobytes(), 2)
    found = wh.utils.audio_dataset_from_directory(tmp_path, sampling_rate=200, verbose=False)
    ((x, y),) = found
    assert (x.shape, y.tolist()) == ((1, 100, 1), [0])
    with pytest.raises(NotImplementedError, match="ragged"):
        wh.utils.audio_dataset_from_directory(tmp_path, ragged=True)
    with pytest.raises(ArgumentError, match="sampling_rate=0"):
        wh.utils.audio_dataset_from_directory(tmp_path, sampling_rate=0)
