"""Random numbers of the binomial distribution, on top of ``random``'s streams."""

from __future__ import annotations

import numpy as np

from . import dtypes, op
from .casting import as_type
from .ir import Like, Tensor, convert
from .ops.control import while_loop
from .random import Seed, Shape, _drawn, _float, _open_unit, _target


def binomial(
    shape: Shape, counts: Like, probabilities: Like, dtype: dtypes.DTypeLike | None = None,
    seed: Seed = None,
) -> Tensor:  # fmt: skip
    """How many of ``counts`` trials succeed, each with its probability; both broadcast to ``shape``.

    By inversion: the distribution function is summed up until it passes a uniform number, for all
    elements at once, in as many steps as the largest result (of p or 1 - p, whichever is smaller) has.
    """
    kind, target = _float(dtype), _target(shape)
    uniform = _open_unit(shape, _drawn(seed))
    trials, share = (
        op.Expand(op.Cast(convert(x), to=np.float32), target) for x in (counts, probabilities)
    )
    flip = op.Cast(op.Greater(share, 0.5), to=np.float32)
    p = op.Min(share, 1 - share)
    odds = op.Log(p) - op.Log(1 - p)
    start = op.Log(1 - p) * trials

    def unfinished(k: Tensor, log_mass: Tensor, below: Tensor, result: Tensor) -> Tensor:
        return op.And(op.Less(below, uniform), op.Less(result, trials))

    def step(k: Tensor, log_mass: Tensor, below: Tensor, result: Tensor) -> tuple[Tensor, ...]:
        more = op.Cast(unfinished(k, log_mass, below, result), to=np.float32)
        log_mass = log_mass + op.Log(op.Max(trials - k, 0.0)) - op.Log(k + 1) + odds
        return k + 1, log_mass, below + op.Exp(log_mass), result + more

    zero = convert(0.0)
    states = (zero, start, op.Exp(start), uniform * 0.0)
    found = while_loop(
        lambda *s: op.ReduceMax(op.Cast(unfinished(*s), to=np.int32), None, keepdims=0),
        step,
        states,
    )[3]
    return as_type(found + flip * (trials - found * 2), kind)


__all__ = ["binomial"]
