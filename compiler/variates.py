"""Random numbers of the gamma and beta distributions, on top of ``random``'s streams.

Gamma by Marsaglia and Tsang 2000, all proposals of a number at once: each is taken with a probability
of at least 0.95, so that of eight of them all are refused less often than once in 10^10 numbers.
Shapes below 1 by way of alpha + 1 (their section 6), in logarithms, in which nothing underflows.
"""

from __future__ import annotations

import math

import numpy as np

from . import dtypes, op
from .casting import as_type
from .ir import Like, Tensor, convert
from .random import Seed, Shape, _drawn, _float, _open_unit, _target

_PROPOSALS = 8
_LANES = 4  # that one gamma variate takes


def _log_gamma(shape: Tensor, alpha: Like, state: Tensor, lane: int) -> Tensor:
    """Logarithms of gamma variates, float32; ``alpha`` broadcasts to ``shape``."""
    given = op.Cast(convert(alpha), to=np.float32)
    small = op.Cast(op.Less(given, 1.0), to=np.float32)
    d = op.Expand(given + small - 1 / 3, shape)
    many = op.Concat([_PROPOSALS], shape, axis=0)
    unit = [_open_unit(many, state, lane + i) for i in range(3)]
    normal = op.Sqrt(op.Log(unit[0]) * -2.0) * op.Cos(unit[1] * (2 * math.pi))
    root = 1.0 + normal / op.Sqrt(d * 9.0)
    log_v = op.Log(op.Max(root, 1e-30)) * 3.0
    bound = normal * normal * 0.5 + d * (1.0 - op.Exp(log_v) + log_v)
    taken = op.And(op.Greater(root, 0.0), op.Less(op.Log(unit[2]), bound))
    first = op.ArgMax(op.Cast(taken, to=np.int32), axis=0, keepdims=1)
    found = op.Squeeze(op.GatherElements(log_v, first, axis=0), [0]) + op.Log(d)
    return found + small * op.Log(_open_unit(shape, state, lane + 3)) / given


def gamma(
    shape: Shape, alpha: Like, dtype: dtypes.DTypeLike | None = None, seed: Seed = None
) -> Tensor:
    """Gamma distributed with shape ``alpha`` (above 0, broadcasts to ``shape``) and scale 1."""
    drawn = op.Exp(_log_gamma(_target(shape), alpha, _drawn(seed), 0))
    return as_type(drawn, _float(dtype))


def beta(
    shape: Shape, alpha: Like, beta: Like, dtype: dtypes.DTypeLike | None = None, seed: Seed = None
) -> Tensor:
    """Beta distributed with ``alpha`` and ``beta`` (above 0, broadcasting to ``shape``)."""
    target, state = _target(shape), _drawn(seed)
    a = _log_gamma(target, alpha, state, 0)
    b = _log_gamma(target, beta, state, _LANES)
    return as_type(op.Sigmoid(a - b), _float(dtype))


__all__ = ["beta", "gamma"]
