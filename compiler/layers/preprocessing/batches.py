"""What ``adapt`` is given: arrays, or anything that gives batches of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ....errors import ArgumentError, DataError
from ...ir import Array, Operators


def is_array(data: Any) -> bool:
    """Whether ``data`` is one array rather than something that gives batches."""
    return isinstance(data, (np.ndarray, Operators)) or hasattr(data, "__array__")


def batches_of(data: Any, steps: int | None = None) -> Iterator[Any]:
    """The batches of ``data``; of (x, y) or (x, y, weight) the x. An array is one batch.

    Raises ``ArgumentError`` for what is neither, ``DataError`` where there is no batch.
    """
    if is_array(data):
        if steps is not None:
            raise ArgumentError("adapt(steps=...) counts batches; this data is one array")
        yield data
        return
    if not isinstance(data, Iterable):
        raise ArgumentError(
            f"adapt takes an array or an iterable of batches; got a {type(data).__name__}"
        )
    count = 0
    for batch in itertools.islice(data, steps):
        yield batch[0] if isinstance(batch, tuple) else batch
        count += 1
    if not count:
        raise DataError("adapt was given an iterable without a single batch")


def numbers(batch: Any) -> Array:
    """A batch as an array of numbers. Raises ``DataError`` where it is none."""
    array = np.asarray(batch)
    if array.dtype.kind not in "fiub":
        raise DataError(f"adapt was given data of type {array.dtype}; expected numbers")
    return array
