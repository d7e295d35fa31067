"""Random numbers with an explicit, resumable state: Keras' ``keras.random``.

In graphs: a counter-based generator (the idea: Salmon et al. 2011). Element ``i`` of draw number
``counter`` under ``seed`` is a hash of the three, so that a mask needs no state but two integers, and
a resumed run continues bit for bit. The hash alternates between RC6's permutation ``x (2 x + 1)``
(Rivest et al. 1998), in which a bit changes all higher ones, and adding the high half to the low one.
It needs Mul, Add and Cast alone, which every provider has for uint32; BitShift and BitwiseXor, of
which such hashes usually consist, have no CUDA kernel and are the slower ones on the CPU. Only the high
bits of a word are good enough to be used. ``tests/compiler/optim/test_random.py`` says how good.

On the host, for initial weights and for shuffling: NumPy's Philox generator.
"""

from __future__ import annotations

import itertools
import math
import random as _python_random
import secrets
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..errors import ArgumentError
from . import config, dtypes, op
from .ir import Dim, Like, Tensor, TensorType, constant, convert, data, retyped
from .state import Variable

_MASK = 0xFFFFFFFF
_WEYL, _MIX, _LANE = 0x9E3779B9, 0x9E3779B1, (0x165667B1, 0xD3A2646C)
_SEED, _COUNTER = (0x9E3779B9, 0x85EBCA6B), (0xC2B2AE35, 0x27D4EB2F)

Shape: TypeAlias = "Sequence[Dim] | Tensor"
Seed: TypeAlias = "SeedGenerator | int | None"


# -- seeds ------------------------------------------------------------------------------------


class _Global:
    """The seed that ``set_random_seed`` sets, and how many seeds were taken from it."""

    seed: int = secrets.randbits(32)
    taken: Iterator[int] = itertools.count()
    stream: SeedGenerator | None = None


def set_random_seed(seed: int) -> None:
    """Make the program repeatable: seeds Python's ``random``, NumPy's global state, and our own."""
    value = _checked("set_random_seed", seed)
    _python_random.seed(value)
    np.random.seed(value & _MASK)
    _Global.seed = value
    _Global.taken = itertools.count()
    if _Global.stream is not None:
        _Global.stream.restart(_stream_seed())


def _stream_seed() -> int:
    """Of the global stream; it takes none from the sequence, whether the stream is there or not."""
    return int(np.random.SeedSequence([_Global.seed, 0, 1]).generate_state(1)[0])


def next_seed() -> int:
    """A new seed: the next of a sequence that the global seed determines."""
    words = np.random.SeedSequence([_Global.seed, next(_Global.taken)]).generate_state(1)
    return int(words[0])


def host_generator(*key: int) -> np.random.Generator:
    """A NumPy generator that depends on ``key`` (one to four numbers) alone."""
    words = np.zeros(4, np.uint64)
    words[: len(key)] = [int(k) & 0xFFFFFFFFFFFFFFFF for k in key]
    # The low words of the counter count; its high ones separate streams as the key does.
    counter = np.array([0, 0, words[2], words[3]], np.uint64)
    return np.random.Generator(np.random.Philox(key=words[:2], counter=counter))


def _checked(owner: str, seed: object) -> int:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ArgumentError(f"{owner}: seed={seed!r}; expected an integer of at least 0")
    return int(seed)


