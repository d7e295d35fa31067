"""What leaves and pseudo operators of the graph carry beside their operands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

STOP = "stop_gradient"  # the payload of an Identity that stops gradients


@dataclass(frozen=True, eq=False, slots=True)
class Content:
    """What a ``Data`` leaf holds, and the variable whose value that was, if any."""

    array: np.ndarray[Any, Any]
    variable: Any = None


@dataclass(frozen=True, eq=False, slots=True)
class Origin:
    """What an ``Argument`` or ``Placeholder`` stands for; an optional placeholder may be left out."""

    name: str
    variable: Any = None
    optional: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Foreign:
    """What a ``Foreign`` node runs: an operator of another domain, as the file that it is from has it."""

    domain: str
    op_type: str
    version: int
    attributes: tuple[Any, ...]

    @property
    def name(self) -> str:
        return f"{self.domain}::{self.op_type}"
