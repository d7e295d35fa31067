"""Layers as plain data, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ArgumentError
from .. import config as forms
from .. import naming
from .base import Layer

__all__ = ["deserialize", "serialize"]


def serialize(layer: Layer) -> dict[str, Any]:
    """A layer's class and configuration, as JSON can hold them; without its weights."""
    return forms.serialize(layer)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The layer that ``serialize`` wrote (or Keras).

    ``custom_objects`` are classes and functions of yours by name. Raises ``FileFormatError`` for unknown
    classes, ``ArgumentError`` for what is no layer.
    """
    with forms.custom_object_scope(custom_objects or {}):
        made = forms.deserialize(naming.qualified("layers", config, _names()))
    if not isinstance(made, Layer):
        raise ArgumentError(f"{config.get('class_name')!r} is no layer")
    return made


def _names() -> dict[str, type[Layer]]:
    """Our own layers by the bare names that Keras writes."""
    found: dict[str, type[Layer]] = {}
    kinds = [Layer]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if ".compiler.layers." in kind.__module__:
            found[kind.__name__] = kind
    return found
