"""Layers that act in training only."""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError
from .. import random
from ..ir import Tensor
from .base import Layer

__all__ = ["Dropout"]


class Dropout(Layer):
    """In training each element is zero with probability ``rate``, the others grow by 1 / (1 - rate).

    Srivastava et al. 2014. ``noise_shape`` has 1 (or None: the input's own dim) where the mask is to
    be shared along an axis.
    """

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate <= 1:
            raise ArgumentError(f"Dropout(rate={rate}): expected a number from 0 to 1")
        self.rate, self.noise_shape, self.seed = rate, noise_shape, seed
        self.built = True
        if rate > 0:
            self.seed_generator = random.SeedGenerator(seed)
            self.seed_generator.state.path = f"{self.name}/seed_generator_state"

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0:
            return inputs
        result: Tensor = random.dropout(
            inputs, self.rate, noise_shape=self.noise_shape, seed=self.seed_generator
        )
        return result
