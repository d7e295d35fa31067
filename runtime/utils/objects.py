"""Objects written as plain data and back, and where a symbolic tensor comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...compiler.config import custom_object_scope, decode, encode
from ...compiler.ir import Tensor, toposort
from ...errors import ArgumentError


def serialize_keras_object(obj: Any) -> Any:
    """``obj`` (a layer, a loss, a function, a nest of them, plain values) as JSON can hold it.

    Raises ``ArgumentError`` for what has no such form.
    """
    return encode(obj)


def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True
) -> Any:
    """The inverse of ``serialize_keras_object``. No code in ``config`` is ever run.

    Raises ``FileFormatError`` for names that nobody registered.
    """
    if not safe_mode:
        raise NotImplementedError(
            "safe_mode=False would run code that lies in files, which is never done: register the "
            "function or class, and name it"
        )
    with custom_object_scope(custom_objects or {}):
        return decode(config)


def is_keras_tensor(x: Any) -> bool:
    """Whether ``x`` is symbolic: it has no value until a model's inputs have one.

    Raises ``ArgumentError`` for what is no tensor at all (an array, a number).
    """
    if not isinstance(x, Tensor):
        raise ArgumentError(f"{type(x).__name__} is no tensor: expected one of wh.Input or a layer")
    return not x.node.concrete


def get_source_inputs(tensor: Tensor) -> list[Tensor]:
    """The ``wh.Input`` tensors that ``tensor`` is computed from, in order."""
    if not isinstance(tensor, Tensor):
        raise ArgumentError(f"{type(tensor).__name__} is no tensor of a functional model")
    found = [n.outputs[0] for n in toposort([tensor]) if n.op == "Placeholder"]
    return found or [tensor]
