"""The same elements in another shape or order, or several times."""

from __future__ import annotations

import math
from typing import Any

from ....errors import ArgumentError, ShapeError
from ... import op, windows
from ...ir import Tensor
from ...layout import channels_last
from ..base import Layer
from ..input_spec import InputSpec
from ..spatial import SpatialLayer

__all__ = ["Flatten", "Permute", "RepeatVector", "Reshape"]


class Flatten(SpatialLayer):
    """Input [batch, ...], output [batch, product of the rest].

    Images that are channels-first are turned before, so that either layout gives the same order.
    """

    _casts_integers = False

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_layout(data_format)

    def call(self, inputs: Tensor) -> Tensor:
        if inputs.ndim == 2:
            return inputs
        if inputs.ndim == 1:
            column: Tensor = op.Unsqueeze(inputs, [1])
            return column
        flat: Tensor = op.Flatten(channels_last(inputs) if self.channels_first else inputs)
        return flat


class Reshape(Layer):
    """Input [batch, ...], output [batch, *target_shape]; one entry may be -1 (or None)."""

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes = (target_shape,) if isinstance(target_shape, int) else target_shape
        self.target_shape = tuple(-1 if d is None else int(d) for d in sizes)
        if self.target_shape.count(-1) > 1 or any(d < -1 for d in self.target_shape):
            raise ArgumentError(
                f"Reshape({target_shape!r}): expected sizes, at most one of them -1"
            )

    def call(self, inputs: Tensor) -> Tensor:
        target = self.target_shape
        sizes = [d for d in inputs.shape[1:] if isinstance(d, int)]
        if len(sizes) == inputs.ndim - 1:
            have, want = math.prod(sizes), math.prod(d for d in target if d != -1)
            if (have != want) if -1 not in target else (want == 0 or have % want):
                raise ShapeError(
                    f"layer {self.name!r} cannot reshape {tuple(sizes)} ({have} elements per example) "
                    f"to {target}"
                )
            target = tuple(have // want if d == -1 else d for d in target)
        # 0 keeps the batch dim, which stays symbolic
        result: Tensor = op.Reshape(inputs, [0, *target])
        return result


class Permute(Layer):
    """The axes behind the batch in another order; ``dims`` counts them from 1."""

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != [*range(1, len(self.dims) + 1)]:
            raise ArgumentError(
                f"Permute(dims={dims!r}): expected each of 1 to {len(self.dims)} once"
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Tensor) -> Tensor:
        result: Tensor = op.Transpose(inputs, perm=(0, *self.dims))
        return result


class RepeatVector(Layer):
    """Input [batch, features], output [batch, n, features]."""

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = windows.count("RepeatVector", "n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Tensor) -> Tensor:
        result: Tensor = op.Tile(op.Unsqueeze(inputs, [1]), [1, self.n, 1])
        return result
