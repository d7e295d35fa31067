"""A vocabulary: tokens in order, their weights, and how both are learnt from data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import ArgumentError
from ...ir import Array


def read_lines(path: str | Path) -> list[str]:
    """The lines of a text file, one token each; empty ones at its end do not count."""
    file = Path(path)
    if not file.is_file():
        raise ArgumentError(f"there is no vocabulary file {path}")
    lines = file.read_text("utf-8").split("\n")
    while lines and not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


class Vocabulary:
    """Tokens without special ones, and a weight per number (special ones included), if there are any."""

    def __init__(self, tokens: Sequence[Any], weights: Array | None) -> None:
        self.tokens = list(tokens)
        self.weights = weights
        self.table = {t: i for i, t in enumerate(self.tokens)}

    @classmethod
    def checked(
        cls, owner: str, tokens: Sequence[Any], reserved: Iterable[Any], special: Sequence[Any]
    ) -> Vocabulary:
        """Raises ``ArgumentError`` for no tokens, repeated ones, and ``reserved`` ones in the middle."""
        if not tokens:
            raise ArgumentError(f"{owner!r}: the vocabulary is empty")
        found = cls(tokens, None)
        if len(found.table) < len(tokens):
            repeated = [t for t, n in Counter(tokens).items() if n > 1]
            raise ArgumentError(f"{owner!r}: the vocabulary repeats {repeated[:5]}")
        for token in reserved:
            if token is not None and token in found.table:
                raise ArgumentError(
                    f"{owner!r}: {token!r} is reserved. Leave special tokens out, or begin the "
                    f"vocabulary with exactly {list(special)}"
                )
        return found

    def weigh(self, owner: str, weights: Any, count: int, missing: int) -> None:
        """Set the weights; where ``missing`` special tokens have none, they get the mean of the others."""
        array = np.asarray(weights, np.float64)
        if array.shape != (count,):
            raise ArgumentError(f"{owner!r}: idf_weights of shape {array.shape} for {count} tokens")
        self.weights = np.pad(array, (missing, 0), constant_values=array.mean()).astype(np.float32)

    def config(self, special: Sequence[Any]) -> tuple[list[Any], list[float] | None]:
        """What ``set_vocabulary`` makes the same of: tokens and weights, where special ones come first."""
        if self.weights is None:
            return list(self.tokens), None
        return [*special, *self.tokens], [float(w) for w in self.weights]


class Counts:
    """How often each token was seen, and in how many documents."""

    def __init__(self) -> None:
        self.tokens: Counter[Any] = Counter()
        self.documents: Counter[Any] = Counter()
        self.total = 0

    def update(self, rows: Iterable[Sequence[Any]]) -> None:
        """Count the tokens of documents."""
        for row in rows:
            self.tokens.update(row)
            self.documents.update(set(row))
            self.total += 1

    def vocabulary(
        self, special: set[Any], room: int | None, weighs: bool, start: int
    ) -> Vocabulary:
        """The most frequent tokens, at most ``room`` of them; weights ``log(1 + n / (1 + documents))``."""
        ordered = sorted(
            (t for t in self.tokens if t not in special),
            key=lambda t: (self.tokens[t], t), reverse=True,
        )  # fmt: skip
        tokens = ordered[:room]
        if not weighs or not tokens:
            return Vocabulary(tokens, None)
        documents = np.array([self.documents[t] for t in tokens], np.float64)
        weights = np.log(1 + self.total / (1 + documents)).astype(np.float32)
        padded = np.pad(weights, (start, 0), constant_values=weights.mean())
        return Vocabulary(tokens, padded)
