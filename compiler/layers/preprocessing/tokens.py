"""Text into tokens on the host: as UTF-8, in which ASCII letters, signs and spaces are single bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from ....errors import ArgumentError, DataError
from ...ir import Array
from .host import host_array

Split: TypeAlias = "str | Callable[[Array], Any] | None"
PUNCTUATION = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"
WHITESPACE = " \t\n\v\f\r"  # of ASCII; bytes.split() knows exactly these, str.split() many more

_LOWER = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz"
)  # fmt: skip
_SIGNS = PUNCTUATION.encode()
STANDARDS = {
    None: (None, b""),
    "lower": (_LOWER, b""),
    "strip_punctuation": (None, _SIGNS),
    "lower_and_strip_punctuation": (_LOWER, _SIGNS),
}


def standardized(texts: Array, standard: Any) -> list[bytes]:
    """The texts, flat: ASCII letters in lower case, ASCII punctuation gone, or what a function makes."""
    if callable(standard):
        # Keras hands such functions an array of NumPy's own strings, whatever the backend
        made = host_array(standard(texts.astype(str)))
        if made.shape != texts.shape:
            raise DataError(
                f"standardize= gave shape {made.shape} for {texts.shape}: one text for each"
            )
        return [s.encode() for s in made.ravel().tolist()]
    table, signs = STANDARDS[standard]
    return [s.encode().translate(table, signs) for s in texts.ravel().tolist()]


def split_texts(texts: Sequence[bytes], split: Split) -> list[list[bytes]]:
    """The tokens of each text; ``split`` None makes each text one token."""
    if split is None:
        return [[t] for t in texts]
    if split == "whitespace":
        return [t.split() for t in texts]
    if split == "character":
        return [[c.encode() for c in t.decode()] for t in texts]
    if not callable(split):
        raise ArgumentError(f"split={split!r}: expected 'whitespace', 'character' or a function")
    found = split(np.array([t.decode() for t in texts], object))
    rows = [[_encoded(t) for t in row] for row in found]
    if len(rows) != len(texts):
        raise DataError(f"split= gave {len(rows)} lists of tokens for {len(texts)} texts")
    return rows


def _encoded(token: Any) -> bytes:
    return bytes(token) if isinstance(token, bytes) else str(token).encode()


def with_ngrams(row: Sequence[bytes], widths: Sequence[int] | None) -> list[bytes]:
    """All runs of each width, joined by a space: first those of the first width, and so on."""
    if widths is None:
        return list(row)
    return [
        b" ".join(row[i : i + w]) for w in widths for i in range(len(row) - w + 1)
    ]  # fmt: skip
