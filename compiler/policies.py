"""Dtype policies: in which type layers keep their weights, and in which they compute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ArgumentError
from . import config, dtypes, settings
from .config import custom_object_scope


class DTypePolicy(config.Configurable):
    """Types of a layer by one name: "float32", "float16", "bfloat16", "float64", ... or a mixed one.

    "mixed_float16" and "mixed_bfloat16" keep weights in float32 and compute in the half type
    (Micikevicius et al. 2018); with "mixed_float16" the loss is scaled by ``compile``. Without a name:
    ``floatx()``.
    """

    quantization_mode: str | None = None

    def __init__(self, name: str | None = None) -> None:
        self.name = name = name or settings.floatx()
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


class QuantizedDTypePolicy(DTypePolicy):
    """Weights as small integers: ``mode`` "int8" or "int4", in a layer that had the policy ``source_name``.

    Its name is "int8_from_float32". Raises ``ArgumentError`` for int8 with computation in float16.
    """

    block_size: int | None = None

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        source = dtype_policy().name if source_name is None else source_name
        super().__init__(source)
        self.name, self.quantization_mode = f"{mode}_from_{source}", mode.partition("/")[0]
        if self.quantization_mode not in ("int8", "int4"):
            raise ArgumentError(
                f"no dtype policy {self.name!r}: layers are quantised to int8 or int4"
            )
        if self.quantization_mode == "int8" and self.compute_dtype.name == "float16":
            raise ArgumentError(f"{self.name!r}: scales of int8 do not fit float16; take bfloat16")


class Int4DTypePolicy(QuantizedDTypePolicy):
    """Weights as int4 in groups: ``mode`` is "int4/128" for groups of 128, "int4/-1" for one a channel."""

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        kind, _, size = mode.partition("/")
        if kind != "int4" or not size.lstrip("-").isdigit() or int(size) < -1 or int(size) == 0:
            raise ArgumentError(f"Int4DTypePolicy({mode!r}): expected 'int4/128', or 'int4/-1'")
        super().__init__(mode, source_name)
        self.block_size = None if int(size) == -1 else int(size)


def quantized(name: str) -> QuantizedDTypePolicy:
    """The policy "MODE_from_SOURCE"."""
    mode, _, source = name.partition("_from_")
    return (Int4DTypePolicy if "/" in mode else QuantizedDTypePolicy)(mode, source)


class _Global:
    """The policy of layers that are given none; None until it is set: the one of ``floatx()``."""

    policy: DTypePolicy | None = None


def dtype_policy() -> DTypePolicy:
    """The policy of layers that are given no ``dtype``."""
    return _Global.policy or DTypePolicy()


def set_dtype_policy(policy: str | DTypePolicy) -> None:
    """Set the policy of layers that are made from now on without ``dtype``."""
    chosen = get(policy)
    _Global.policy = None if chosen.name == settings.floatx() else chosen


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
        return quantized(identifier) if "_from_" in identifier else DTypePolicy(identifier)
    return DTypePolicy(dtypes.as_dtype(identifier).name)


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """What a configuration keeps of a policy."""
    return config.serialize(dtype_policy)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> DTypePolicy:
    """The policy that ``serialize`` wrote (or Keras, or a plain name)."""
    with custom_object_scope(custom_objects or {}):
        return get(config)
