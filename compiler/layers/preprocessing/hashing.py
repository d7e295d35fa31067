"""``Hashing`` and ``HashedCrossing``: values put into buckets by a hash that never changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....errors import ArgumentError, DataError, ShapeError
from ...config import not_supported
from ...dtypes import OBJECT, TensorType
from ...ir import Array, Tensor
from .encoding import checked_mode, encoded_on_host, encoded_type
from .fingerprints import fingerprint64, joined, siphash64
from .host import HostLayer, salted, tensor_of, utf8

__all__ = ["HashedCrossing", "Hashing"]

_CROSSING = 0xDECAFCAFFE  # the key with which TensorFlow begins a crossed feature
_NO_OPERATOR = "ONNX has no operator that hashes strings"


def buckets(strings: list[bytes], count: int, salt: tuple[int, int] | None = None) -> Array:
    """The bucket of each string: by FarmHash, or by SipHash where there is a salt."""
    known: dict[bytes, int] = {}
    for s in strings:
        if s not in known:
            known[s] = (fingerprint64(s) if salt is None else siphash64(s, salt)) % count
    return np.fromiter((known[s] for s in strings), np.int64, len(strings))


def decimal(array: Array) -> list[bytes]:
    """What is hashed: strings themselves, integers as decimal digits, floats without their fraction."""
    if array.dtype == OBJECT:
        return utf8(array)
    return [b"%d" % v for v in array.astype(np.int64).ravel().tolist()]


class Hashing(HostLayer):
    """The bucket of each string or integer: its FarmHash64 (or SipHash64) modulo the number of buckets.

    Args:
        num_bins: number of buckets, that of the mask included.
        mask_value: a value that alone gets bucket 0.
        salt: one or two integers, the key of SipHash64, which is then taken instead of FarmHash64.
        output_mode: "int" (int64 of the input's shape), "one_hot", "multi_hot" or "count".
        sparse: only False: there are no sparse tensors.

    Computed on the host: in a model it must stand at an input, and ``export`` raises
    ``NotImplementedError``. Buckets are those of ``tf.strings.to_hash_bucket_fast`` and ``_strong``.
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        self.output_mode = checked_mode(
            "Hashing", output_mode, ("int", "one_hot", "multi_hot", "count")
        )
        given = kwargs.pop("dtype", None)
        default = "int64" if output_mode == "int" else None
        super().__init__(dtype=default if given is None else given, **kwargs)
        not_supported("Hashing", sparse=(sparse, False))
        if num_bins is None or num_bins <= 0:
            raise ArgumentError(f"Hashing(num_bins={num_bins}): expected a number above 0")
        if output_mode == "int" and self.dtype.name not in ("int32", "int64"):
            raise ArgumentError(f"Hashing(dtype={given!r}): 'int32' or 'int64' with 'int'")
        self.num_bins, self.mask_value = num_bins, mask_value
        self.salt = salted("Hashing", salt)

    def compute(self, *inputs: Array) -> Array:
        (x,) = inputs
        masks = self.mask_value is not None and self.num_bins > 1
        found = buckets(decimal(x), self.num_bins - masks, self.salt).reshape(x.shape)
        if masks:
            found = np.where(x == self.mask_value, 0, found + 1)
        return encoded_on_host(found, self.output_mode, self.num_bins, self.dtype)

    def output_type(self, *inputs: TensorType) -> TensorType:
        return encoded_type(inputs[0].shape, self.output_mode, self.num_bins, self.dtype)

    def obstacle(self, *inputs: TensorType) -> str | None:
        return _NO_OPERATOR

    def in_graph(self, *inputs: Tensor) -> Tensor:
        raise NotImplementedError(_NO_OPERATOR)


class HashedCrossing(HostLayer):
    """The bucket of each combination of two or more features (strings or integers).

    Inputs: a list or tuple of tensors of one shape, [], [batch] or [batch, 1]. Output int64 of that
    shape, or with ``output_mode="one_hot"`` [batch, num_bins] of the layer's dtype. Computed on the host,
    as ``Hashing`` is; buckets are those of ``tf.sparse.cross_hashed``.
    """

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        self.output_mode = checked_mode("HashedCrossing", output_mode, ("int", "one_hot"))
        default = "int64" if output_mode == "int" else None
        super().__init__(name=name, dtype=default if dtype is None else dtype, **kwargs)
        not_supported("HashedCrossing", sparse=(sparse, False))
        if num_bins <= 0:
            raise ArgumentError(f"HashedCrossing(num_bins={num_bins}): expected a number above 0")
        self.num_bins = num_bins

    def _given(self, inputs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ArgumentError(
                "HashedCrossing is called on a list or tuple of at least two inputs"
            )
        return [tensor_of(x) for x in inputs]

    def compute(self, *inputs: Array) -> Array:
        columns = [_features(x) for x in inputs]
        found = np.empty(inputs[0].size, np.int64)
        for i, values in enumerate(zip(*columns, strict=True)):
            crossed = _CROSSING
            for value in values:
                crossed = joined(crossed, value)
            found[i] = crossed % self.num_bins
        shaped = found.reshape(inputs[0].shape)
        return encoded_on_host(shaped, self.output_mode, self.num_bins, self.dtype)

    def output_type(self, *inputs: TensorType) -> TensorType:
        shape = inputs[0].shape
        if len(shape) > 2 or (len(shape) == 2 and shape[1] != 1):
            raise ShapeError(
                f"HashedCrossing takes shapes [], [batch], [batch, 1]; got {inputs[0]}"
            )
        if any(len(t.shape) != len(shape) for t in inputs):
            raise ShapeError(f"HashedCrossing: inputs differ in shape: {[str(t) for t in inputs]}")
        return encoded_type(shape, self.output_mode, self.num_bins, self.dtype)

    def obstacle(self, *inputs: TensorType) -> str | None:
        return _NO_OPERATOR

    def in_graph(self, *inputs: Tensor) -> Tensor:
        raise NotImplementedError(_NO_OPERATOR)


def _features(x: Array) -> list[int]:
    """What is joined: the fingerprints of strings, integers themselves."""
    if x.dtype == OBJECT:
        return [fingerprint64(s) for s in utf8(x)]
    if x.dtype.kind not in "iub":
        raise DataError(f"HashedCrossing takes strings and integers; got {x.dtype}")
    return [v & (2**64 - 1) for v in x.astype(np.int64).ravel().tolist()]
