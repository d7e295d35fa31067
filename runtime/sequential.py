"""``Sequential``: layers one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..compiler import config, dtypes, functional
from ..compiler.infer import TensorType
from ..compiler.ir import Tensor, placeholder
from ..compiler.layers.arguments import masked
from ..compiler.layers.base import Layer
from ..compiler.layers.core import InputLayer
from ..compiler.network import with_rank_of
from ..compiler.program import TensorSpec
from ..errors import ArgumentError
from .model import Model


class Sequential(Model):
    """A chain of layers. With ``wh.Input`` in front it is built at once, else by its first call."""

    _untracked = Model._untracked | {"_start", "_end"}

    def __init__(
        self, layers: Sequence[Any] | None = None, trainable: bool = True, name: str | None = None
    ) -> None:
        super().__init__(name=name, trainable=trainable)
        self._chain: list[Layer] = []
        self._start: Tensor | None = None
        self._end: Tensor | None = None
        for layer in layers or ():
            self.add(layer)

    def add(self, layer: Any) -> None:
        """Append a layer (or ``wh.Input`` as the first)."""
        if isinstance(layer, InputLayer):
            layer = layer.tensor
        if isinstance(layer, Tensor) and layer.node.op == "Placeholder":
            if self._start is not None or self._chain:
                raise ArgumentError("wh.Input must be the first of a Sequential model")
            self._start = self._end = layer
            return
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"Sequential.add takes a layer; got a {type(layer).__name__}"
                + (": wrap a function in a layer" if callable(layer) else "")
            )
        if any(known.name == layer.name for known in self._chain):
            raise ArgumentError(f"{self.name!r} has a layer named {layer.name!r} already")
        if self._end is None and not self._chain and layer.input_shape_argument is not None:
            shape = layer.input_shape_argument
            self._start = self._end = functional.Input(batch_shape=shape, dtype=layer.dtype)
        if self._end is not None:
            self._end = layer(self._end)
            self.built = True
        self._chain.append(layer)

    def pop(self) -> Layer:
        """Take the last layer off and return it."""
        if not self._chain:
            raise ArgumentError("there is no layer to pop")
        last = self._chain.pop()
        if self._end is not None:
            self._end = last.input
        return last

    def build(self, input_shape: Any) -> None:
        """Build all layers for an input shape with the batch dim."""
        if self._start is None and not self.built and input_shape is not None and not self._calling:
            start = functional.Input(batch_shape=tuple(input_shape))
            chain, self._chain = self._chain, []
            self.add(start)
            for layer in chain:
                self.add(layer)
            self.built = True

    @property
    def _calling(self) -> bool:
        return self._input_specs is not None

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if self._start is not None:
            inputs = with_rank_of(self._start, inputs)
        x = inputs if mask is None else masked(inputs, mask)
        for layer in self._chain:
            x = layer(x)
        return x

    @property
    def layers(self) -> list[Layer]:
        return list(self._chain)

    @property
    def is_functional_like(self) -> bool:
        return self._start is not None

    @property
    def input(self) -> Any:
        return self._start if self._start is not None else super().input

    @property
    def output(self) -> Any:
        return self._end if self._end is not None else super().output

    @property
    def input_specs(self) -> Any:
        if self._start is not None:
            return TensorSpec(self._start.shape, self._start.dtype, self._start.node.payload.name)
        return self._input_specs

    @property
    def output_names(self) -> list[str]:
        return [self._chain[-1].name] if self._chain else ["output"]

    def get_config(self) -> dict[str, Any]:
        start = None
        if self._start is not None:
            start = {"name": self._start.node.payload.name, "shape": list(self._start.shape),
                     "dtype": self._start.dtype.name}  # fmt: skip
        return {
            "name": self.name,
            "trainable": self.trainable,
            "input": start,
            "layers": [config.serialize(layer) for layer in self._chain],
        }

    @classmethod
    def from_config(
        cls: Any, config_: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """The model of a configuration; ``custom_objects`` has classes and functions of one's own."""
        model = cls(name=config_["name"])
        if config_.get("input"):
            spec = config_["input"]
            kind = TensorType(dtypes.as_dtype(spec["dtype"]), tuple(spec["shape"]))
            model.add(placeholder(spec["name"], kind))
        with config.custom_object_scope(custom_objects or {}):
            for item in config_["layers"]:
                model.add(config.deserialize(item))
        if not config_.get("trainable", True):
            model.trainable = False
        return model
