"""Layers on text and tables: NumPy at the prompt and before a step, operators in exported graphs."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from ....errors import ArgumentError, DataError
from ...dtypes import OBJECT, TensorType
from ...hosted import on_host
from ...ir import Array, Operators, Tensor, data, retyped
from ..base import Layer


class HostLayer(Layer):
    """A layer that knows its result in two ways.

    ``compute`` works on arrays: eagerly, and for the steps of a model, which are fed with what it gives
    (``hosted``). ``in_graph`` works on tensors, and is what an exported file holds; where ``obstacle``
    says that ONNX has no operators for it, only the first way is there.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Also takes strings, bytes, numbers and (nested) lists of them."""
        first, *rest = args
        return super().__call__(self._given(first), *rest, **kwargs)

    def _given(self, inputs: Any) -> Any:
        """The first argument as a tensor."""
        return tensor_of(inputs)

    def _converted(self, value: Any) -> Any:
        """Nothing is cast: what is looked up or hashed is the value itself."""
        return value

    def call(self, inputs: Any) -> Tensor:
        tensors = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        kind = self.output_type(*(t.type for t in tensors))
        if all(t.node.concrete for t in tensors):
            return data(self.compute(*(t.numpy() for t in tensors)))
        reason = self.obstacle(*(t.type for t in tensors))
        if reason is not None or any(t.dtype == OBJECT for t in tensors):
            result = on_host(self.name, self.compute, tensors, kind)
            if result is not None:
                return result
        if reason is not None:
            raise NotImplementedError(
                f"{self.name!r} cannot be part of a graph: {reason}. Apply it to the data before "
                "(dataset.map(layer), or layer(array)), and export the model behind it"
            )
        return retyped(self.in_graph(*tensors), kind)

    @abstractmethod
    def compute(self, *inputs: Array) -> Array:
        """The result for arrays (of objects that are ``str``, or of numbers)."""

    @abstractmethod
    def in_graph(self, *inputs: Tensor) -> Tensor:
        """The result as operators of ONNX."""

    @abstractmethod
    def output_type(self, *inputs: TensorType) -> TensorType:
        """The type of the result."""

    def obstacle(self, *inputs: TensorType) -> str | None:
        """Why there are no operators for it; None where there are."""
        return None


def tensor_of(value: Any) -> Tensor:
    """A tensor for tensors, arrays, strings, numbers and lists."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Operators):
        symbol: Any = value
        return symbol.value  # type: ignore[no-any-return]  # a Variable
    return data(host_array(value))


def host_array(value: Any) -> Array:
    """An array of numbers, or of objects that are all ``str`` (bytes are decoded as UTF-8).

    Raises ``DataError`` for other objects and for ragged lists.
    """
    if callable(getattr(value, "numpy", None)) and not isinstance(value, np.ndarray):
        value = value.numpy()
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(f"the data is no rectangular array: {error}") from error
    if array.dtype.kind in "fiub":
        return array
    flat = array.ravel().tolist()
    if not all(isinstance(s, (str, bytes)) for s in flat):
        kinds = sorted({type(s).__name__ for s in flat})
        raise DataError(f"expected strings or numbers; got {', '.join(kinds)}")
    found = np.empty(len(flat), object)
    found[:] = [s.decode() if isinstance(s, bytes) else s for s in flat]
    return found.reshape(array.shape)


def utf8(array: Array) -> list[bytes]:
    """The strings of an array, flat, as they are hashed, split and looked up."""
    return [s.encode() for s in array.ravel().tolist()]


def salted(owner: str, salt: Any) -> tuple[int, int] | None:
    """Both halves of SipHash's key. Raises ``ArgumentError`` unless it is None, a number, or two."""
    if salt is None:
        return None
    if isinstance(salt, int):
        return salt, salt
    if isinstance(salt, (list, tuple)) and len(salt) == 2:
        return int(salt[0]), int(salt[1])
    raise ArgumentError(f"{owner}(salt={salt!r}): expected a number or two")
