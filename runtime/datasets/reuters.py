"""Reuters: 11,228 newswires on 46 topics (Lewis 1987), as word numbers."""

from __future__ import annotations

from typing import Any

from ._archive import ORIGIN, Pair, arrays, check_split, located, parted, read_json, shuffled
from ._words import Words

_HASH = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
_INDEX_HASH = "4d44cc38712099c9e383dc6e5f11a921"
LABELS = (
    "cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing", "money-supply",
    "coffee", "sugar", "trade", "reserves", "ship", "cotton", "carcass", "crude", "nat-gas", "cpi",
    "money-fx", "interest", "gnp", "meal-feed", "alum", "oilseed", "gold", "tin", "strategic-metal",
    "livestock", "retail", "ipi", "iron-steel", "rubber", "heat", "jobs", "lei", "bop", "zinc",
    "orange", "pet-chem", "dlr", "gas", "silver", "wpi", "hog", "lead",
)  # fmt: skip


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[Pair, Pair]:
    """``(x_train, y_train), (x_test, y_test)``: arrays of lists of word numbers, topics int64 of 0 to 45.

    The arguments are those of ``imdb.load_data``; the last ``test_split`` of the texts is for testing.
    Raises ``DatasetError`` where the file cannot be had, or is another.
    """
    check_split(test_split)
    words = Words(num_words, skip_top, maxlen, start_char, oov_char, index_from)
    file = located(path, f"{ORIGIN}reuters.npz", _HASH)
    x, y = shuffled(seed, *arrays(file, ("x", "y"), ragged=True))
    texts, y = words.short(words.numbered(x), y)
    return parted(words.limited(texts), y, test_split)


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, Any]:
    """Each word's number, before ``index_from`` is added: 1 is the most frequent one."""
    return read_json(located(path, f"{ORIGIN}reuters_word_index.json", _INDEX_HASH))


def get_label_names() -> tuple[str, ...]:
    """The names of the topics, by number."""
    return LABELS
