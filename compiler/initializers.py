"""Initial values of weights, as in Keras. Computed on the host, repeatable by seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..errors import ArgumentError
from . import config, dtypes, naming
from .config import custom_object_scope
from .ir import Array, Operators, Tensor, data
from .random import SeedGenerator, host_generator, next_seed

Shape: TypeAlias = tuple[int, ...]
Seed: TypeAlias = "int | SeedGenerator | None"


class Initializer(config.Configurable):
    """Base: ``initializer(shape, dtype=None)`` gives a tensor. Subclasses define ``values``."""

    def __call__(self, shape: Sequence[int], dtype: dtypes.DTypeLike | None = None) -> Tensor:
        """A tensor of this shape; dtype defaults to float32."""
        kind = dtypes.as_dtype(dtype or "float32")
        return data(np.asarray(self.values(tuple(shape)), kind, order="C"))

    def values(self, shape: Shape) -> Array:
        """The values, in any type."""
        raise NotImplementedError(f"{type(self).__name__} must define values(self, shape)")

    def clone(self) -> Any:
        """Another one with the same arguments."""
        return self.from_config(self.get_config())


class RandomInitializer(Initializer):
    """Base of the random ones.

    A number as seed gives the same values at every call, and so does None, for which a seed is drawn
    when the initializer is made. A ``SeedGenerator`` gives others each time.
    """

    def __init__(self, seed: Seed = None) -> None:
        if seed is not None and not isinstance(seed, (int, np.integer, SeedGenerator)):
            raise ArgumentError(f"seed={seed!r}: expected an integer or a SeedGenerator")
        self.seed = next_seed() if seed is None else seed

    def generator(self) -> np.random.Generator:
        """The source of this call's numbers."""
        if isinstance(self.seed, SeedGenerator):
            return host_generator(*self.seed.next_on_host())
        return host_generator(self.seed)


class Zeros(Initializer):
    """All 0."""

    def values(self, shape: Shape) -> Array:
        return np.zeros(shape, np.float32)


class Ones(Initializer):
    """All 1."""

    def values(self, shape: Shape) -> Array:
        return np.ones(shape, np.float32)


class Constant(Initializer):
    """All ``value`` (a number, or an array that broadcasts)."""

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def values(self, shape: Shape) -> Array:
        array = np.asarray(self.value)
        try:
            return np.broadcast_to(array, shape)
        except ValueError:
            raise ArgumentError(
                f"Constant: a value of shape {array.shape} does not broadcast to {shape}"
            ) from None


class Identity(Initializer):
    """``gain`` on the diagonal of a matrix."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def values(self, shape: Shape) -> Array:
        if len(shape) != 2:
            raise ArgumentError(f"Identity makes matrices; got shape {shape}")
        return self.gain * np.eye(*shape)


class RandomNormal(RandomInitializer):
    """Normal with ``mean`` and ``stddev``."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def values(self, shape: Shape) -> Array:
        return self.mean + self.stddev * _normal(self.generator(), shape)


