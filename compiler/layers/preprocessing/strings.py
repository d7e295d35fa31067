"""Text into tokens in the graph.

ONNX (opset 21) splits strings at a delimiter and puts two together; it has no search and replace. So a sign
is taken out by splitting at it and joining the pieces again, in a loop that halves their number. Lower case
is StringNormalizer's in the "C" locale, which knows the letters of ASCII alone, as TensorFlow does, and is
there on every machine.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from ... import op
from ...block import Block
from ...dtypes import BOOL, INT64, OBJECT, TensorType
from ...ir import Tensor, apply, argument, constant, data
from .tokens import PUNCTUATION, WHITESPACE

_END = np.iinfo(np.int64).max


@functools.cache
def text(value: str) -> Tensor:
    """A constant string []."""
    return data(np.array(value, object))


def lowered(x: Tensor) -> Tensor:
    """ASCII letters [n] in lower case. n is at least 1."""
    result: Tensor = op.StringNormalizer(x, case_change_action="LOWER", locale="C")
    return result


def without_punctuation(x: Tensor) -> Tensor:
    """Strings [n] without the signs that Keras calls punctuation."""
    for sign in PUNCTUATION:
        x = replaced(x, sign, "")
    return x


def split_at_whitespace(x: Tensor) -> Tensor:
    """Tokens [n, most tokens] of strings [n], with "" behind the last ones of shorter rows."""
    for sign in WHITESPACE:
        if sign != " ":
            x = replaced(x, sign, " ")
    tokens: Tensor = apply("StringSplit", x, outputs=2)[0]
    return tokens


def replaced(x: Tensor, sign: str, by: str) -> Tensor:
    """Strings [n] with ``by`` in place of each ``sign`` (and perhaps behind the end)."""
    pieces, _ = apply("StringSplit", x, outputs=2, delimiter=sign)
    return _joined(pieces, by)


def _joined(pieces: Tensor, by: str) -> Tensor:
    """Each row of strings [n, m] as one string; there may be no column at all."""
    missing = op.Max(np.int64(1) - _width(pieces), np.int64(0))
    start = op.Concat(pieces, _blank(pieces, missing), axis=1)
    body = _halving(TensorType(OBJECT, (pieces.shape[0], None)), by)
    more = op.Squeeze(op.Greater(_width(start), np.int64(1)), [0])
    joined = apply("Loop", None, more, start, body=body, outputs=1)
    result: Tensor = op.Squeeze(joined[:, :1], [1])
    return result


def _halving(kind: TensorType, by: str) -> Block:
    """A body of Loop: neighbouring columns put together, until there is one."""
    count = argument("i", TensorType(INT64, ()))
    again = argument("again", TensorType(BOOL, ()))
    x = argument("pieces", kind)
    left = op.Slice(x, [0], [_END], [1], [2])
    padded = op.Concat(x, _blank(x, constant([1], INT64)), axis=1)
    right = op.Slice(padded, [1], [_END], [1], [2])
    joined = op.StringConcat(left if not by else op.StringConcat(left, text(by)), right)
    more = op.Squeeze(op.Greater(_width(joined), np.int64(1)), [0])
    return Block((count, again, x), (), (more, joined))


def _width(x: Tensor) -> Tensor:
    """The number of columns [1]."""
    result: Tensor = op.Shape(x, start=1, end=2)
    return result


def _blank(x: Tensor, width: Tensor) -> Tensor:
    """``width`` columns of empty strings, as many rows as ``x`` has."""
    shape = op.Concat(op.Shape(x, start=0, end=1), width, axis=0)
    result: Tensor = op.Expand(text(""), shape)
    return result


def ngrams(tokens: Tensor, widths: Sequence[int]) -> Tensor:
    """Runs of tokens [n, m] joined by spaces, [n, all widths side by side]; "" where there is none."""
    found = []
    for width in widths:
        last = op.Max(_width(tokens) - np.int64(width - 1), np.int64(0))
        columns = [op.Slice(tokens, [i], last + np.int64(i), [1]) for i in range(width)]
        run = columns[0]
        for column in columns[1:]:
            run = op.StringConcat(op.StringConcat(run, text(" ")), column)
        found.append(op.Where(op.Equal(columns[-1], text("")), text(""), run))
    result: Tensor = op.Concat(*found, axis=1)
    return result


def packed(numbers: Tensor, there: Tensor) -> Tensor:
    """Integers [n, m] with those that are ``there`` first, in order, and zeros behind; none too many."""
    width = _width(numbers)
    places = op.Range(np.int64(0), op.Squeeze(width, [0]), np.int64(1))
    order = apply("TopK", op.Where(there, places, places + width), width, largest=0, outputs=2)[1]
    longest = op.ReduceMax(op.ReduceSum(op.Cast(there, to="int64"), [1]), keepdims=0)
    sorted_ = op.GatherElements(op.Where(there, numbers, np.int64(0)), order, axis=1)
    result: Tensor = op.Slice(sorted_, [0], op.Unsqueeze(longest, [0]), [1])
    return result


def to_length(numbers: Tensor, length: int) -> Tensor:
    """Integers [..., m] cut or filled with zeros to [..., length]."""
    filled = op.Pad(numbers, [*[0] * (2 * numbers.ndim - 1), length])
    result: Tensor = op.Slice(filled, [0], [length], [-1])
    return result
