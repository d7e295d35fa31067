"""Initial values of weights, as in Keras. Computed on the host, repeatable by seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from . import config, dtypes
from .ir import Array, Tensor, data
from .random import SeedGenerator, host_generator, next_seed


class Initializer(config.Configurable):
    """Base: ``initializer(shape, dtype=None)`` gives a tensor. Subclasses define ``values``."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """A tensor of this shape; dtype defaults to float32."""
        kind = dtypes.as_dtype(dtype or "float32")
        return data(np.array(self.values(tuple(shape)), kind, order="C"))

    def values(self, shape: tuple[int, ...]) -> Array:
        """The values in double precision."""
        raise NotImplementedError(f"{type(self).__name__} must define values(self, shape)")


class RandomInitializer(Initializer):
    """Base of the random ones. The same seed and shape give the same values at every call."""

    def __init__(self, seed: Any = None) -> None:
        if isinstance(seed, SeedGenerator):
            seed = seed.seed
        self.seed = next_seed() if seed is None else int(seed)

    def generator(self) -> np.random.Generator:
        return host_generator(self.seed)

    def get_config(self) -> dict[str, Any]:
        given = self._arguments.get("seed")
        return {**super().get_config(), "seed": given if isinstance(given, int) else None}


class Zeros(Initializer):
    """All 0."""

    def values(self, shape: tuple[int, ...]) -> Array:
        return np.zeros(shape)


class Ones(Initializer):
    """All 1."""

    def values(self, shape: tuple[int, ...]) -> Array:
        return np.ones(shape)


class Constant(Initializer):
    """All ``value`` (a number, or an array that broadcasts)."""

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def values(self, shape: tuple[int, ...]) -> Array:
        return np.broadcast_to(np.asarray(self.value, np.float64), shape)


class Identity(Initializer):
    """``gain`` on the diagonal of a matrix."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def values(self, shape: tuple[int, ...]) -> Array:
        if len(shape) != 2:
            raise ArgumentError(f"Identity makes matrices; got shape {shape}")
        return self.gain * np.eye(*shape)


class RandomNormal(RandomInitializer):
    """Normal with ``mean`` and ``stddev``."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def values(self, shape: tuple[int, ...]) -> Array:
        return self.generator().normal(self.mean, self.stddev, shape)


class TruncatedNormal(RandomInitializer):
    """Normal, drawn again where it is more than two standard deviations from the mean."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def values(self, shape: tuple[int, ...]) -> Array:
        return self.mean + self.stddev * truncated_normal(self.generator(), shape)


