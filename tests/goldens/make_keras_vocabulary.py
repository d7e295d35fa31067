"""Writes ``keras_vocabulary.json``: the names of Keras, what each weighs, and how it is called.

To make it again, in a virtual environment with keras 3.15.1 and torch, in the root of the repository:
``KERAS_BACKEND=torch python -m tests.goldens.make_keras_vocabulary``

The marks (M must, S should, C could) are in ``vocabulary_marks.py``. A public name of Keras that is in none of
its groups is an error, so that nothing is overlooked. A name that is one object with another (an alias, a second
place to import from) is kept in ``also`` of the first.
"""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Iterator
from typing import Any

import keras

from .book import HERE
from .vocabulary_marks import BEHAVIOURS, GROUPS, PACKAGES

# packages that are neither names of users nor worth a line each
SKIPPED = {"src", "legacy", "tensorflow_backend"}


def places(prefix: str, module: Any) -> Iterator[tuple[str, Any]]:
    """Every public path of Keras, and what is there."""
    for name in sorted(vars(module)):
        if name.startswith("_") or name in SKIPPED:
            continue
        value, path = getattr(module, name), f"{prefix}{name}"
        if isinstance(value, types.ModuleType):
            if value.__name__.startswith("keras"):
                yield from places(f"{path}.", value)
        elif callable(value) or path == "tree.MAP_TO_NONE":
            yield path, value


def signature(value: Any) -> str | None:
    """The arguments as in a ``def``, without types; None for what is not called."""
    value = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
    if not callable(value):
        return None
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return None
    return str(found.replace(
        parameters=[
            p.replace(annotation=p.empty) for n, p in found.parameters.items() if n not in ("self", "cls")
        ],
        return_annotation=found.empty,
    ))  # fmt: skip


def found(path: str) -> Any:
    """What is at a path such as ``layers.Dense`` or ``Model:fit``."""
    where, _, member = path.partition(":")
    value: Any = keras
    for part in where.split("."):
        value = getattr(value, part)
    if where == "Model" and member:  # the class of models made of inputs and outputs
        value = type(keras.Model(x := keras.Input((1,)), x))
    if not member or hasattr(value, member):
        return inspect.getattr_static(value, member) if member else value
    if not any(f"self.{member} =" in inspect.getsource(c) for c in value.__mro__[:-1]):
        raise SystemExit(f"{path}: no such member")
    return None  # set by the constructor


def main() -> None:
    public = dict(places("", keras))
    by_object: dict[int, list[str]] = {}
    for path, value in public.items():
        by_object.setdefault(id(value), []).append(path)
    groups, seen = [], set()
    for title, marked in GROUPS:
        names = {}
        for mark, paths in marked.items():
            for path in paths:
                value = found(path)
                same = (
                    []
                    if isinstance(value, types.ModuleType) or ":" in path
                    else [p for p in by_object.get(id(value), ()) if p != path]
                )
                names[path] = {"mark": mark, "signature": signature(value), "also": same}
                seen |= {path, *same}
        groups.append({"title": title, "names": names})
    inside = tuple(f"{p}." for p in PACKAGES)
    forgotten = sorted(p for p in set(public) - seen if not p.startswith(inside))
    if forgotten:
        raise SystemExit(f"without a mark: {' '.join(forgotten)}")
    lines = ",\n".join(_group(group) for group in groups)
    behaviours = json.dumps(BEHAVIOURS, indent=1)
    target = HERE / "keras_vocabulary.json"
    target.write_text(
        f'{{"keras": "{keras.__version__}", "groups": [\n{lines}],\n"behaviours": {behaviours}}}\n'
    )
    print(f"{target.name}: {len(seen)} paths, {sum(len(g['names']) for g in groups)} names")  # type: ignore[arg-type]


def _group(group: dict[str, Any]) -> str:
    rows = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in group["names"].items())
    return f'{{"title": {json.dumps(group["title"])}, "names": {{\n{rows}}}}}'


if __name__ == "__main__":
    main()
