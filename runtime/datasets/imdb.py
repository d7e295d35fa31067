"""IMDB: 50,000 film reviews with good or bad marks (Maas et al. 2011), as word numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._archive import ORIGIN, Pair, arrays, located, read_json
from ._words import Words

_HASH = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
_INDEX_HASH = "bfafd718b763782e994055a2d397834f"


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[Pair, Pair]:
    """``(x_train, y_train), (x_test, y_test)``: arrays of lists of word numbers, labels int64 of 0 and 1.

    Words are numbered by how frequent they are; 0 is left for padding.

    Args:
        path: the file's name (in ``WATERHORSE_DATA`` or the cache, else it is downloaded), or a path.
        num_words: keep words with numbers below this one; None for all.
        skip_top: leave out words with numbers below this one.
        maxlen: leave out texts that are not shorter.
        seed: of the order.
        start_char: the number that begins each text, or None.
        oov_char: stands for words that are left out; None drops them.
        index_from: added to the number of each word.

    Raises ``DatasetError`` where the file cannot be had, or is another.
    """
    words = Words(num_words, skip_top, maxlen, start_char, oov_char, index_from)
    file = located(path, f"{ORIGIN}imdb.npz", _HASH)
    x_train, y_train, x_test, y_test = arrays(
        file, ("x_train", "y_train", "x_test", "y_test"), ragged=True
    )
    # one generator after the other shuffles both parts
    random = np.random.RandomState(seed)
    parts = []
    for x, y in ((x_train, y_train), (x_test, y_test)):
        order = np.arange(len(x))
        random.shuffle(order)
        parts.append(words.short(words.numbered(x[order]), y[order]))
    (train, y_train), (test, y_test) = parts
    kept = words.limited(train + test)
    return (kept[: len(train)], y_train), (kept[len(train) :], y_test)


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, Any]:
    """Each word's number, before ``index_from`` is added: 1 is the most frequent one."""
    return read_json(located(path, f"{ORIGIN}imdb_word_index.json", _INDEX_HASH))
