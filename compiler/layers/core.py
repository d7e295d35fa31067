"""Input, Lambda, Masking, Identity, Wrapper: layers that compute little themselves."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import ArgumentError, ShapeError
from .. import dims, dtypes, functional, op, tree
from ..infer import TensorType
from ..ir import Tensor, constant, convert, retyped
from . import context
from .base import Layer

__all__ = ["Identity", "InputLayer", "Lambda", "Masking", "Rescaling", "Wrapper"]


def known_size(owner: str, size: Any, what: str) -> int:
    """A dim that a weight's shape depends on. Raises ``ShapeError`` where it is dynamic."""
    if not isinstance(size, int):
        raise ShapeError(f"{owner} needs to know {what} when it is built; it is dynamic here")
    return size


def built(layer: Layer, *shapes: Any) -> Layer:
    """``layer``, built for these shapes if it is not yet: for layers within layers."""
    if not layer.built:
        with context.inside(layer):
            layer.build(*shapes)
        layer.built = True
    return layer


class InputLayer(Layer):
    """The layer that stands for a ``wh.Input`` in ``model.layers``."""

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: Tensor | None = None,
        optional: bool = False,
        name: str | None = None,
    ) -> None:
        tensor = functional.Input(
            shape, batch_size, dtype, sparse, ragged, batch_shape, name, input_tensor, optional
        )
        super().__init__(name=tensor.node.payload.name, dtype=tensor.dtype)
        self.tensor = tensor
        self.built = True

    @property
    def output(self) -> Tensor:
        return self.tensor

    @property
    def input(self) -> Tensor:
        return self.tensor

    def call(self, inputs: Any) -> Any:
        return inputs


class Identity(Layer):
    """Its input."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs


class Lambda(Layer):
    """A function as a layer.

    It is saved by the name under which it is registered (``wh.saving.register_keras_serializable``);
    its code is never part of a file. A lambda works, but cannot be saved.

    Args:
        function: of the layer's input; ``mask`` and ``training`` are given to it where it takes them.
        output_shape: the shape without the batch (or a function of the input's whole shape), where
            more is known of it than inference finds.
        mask: the output's mask, or a function of (inputs, mask) that gives it.
        arguments: further keyword arguments of the function.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise ArgumentError(f"Lambda(function={function!r}): expected a function of a tensor")
        self.function, self.arguments = function, dict(arguments or {})
        self.mask, self.output_shape = mask, output_shape
        self.supports_masking = mask is not None
        taken = inspect.signature(function).parameters
        self._passed = [n for n in ("mask", "training") if n in taken]

    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        given = {"mask": mask, "training": training}
        options = self.arguments | {n: given[n] for n in self._passed}
        if self.mask is not None:  # what the function hands on unchanged gets another one
            inputs = tree.map_leaves(lambda t: t.with_mask(None), inputs)
        found = tree.map_leaves(_tensor, self.function(inputs, **options))
        if self.output_shape is None:
            return found
        return self._shaped(found, inputs)

    def _shaped(self, found: Any, inputs: Any) -> Any:
        shape = self._declared(tree.map_leaves(lambda t: t.shape, inputs))
        if not isinstance(found, Tensor):
            return found
        if not dims.compatible(found.shape, shape):
            raise ShapeError(
                f"layer {self.name!r}: output_shape says {shape}, but its function gave {found.type}"
            )
        full = tuple(
            d if isinstance(d, int) or s is None else s
            for d, s in zip(found.shape, shape, strict=True)
        )
        return retyped(found, TensorType(found.dtype, full))

    def _declared(self, input_shape: Any) -> tuple[Any, ...]:
        sizes = self.output_shape
        if callable(sizes):
            found: Any = sizes(input_shape)
            return tuple(found)
        batch = tree.leaves(input_shape)[0]
        return (batch, sizes) if isinstance(sizes, int) else (batch, *sizes)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return self.mask(inputs, previous_mask) if callable(self.mask) else _tensor(self.mask)


def _tensor(value: Any) -> Any:
    """Arrays, variables and numbers as tensors."""
    return value if value is None or isinstance(value, Tensor) else convert(value)


class Masking(Layer):
    """Steps whose features all equal ``mask_value`` are masked out, and zero.

    Input [batch, time, ..., features]; the output's mask has the axes but the last.
    """

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.supports_masking = self.built = True

    def _kept(self, inputs: Tensor) -> Tensor:
        value = constant(self.mask_value, inputs.dtype)
        differs = op.Cast(op.Not(op.Equal(inputs, value)), to="int32")
        result: Tensor = op.Cast(op.ReduceMax(differs, [-1], keepdims=1), to=bool)
        return result

    def call(self, inputs: Tensor) -> Tensor:
        # Where, not a product: a value of infinity becomes 0 too
        result: Tensor = op.Where(self._kept(inputs), inputs, constant(0, inputs.dtype))
        return result

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Which steps have a feature that differs from ``mask_value``."""
        return op.Squeeze(self._kept(inputs), [-1])


class Wrapper(Layer):
    """Base of layers that hold another layer."""

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"{type(self).__name__}(layer={layer!r}): expected a layer, got a "
                f"{type(layer).__name__}"
            )
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        built(self.layer, input_shape)


class Rescaling(Layer):
    """``inputs * scale + offset``: integers become floats."""

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset
        self.supports_masking = self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        x = inputs if dtypes.is_float(inputs.dtype) else op.Cast(inputs, to=self.dtype)
        scaled = x * self.scale
        plain = isinstance(self.offset, (int, float)) and self.offset == 0
        result: Tensor = scaled if plain else scaled + self.offset
        return result
