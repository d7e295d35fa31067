"""What an update is put together of: conditions, types, pairs of gradients and variables."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .. import dtypes, op
from ..ir import Like, Tensor, constant
from ..state import Variable


class Conditional:
    """Undoes what is assigned to ``variables`` where a step only accumulates gradients."""

    def __init__(self, active: Tensor | None, variables: Sequence[Variable]) -> None:
        self.active = active
        self.before = {v: v.value for v in variables} if active is not None else {}

    def settle(self) -> None:
        """Each variable that was assigned keeps its old value unless the step is active."""
        for variable, old in self.before.items():
            new = variable.value
            if self.active is not None and new.key != old.key:
                variable.assign(blend(self.active, new, old))


def blend(condition: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """``new`` where the scalar condition holds, else ``old``; both exact, and cheaper than Where."""
    chosen = op.Cast(condition, to=new.dtype)
    return new * chosen + old * (1.0 - chosen)


def as_dtype(value: Any, dtype: dtypes.DType) -> Any:
    """A tensor, or a tuple of tensors, cast to ``dtype``."""
    if isinstance(value, tuple):
        return tuple(as_dtype(v, dtype) for v in value)
    return value if value.dtype == dtype else op.Cast(value, to=dtype)


def paired(
    grads: Sequence[Like | None], variables: Sequence[Variable]
) -> list[tuple[Like, Variable]]:
    """Gradients with their variables; None is left out, with a warning.

    Raises ``ArgumentError`` where the numbers differ or no gradient is left.
    """
    if len(grads) != len(variables):
        raise ArgumentError(f"{len(grads)} gradients for {len(variables)} variables")
    pairs = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
    if not pairs:
        raise ArgumentError("no gradients were given for any variable")
    missing = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
    if missing:
        warnings.warn(f"no gradients for {', '.join(missing)}: not updated", stacklevel=3)
    return pairs


def power(base: float, exponent: Tensor) -> Tensor:
    """``base ^ exponent`` in double precision: 1 - 0.999 ^ t has few digits left in single."""
    return op.Pow(constant(base, np.float64), op.Cast(exponent, to=np.float64))