class TruncatedNormal(RandomInitializer):
    """Normal, drawn again where it is more than two ``stddev`` from the mean."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def values(self, shape: Shape) -> Array:
        return self.mean + self.stddev * _truncated_normal(self.generator(), shape)


class RandomUniform(RandomInitializer):
    """Uniform in [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def values(self, shape: Shape) -> Array:
        return _uniform(self.generator(), self.minval, self.maxval, shape)


def _uniform(generator: np.random.Generator, low: float, high: float, shape: Shape) -> Array:
    return generator.random(shape, np.float32) * (high - low) + low


def _normal(generator: np.random.Generator, shape: Shape) -> Array:
    return generator.standard_normal(shape, np.float32)


def _truncated_normal(generator: np.random.Generator, shape: Shape) -> Array:
    """Standard normal within [-2, 2], by rejection."""
    count = math.prod(shape)
    found = _normal(generator, (count + count // 16 + 8,))
    found = found[np.abs(found) <= 2]
    while len(found) < count:
        more = _normal(generator, (count - len(found) + 8,))
        found = np.concatenate([found, more[np.abs(more) <= 2]])
    return found[:count].reshape(shape)


def fans(
    shape: Shape, input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """How many numbers each output is computed from, and the reverse, for a kernel of this shape.

    Kernels are [..., in, out]: the leading dims are the receptive field of a convolution. Where both
    ``input_axes`` and ``output_axes`` are given, these count instead.
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        size = math.prod(shape)
        return size, size
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


# the standard deviation of a standard normal that is cut off at 2
_TRUNCATED = 0.87962566103423978
_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")


class VarianceScaling(RandomInitializer):
    """Variance ``scale / fan``; mode "fan_in", "fan_out" or "fan_avg" (see ``fans``).

    Distribution "truncated_normal", "untruncated_normal" or "uniform".
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(seed)
        distribution = distribution.lower()
        if scale <= 0:
            raise ArgumentError(f"VarianceScaling(scale={scale}): expected a number above 0")
        if mode not in _MODES:
            raise ArgumentError(f"VarianceScaling(mode={mode!r}): expected one of {_MODES}")
        if distribution not in (*_DISTRIBUTIONS, "normal"):
            raise ArgumentError(
                f"VarianceScaling(distribution={distribution!r}): expected one of {_DISTRIBUTIONS}"
            )
        self.scale, self.mode = scale, mode
        self.distribution = "truncated_normal" if distribution == "normal" else distribution
        self.input_axes, self.output_axes = input_axes, output_axes

    def values(self, shape: Shape) -> Array:
        fan_in, fan_out = fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        deviation = math.sqrt(self.scale / max(1.0, fan))
        if self.distribution == "uniform":
            limit = math.sqrt(3) * deviation
            return _uniform(self.generator(), -limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return _normal(self.generator(), shape) * deviation
        return _truncated_normal(self.generator(), shape) * (deviation / _TRUNCATED)


class _Scaled(VarianceScaling):
    """Base of those whose scale, mode and distribution are fixed."""

    fixed: tuple[float, str, str]

    def __init__(
        self,
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(*self.fixed, seed, input_axes, output_axes)


class GlorotUniform(_Scaled):
    """Glorot and Bengio 2010: uniform with variance 2 / (fan_in + fan_out)."""

    fixed = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Scaled):
    """Glorot and Bengio 2010: truncated normal with variance 2 / (fan_in + fan_out)."""

    fixed = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Scaled):
    """He et al. 2015: uniform with variance 2 / fan_in."""

    fixed = (2.0, "fan_in", "uniform")


class HeNormal(_Scaled):
    """He et al. 2015: truncated normal with variance 2 / fan_in."""

    fixed = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Scaled):
    """LeCun et al. 1998: uniform with variance 1 / fan_in."""

    fixed = (1.0, "fan_in", "uniform")


class LecunNormal(_Scaled):
    """LeCun et al. 1998: truncated normal with variance 1 / fan_in."""

    fixed = (1.0, "fan_in", "truncated_normal")


class Orthogonal(RandomInitializer):
    """Orthonormal rows or columns, times ``gain`` (Saxe et al. 2014); at least two dims."""

    def __init__(self, gain: float = 1.0, seed: Seed = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def values(self, shape: Shape) -> Array:
        if len(shape) < 2:
            raise ArgumentError(f"Orthogonal needs at least two dims; got shape {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = self.generator().standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(tall)
        q = q * np.sign(np.diag(r))  # makes the distribution uniform (Mezzadri 2007)
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


# sums of cosines: the coefficients of cos(0), -cos(t), cos(2 t), -cos(3 t) ...
_WINDOWS = {
    "boxcar": (1.0,), "hann": (0.5, 0.5), "hamming": (0.54, 0.46), "blackman": (0.42, 0.5, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}  # fmt: skip


def window(name: str, length: int, periodic: bool = True) -> Array:
    """A window function by its name in ``scipy.signal.windows``; symmetric if not ``periodic``.

    Harris 1978. Raises ``ArgumentError`` for a name that is none of the sums of cosines.
    """
    if name not in _WINDOWS:
        raise ArgumentError(
            f"unknown window {name!r}: expected one of {', '.join(_WINDOWS)}; give others as arrays"
        )
    steps = length if periodic else max(length - 1, 1)
    time = np.arange(length) * (2 * math.pi / steps)
    terms = [c * (-1) ** k * np.cos(k * time) for k, c in enumerate(_WINDOWS[name])]
    values: Array = np.ones(1) if length == 1 else np.asarray(sum(terms))
    return values


class STFT(Initializer):
    """Kernels [frame, 1, frequencies] whose convolution is the short-time Fourier transform.

    Args:
        side: "real" or "imag", the part of the transform.
        window: the name of a window function (see ``window``), its values, or None.
        scaling: divide by the window's norm ("density"), by its sum ("spectrum"), or by 1 (None).
        periodic: whether the window is a period of a longer one, not symmetric.
    """

    def __init__(
        self, side: str = "real", window: Any = "hann", scaling: str | None = "density",
        periodic: bool = False,
    ) -> None:  # fmt: skip
        if side not in ("real", "imag"):
            raise ArgumentError(f"STFT(side={side!r}): expected 'real' or 'imag'")
        if scaling not in (None, "density", "spectrum"):
            raise ArgumentError(
                f"STFT(scaling={scaling!r}): expected 'density', 'spectrum' or None"
            )
        self.side, self.scaling, self.periodic = side, scaling, periodic
        self.window = window
        if isinstance(window, str):
            self._weights(1)

    def _weights(self, length: int) -> Array:
        if isinstance(self.window, str):
            return window(self.window, length, self.periodic)
        values = np.asarray(self.window, np.float64)
        if values.shape != (length,):
            raise ArgumentError(f"STFT: a window of shape {values.shape} for frames of {length}")
        return values

    def values(self, shape: Shape) -> Array:
        if len(shape) != 3 or shape[1] != 1:
            raise ArgumentError(f"STFT makes kernels of shape (frame, 1, frequencies); got {shape}")
        length, _, frequencies = shape
        turns = np.arange(length)[:, None, None] * np.arange(frequencies) / (2 * (frequencies - 1))
        waves = np.cos(2 * math.pi * turns) if self.side == "real" else -np.sin(2 * math.pi * turns)
        if self.window is None:
            return waves
        weights = self._weights(length)
        scales = {
            "density": np.sqrt((weights**2).sum()),
            "spectrum": np.abs(weights).sum(),
            None: 1,
        }
        return waves * weights[:, None, None] / scales[self.scaling]


_NAMES: dict[str, type[Initializer]] = {
    "zeros": Zeros, "zero": Zeros, "ones": Ones, "one": Ones, "constant": Constant,
    "identity": Identity, "IdentityInitializer": Identity, "eye": Identity,
    "random_normal": RandomNormal, "normal": RandomNormal,
    "random_uniform": RandomUniform, "uniform": RandomUniform,
    "truncated_normal": TruncatedNormal, "variance_scaling": VarianceScaling,
    "glorot_uniform": GlorotUniform, "glorot_normal": GlorotNormal,
    "he_uniform": HeUniform, "he_normal": HeNormal,
    "lecun_uniform": LecunUniform, "lecun_normal": LecunNormal,
    "orthogonal": Orthogonal, "OrthogonalInitializer": Orthogonal,
    "stft": STFT, "STFTInitializer": STFT,
}  # fmt: skip
_NAMES |= {c.__name__: c for c in _NAMES.values()}


def get(identifier: Any) -> Any:
    """An initializer for a name, an instance, a class, a saved dict, a function, or None."""
    if identifier is None or isinstance(identifier, (Initializer, Operators, np.ndarray)):
        return identifier
    if isinstance(identifier, str):
        found = config.lookup("initializer", identifier, _NAMES)
        return found() if isinstance(found, type) else found
    if isinstance(identifier, Mapping):
        return config.deserialize(naming.qualified("initializers", identifier, __all__))
    if isinstance(identifier, type) and issubclass(identifier, Initializer):
        return identifier()
    if callable(identifier):
        return identifier
    raise ArgumentError(
        f"{identifier!r} is no initializer: expected a name, an object or a function"
    )


def serialize(initializer: Any) -> dict[str, Any]:
    """The initializer's name and arguments as JSON can hold them."""
    return config.serialize(initializer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The inverse of ``serialize``; plain names, too."""
    with custom_object_scope(custom_objects or {}):
        return get(config)


# Keras has each class by a second name
zeros = Zeros
ones = Ones
constant = Constant
identity = Identity
IdentityInitializer = Identity
random_normal = RandomNormal
random_uniform = RandomUniform
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
glorot_uniform = GlorotUniform
glorot_normal = GlorotNormal
he_uniform = HeUniform
he_normal = HeNormal
lecun_uniform = LecunUniform
lecun_normal = LecunNormal
orthogonal = Orthogonal
OrthogonalInitializer = Orthogonal
stft = STFT
STFTInitializer = STFT

__all__ = [
    "STFT", "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity",
    "IdentityInitializer", "Initializer", "LecunNormal", "LecunUniform", "Ones", "Orthogonal",
    "OrthogonalInitializer", "RandomNormal", "RandomUniform", "STFTInitializer",
    "TruncatedNormal", "VarianceScaling", "Zeros", "constant", "deserialize", "get",
    "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "identity", "lecun_normal",
    "lecun_uniform", "ones", "orthogonal", "random_normal", "random_uniform", "serialize",
    "stft", "truncated_normal", "variance_scaling", "zeros",
]  # fmt: skip
