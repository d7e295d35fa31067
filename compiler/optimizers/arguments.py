"""The arguments that all optimizers share: their types, their checks, and how they are shown."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypedDict

from ...errors import ArgumentError


class Shared(TypedDict, total=False):
    """All but the weight decay, which AdamW has among its own arguments."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None


class Common(Shared, total=False):
    """The arguments that all optimizers share; ``Optimizer`` says what they mean."""

    weight_decay: float | None


def at_least(name: str, value: float | None, least: int) -> None:
    """Check an argument that may be None: a number from 0, or an integer from 1 or more."""
    if value is not None and (value < least or (least > 0 and not isinstance(value, int))):
        kind = "an integer" if least else "a number"
        raise ArgumentError(f"{name}={value!r}: expected {kind} of at least {least}")


def spell_out(method: Callable[..., None], base: Callable[..., None]) -> None:
    """Show ``**common`` of a constructor as the keyword arguments of ``base`` for which it stands.

    So that help() names them, and a misspelt one is found.
    """
    signature = inspect.signature(method)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    if len(own) < len(signature.parameters):
        shared = [
            p
            for p in inspect.signature(base).parameters.values()
            if p.kind is p.KEYWORD_ONLY and p.name not in signature.parameters
        ]
        method.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]
