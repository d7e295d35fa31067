"""Nested structures."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from waterhorse.compiler import tree
from waterhorse.errors import ArgumentError


class Pair(NamedTuple):
    a: object
    b: object


@pytest.mark.parametrize(
    "nested",
    [1, (), [], {}, (1,), [1, (2, {"a": 3, "b": [4]})], Pair(1, [2, 3]), {"z": 1, "a": (2,)}, None],
)
def test_there_and_back(nested: object) -> None:
    leaves, spec = tree.flatten(nested)
    back = tree.unflatten(spec, leaves)
    assert back == nested
    assert type(back) is type(nested)


def test_order_and_mapping() -> None:
    assert tree.leaves({"z": 1, "a": [2, (3,)]}) == [1, 2, 3]
    assert tree.map_leaves(lambda a, b: a + b, {"x": [1, 2]}, {"x": [10, 20]}) == {"x": [11, 22]}


def test_structures_must_be_the_same() -> None:
    with pytest.raises(ArgumentError, match=r"structures differ: \[\*, \*\] and \(\*\)"):
        tree.map_leaves(lambda *row: row, [1, 2], (1,))
