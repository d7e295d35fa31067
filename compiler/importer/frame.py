"""Names in scope while a graph, a subgraph or a function is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import FileFormatError
from ..ir import Key, Tensor, argument
from .partial import literal
from .values import Maybe, TensorList, Value


class Frame:
    """One graph being read.

    Args:
        opsets: domain -> version.
        parent: of a subgraph: the frame whose names it sees. What it takes from there it captures.
        caller: of a function: the frame that calls it, whose names it does not see.
        attributes: of a function: what its attributes are in this call.
    """

    def __init__(
        self,
        opsets: Mapping[str, int],
        *,
        parent: Frame | None = None,
        caller: Frame | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        self.opsets = opsets
        self.parent, self.caller = parent, caller
        self.attributes = attributes
        self.values: dict[str, Value | None] = {}
        self.captures: dict[Key, tuple[Tensor, Tensor]] = {}
        self.depth: int = 1 + max(f.depth if f is not None else 0 for f in (parent, caller))

    def define(self, name: str, value: Value | None) -> None:
        """Give a name its value. Raises ``FileFormatError`` where it has one already."""
        if name in self.values:
            raise FileFormatError(f"{name!r} is defined twice")
        self.values[name] = value

    def lookup(self, name: str) -> Value | None:
        """What a name stands for; "" stands for nothing.

        Raises ``FileFormatError`` where it is not defined (before its use).
        """
        if not name:
            return None
        if name in self.values:
            return self.values[name]
        if self.parent is None:
            raise FileFormatError(
                f"{name!r} is used, but it is no input, no stored tensor, and no result of an "
                "earlier node"
            )
        found = self.parent.lookup(name)
        return None if found is None else self._captured(found)

    def rooted(self, leaf: Tensor) -> Tensor:
        """A leaf of the outermost graph, as it is seen here."""
        if self.caller is not None:
            return self.caller.rooted(leaf)
        return leaf if self.parent is None else self.capture(self.parent.rooted(leaf))

    def capture(self, outer: Tensor) -> Tensor:
        """What stands in this subgraph for a tensor of the graph around it."""
        if literal(outer) is not None or outer.node.op == "Data":
            return outer
        if outer.key not in self.captures:
            self.captures[outer.key] = argument("captured", outer.type), outer
        return self.captures[outer.key][0]

    def _captured(self, value: Value) -> Value:
        if isinstance(value, Tensor):
            return self.capture(value)
        if isinstance(value, TensorList):
            return TensorList(tuple(self.capture(t) for t in value.items))
        return Maybe(None if value.content is None else self._captured(value.content))  # type: ignore[arg-type]
