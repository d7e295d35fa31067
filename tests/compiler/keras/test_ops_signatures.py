"""The arguments of ops, images and random functions: Keras' names, order and defaults."""

from __future__ import annotations

import ast
import inspect
import json
from typing import Any

import pytest

import waterhorse as wh
from waterhorse.compiler.ops import MISSING as missing

from .goldens import FOLDER

KERAS: dict[str, list[list[Any]]] = json.loads((FOLDER / "keras_ops_signatures.json").read_text())
MISSING = {*(f"ops.{n}" for n in missing)}


@pytest.mark.parametrize("name", KERAS)
def test_arguments_are_those_of_keras(name: str) -> None:
    if name in MISSING:
        pytest.skip("says that it is not there")
    found: Any = wh
    for part in name.split("."):
        found = getattr(found, part)
    # more of ours can be given by name alone
    theirs = {n for _, n, _ in KERAS[name]}
    ours = [
        [p.kind.name, n, None if p.default is p.empty else value(repr(p.default))]
        for n, p in inspect.signature(found).parameters.items()
        if n in theirs or p.kind is not p.KEYWORD_ONLY
    ]
    assert ours == [[kind, n, value(default)] for kind, n, default in KERAS[name]]


def value(default: str | None) -> Any:
    """A default that can be compared: 4 is 4.0."""
    return None if default is None else (ast.literal_eval(default),)


def test_few_are_missing() -> None:
    assert len(KERAS) > 350
    assert {n for n in KERAS if n in MISSING} <= {
        "ops.eig", "ops.nextafter", "ops.polar", "ops.view_as_complex",
    }  # fmt: skip
