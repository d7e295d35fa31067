"""The values in a file, matched to the variables of a model: all of them, or none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...compiler.ir import Array
from ...compiler.layers.base import Layer
from ...compiler.layers.low_rank import LowRank
from ...compiler.network import Network
from ...compiler.random import SeedGenerator
from ...compiler.state import Variable
from ...errors import FileFormatError
from .hdf5 import Stored
from .places import Places, is_chain, saved_variables

Values = list[tuple[Variable, Array]]


def needed(model: Layer) -> int:
    """The bytes of a model's variables."""
    return sum(int(v.numpy().nbytes) for v in model.variables)


def matched(model: Network, stored: Stored, places: Places, *, strict: bool = True) -> Values:
    """The value of each variable of ``model``.

    With ``strict`` every variable must be in the file, with its shape; otherwise those that fit are
    given. Raises ``FileFormatError`` where they are not, or where the file has weights that the model
    has no place for.
    """
    found: Values = []
    for layer, path in _walk(model, "", places, stored, set()):
        keys = stored.of(path)
        if isinstance(layer, SeedGenerator):
            found += [
                (layer.state, stored.read(k, layer.state.shape, layer.state.dtype)) for k in keys
            ]
            continue
        variables = saved_variables(layer)
        if len(keys) != len(variables):
            if not strict:
                continue
            raise FileFormatError(
                f"{stored.label} has {len(keys)} values for layer {layer.name!r} ({path or 'the model'}); "
                f"it needs {len(variables)}"
            )
        for variable, key in zip(variables, keys, strict=True):
            if strict or tuple(stored.arrays[key].shape) == variable.shape:
                found.append((variable, stored.read(key, variable.shape, variable.dtype)))
        if isinstance(layer, LowRank) and layer.lora_enabled:
            kept, none = layer._lora_a, layer._lora_b  # their product is in the weight already
            found += [(kept, kept.numpy()), (none, np.zeros(none.shape, none.dtype))]
    if strict:
        _check_left(stored)
    return found


def _check_left(stored: Stored) -> None:
    left = [k for k in stored.arrays if k not in stored.used and not _elsewhere(k)]
    if left:
        raise FileFormatError(
            f"{stored.label} has weights for which the model has no place: {left[0]}, {len(left)} in all"
        )


def _elsewhere(key: str) -> bool:
    """The optimizer's values are read by themselves; what metrics have counted is not kept."""
    return key.startswith(("optimizer/", "_compile_metrics", "compile_metrics", "metrics/"))


def _walk(
    layer: Any, path: str, places: Places, stored: Stored, seen: set[int]
) -> Iterator[tuple[Any, str]]:
    """The layers and random generators with their paths in the file, each once."""
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield layer, path
    if isinstance(layer, SeedGenerator):
        return
    renamed = _by_name(layer, path, places, stored)
    found = [
        (renamed.get(id(child)) or _present(path, name, stored), child)
        for name, child in places.children(layer)
    ]
    # what can be reached by several attributes may lie under any of them
    for place, child in sorted(found, key=lambda item: not stored.has(item[0])):
        yield from _walk(child, place, places, stored, seen)


def _by_name(layer: Layer, path: str, places: Places, stored: Stored) -> dict[int, str]:
    """Paths of the layers of a model that was not made from the file, if names tell which is which."""
    if not is_chain(layer) or layer in places.exact:
        return {}
    own = places.layers(layer)  # type: ignore[arg-type]
    below = _join(path, "layers")
    kept = {stored.names.get(f"{below}/{name}"): f"{below}/{name}" for name, _ in own}
    if {x.name for _, x in own} != set(kept):
        return {}
    return {id(x): kept[x.name] for _, x in own}


def _join(path: str, name: str) -> str:
    return f"{path}/{name}".lstrip("/")


def _present(path: str, name: str, stored: Stored) -> str:
    """The path of an attribute, which Keras may have under a public or a private name."""
    for form in (name, name.lstrip("_"), f"_{name}"):
        if stored.has(_join(path, form)):
            return _join(path, form)
    return _join(path, name)
