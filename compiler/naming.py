"""Automatic names of layers, losses and metrics: the class's in snake case, numbered from the second on."""

from __future__ import annotations

import gc
import re
from collections import Counter
from collections.abc import Container, Mapping
from typing import Any

_given: Counter[str] = Counter()


def snake_case(kind: str) -> str:
    """``max_pooling2d`` for ``MaxPooling2D``."""
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind))
    return words.lower().lstrip("_")


def unique_name(kind: str) -> str:
    """``auc``, ``auc_1``, ... for the class name ``AUC``."""
    base = snake_case(kind)
    n = _given[base]
    _given[base] += 1
    return f"{base}_{n}" if n else base


def clear_session(free_memory: bool = True) -> None:
    """Start numbering automatic names anew; with ``free_memory`` also free what nobody holds."""
    _given.clear()
    if free_memory:
        gc.collect()


def qualified(package: str, data: Mapping[str, Any], known: Container[str]) -> Mapping[str, Any]:
    """A saved form whose class or function has Keras' bare name, with the name that ours is registered by.

    Keras writes ``{"class_name": "Huber", "config": {...}}``, and for a function
    ``{"class_name": "function", "config": "huber"}``.
    """
    kind, settings = data.get("class_name"), data.get("config")
    if kind == "function" and settings in known:
        return {"function": f"{package}>{settings}"}
    return {**data, "class_name": f"{package}>{kind}"} if kind in known else data
