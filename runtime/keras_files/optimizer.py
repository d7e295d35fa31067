"""The state of Keras' optimizers: the same values as ours, in another order."""

from __future__ import annotations

from collections.abc import Sequence

from ...compiler import optimizers
from ...compiler.optimizers import Optimizer
from ...compiler.optimizers.base import ACCUMULATOR, AVERAGE
from ...compiler.state import Variable
from ...errors import FileFormatError
from .hdf5 import Stored
from .weights import Values

Order = list[Variable | None]


def state(optimizer: Optimizer, variables: Sequence[Variable], stored: Stored, path: str) -> Values:
    """The values of the optimizer's variables; ``variables`` are what it trains, in Keras' order.

    Only the counter and the rate where it was saved before its first step. Raises ``FileFormatError``
    where it was saved for other variables.
    """
    keys = stored.of(path)
    order = in_order(optimizer, variables)
    slots = {id(s) for group in optimizer._slots.values() for s in group.values()}
    early = [v for v in order if v is None or id(v) not in slots][: len(keys)]
    if len(keys) == len(early) < len(order):
        order = early
    if len(keys) != len(order):
        raise FileFormatError(
            f"{stored.label} has {len(keys)} values of the optimizer's state; {type(optimizer).__name__} "
            f"has {len(order)} for what is trainable in this model. Load with compile=False, and "
            "compile it anew"
        )
    return [
        (v, stored.read(k, v.shape, v.dtype))
        for v, k in zip(order, keys, strict=True) if v is not None
    ]  # fmt: skip


def in_order(optimizer: Optimizer, variables: Sequence[Variable]) -> Order:
    """The optimizer's variables as Keras has them; None for what Keras has and we need not."""
    optimizer.build(variables)
    if isinstance(optimizer, optimizers.LossScaleOptimizer):
        outer: Order = [None, None, optimizer.step_counter, optimizer.dynamic_scale]
        return [*outer, *in_order(optimizer.inner_optimizer, variables)]
    if isinstance(optimizer, optimizers.MultiOptimizer):
        raise FileFormatError(
            "the state of a MultiOptimizer is not read: load the model with compile=False, "
            "and compile it anew"
        )
    rate = optimizer.rate_variable
    found: Order = [optimizer._count, *([] if rate is None else [rate])]
    for slot in (AVERAGE, ACCUMULATOR):
        found += _column(optimizer, variables, [slot])
    own = [s for v in variables for s in optimizer.slots_of(v)]
    for group in _groups(optimizer, list(dict.fromkeys(own))):
        found += _column(optimizer, variables, group)
    return [*found, *optimizer._extra]


def _groups(optimizer: Optimizer, slots: list[str]) -> list[list[str]]:
    """Slots that Keras keeps together for each variable; others come after those of all variables."""
    if isinstance(optimizer, optimizers.RMSprop):
        return [[s] for s in slots]
    if "velocity_hat" in slots:
        return [[s for s in slots if s != "velocity_hat"], ["velocity_hat"]]
    return [slots]


def _column(optimizer: Optimizer, variables: Sequence[Variable], slots: Sequence[str]) -> Order:
    found: Order = []
    for variable in variables:
        own = optimizer._slots[variable]
        if isinstance(optimizer, optimizers.Adafactor) and "velocity" in slots:
            # Keras makes all three for each, and uses two or one of them
            found += [own.get(s) for s in ("rows", "columns", "velocity")]
        else:
            found += [own[s] for s in slots if s in own]
    return found
