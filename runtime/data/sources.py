"""From what a user passes as data to the source that the loops read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...compiler import settings, tree
from ...errors import ArgumentError
from .arrays import ArraySource, Order
from .convert import is_arrays, to_arrays
from .iterables import IterableSource
from .py_dataset import PyDatasetSource, is_py_dataset
from .structure import Source
from .weights import combined


def make_source(
    x: Any,
    y: Any = None,
    weight: Any = None,
    batch_size: int | None = None,
    steps: int | None = None,
    order: Order | None = None,
    *,
    class_weight: Mapping[int, float] | None = None,
    inputs_only: bool = False,
) -> Source:
    """The source for arrays (with ``y`` and sample weights), a ``PyDataset``, or an iterable of batches.

    Args:
        weight: one array, or, nested like ``y``, one for each output.
        batch_size: for arrays; default 32.
        order: number of a pass and count -> order of the examples (of the batches of a ``PyDataset``).
        inputs_only: leave out the targets and weights that an iterable gives.

    Raises ``ArgumentError`` for arguments that do not go together.
    """
    most = settings.max_steps_per_epoch()
    if most is not None:
        steps = most if steps is None else min(steps, most)
    if x is None:
        raise ArgumentError("x is missing: give arrays, or an iterable of batches")
    if not is_arrays(x):
        if y is not None or weight is not None:
            raise ArgumentError("with an iterable of batches, y and sample_weight come from it")
        if batch_size is not None:
            raise ArgumentError("with an iterable of batches, batch_size is up to it")
        if is_py_dataset(x):
            return PyDatasetSource(
                x, steps, order, inputs_only=inputs_only, class_weight=class_weight
            )
        if not hasattr(x, "__iter__"):
            raise ArgumentError(
                f"x is a {type(x).__name__}: expected arrays, or something that gives batches when "
                "it is iterated"
            )
        return IterableSource(x, steps, inputs_only=inputs_only, class_weight=class_weight)
    arrays = to_arrays(x, "x", sparse=True)
    targets = None if y is None else to_arrays(y, "y", sparse=True)
    weights = combined(sample_weights(weight, targets), targets, class_weight)
    size = 32 if batch_size is None else batch_size
    return ArraySource(arrays, targets, weights, size, order, steps)


def sample_weights(weight: Any, y: Any) -> Any:
    """Sample weights as arrays: None, one array, or one for each target, nested like ``y``."""
    if weight is None:
        return None
    found = to_arrays(weight, "sample_weight")
    nested = tree.flatten(found)[1]
    if nested is None or y is None:
        return found
    if nested != tree.flatten(y)[1]:
        raise ArgumentError(
            f"sample_weight is nested like {tree.describe(nested)}, y like "
            f"{tree.describe(tree.flatten(y)[1])}: give one array for all outputs, or one for each"
        )
    return found
