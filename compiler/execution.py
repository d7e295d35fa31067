"""The door through which the compiler asks for values: it cannot run anything itself.

``runtime`` puts an evaluator here when the two meet (``waterhorse._boot``), which keeps the import
direction: ``runtime`` knows ``compiler``, never the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..errors import TraceError

if TYPE_CHECKING:
    from .ir import Tensor


class Evaluator(Protocol):
    """Computes tensors that depend on no input."""

    def __call__(self, tensors: Sequence[Tensor], /) -> list[np.ndarray[Any, Any]]: ...


_evaluator: Evaluator | None = None


def install(evaluator: Evaluator) -> None:
    """Make ``evaluator`` the one that ``Tensor.numpy`` uses."""
    global _evaluator
    _evaluator = evaluator


def evaluate(tensors: Sequence[Tensor]) -> list[np.ndarray[Any, Any]]:
    """The values of ``tensors``. Raises ``TraceError`` where no runtime is loaded."""
    if _evaluator is None:
        raise TraceError("nothing can be evaluated here: import waterhorse, not only its compiler")
    return _evaluator(tensors)
