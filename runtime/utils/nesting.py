"""``wh.tree``: nested lists, tuples, dicts and named tuples, with Keras' rules.

Dicts are gone through in the order of their sorted keys (an ``OrderedDict`` in its own order); None is a
leaf. The rest of this package uses ``compiler/tree.py``, which keeps the order of dicts.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ...errors import ArgumentError, OpError


class MAP_TO_NONE:  # noqa: N801  # Keras' name
    """What a function returns to ``traverse`` to put None in the place of a part."""


def is_nested(structure: Any) -> bool:
    """Whether it is a list, a tuple (named or not), a deque or a dict."""
    return isinstance(structure, (list, tuple, deque, dict))


def _keys(structure: Any) -> list[Any]:
    if isinstance(structure, OrderedDict):
        return list(structure)
    if isinstance(structure, dict):
        return sorted(structure)
    return list(range(len(structure)))


def _children(structure: Any) -> list[Any]:
    return [structure[k] for k in _keys(structure)]


def _like(structure: Any, children: Iterable[Any]) -> Any:
    """A nest of the same kind and keys with these children."""
    if isinstance(structure, dict):
        found = dict(zip(_keys(structure), children, strict=True))
        ordered = {k: found[k] for k in structure}
        if isinstance(structure, defaultdict):
            return defaultdict(structure.default_factory, ordered)
        return type(structure)(ordered)
    if hasattr(structure, "_fields"):
        return type(structure)(*children)
    return type(structure)(children)


def flatten(structure: Any) -> list[Any]:
    """The leaves in order."""
    if not is_nested(structure):
        return [structure]
    return [leaf for child in _children(structure) for leaf in flatten(child)]


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """The leaves in order, each with the keys and indices that lead to it."""
    return list(_with_paths((), structure))


def _with_paths(path: tuple[Any, ...], structure: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if not is_nested(structure):
        yield path, structure
        return
    for key in _keys(structure):
        yield from _with_paths((*path, key), structure[key])


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """``func`` of each leaf (of the corresponding leaves of several structures), nested like the first.

    With ``none_is_leaf=False``, None stays None. Raises ``ArgumentError`` where the structures differ.
    """
    _check_callable(func)
    if not structures:
        raise OpError("map_structure needs a structure")
    for other in structures[1:]:
        assert_same_structure(structures[0], other)
    return _mapped(func, structures, none_is_leaf)


def _mapped(func: Callable[..., Any], structures: tuple[Any, ...], none_is_leaf: bool) -> Any:
    first = structures[0]
    if not is_nested(first):
        if first is None and not none_is_leaf:
            if any(s is not None for s in structures):
                raise ArgumentError("structures differ: None in one is something else in another")
            return None
        return func(*structures)
    rows = zip(*(_children(s) for s in structures), strict=True)
    return _like(first, [_mapped(func, row, none_is_leaf) for row in rows])


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """``func`` of the parts of ``structures`` that lie where ``shallow_structure`` has leaves."""
    _check_callable(func)
    if not structures:
        raise OpError("map_structure_up_to needs a structure")
    if not is_nested(shallow_structure):
        return func(*structures)
    for other in structures:
        if not _same_node(shallow_structure, other):
            raise ArgumentError(_differ(shallow_structure, other))
    rows = zip(*(_children(s) for s in (shallow_structure, *structures)), strict=True)
    return _like(
        shallow_structure, [map_structure_up_to(shallow, func, *row) for shallow, *row in rows]
    )


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """The values of ``flat_sequence``, nested like ``structure``: the inverse of ``flatten``.

    Raises ``ArgumentError`` where there are too few or too many.
    """
    if not is_nested(flat_sequence) and not hasattr(flat_sequence, "__iter__"):
        raise OpError(f"pack_sequence_as takes a sequence; got a {type(flat_sequence).__name__}")
    values = list(flat_sequence)
    wanted = len(flatten(structure))
    if len(values) != wanted:
        raise ArgumentError(f"the structure has {wanted} leaves; got {len(values)} values")
    feed = iter(values)
    return map_structure(lambda _: next(feed), structure)


def assert_same_structure(a: Any, b: Any) -> None:
    """Raises ``ArgumentError`` unless both are nested alike: kinds, lengths, keys.

    Kinds of dicts count as one; lists, tuples, deques and each class of named tuples do not.
    """
    if not _same(a, b, _same_node):
        raise ArgumentError(_differ(a, b))


def assert_same_paths(a: Any, b: Any) -> None:
    """Raises ``ArgumentError`` unless the same keys and indices lead to leaves, whatever the kinds."""
    ours, theirs = ([path for path, _ in flatten_with_path(s)] for s in (a, b))
    if ours != theirs:
        only = sorted(set(map(str, ours)) ^ set(map(str, theirs)))
        raise ArgumentError(f"the paths of the two structures differ: {', '.join(only)}")


def _same_node(a: Any, b: Any) -> bool:
    if is_nested(a) != is_nested(b):
        return False
    if not is_nested(a):
        return True
    if isinstance(a, dict) or isinstance(b, dict):
        return isinstance(a, dict) and isinstance(b, dict) and set(a) == set(b)
    return type(a) is type(b) and len(a) == len(b)


def _same(a: Any, b: Any, same_node: Callable[[Any, Any], bool]) -> bool:
    if not same_node(a, b):
        return False
    if not is_nested(a):
        return True
    keys = _keys(a)
    return all(_same(a[k], b[k], same_node) for k in keys)


def _differ(a: Any, b: Any) -> str:
    return f"the two structures are nested differently: {_shown(a)} and {_shown(b)}"


def _shown(structure: Any) -> str:
    return repr(map_structure(lambda _: "*", structure)).replace("'*'", "*")


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """``func`` of each part, parents before their children or after; what it returns takes its place.

    None keeps the part; going down, anything else also ends the way into it. ``MAP_TO_NONE`` stands for
    None.
    """
    _check_callable(func)
    if top_down:
        found = func(structure)
        if found is not None:
            return _none_for(found)
        if not is_nested(structure):
            return structure
        return _like(structure, [traverse(func, c) for c in _children(structure)])
    if is_nested(structure):
        structure = _like(structure, [traverse(func, c, False) for c in _children(structure)])
    found = func(structure)
    return structure if found is None else _none_for(found)


def _none_for(value: Any) -> Any:
    return None if value is MAP_TO_NONE else value


def lists_to_tuples(structure: Any) -> Any:
    """The structure with tuples in the place of lists."""
    if not is_nested(structure):
        return structure
    children = [lists_to_tuples(c) for c in _children(structure)]
    return tuple(children) if isinstance(structure, list) else _like(structure, children)


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """``func`` of each shape: a tuple or a list of numbers and None."""
    _check_callable(func)
    if isinstance(structure, (tuple, list)) and all(
        e is None or isinstance(e, int) for e in structure
    ):
        return func(tuple(structure))
    if not is_nested(structure):
        raise ArgumentError(f"{structure!r} is neither a shape nor a nest of shapes")
    return _like(structure, [map_shape_structure(func, c) for c in _children(structure)])


def _check_callable(func: Any) -> None:
    if not callable(func):
        raise OpError(f"func is a {type(func).__name__}: expected a function")
