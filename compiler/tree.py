"""Nested tuples, lists, dicts and named tuples: flattened to leaves, and built again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..errors import ArgumentError


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """The leaves in order, and a structure that ``unflatten`` takes. Dicts keep their order."""
    leaves: list[Any] = []
    return leaves, _spec(tree, leaves)


def leaves(tree: Any) -> list[Any]:
    """The leaves of ``tree`` in order."""
    return flatten(tree)[0]


def _spec(tree: Any, found: list[Any]) -> Any:
    if isinstance(tree, dict):
        return (dict, tuple(tree), tuple(_spec(v, found) for v in tree.values()))
    if isinstance(tree, (list, tuple)):
        return (type(tree), None, tuple(_spec(v, found) for v in tree))
    found.append(tree)
    return None


def unflatten(spec: Any, values: Iterable[Any]) -> Any:
    """The inverse of ``flatten``, with other leaves."""
    return _build(spec, iter(values))


def _build(spec: Any, values: Iterator[Any]) -> Any:
    if spec is None:
        return next(values)
    kind, keys, children = spec
    built = [_build(c, values) for c in children]
    if kind is dict:
        return dict(zip(keys, built, strict=True))
    return kind(*built) if hasattr(kind, "_fields") else kind(built)


def map_leaves(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Apply ``function`` to each leaf (and the corresponding leaves of ``others``)."""
    found, spec = flatten(tree)
    columns = [found]
    for other in others:
        more, same = flatten(other)
        if same != spec:
            raise ArgumentError(f"structures differ: {describe(spec)} and {describe(same)}")
        columns.append(more)
    return unflatten(spec, (function(*row) for row in zip(*columns, strict=True)))


def describe(spec: Any) -> str:
    """A structure in words, with ``*`` for a leaf: ``{'a': *, 'b': [*, *]}``."""
    if spec is None:
        return "*"
    kind, keys, children = spec
    inner = [describe(c) for c in children]
    if kind is dict:
        return "{" + ", ".join(f"{k!r}: {v}" for k, v in zip(keys, inner, strict=True)) + "}"
    return ("[{}]" if kind is list else "({})").format(", ".join(inner))
