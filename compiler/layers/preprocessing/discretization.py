"""``Discretization``: numbers as the numbers of the ranges that they lie in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ....errors import ArgumentError
from ... import op
from ...config import not_supported
from ...ir import Array, Tensor
from ..base import Layer
from .batches import batches_of, numbers
from .encoding import checked_mode, encoded

__all__ = ["Discretization"]


class Discretization(Layer):
    """The number of the range that a number lies in: 0 below the first boundary, n from the n-th on.

    Args:
        bin_boundaries: boundaries of the ranges, ascending.
        num_bins: how many ranges ``adapt`` shall find, so that each holds about as much of the data.
        epsilon: the tolerance of ``adapt`` (as a part of the data).
        output_mode: "int" (int32 of the input's shape), "one_hot", "multi_hot", "count".
        sparse: only False: there are no sparse tensors.

    Raises ``ArgumentError`` unless exactly one of ``bin_boundaries`` and ``num_bins`` is given.
    """

    _casts_integers = True

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        not_supported("Discretization", sparse=(sparse, False))
        if (bin_boundaries is None) == (num_bins is None):
            raise ArgumentError("Discretization takes either bin_boundaries= or num_bins=")
        if num_bins is not None and num_bins < 0:
            raise ArgumentError(f"Discretization(num_bins={num_bins}): expected at least 0")
        self.output_mode = checked_mode(
            "Discretization", output_mode, ("int", "one_hot", "multi_hot", "count")
        )
        self.bin_boundaries = None if bin_boundaries is None else [float(b) for b in bin_boundaries]
        self.num_bins, self.epsilon = num_bins, epsilon

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Find boundaries that split the data (an array, or batches) into ranges of about equal count."""
        if self.num_bins is None:
            raise ArgumentError(f"{self.name!r} was given bin_boundaries: nothing to adapt")
        summary = np.zeros((2, 0), np.float32)
        for batch in batches_of(data, steps):
            found = _summary(numbers(batch).astype(np.float32), self.epsilon)
            merged = np.concatenate([found, summary], 1)
            summary = _compressed(merged[:, np.argsort(merged[0])], self.epsilon)
        self.bin_boundaries = [float(b) for b in _compressed(summary, 1 / self.num_bins)[0, :-1]]

    def call(self, inputs: Tensor) -> Tensor:
        if self.bin_boundaries is None:
            raise ArgumentError(f"{self.name!r} has no boundaries yet: call adapt(data) first")
        bounds = np.asarray(self.bin_boundaries, self.compute_dtype)
        reached = op.Cast(op.GreaterOrEqual(op.Unsqueeze(inputs, [-1]), bounds), to="int32")
        indices = op.ReduceSum(reached, [-1], keepdims=0)
        dtype = "int32" if self.output_mode == "int" else self.compute_dtype
        return encoded(indices, self.output_mode, len(bounds) + 1, dtype)

    def get_config(self) -> dict[str, Any]:
        """What ``adapt`` has found is kept beside the arguments."""
        return {**super().get_config(), "bin_boundaries": self.bin_boundaries}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Discretization:
        found = None if config.get("num_bins") is None else config.get("bin_boundaries")
        layer = cls(**{k: v for k, v in config.items() if found is None or k != "bin_boundaries"})
        if found is not None:
            layer.bin_boundaries = list(found)
        return layer


# A summary is [2, n]: values in order, and for how many of the data each stands.


def _summary(values: Array, epsilon: float) -> Array:
    """Every so many-th of the sorted values, so that about ``1 / epsilon`` are left."""
    ordered = np.sort(values.reshape(-1))
    step = max(ordered.size * epsilon, 1.0)
    kept = ordered[int(step - 1) :: int(step)]
    return np.stack([kept, np.full_like(kept, step)])


def _compressed(summary: Array, epsilon: float) -> Array:
    """Fewer values by interpolation between ranks, so that each stands for ``epsilon`` of all."""
    values, weights = summary
    if values.size * epsilon < 1:
        return summary
    ranks = epsilon + np.arange(0.0, 1.0, epsilon)
    sums = weights.cumsum()
    parts = sums / sums[-1]
    at = np.interp(ranks, parts, sums)
    kept = [np.interp(ranks, parts, values), np.diff(at, prepend=0)]
    return np.stack(kept).astype(np.float32)
