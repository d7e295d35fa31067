"""What a name in an ONNX graph can stand for while it is read.

Sequences and optionals exist only here: a sequence is a Python tuple of tensors, an optional is its
content or nothing. So they must have a length that is known when the file is read, and what remains of
them in our graph are ordinary tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ...errors import FileFormatError
from ..ir import Array, Tensor


@dataclass(frozen=True, slots=True)
class TensorList:
    """A sequence whose length is known."""

    items: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Maybe:
    """An optional: its content, or None."""

    content: Tensor | TensorList | None


Value: TypeAlias = "Tensor | TensorList | Maybe"


@dataclass(frozen=True, slots=True)
class Call:
    """One node of a file, as it is about to be applied.

    Args:
        version: the opset that the file asks for.
        inputs: None for those left out.
        attributes: decoded; tensors are ``Literal``, subgraphs ``GraphProto``.
        outputs: how many are asked for, the last used one counting.
    """

    op: str
    version: int
    inputs: tuple[Value | None, ...]
    attributes: Mapping[str, Any]
    outputs: int

    @property
    def tensors(self) -> tuple[Tensor | None, ...]:
        """The inputs, where all are tensors. Raises ``FileFormatError`` otherwise."""
        return tuple(self.input(i) for i in range(len(self.inputs)))

    def input(self, index: int) -> Tensor | None:
        """Input ``index``, or None where it is left out. Raises ``FileFormatError`` for a sequence."""
        found = self.inputs[index] if index < len(self.inputs) else None
        found = found.content if isinstance(found, Maybe) else found
        if isinstance(found, TensorList):
            raise FileFormatError(f"{self.op} takes a tensor as its input {index}, not a sequence")
        return found

    def needed(self, index: int) -> Tensor:
        """Input ``index``. Raises ``FileFormatError`` where it is left out."""
        x = self.input(index)
        if x is None:
            raise FileFormatError(f"{self.op} needs its input {index}")
        return x

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute, or the default."""
        return self.attributes.get(name, default)


@dataclass(frozen=True, slots=True)
class Weight:
    """A stored tensor that the graph takes as an operand.

    Args:
        leaf: the ``Argument`` that stands for it.
        origin: "initializer", "Constant", "ConstantOfShape" or "dequantised"; "state" where the file's
            own training changes it.
        trainable: whether training should change it by default.
        reason: why not, if not.
    """

    leaf: Tensor
    value: Array
    origin: str
    trainable: bool
    reason: str = ""


Adapter: TypeAlias = Callable[[Call], Any]


def results_of(value: Any) -> Sequence[Any]:
    """A result or a tuple of them as a tuple."""
    return value if isinstance(value, tuple) else (value,)
