"""Random numbers with an explicit, resumable state.

In graphs: a counter-based generator. Element ``i`` of draw ``counter`` under ``seed`` is a hash of the
three (the finaliser of MurmurHash3, Appleby 2011, applied twice), so a mask needs no state but two
integers, and a resumed run continues bit for bit. On the host, for initial weights and for shuffling:
NumPy's Philox (Salmon et al. 2011), keyed by the global seed.
"""

from __future__ import annotations

import itertools
import math
import random as _python_random
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from . import dtypes, op
from .ir import Dim, Like, Tensor, constant, convert, retyped
from .ir import TensorType as _TensorType
from .state import Variable

_MASK = 0xFFFFFFFF


class _Global:
    """The seed that ``set_random_seed`` sets, and how many seeds were taken from it."""

    seed: int = secrets.randbits(32)
    taken: Iterator[int] = itertools.count()


def set_random_seed(seed: int) -> None:
    """Make the program repeatable: seeds Python's ``random``, NumPy's global state, and our own."""
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ArgumentError(f"set_random_seed({seed!r}): expected an integer of at least 0")
    _python_random.seed(int(seed))
    np.random.seed(int(seed) & _MASK)
    _Global.seed = int(seed)
    _Global.taken = itertools.count()


def next_seed() -> int:
    """A new seed: the next of a sequence that the global seed determines."""
    words = np.random.SeedSequence([_Global.seed, next(_Global.taken)]).generate_state(1)
    return int(words[0])


def host_generator(*key: int) -> np.random.Generator:
    """A NumPy generator that depends on ``key`` alone."""
    words = np.random.SeedSequence([int(k) & 0xFFFFFFFFFFFFFFFF for k in key]).generate_state(
        2, np.uint64
    )
    return np.random.Generator(np.random.Philox(key=words))


class SeedGenerator:
    """The state of a stream of random tensors: a uint32 variable [seed, counter]."""

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        if seed is not None and (not isinstance(seed, (int, np.integer)) or seed < 0):
            raise ArgumentError(f"SeedGenerator(seed={seed!r}): expected an integer of at least 0")
        self.seed = next_seed() if seed is None else int(seed)
        self.name = name or "seed_generator"
        state = np.array([self.seed & _MASK, 0], np.uint32)
        self.state = Variable(state, trainable=False, name="seed_generator_state")
        self.state.path = f"{self.name}/seed_generator_state"

    def next(self) -> tuple[Tensor, Tensor]:
        """Seed and counter (uint32 scalars) for one draw; the counter moves on."""
        state = self.state.value
        self.state.assign(state + constant(np.array([0, 1], np.uint32)))
        return state[0], state[1]

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed, "name": self.name}


_default: dict[str, SeedGenerator] = {}


def _generator(seed: Any) -> SeedGenerator:
    if isinstance(seed, SeedGenerator):
        return seed
    if seed is None:
        return _default.setdefault("global", SeedGenerator(name="global"))
    return SeedGenerator(seed)


def _mixed(x: Tensor) -> Tensor:
    """MurmurHash3's finaliser: every input bit changes every output bit with probability 1/2."""

    def word(value: int) -> Tensor:
        return constant(np.array(value, np.uint32))

    x = op.BitwiseXor(x, op.BitShift(x, word(16), direction="RIGHT"))
    x = x * word(0x85EBCA6B)
    x = op.BitwiseXor(x, op.BitShift(x, word(13), direction="RIGHT"))
    x = x * word(0xC2B2AE35)
    return op.BitwiseXor(x, op.BitShift(x, word(16), direction="RIGHT"))


def random_bits(shape: Like | Sequence[Dim], seed: Any) -> Tensor:
    """uint32 words, uniform over all values. ``shape``: numbers, or an int64 tensor."""
    seed_word, counter = _generator(seed).next()
    target = convert(shape, dtypes.INT64) if not isinstance(shape, (tuple, list)) else constant(
        np.array(shape, np.int64).reshape(-1)
    )  # fmt: skip
    count = op.ReduceProd(target, keepdims=0)
    index = op.Cast(op.Range(0, count, 1), to=np.uint32)
    # one well mixed word per draw decouples neighbouring counters and seeds
    key = _mixed(op.BitwiseXor(_mixed(seed_word), counter * constant(np.uint32(0x9E3779B9))))
    words = _mixed(op.BitwiseXor(_mixed(index + key), key))
    return op.Reshape(words, target)


def shape_tensor(x: Tensor) -> Any:
    """The shape of ``x`` for a draw: numbers where all are known, else a tensor."""
    if all(isinstance(d, int) for d in x.shape):
        return tuple(x.shape)
    return op.Shape(x)


def _unit(shape: Any, seed: Any, dtype: Any) -> Tensor:
    """Uniform in [0, 1): the 24 high bits of each word, exactly representable in float32."""
    bits = op.BitShift(random_bits(shape, seed), constant(np.uint32(8)), direction="RIGHT")
    return op.Cast(bits, to=dtypes.as_dtype(dtype or "float32")) * (1.0 / (1 << 24))


def uniform(
    shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Uniform in [minval, maxval)."""
    return _unit(shape, seed, dtype) * (maxval - minval) + minval


def normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Normally distributed, by Box and Muller 1958."""
    generator = _generator(seed)
    radius = op.Sqrt(op.Log(1.0 - _unit(shape, generator, dtype)) * -2.0)
    angle = _unit(shape, generator, dtype) * (2 * math.pi)
    return radius * op.Cos(angle) * stddev + mean


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Integers in [minval, maxval)."""
    if maxval <= minval:
        raise ArgumentError(f"randint: maxval={maxval} must be above minval={minval}")
    span = op.Cast(random_bits(shape, seed), to="int64")
    return op.Cast(op.Mod(span, maxval - minval) + minval, to=dtypes.as_dtype(dtype))


def dropout(inputs: Like, rate: float, noise_shape: Any = None, seed: Any = None) -> Tensor:
    """Zero each element with probability ``rate`` and scale the others by 1 / (1 - rate)."""
    x = convert(inputs)
    if rate >= 1:
        return x * 0.0
    shape = shape_tensor(x)
    if noise_shape is not None:
        sizes = [op.Shape(x)[i : i + 1] if d is None else constant(np.array([d]))
                 for i, d in enumerate(noise_shape)]  # fmt: skip
        shape = op.Concat(*sizes, axis=0)
    words = random_bits(shape, seed)
    # compared as words: no conversion to float is needed for the decision
    kept = op.GreaterOrEqual(words, constant(np.uint32(min(int(rate * 2**32), _MASK))))
    mask = op.Cast(kept, to=x.dtype)
    if noise_shape is None:
        mask = retyped(mask, _TensorType(x.dtype, x.shape))
    return x * (mask * (1.0 / (1.0 - rate)))


__all__ = [
    "SeedGenerator", "dropout", "normal", "randint", "set_random_seed", "uniform",
]  # fmt: skip
