"""``keras.ops``: functions over tensors that work at the prompt and in traced functions alike."""

from __future__ import annotations

from typing import Any

from . import elementwise, linalg, nn, reduction
from . import shaping as shape_ops
from .elementwise import *  # noqa: F403
from .linalg import *  # noqa: F403
from .nn import *  # noqa: F403
from .reduction import *  # noqa: F403
from .shaping import *  # noqa: F403

__all__ = [
    *elementwise.__all__,
    *linalg.__all__,
    *reduction.__all__,
    *shape_ops.__all__,
    *nn.__all__,
]

# Keras has these and this version does not.
_MISSING = {
    "cond": "trace both sides and choose with wh.ops.where",
    "while_loop": "a Python loop inside wh.function",
    "fori_loop": "a Python loop inside wh.function",
    "scan": "a Python loop inside wh.function",
    "svd": "numpy.linalg on convert_to_numpy(x)",
    "eig": "numpy.linalg on convert_to_numpy(x)",
    "eigh": "numpy.linalg on convert_to_numpy(x)",
    "inv": "numpy.linalg on convert_to_numpy(x)",
    "solve": "numpy.linalg on convert_to_numpy(x)",
    "ctc_loss": "nothing yet",
    "segment_sum": "wh.op.ScatterND with reduction='add'",
    "conv": "wh.layers.Conv2D, or wh.op.Conv",
    "max_pool": "wh.layers.MaxPooling2D, or wh.op.MaxPool",
    "average_pool": "wh.layers.AveragePooling2D, or wh.op.AveragePool",
    "scatter": "wh.op.ScatterND",
    "vectorized_map": "operations over a leading axis",
}


def __getattr__(name: str) -> Any:
    if name in _MISSING:
        raise NotImplementedError(f"wh.ops.{name} is not there yet; use {_MISSING[name]}")
    raise AttributeError(f"module 'waterhorse.ops' has no attribute {name!r}")
