"""Types of weights and of computation."""

from typing import Any

from .compiler.policies import (
    DTypePolicy,
    Int4DTypePolicy,
    QuantizedDTypePolicy,
    deserialize,
    get,
    serialize,
)

__all__ = [
    "DTypePolicy", "Int4DTypePolicy", "QuantizedDTypePolicy", "deserialize", "get", "serialize",
]  # fmt: skip
_QUANTIZED = ("AWQDTypePolicy", "GPTQDTypePolicy", "QuantizedFloat8DTypePolicy")


def __getattr__(name: str) -> Any:
    if name in _QUANTIZED:
        raise NotImplementedError(
            f"wh.dtype_policies.{name} is not there: layers are quantised to int8 or int4, with "
            "QuantizedDTypePolicy"
        )
    if name == "DTypePolicyMap":
        raise NotImplementedError(
            "wh.dtype_policies.DTypePolicyMap is not there: give layers a dtype each"
        )
    if name == "FloatDTypePolicy":
        raise NotImplementedError(
            "wh.dtype_policies.FloatDTypePolicy is not there: DTypePolicy has all types"
        )
    raise AttributeError(f"module 'waterhorse.dtype_policies' has no attribute {name!r}")
