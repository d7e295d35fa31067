"""Points at which rules are checked: kept away from kinks, poles and ties."""

from __future__ import annotations

import sys
import zlib
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
_generators: dict[str, np.random.Generator] = {}


def _rng() -> np.random.Generator:
    """A stream per module: a case that is added moves the points of none in another."""
    name = sys._getframe(2).f_globals["__name__"].rpartition(".")[2]
    if name not in _generators:
        _generators[name] = np.random.default_rng([20240229, zlib.crc32(name.encode())])
    return _generators[name]


def normal(*shape: int) -> Array:
    """Normally distributed."""
    return np.asarray(_rng().normal(size=shape))


def positive(*shape: int) -> Array:
    """From 0.5 to 1.5."""
    return _rng().uniform(0.5, 1.5, shape)


def within(*shape: int) -> Array:
    """From -0.8 to 0.8: where asin and atanh live."""
    return _rng().uniform(-0.8, 0.8, shape)


def apart(*shape: int) -> Array:
    """Both signs, no two nearer to each other, or any to zero, than 0.05."""
    count = int(np.prod(shape))
    values = (np.arange(count) - count // 2) * 0.1 + 0.05
    return _rng().permutation(values).reshape(shape)


def integers(high: int, *shape: int) -> Array:
    """int64 from 0 to ``high``, exclusive."""
    return _rng().integers(0, high, shape)
