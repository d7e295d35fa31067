"""Images of other tones: fewer of them, folded, spread over the whole range."""

from __future__ import annotations

from typing import Any

from ... import op, windows
from ...ir import Tensor, constant
from ...ops.image.common import extent, vector
from .base import (
    ImageLayer,
    RandomImageLayer,
    clipped,
    factor_range,
    rescaled,
    strict_range,
    value_pair,
)

__all__ = ["AutoContrast", "Equalization", "RandomPosterization", "Solarization"]

_BYTES = (0, 255)


class RandomPosterization(RandomImageLayer):
    """So many bits of each value are kept: ``factor``, from 1 to 8; of a pair, the second is excluded."""

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range("RandomPosterization", "factor", factor, 1, 8)
        self.value_range = value_pair("RandomPosterization", value_range)

    def draw(self, x: Tensor) -> Any:
        """The width of a step of the values that are left."""
        bits = op.Floor(self._uniform(x, self.factor))
        return op.Pow(constant(2.0, x.dtype), 8.0 - bits)

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        whole = op.Floor(clipped(rescaled(x, self.value_range, _BYTES), _BYTES))
        return rescaled(op.Floor(whole / drawn) * drawn, _BYTES, self.value_range)


class Solarization(RandomImageLayer):
    """A number is added, and what is then above a threshold is inverted.

    Both are drawn for each image: up to ``addition_factor`` and ``threshold_factor`` of 255, or from
    these ranges. (Keras 3.15.1 does not multiply the lower end of a range by 255.)
    """

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = (0, 255),
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.addition_factor, self.threshold_factor = addition_factor, threshold_factor
        self._additions = _bytes("addition_factor", addition_factor)
        self._thresholds = _bytes("threshold_factor", threshold_factor)
        self.value_range = value_pair("Solarization", value_range)

    def draw(self, x: Tensor) -> Any:
        return self._uniform(x, self._additions), self._uniform(x, self._thresholds)

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        additions, thresholds = drawn
        values = clipped(rescaled(x, self.value_range, _BYTES) + additions, _BYTES)
        folded = op.Where(op.Less(values, thresholds), values, 255.0 - values)
        return rescaled(folded, _BYTES, self.value_range)


def _bytes(label: str, factor: Any) -> tuple[float, float]:
    low, high = strict_range("Solarization", label, factor, 0, 1, mirrored=False)
    return low * 255.0, high * 255.0


class AutoContrast(ImageLayer):
    """Each channel of each image spread over the whole ``value_range``; a channel of one value stays."""

    _always = True

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = value_pair("AutoContrast", value_range)

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        values = rescaled(x, self.value_range, _BYTES)
        low, high = (f(values, [1, 2], keepdims=1) for f in (op.ReduceMin, op.ReduceMax))
        spread = op.Greater(high, low)
        scale = 255.0 / op.Where(spread, high - low, constant(1.0, x.dtype))
        wide = clipped(values * scale - low * scale, _BYTES)
        result: Tensor = op.Where(spread, rescaled(wide, _BYTES, self.value_range), x)
        return result


class Equalization(ImageLayer):
    """Each channel's tones made equally frequent, by a histogram of ``bins`` over the whole batch."""

    def __init__(
        self,
        value_range: Any = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.bins = windows.count("Equalization", "bins", bins)
        self.value_range = value_pair("Equalization", value_range)

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        values = rescaled(x, self.value_range, _BYTES)
        last = self.bins - 1
        table, several = self._table(op.Cast(clipped(values * last / 255.0, (0, last)), to="int64"))
        places = op.Cast(clipped(values / 255.0 * last, (0, last)), to="int64")
        found = op.Gather(table, self._numbered(places), axis=0)
        equalized = op.Where(several, op.CastLike(found, x), values)
        return rescaled(equalized, _BYTES, self.value_range)

    def _numbered(self, places: Tensor) -> Tensor:
        """Numbers of bins when those of all channels lie one behind the other."""
        return places + op.Range(0, extent(places, 3), 1) * self.bins

    def _table(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """The value for each bin of each channel, flat, and which channels have several values."""
        channels = extent(places, 3)
        flat = op.Reshape(self._numbered(places), [-1])
        none = op.Expand(constant(0, "int32"), op.Reshape(op.Mul(channels, self.bins), [1]))
        one = op.Expand(constant(1, "int32"), op.Shape(flat))
        counts = op.ScatterElements(none, flat, one, axis=0, reduction="add")
        histogram = op.Reshape(counts, vector(channels, self.bins))
        total = op.CumSum(histogram, constant(1, "int64"))
        many = constant(2**31 - 1, "int32")
        first = op.ReduceMin(op.Where(op.Greater(total, 0), total, many), [1], keepdims=1)
        rest = op.Cast(op.ReduceMax(total, [1], keepdims=1) - first, to="float32")
        below = op.Cast(total - first, to="float32") * 255.0
        several = op.Greater(rest, 0.0)
        table = clipped(op.Round(below / op.Max(rest, 1.0)), _BYTES)
        return op.Reshape(table, [-1]), op.Reshape(several, [-1])
