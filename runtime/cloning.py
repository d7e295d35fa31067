"""``clone_model``: the same architecture with new weights, or with other layers in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ..compiler import config, functional, tree
from ..compiler.ir import Tensor
from ..compiler.layers.base import Layer
from ..compiler.network import Network
from ..errors import ArgumentError
from .model import Model
from .sequential import Sequential


def clone_model(
    model: Network,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """A copy of a model with new layers, initialised anew.

    Args:
        input_tensors: ``wh.Input`` placeholders to build on, nested as the model's inputs.
        clone_function: layer -> layer; by default ``from_config(get_config())``.
        call_function: ``f(layer, *args, **kwargs)`` that applies a (cloned) layer; functional models only.
        recursive: whether models inside are cloned layer by layer, too.

    Raises ``ArgumentError`` for subclassed models with any of these arguments.
    """
    if kwargs:
        raise TypeError(f"clone_model: unknown argument {next(iter(kwargs))!r}")
    clone = _cloner(clone_function, call_function, recursive)
    if isinstance(model, Sequential):
        if call_function is not None:
            raise ArgumentError("call_function is for functional models; this one is Sequential")
        return _sequential(model, input_tensors, clone)
    if model.is_functional:
        return _functional(model, input_tensors, clone, call_function)
    if clone_function is not None or input_tensors is not None or call_function is not None:
        raise ArgumentError(
            f"model {model.name!r} is neither functional nor Sequential: only "
            "from_config(get_config()) can copy it"
        )
    return _same(model)


def _same(layer: Any) -> Any:
    with config.copying():
        return type(layer).from_config(layer.get_config())


def _cloner(
    function: Callable[[Layer], Layer] | None, call: Any, recursive: bool
) -> Callable[[Layer], Layer]:
    chosen = function or _same

    def clone(layer: Layer) -> Layer:
        if recursive and isinstance(layer, Network) and not isinstance(layer, Sequential):
            return clone_model(layer, None, function, call, recursive=True)
        if recursive and isinstance(layer, Sequential):
            return clone_model(layer, None, function, None, recursive=True)
        made = chosen(layer)
        if not isinstance(made, Layer):
            raise ArgumentError(f"clone_function gave a {type(made).__name__}, no layer")
        return made

    return clone


def _sequential(model: Sequential, start: Any, clone: Callable[[Layer], Layer]) -> Sequential:
    found = Sequential(name=model.name)
    if start is not None:
        found.add(tree.leaves(start)[0])
    elif model.is_functional_like:
        found.add(_start_like(model.input))
    for layer in model.layers:
        found.add(clone(layer))
    return found


def _start_like(t: Tensor) -> Tensor:
    shape = tuple(d if isinstance(d, int) else None for d in t.shape)
    return functional.Input(batch_shape=shape, dtype=t.dtype, name=t.node.payload.name)


def _functional(
    model: Network, starts: Any, clone: Callable[[Layer], Layer], call: Callable[..., Any] | None
) -> Network:
    if starts is None:
        starts = tree.map_leaves(_start_like, model.input)
    given = tree.leaves(starts)
    bindings = {t.key: new for t, new in zip(tree.leaves(model.input), given, strict=True)}
    clones: dict[Layer, Layer] = {}

    def replace(layer: Layer) -> Callable[..., Any]:
        made = clones.setdefault(layer, layer)
        if made is layer:
            made = clones[layer] = clone(layer)
        if call is None:
            return made
        return lambda *args, **kwargs: call(made, *args, **kwargs)

    outputs = functional.replay(tree.leaves(model.output), bindings, replace)
    found = tree.unflatten(tree.flatten(model.output)[1], outputs)
    return type(model)(starts, found, name=model.name) if _plain(model) else Model(starts, found)


def _plain(model: Network) -> bool:
    return type(model).__init__ is Model.__init__


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model whose architecture ``to_json`` wrote, with new weights."""
    with config.custom_object_scope(custom_objects or {}):
        return config.deserialize(json.loads(json_string))
