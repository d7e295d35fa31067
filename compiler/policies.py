"""Dtype policies: in which type layers keep their weights, and in which they compute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ArgumentError
from . import config, dtypes


class DTypePolicy(config.Configurable):
    """Types of a layer by one name: "float32", "float16", "bfloat16", "float64", ... or a mixed one.

    "mixed_float16" and "mixed_bfloat16" keep weights in float32 and compute in the half type
    (Micikevicius et al. 2018); with "mixed_float16" the loss is scaled by ``compile``.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        short = name.removeprefix("mixed_")
        if name.startswith("mixed_") and short not in ("float16", "bfloat16"):
            raise ArgumentError(f"no dtype policy {name!r}: 'mixed_float16' or 'mixed_bfloat16'")
        self.compute_dtype: dtypes.DType = dtypes.as_dtype(short)
        mixed = short != name
        self.variable_dtype: dtypes.DType = dtypes.FLOAT32 if mixed else self.compute_dtype

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"<DTypePolicy {self.name}>"


class _Global:
    """The policy of layers that are given none."""

    policy = DTypePolicy("float32")


def dtype_policy() -> DTypePolicy:
    """The policy of layers that are given no ``dtype``."""
    return _Global.policy


def set_dtype_policy(policy: str | DTypePolicy) -> None:
    """Set the policy of layers that are made from now on without ``dtype``."""
    _Global.policy = get(policy)


def get(identifier: Any) -> DTypePolicy:
    """The policy that a user means by a name, a dtype, a policy, a saved dict, or None (the global one)."""
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, Mapping):
        found = config.deserialize(identifier)
        if not isinstance(found, DTypePolicy):
            raise ArgumentError(f"{identifier} is no dtype policy")
        return found
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    return DTypePolicy(dtypes.as_dtype(identifier).name)
