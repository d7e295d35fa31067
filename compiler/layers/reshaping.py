"""Layers that change the shape only."""

from __future__ import annotations

import math
from typing import Any

from ...errors import ArgumentError, ShapeError
from .. import op
from ..config import not_supported
from ..ir import Tensor
from .base import Layer

__all__ = ["Flatten", "Reshape"]


class Flatten(Layer):
    """Input [batch, ...], output [batch, product of the rest]."""

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        not_supported("Flatten", data_format=(data_format or "channels_last", "channels_last"))

    def call(self, inputs: Tensor) -> Tensor:
        if inputs.ndim == 2:
            return inputs
        result: Tensor = op.Unsqueeze(inputs, [1]) if inputs.ndim == 1 else op.Flatten(inputs)
        return result


class Reshape(Layer):
    """Input [batch, ...], output [batch, *target_shape]; one entry may be -1."""

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_shape = tuple(int(d) for d in target_shape)
        if self.target_shape.count(-1) > 1 or any(d < -1 for d in self.target_shape):
            raise ArgumentError(f"Reshape({self.target_shape}): at most one entry may be -1")

    def call(self, inputs: Tensor) -> Tensor:
        sizes = inputs.shape[1:]
        if all(isinstance(d, int) for d in sizes):
            have = math.prod(sizes)  # type: ignore[arg-type]  # all are numbers
            want = math.prod(d for d in self.target_shape if d != -1)
            if (have != want) if -1 not in self.target_shape else (want == 0 or have % want):
                raise ShapeError(
                    f"layer {self.name!r} cannot reshape {sizes} ({have} elements per example) to "
                    f"{self.target_shape}"
                )
        # 0 keeps the batch dim, which stays symbolic
        result: Tensor = op.Reshape(inputs, [0, *self.target_shape])
        return result
