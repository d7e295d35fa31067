"""Sample weights: from the weights of classes, and for several outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...compiler import tree
from ...compiler.ir import Array
from ...errors import ArgumentError, DataError


def class_weights(y: Any, table: Mapping[int, float]) -> Array:
    """A weight (float32) per example from its class: integers [n] or [n, 1], or rows of scores [n, c].

    Classes that are not in ``table`` weigh 1. Raises ``ArgumentError`` for several targets, or
    without any, and ``DataError`` for labels that are no classes.
    """
    labels = [] if y is None else tree.leaves(y)
    if len(labels) != 1:
        raise ArgumentError(
            f"class_weight works with a single target; y has {len(labels)}. Give sample_weight, "
            "nested like y, instead"
        )
    classes = np.asarray(labels[0])
    if classes.ndim > 2:
        raise ArgumentError(
            f"class_weight takes labels [n], [n, 1] or one-hot rows [n, classes]; y has the shape "
            f"{classes.shape}: give sample_weight instead"
        )
    if classes.ndim == 2 and classes.shape[-1] > 1:
        classes = classes.argmax(-1)
    classes = np.rint(classes.reshape(len(classes))).astype(np.int64)
    if classes.min(initial=0) < 0:
        raise DataError(f"class_weight: the label {classes.min()} is no class")
    strange = [k for k in table if not isinstance(k, (int, float, np.number)) or k != int(k)]
    if strange:
        raise ArgumentError(f"class_weight: keys are numbers of classes; got {strange[0]!r}")
    size = int(max(classes.max(initial=0), *(int(k) for k in table), 0)) + 1
    weights = np.ones(size, np.float32)
    for key, weight in table.items():
        weights[int(key)] = weight
    return weights[classes]


def combined(weight: Any, y: Any, table: Mapping[int, float] | None) -> Any:
    """Sample weights times those of the classes; either may be missing."""
    if table is None:
        return weight
    by_class = class_weights(y, table)
    if weight is None:
        return by_class
    if tree.flatten(weight)[1] is not None:
        raise ArgumentError("class_weight works with one array of sample weights, not with several")
    given = np.asarray(weight, np.float32)
    return by_class.reshape(-1, *[1] * (given.ndim - 1)) * given
