"""Where in a model a variable is: what files call it.

Names of layers that users did not name are numbered through a whole process, so a model that is made
again has other ones. Attributes stay: ``block/attention/query/kernel``. Layers of functional and
Sequential models go by their names; those that look as if nobody had chosen them are numbered anew within
the model.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from ..compiler.layers.base import Layer
from ..compiler.lower import state_names
from ..compiler.naming import snake_case
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
        names = _names([x for x in value if isinstance(x, Layer)]) if by_name else {}
        for i, item in enumerate(value):
            own = isinstance(item, Layer) and item in names
            inner = f"{outer}{names[item]}" if own else f"{place}/{i}"
            yield from _items(item, inner, outer, by_name, seen)


def _names(layers: Sequence[Layer]) -> dict[Layer, str]:
    """Names within a network: ``dense_7`` and ``dense_9`` are ``dense`` and ``dense_1``, in any process."""
    automatic: dict[str, list[tuple[int, Layer]]] = defaultdict(list)
    for layer in dict.fromkeys(layers):
        base = snake_case(type(layer).__name__)
        if match := re.fullmatch(rf"{re.escape(base)}(?:_(\d+))?", layer.name):
            automatic[base].append((int(match[1] or 0), layer))
    found = {layer: layer.name for layer in layers}
    for base, numbered in automatic.items():
        for i, (_, layer) in enumerate(sorted(numbered, key=lambda pair: pair[0])):
            found[layer] = f"{base}_{i}" if i else base
    return found
