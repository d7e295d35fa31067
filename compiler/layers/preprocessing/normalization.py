"""``Normalization``: features shifted and scaled to mean 0 and variance 1 of data seen before."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....errors import ArgumentError, ShapeError
from ... import op
from ...ir import Array, Tensor, constant
from ..base import Layer
from .batches import batches_of, numbers

__all__ = ["Normalization"]

EPSILON = 1e-7  # Keras' backend.epsilon()


class Normalization(Layer):
    """``(inputs - mean) / sqrt(variance)``, with statistics that ``adapt`` finds or that are given.

    Args:
        axis: axes that keep statistics of their own (an int, or several); None for one mean of all.
        mean, variance: known statistics, of the shape of ``axis`` or broadcast to it.
        invert: give ``mean + inputs * sqrt(variance)`` instead.

    The deviation is at least 1e-7. Weights (not trainable), unless statistics are given: mean and variance
    [sizes of ``axis``], count []. Raises ``ArgumentError`` where only one of mean and variance is given,
    ``ShapeError`` where the size of a kept axis is dynamic.
    """

    _casts_integers = True

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        if (mean is None) != (variance is None):
            raise ArgumentError("Normalization takes both mean= and variance=, or none of them")
        if mean is not None and np.shape(mean) != np.shape(variance):
            raise ArgumentError(
                f"Normalization: mean has shape {np.shape(mean)}, variance {np.shape(variance)}"
            )
        if len(np.shape(mean)) > len(self.axis):
            raise ArgumentError(
                f"Normalization: mean has {len(np.shape(mean))} axes, but axis={axis!r} names "
                f"{len(self.axis)}"
            )
        self.input_mean, self.input_variance, self.invert = mean, variance, invert
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        rank = len(input_shape)
        if not all(-rank <= a < rank for a in self.axis):
            raise ShapeError(f"{self.name!r} has axis={self.axis}; its input has {rank} axes")
        self._kept = sorted(a % rank for a in self.axis)
        self._wide = [input_shape[a] if a in self._kept else 1 for a in range(rank)]
        if None in self._wide:
            raise ShapeError(
                f"{self.name!r} keeps statistics for axes {self.axis}, whose sizes must be known; its "
                f"input has shape {tuple(input_shape)}"
            )
        if self.input_mean is not None:
            self._known = self._given(self.input_mean), self._given(self.input_variance)
            return
        shape = tuple(input_shape[a] for a in self._kept)
        self.adapt_mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
        self.adapt_variance = self.add_weight(shape, "ones", trainable=False, name="variance")
        self.count = self.add_weight((), "zeros", "int32", trainable=False, name="count")

    def _given(self, value: Any) -> Array:
        """Known statistics over all axes: those that are there belong to the last kept axes."""
        array = np.asarray(value, np.float64)
        shape = [1] * len(self._wide)
        for i in range(1, array.ndim + 1):
            shape[self._kept[-i]] = array.shape[-i]
        return np.broadcast_to(array.reshape(shape), self._wide).astype(self.dtype)

    def adapt(self, data: Any) -> None:
        """Find mean and variance (of the population) of an array or of an iterable of batches.

        Exact: sums are in double precision, and batches are merged as by Chan, Golub and LeVeque 1983.
        Raises ``ArgumentError`` where the layer was given statistics.
        """
        if self.input_mean is not None:
            raise ArgumentError(f"{self.name!r} was given mean= and variance=: nothing to adapt")
        count, mean, square = 0, np.float64(0), np.float64(0)
        for batch in batches_of(data):
            x = numbers(batch).astype(np.float64)
            self._fit(x.shape)
            reduced = tuple(a for a in range(x.ndim) if a not in self._kept)
            size = int(np.prod([x.shape[a] for a in reduced]))
            shift = x.mean(reduced) - mean
            count += size
            square = square + x.var(reduced) * size + shift**2 * (size * (count - size) / count)
            mean = mean + shift * (size / count)
        self.adapt_mean.assign(np.asarray(mean, self.dtype))
        self.adapt_variance.assign(np.asarray(square / count, self.dtype))

    def _fit(self, shape: tuple[int, ...]) -> None:
        if not self.built:
            self.build((None, *shape[1:]) if 0 not in _axes(self.axis, len(shape)) else shape)
            self.built = True
        same = len(shape) == len(self._wide) and all(shape[a] == self._wide[a] for a in self._kept)
        if not same:
            raise ShapeError(
                f"{self.name!r} was built for sizes {self._wide} (1 where they may differ); adapt was "
                f"given data of shape {shape}"
            )

    @property
    def mean(self) -> Tensor | None:
        """The mean, with as many axes as the inputs; None before the layer is built."""
        return self._statistics()[0] if self.built else None

    @property
    def variance(self) -> Tensor | None:
        """The variance, likewise."""
        return self._statistics()[1] if self.built else None

    def _statistics(self) -> tuple[Tensor, Tensor]:
        if self.input_mean is not None:
            return constant(self._known[0]), constant(self._known[1])
        return op.Reshape(self.adapt_mean, self._wide), op.Reshape(self.adapt_variance, self._wide)

    def call(self, inputs: Tensor) -> Tensor:
        mean, variance = self._statistics()
        deviation = op.Max(op.Sqrt(variance), np.asarray(EPSILON, self.dtype))
        result: Tensor = mean + inputs * deviation if self.invert else (inputs - mean) / deviation
        return result


def _axes(axis: tuple[int, ...], rank: int) -> set[int]:
    return {a % rank for a in axis}
