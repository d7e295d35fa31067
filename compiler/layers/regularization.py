"""Layers that act in training only: dropout, noise, penalties of activities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...errors import ArgumentError
from .. import op, random, regularizers, windows
from ..ir import Tensor, constant, retyped
from . import context
from .base import Layer
from .input_spec import InputSpec

__all__ = [
    "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise",
    "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
]  # fmt: skip


class _Random(Layer):
    """Base of layers that draw at random in training, unless ``amount`` (0 to 1) is 0."""

    def _configure_draws(self, label: str, amount: float, seed: Any) -> None:
        if not 0 <= amount <= 1:
            raise ArgumentError(
                f"{type(self).__name__}({label}={amount}): expected a number from 0 to 1"
            )
        self.seed = seed
        self.supports_masking = self.built = True
        self._draws = amount > 0
        if self._draws:
            self.seed_generator = (
                seed if isinstance(seed, random.SeedGenerator) else random.SeedGenerator(seed)
            )
            owners = [x.name for x in context.enclosing() if not x._is_network]
            path = [*owners, self.name, "seed_generator_state"]
            self.seed_generator.state.path = "/".join(path)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        return self.disturbed(inputs) if training and self._draws else inputs

    def disturbed(self, x: Tensor) -> Tensor:
        """What becomes of ``x`` in training. Subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} must define disturbed(self, x)")

    def _normal(self, x: Tensor, mean: float, stddev: float) -> Tensor:
        drawn = random.normal(random.shape_of(x), mean, stddev, x.dtype, self.seed_generator)
        return retyped(drawn, x.type)


class Dropout(_Random):
    """In training each element is zero with probability ``rate``, the others grow by 1 / (1 - rate).

    Srivastava et al. 2014. ``noise_shape`` has 1 (or None: the input's own dim) where the mask is to
    be shared along an axis.
    """

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rate, self.noise_shape = rate, _checked_shape(type(self).__name__, noise_shape)
        self._configure_draws("rate", rate, seed)

    def disturbed(self, x: Tensor) -> Tensor:
        return random.dropout(x, self.rate, self._shape(), self.seed_generator)

    def _shape(self) -> Sequence[int | None] | None:
        return self.noise_shape


def _checked_shape(owner: str, shape: Any) -> tuple[int | None, ...] | None:
    if shape is None:
        return None
    sizes = tuple(shape) if isinstance(shape, (list, tuple)) else (shape,)
    if not all(d is None or (isinstance(d, int) and d > 0) for d in sizes):
        raise ArgumentError(
            f"{owner}(noise_shape={shape!r}): expected numbers above 0, or None for the input's own"
        )
    return sizes


class _SpatialDropout(Dropout):
    """Base of those that drop whole channels: the decision is shared along all axes of space.

    Tompson et al. 2014.
    """

    rank: int

    def __init__(
        self, rate: float, data_format: str | None = None, seed: Any = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(rate, seed=seed, name=name, dtype=dtype)
        self.data_format = windows.layout_name(type(self).__name__, data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _shape(self) -> Sequence[int | None]:
        ones = [1] * self.rank
        return [None, None, *ones] if self.data_format == "channels_first" else [None, *ones, None]


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole features of sequences [batch, time, features]."""

    rank = 1

    def __init__(
        self, rate: float, seed: Any = None, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(rate, "channels_last", seed, name, dtype)


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels of images."""

    rank = 2


class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole channels of volumes."""

    rank = 3


class GaussianNoise(_Random):
    """In training normal numbers of deviation ``stddev`` (0 to 1) are added."""

    def __init__(self, stddev: float, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stddev = stddev
        self._configure_draws("stddev", stddev, seed)

    def disturbed(self, x: Tensor) -> Tensor:
        return x + self._normal(x, 0.0, self.stddev)


class GaussianDropout(_Random):
    """In training each element is multiplied by a normal number of mean 1.

    Its variance, rate / (1 - rate), is that of Dropout's factors (Srivastava et al. 2014).
    """

    def __init__(self, rate: float, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if rate == 1:
            raise ArgumentError(
                "GaussianDropout(rate=1): the variance rate / (1 - rate) is infinite"
            )
        self.rate = rate
        self._configure_draws("rate", rate, seed)

    def disturbed(self, x: Tensor) -> Tensor:
        return x * self._normal(x, 1.0, math.sqrt(self.rate / (1 - self.rate)))


# SELU's saturation value: its alpha times its scale
_SATURATED = -1.6732632423543772 * 1.0507009873554805


class AlphaDropout(Dropout):
    """Dropout for SELU: what is dropped becomes SELU's lower limit; mean and variance are kept.

    Klambauer et al. 2017.
    """

    def disturbed(self, x: Tensor) -> Tensor:
        if self.rate == 1:
            raise ArgumentError(f"layer {self.name!r}: AlphaDropout has no meaning at rate=1")
        ones = retyped(op.Expand(constant(1, x.dtype), op.Shape(x)), x.type)
        drawn = random.dropout(ones, self.rate, self._shape(), self.seed_generator)
        kept = op.Cast(op.Greater(drawn, 0.0), to=x.dtype)
        a = ((1 - self.rate) * (1 + self.rate * _SATURATED**2)) ** -0.5
        b = -a * _SATURATED * self.rate
        result: Tensor = (x * kept + (1 - kept) * _SATURATED) * a + b
        return result


class ActivityRegularization(Layer):
    """Its input; ``l1 * sum |x| + l2 * sum x^2``, per example, is added to the loss."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **kwargs)
        self.l1, self.l2 = l1, l2
        self.supports_masking = self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        return inputs
