"""Operators whose attributes became inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import op
from ...ir import constant
from ..values import Call
from .table import adapter


def _numbers(values: Any) -> Any:
    return None if values is None else constant(np.array(values, np.int64).reshape(-1))


@adapter("Squeeze", "Unsqueeze", until=12)
def squeeze(call: Call) -> Any:
    function = op.Squeeze if call.op == "Squeeze" else op.Unsqueeze
    return function(call.needed(0), _numbers(call.get("axes")))