class SeedGenerator(config.Configurable):
    """A stream of random tensors: its state is a uint32 variable [seed, counter].

    Each draw takes one count. A layer that draws keeps one of these, so that draws go on where they
    stopped when its state is restored.
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        self.seed = next_seed() if seed is None else _checked("SeedGenerator", seed)
        self.name = name or "seed_generator"
        value = np.array([self.seed & _MASK, 0], np.uint32)
        self.state = Variable(value, trainable=False, name="seed_generator_state")
        self.state.path = f"{self.name}/seed_generator_state"

    def next(self, ordered: bool = True) -> Tensor:
        """The state (uint32, [seed, counter]) for one draw; the counter moves on."""
        config.not_supported("SeedGenerator.next", ordered=(ordered, True))
        state = self.state.value
        self.state.assign(state + constant(np.array([0, 1], np.uint32)))
        return state

    def next_on_host(self) -> tuple[int, int]:
        """``next`` as numbers, at once even where a function is being traced (initial weights)."""
        seed, counter = (int(x) for x in self.state.numpy())
        self.state.storage.write(np.array([seed, (counter + 1) & _MASK], np.uint32))
        return seed, counter

    def restart(self, seed: int) -> None:
        """Begin the stream of another seed, at once."""
        self.seed = seed
        self.state.storage.write(np.array([seed & _MASK, 0], np.uint32))


def _drawn(seed: Seed) -> Tensor:
    """The uint32 pair that determines one draw. A number alone gives the same draw every time."""
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if seed is not None:
        # data, not a constant: outside of functions another seed is no other graph
        return data(np.array([_checked("random", seed) & _MASK, 0], np.uint32))
    stream = _Global.stream
    if stream is None:
        stream = _Global.stream = SeedGenerator(_stream_seed(), "global_seed_generator")
    return stream.next()


# -- bits -------------------------------------------------------------------------------------


def _spread(x: Tensor) -> Tensor:
    """A permutation of the words in which each bit changes all higher ones (RC6)."""
    return x * (x * 2 + 1)


def _high(x: Tensor) -> Tensor:
    """The high 16 bits, by way of floats (whose rounding is the same on every device)."""
    return op.Cast(op.Cast(x, to=np.float32) * 2.0**-16, to=np.uint32)


def _keys(state: Tensor, lane: int) -> tuple[Tensor, Tensor]:
    """Two well mixed words, different for each seed, counter and lane."""
    seed, counter = op.Split(state, [1, 1])
    offset = np.array(_LANE, np.uint64) * np.uint64(2 * lane + 1)
    parts = seed * constant(np.array(_SEED, np.uint32)) + counter * constant(
        np.array(_COUNTER, np.uint32)
    )
    words = _spread(parts + constant(offset.astype(np.uint32)))
    words = _spread(words + _high(words) * _MIX)
    first, second = op.Split(words, [1, 1])
    return first, second


def _words(shape: Shape, state: Tensor, lane: int = 0, tail: int = 1) -> Tensor:
    """uint32 words of this shape. Lanes are independent streams within one draw.

    ``tail``: a number known to divide the number of elements. The numbering of the elements is then
    an outer sum of two short ranges, cheaper than a long one; the words are the same.
    """
    first, second = _keys(state, lane)
    target = _target(shape)
    count = op.Div(op.ReduceProd(target, keepdims=0), tail)
    rows = op.Unsqueeze(_range(count) * (tail * _WEYL & _MASK) + first, [1])
    words = rows + _range(constant(tail, np.int64)) * _WEYL if tail > 1 else rows
    words = _spread(words)
    # Streams that share the first key but for a shift part here: this factor differs.
    words = _spread(words + _high(words) * (second * 2 + 1))
    return _known(op.Reshape(words, target), shape)


def _known(x: Tensor, shape: Shape) -> Tensor:
    """``x`` with the dims that ``shape`` has as numbers among tensors."""
    if isinstance(shape, (Tensor, int, np.integer)):
        return x
    sizes = [int(d) if isinstance(d, (int, np.integer)) else None for d in shape]
    dims = tuple(old if new is None else new for old, new in zip(x.shape, sizes, strict=True))
    return retyped(x, TensorType(x.dtype, dims))


def _range(count: Tensor) -> Tensor:
    numbers = op.Range(constant(0, np.int32), op.Cast(count, to=np.int32), constant(1, np.int32))
    return op.Cast(numbers, to=np.uint32)


def _target(shape: Shape) -> Tensor:
    if isinstance(shape, Tensor):
        return shape
    sizes = [shape] if isinstance(shape, (int, np.integer)) else list(shape)
    if any(isinstance(d, Tensor) for d in sizes):
        mixed: list[Any] = sizes
        dims = [op.Reshape(op.Cast(d, to=np.int64), [1]) for d in mixed]
        return op.Concat(*dims, axis=0)
    if not all(isinstance(d, (int, np.integer)) and d >= 0 for d in sizes):
        raise ArgumentError(
            f"random tensors need a shape of numbers; got {tuple(sizes)}. Where a dim is known only "
            "at run time, give a tensor: wh.ops.shape(x)"
        )
    return constant(np.array(sizes, np.int64).reshape(-1))


def shape_of(x: Tensor) -> Shape:
    """The shape of ``x`` for a draw: numbers where all are known, else a tensor."""
    return x.shape if all(isinstance(d, int) for d in x.shape) else op.Shape(x)


def _float(dtype: dtypes.DTypeLike | None) -> dtypes.DType:
    kind = dtypes.as_dtype(dtype or "float32")
    if not dtypes.is_float(kind):
        raise ArgumentError(f"dtype={kind.name}: expected a floating-point type")
    return kind


def _open_unit(shape: Shape, state: Tensor, lane: int = 0) -> Tensor:
    """Uniform float32 between 0 and 1, never either of them: logarithms are safe."""
    words = op.Cast(_words(shape, state, lane), to=np.float32)
    return words * (2.0**-32 * (1 - 2.0**-23)) + 2.0**-33


def _finished(x: Tensor, scale: float, shift: float, kind: dtypes.DType) -> Tensor:
    x = x if isinstance(scale, (int, float)) and scale == 1 else x * scale
    x = x if isinstance(shift, (int, float)) and shift == 0 else x + shift
    return x if x.dtype == kind else op.Cast(x, to=kind)


# -- draws ------------------------------------------------------------------------------------


def uniform(
    shape: Shape,
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: dtypes.DTypeLike | None = None,
    seed: Seed = None,
) -> Tensor:
    """Uniform in [minval, maxval)."""
    kind = _float(dtype)
    # 1 - 2^-24: the largest word rounds up to 2^32, which must not give 1
    unit = op.Cast(_words(shape, _drawn(seed)), to=np.float32) * (2.0**-32 * (1 - 2.0**-24))
    return _finished(unit, maxval - minval, minval, kind)


def normal(
    shape: Shape,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: dtypes.DTypeLike | None = None,
    seed: Seed = None,
) -> Tensor:
    """Normally distributed, by Box and Muller 1958."""
    kind, state = _float(dtype), _drawn(seed)
    radius = op.Sqrt(op.Log(_open_unit(shape, state)) * -2.0)
    angle = _open_unit(shape, state, lane=1) * (2 * math.pi)
    return _finished(radius * op.Cos(angle), stddev, mean, kind)


# Giles 2010, "Approximating the erfinv function", the central branch, highest power first
_ERFINV = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
    -0.00125372503, -0.00417768164, 0.246640727, 1.50140941,
)  # fmt: skip


def truncated_normal(
    shape: Shape,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: dtypes.DTypeLike | None = None,
    seed: Seed = None,
) -> Tensor:
    """Normally distributed, but never more than two ``stddev`` from the mean.

    By inversion: the normal quantile of a uniform number between those of -2 and 2.
    """
    kind = _float(dtype)
    x = (_open_unit(shape, _drawn(seed)) * 2.0 - 1.0) * math.erf(math.sqrt(2))
    w = -op.Log(1.0 - x * x) - 2.5
    series: Tensor = w * _ERFINV[0] + _ERFINV[1]
    for coefficient in _ERFINV[2:]:
        series = series * w + coefficient
    return _finished(op.Clip(series * x * math.sqrt(2), -2.0, 2.0), stddev, mean, kind)


def randint(
    shape: Shape,
    minval: int,
    maxval: int,
    dtype: dtypes.DTypeLike = "int32",
    seed: Seed = None,
) -> Tensor:
    """Integers in [minval, maxval), at most 2^31 different ones."""
    span = int(maxval) - int(minval)
    kind = dtypes.as_dtype(dtype)
    if not 0 < span <= 2**31:
        raise ArgumentError(
            f"randint: maxval={maxval} must be above minval={minval}, by at most 2^31"
        )
    if kind.kind not in "iu":
        raise ArgumentError(f"randint: dtype={kind.name}; expected an integer type")
    words = op.Cast(_words(shape, _drawn(seed)), to=np.int64)
    # the high bits of a word are the good ones, so scale instead of taking a remainder
    return op.Cast(op.Div(words * span, 2**32) + int(minval), to=kind)


def categorical(
    logits: Like, num_samples: int, dtype: dtypes.DTypeLike = "int32", seed: Seed = None
) -> Tensor:
    """Class numbers [batch, num_samples] for logits [batch, classes], by the Gumbel maximum."""
    x = convert(logits)
    if x.ndim != 2:
        raise ArgumentError(f"categorical: logits of shape {x.shape}; expected [batch, classes]")
    sizes = op.Shape(x)
    batch, classes = op.Split(sizes, [1, 1])
    shape = op.Concat(batch, constant([int(num_samples)], np.int64), classes, axis=0)
    gumbel = -op.Log(-op.Log(_open_unit(shape, _drawn(seed))))
    found = op.ArgMax(op.Unsqueeze(x, [1]) + op.Cast(gumbel, to=x.dtype), axis=-1, keepdims=0)
    return retyped(
        op.Cast(found, to=dtypes.as_dtype(dtype)),
        TensorType(dtypes.as_dtype(dtype), (x.shape[0], int(num_samples))),
    )


def shuffle(x: Like, axis: int = 0, seed: Seed = None) -> Tensor:
    """The slices along ``axis`` in random order."""
    tensor = convert(x)
    axis = axis % tensor.ndim if tensor.ndim else 0
    count = op.Slice(op.Shape(tensor), [axis], [axis + 1])
    keys = op.Cast(_words(count, _drawn(seed)), to=np.int64)
    _, order = op.TopK(keys, count, axis=0)
    return retyped(op.Gather(tensor, order, axis=axis), tensor.type)


def dropout(
    inputs: Like, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Seed = None
) -> Tensor:
    """Zero each element with probability ``rate`` and scale the others by 1 / (1 - rate).

    ``noise_shape`` has 1 where the decision is shared along an axis, None for the input's own dim.
    Srivastava et al. 2014.
    """
    x = convert(inputs)
    if not 0 <= rate <= 1:
        raise ArgumentError(f"dropout: rate={rate}; expected a number from 0 to 1")
    if rate == 0:
        return x
    if rate == 1:
        return x * 0.0
    shape = shape_of(x) if noise_shape is None else _noise(x, noise_shape)
    words = _words(shape, _drawn(seed), tail=_tail(x) if noise_shape is None else 1)
    # decided on words, without a conversion to floats
    kept = op.GreaterOrEqual(words, constant(min(round(rate * 2**32), _MASK), np.uint32))
    mask = op.Cast(kept, to=x.dtype) * (1.0 / (1.0 - rate))
    if noise_shape is None:
        mask = retyped(mask, TensorType(x.dtype, x.shape))
    return retyped(x * mask, x.type)


def _tail(x: Tensor) -> int:
    """How many elements the last dims have, as far as they are numbers."""
    sizes = itertools.takewhile(lambda d: isinstance(d, int) and d > 0, reversed(x.shape))
    return math.prod(int(d) for d in sizes if d is not None)


def _noise(x: Tensor, shape: Sequence[int | None]) -> Shape:
    if len(shape) != x.ndim:
        raise ArgumentError(f"noise_shape={tuple(shape)} for an input of shape {x.shape}")
    if all(d is not None for d in shape):
        return tuple(shape)
    own = op.Shape(x)
    sizes = [
        op.Slice(own, [i], [i + 1]) if d is None else constant([d], np.int64)
        for i, d in enumerate(shape)
    ]
    return op.Concat(*sizes, axis=0)


__all__ = [
    "SeedGenerator", "categorical", "dropout", "normal", "randint", "set_random_seed", "shuffle",
    "truncated_normal", "uniform",
]  # fmt: skip
