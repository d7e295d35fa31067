"""Texts as lists of word numbers, prepared as Keras prepares IMDB and Reuters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...compiler.ir import Array
from ...errors import ArgumentError

Texts = list[list[int]]


@dataclass(frozen=True, slots=True)
class Words:
    """Which words are kept, and which numbers mean something else.

    Attributes:
        num_words: keep the words with numbers below this one (the most frequent ones); None for all.
        skip_top: leave out words with numbers below this one (the very most frequent ones).
        maxlen: leave out texts that are not shorter.
        start_char: the number that begins a text, or None.
        oov_char: the number that takes the place of words that are left out, or None.
        index_from: added to the number of each word.
    """

    num_words: int | None
    skip_top: int
    maxlen: int | None
    start_char: int | None
    oov_char: int | None
    index_from: int | None

    def numbered(self, texts: Iterable[Sequence[int]]) -> Texts:
        """The texts with their start, each word's number moved by ``index_from``."""
        begin = [] if self.start_char is None else [self.start_char]
        moved = self.index_from or 0
        return [[*begin, *(int(w) + moved for w in text)] for text in texts]

    def short(self, texts: Texts, labels: Array) -> tuple[Texts, Array]:
        """The texts that are short enough. Raises ``ArgumentError`` where none is."""
        if not self.maxlen:
            return texts, labels
        kept = [i for i, text in enumerate(texts) if len(text) < self.maxlen]
        if not kept:
            raise ArgumentError(f"maxlen={self.maxlen}: no text is shorter; give a larger number")
        return [texts[i] for i in kept], labels[kept]

    def limited(self, texts: Texts) -> Array:
        """An array of lists with the words that are kept."""
        most = self.num_words or max(max(text) for text in texts)
        found: list[Any] = []
        for text in texts:
            if self.oov_char is None:
                found.append([w for w in text if self.skip_top <= w < most])
            else:
                found.append([w if self.skip_top <= w < most else self.oov_char for w in text])
        return as_objects(found)


def as_objects(lists: Sequence[Any]) -> Array:
    """An array [n] of lists, even where all are equally long."""
    found = np.empty(len(lists), object)
    found[:] = lists
    return found