def truncated_normal(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Standard normal within [-2, 2], by rejection."""
    count = math.prod(shape)
    found = np.empty(0)
    while len(found) < count:
        draw = generator.standard_normal(int((count - len(found)) * 1.1) + 16)
        found = np.concatenate([found, draw[np.abs(draw) <= 2]])
    return found[:count].reshape(shape)


class RandomUniform(RandomInitializer):
    """Uniform in [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def values(self, shape: tuple[int, ...]) -> Array:
        return self.generator().uniform(self.minval, self.maxval, shape)


def fans(shape: tuple[int, ...]) -> tuple[float, float]:
    """Fan in and fan out of a kernel [..., in, out]: the leading dims are the receptive field."""
    if len(shape) < 1:
        return 1.0, 1.0
    if len(shape) == 1:
        return float(shape[0]), float(shape[0])
    field = math.prod(shape[:-2])
    return float(shape[-2] * field), float(shape[-1] * field)


class VarianceScaling(RandomInitializer):
    """Variance ``scale / fan``; mode "fan_in", "fan_out" or "fan_avg".

    Distribution "truncated_normal", "untruncated_normal" or "uniform".
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
    ) -> None:
        super().__init__(seed)
        if scale <= 0:
            raise ArgumentError(f"VarianceScaling(scale={scale}): expected a number above 0")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ArgumentError(
                f"VarianceScaling(mode={mode!r}): expected fan_in, fan_out or fan_avg"
            )
        if distribution not in ("truncated_normal", "untruncated_normal", "uniform"):
            raise ArgumentError(
                f"VarianceScaling(distribution={distribution!r}): expected truncated_normal, "
                "untruncated_normal or uniform"
            )
        self.scale, self.mode, self.distribution = scale, mode, distribution

    def values(self, shape: tuple[int, ...]) -> Array:
        fan_in, fan_out = fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        generator = self.generator()
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return generator.uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return generator.normal(0, math.sqrt(variance), shape)
        # 0.8796: the deviation of a standard normal cut off at 2
        return truncated_normal(generator, shape) * (math.sqrt(variance) / 0.87962566103423978)


def _scaled(
    name: str, scale: float, mode: str, distribution: str, source: str
) -> type[VarianceScaling]:
    def __init__(self: VarianceScaling, seed: Any = None) -> None:
        VarianceScaling.__init__(self, scale, mode, distribution, seed)

    members = {"__init__": __init__, "__doc__": source, "__module__": __name__}
    return type(name, (VarianceScaling,), members)


GlorotUniform = _scaled(
    "GlorotUniform", 1.0, "fan_avg", "uniform", "Glorot and Bengio 2010, uniform."
)
GlorotNormal = _scaled(
    "GlorotNormal", 1.0, "fan_avg", "truncated_normal", "Glorot and Bengio 2010, normal."
)
HeNormal = _scaled("HeNormal", 2.0, "fan_in", "truncated_normal", "He et al. 2015, normal.")
HeUniform = _scaled("HeUniform", 2.0, "fan_in", "uniform", "He et al. 2015, uniform.")
LecunNormal = _scaled(
    "LecunNormal", 1.0, "fan_in", "truncated_normal", "LeCun et al. 1998, normal."
)
LecunUniform = _scaled("LecunUniform", 1.0, "fan_in", "uniform", "LeCun et al. 1998, uniform.")


class Orthogonal(RandomInitializer):
    """Orthonormal rows or columns, times ``gain`` (Saxe et al. 2014); at least two dims."""

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def values(self, shape: tuple[int, ...]) -> Array:
        if len(shape) < 2:
            raise ArgumentError(f"Orthogonal needs at least two dims; got shape {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = self.generator().standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(tall)
        q = q * np.sign(np.diag(r))
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


_NAMES: dict[str, Callable[[], Any]] = {
    "zeros": Zeros, "zero": Zeros, "ones": Ones, "one": Ones, "constant": Constant,
    "identity": Identity, "random_normal": RandomNormal, "normal": RandomNormal,
    "random_uniform": RandomUniform, "uniform": RandomUniform, "truncated_normal": TruncatedNormal,
    "variance_scaling": VarianceScaling, "glorot_uniform": GlorotUniform,
    "glorot_normal": GlorotNormal, "he_normal": HeNormal, "he_uniform": HeUniform,
    "lecun_normal": LecunNormal, "lecun_uniform": LecunUniform, "orthogonal": Orthogonal,
}  # fmt: skip
_NAMES |= {c.__name__: c for c in list(_NAMES.values()) if isinstance(c, type)}


def get(identifier: Any) -> Any:
    """An initializer for a name, an instance, a class, a function, or None."""
    if identifier is None or isinstance(identifier, Initializer):
        return identifier
    if isinstance(identifier, str):
        return config.lookup("initializer", identifier, _NAMES)()
    if isinstance(identifier, dict):
        return config.deserialize(identifier)
    if isinstance(identifier, type):
        return identifier()
    if callable(identifier) or isinstance(identifier, (np.ndarray, Tensor)):
        return identifier
    raise ArgumentError(
        f"{identifier!r} is no initializer: expected a name, an object or a function"
    )


__all__ = [
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "Initializer",
    "LecunNormal", "LecunUniform", "Ones", "Orthogonal", "RandomNormal", "RandomUniform",
    "TruncatedNormal", "VarianceScaling", "Zeros", "get",
]  # fmt: skip
