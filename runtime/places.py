"""Where in a model a variable is: what files call it.

Names of layers that users did not name are numbered through a whole process, so a model that is made
again has other ones. Attributes stay: ``block/attention/query/kernel``. Layers of functional and
Sequential models go by their names, which are saved.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..compiler.layers.base import Layer
from ..compiler.lower import state_names
from ..compiler.random import SeedGenerator
from ..compiler.state import Variable


def placed(model: Layer) -> dict[str, Variable]:
    """All variables of a model by unique names that a copy of it has, too."""
    found: dict[Variable, str] = {}
    for place, variable in _within(model, "", set()):
        found.setdefault(variable, place)
    return dict(zip(state_names(list(found.values())), found, strict=True))


def _within(owner: Layer, place: str, seen: set[int]) -> Iterator[tuple[str, Variable]]:
    seen.add(id(owner))
    for key, value in vars(owner).items():
        if key not in owner._untracked:
            yield from _items(value, f"{place}{key.lstrip('_')}", place, owner._is_network, seen)


def _items(
    value: Any, place: str, outer: str, by_name: bool, seen: set[int]
) -> Iterator[tuple[str, Variable]]:
    if isinstance(value, Variable):
        yield place, value
    elif isinstance(value, SeedGenerator):
        yield f"{place}/seed", value.state
    elif isinstance(value, Layer):
        if id(value) not in seen:
            yield from _within(value, f"{place}/", seen)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _items(item, f"{place}/{key}", outer, by_name, seen)
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            named = by_name and isinstance(item, Layer)
            yield from _items(
                item, f"{outer}{item.name}" if named else f"{place}/{i}", outer, by_name, seen
            )
