"""The table of adapters: what an operator of another opset means at ours.

``@adapter("Squeeze", until=12)`` registers a function for files of opset 12 and before,
``@adapter("Swish", since=22)`` one for operators that came, or changed, after ours. It takes the ``Call``
as the file has it and returns the result(s), written with operators of our opset. Adapters may be
registered for several ranges. Operators without one mean the same at all opsets in which they exist.
"""

from __future__ import annotations

from collections.abc import Callable

from ..values import Adapter

_TABLE: dict[str, list[tuple[int, int, Adapter]]] = {}
LATEST = 1 << 30


def adapter(*ops: str, since: int = 0, until: int = LATEST) -> Callable[[Adapter], Adapter]:
    """Register the decorated function for the opsets ``since`` to ``until``, both included."""

    def register(function: Adapter) -> Adapter:
        for op in ops:
            _TABLE.setdefault(op, []).append((since, until, function))
        return function

    return register


def find(op: str, version: int) -> Adapter | None:
    """The adapter of ``op`` for files of opset ``version``, if there is one."""
    for since, until, function in _TABLE.get(op, ()):
        if since <= version <= until:
            return function
    return None


def ranges() -> dict[str, list[tuple[int, int]]]:
    """For each operator the opsets that it has adapters for."""
    return {op: [(a, b) for a, b, _ in rows] for op, rows in sorted(_TABLE.items())}
