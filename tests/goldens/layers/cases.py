"""What a case of a layer is. Neither Keras nor Waterhorse is imported here: both sides read the cases.

Inputs, weights, cotangents come from a generator that is seeded by the case's name, so they are not stored.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
AREAS = (
    "attention", "convolution", "core", "image", "merging", "normalization", "pooling", "recurrent",
    "preprocessing", "regularization", "reshaping",
)  # fmt: skip


@dataclass(frozen=True)
class Given:
    """An array to be made: "normal", "positive", "uniform" (0 to 1), "integers" below ``high``, "bools",
    or "prefix" (a mask of padded sequences: True up to a random length of at least 1)."""

    shape: tuple[int, ...]
    kind: str = "normal"
    high: int = 0

    def make(self, name: str, number: int, shape: Sequence[int] | None = None) -> Array:
        """The array of this case and number; of another shape if one is given."""
        sizes = tuple(shape if shape is not None else self.shape)
        generator = np.random.default_rng([zlib.crc32(name.encode()), number, *sizes])
        if self.kind == "integers":
            return generator.integers(0, self.high, sizes).astype("int32")
        if self.kind == "bools":
            return generator.random(sizes) < 0.6
        if self.kind == "prefix":
            lengths = generator.integers(1, sizes[-1] + 1, sizes[:-1])
            return np.arange(sizes[-1]) < lengths[..., None]
        if self.kind == "uniform":
            return generator.random(sizes).astype("float32")
        found = generator.normal(size=sizes).astype("float32")
        return np.abs(found) + np.float32(0.1) if self.kind == "positive" else found


@dataclass(frozen=True)
class Made:
    """A layer (or another object of ``layers``) within a configuration."""

    name: str
    config: Mapping[str, Any]


def layer(name: str, **config: Any) -> Made:
    """An argument that is a layer itself: ``layer("LSTMCell", units=3)``."""
    return Made(name, config)


@dataclass(frozen=True)
class Case:
    """One layer in one configuration, and how it is called."""

    name: str
    layer: str
    config: Mapping[str, Any]
    inputs: tuple[Given, ...]
    form: str  # "single", "list" (one list of tensors) or "args" (several arguments)
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    masks: Mapping[int, Given] = field(default_factory=dict)
    training: bool = False
    dynamic: tuple[int, ...] = ()
    lengths: tuple[int, ...] = ()
    gradients: bool = True
    model: str = ""
    rtol: float = 1e-5
    atol: float = 1e-6
    why: str = ""

    def __repr__(self) -> str:
        return self.name

    def arrays(self) -> list[Array]:
        """The inputs."""
        return [g.make(self.name, i) for i, g in enumerate(self.inputs)]

    def options(self) -> dict[str, Any]:
        """Keyword arguments of the call; those that are tensors as arrays."""
        return {
            k: v.make(self.name, 100 + i) if isinstance(v, Given) else v
            for i, (k, v) in enumerate(self.kwargs.items())
        }

    def mask_arrays(self) -> dict[int, Array]:
        return {i: g.make(self.name, 200 + i) for i, g in self.masks.items()}

    def cotangent(self, number: int, shape: Sequence[int]) -> Array:
        return Given(tuple(shape)).make(self.name, 300 + number)

    def weight(self, number: int, name: str, shape: Sequence[int]) -> Array:
        """The value that weight ``number`` is given; variances and scales are positive."""
        kind = "positive" if any(w in name for w in ("variance", "gamma", "stddev")) else "normal"
        found = Given(tuple(shape), kind).make(self.name, 400 + number)
        return found if kind == "positive" else (found * 0.5).astype("float32")

    def made(self, module: Any) -> Any:
        """The layer, of Keras or of Waterhorse: ``module`` is their ``layers``."""
        return getattr(module, self.layer)(**_resolved(self.config, module))


def _resolved(value: Any, module: Any) -> Any:
    if isinstance(value, Made):
        return getattr(module, value.name)(**_resolved(value.config, module))
    if isinstance(value, Mapping):
        return {k: _resolved(v, module) for k, v in value.items()}
    if isinstance(value, list):
        return [_resolved(v, module) for v in value]
    return value


def case(
    name: str,
    layer: str,
    config: Mapping[str, Any],
    inputs: Sequence[Any],
    form: str = "",
    **options: Any,
) -> Case:
    """A case.

    Args:
        name: unique within its area; seeds all arrays.
        layer: the class in ``layers``.
        config: its constructor's arguments; ``layer(...)`` for those that are layers.
        inputs: a shape (normal numbers) or a ``Given`` each.
        form: "single", "list" or "args"; by default "single" for one input, else "list".
        kwargs: of the call; a ``Given`` becomes an array (in a model: one more input).
        masks: ``Given`` of bools that input number i carries as its mask.
        training: of the call.
        dynamic: axes (of every input and mask that has them) that are dynamic besides the batch.
        lengths: sizes of those axes that the exported model is tried with.
        gradients: False where there are none.
        model: a reason why the case is not tried in a model ("" means it is).
        rtol: relative tolerance, with the reason in ``why`` where it is not 1e-5.
        atol: tolerance of what should be 0, likewise where it is not 1e-6.
    """
    given = tuple(g if isinstance(g, Given) else Given(tuple(g)) for g in inputs)
    return Case(
        name, layer, config, given, form or ("single" if len(given) == 1 else "list"), **options
    )


def cases(area: str) -> list[Case]:
    """The cases of one area."""
    module = importlib.import_module(f"{__package__}.cases_{area}")
    names = [c.name for c in module.CASES]
    if len(set(names)) != len(names):
        raise ValueError(f"two cases of {area} have one name")
    return list(module.CASES)
