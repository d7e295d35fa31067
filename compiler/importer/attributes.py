"""Attributes of nodes as Python values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
from onnx import AttributeProto, helper

from ...errors import FileFormatError
from ..schema import Literal
from .tensors import array_of, sparse_array


def decoded(
    node: onnx.NodeProto, given: Mapping[str, Any] | None, folder: Path | None
) -> dict[str, Any]:
    """The attributes of ``node``; within a function those that refer to its own are looked up.

    Raises ``FileFormatError`` for kinds that no operator has, and for references outside of functions.
    """
    found: dict[str, Any] = {}
    for attribute in node.attribute:
        name = attribute.name
        if name in found:
            raise FileFormatError(f"attribute {name!r} is given twice")
        if attribute.ref_attr_name:
            if given is None:
                raise FileFormatError(f"attribute {name!r} refers to a function, but is in none")
            if given.get(attribute.ref_attr_name) is not None:
                found[name] = given[attribute.ref_attr_name]
            continue
        found[name] = value_of(attribute, folder)
    return found


def value_of(attribute: onnx.AttributeProto, folder: Path | None) -> Any:
    """One attribute: numbers, strings, ``Literal`` for tensors, ``GraphProto`` for graphs."""
    kind = attribute.type
    if kind == AttributeProto.TENSOR:
        return Literal(array_of(attribute.t, folder))
    if kind == AttributeProto.SPARSE_TENSOR:
        return Literal(sparse_array(attribute.sparse_tensor, folder))
    if kind == AttributeProto.GRAPH:
        return attribute.g
    if kind == AttributeProto.TYPE_PROTO:
        return attribute.tp
    if kind in (AttributeProto.STRING, AttributeProto.STRINGS):
        try:
            if kind == AttributeProto.STRING:
                return attribute.s.decode()
            return tuple(s.decode() for s in attribute.strings)
        except UnicodeDecodeError as error:
            raise FileFormatError(f"attribute {attribute.name!r} is no text: {error}") from error
    if kind in (AttributeProto.INT, AttributeProto.FLOAT):
        return helper.get_attribute_value(attribute)
    if kind == AttributeProto.INTS:
        return tuple(attribute.ints)
    if kind == AttributeProto.FLOATS:
        return tuple(attribute.floats)
    raise FileFormatError(f"attribute {attribute.name!r} is of a kind that is not supported")
