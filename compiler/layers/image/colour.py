"""Images in other colours: brighter, duller, inverted, of another hue."""

from __future__ import annotations

from typing import Any

from ....errors import ArgumentError
from ... import op
from ...ir import Tensor, convert
from ...ops.image.colour import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from .base import RandomImageLayer, clipped, factor_range, rescaled, value_pair

__all__ = [
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomSaturation",
]


class RandomBrightness(RandomImageLayer):
    """``factor`` times the width of ``value_range`` added, and clipped to it."""

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.factor = factor_range("RandomBrightness", "factor", factor, -1, 1)
        self.value_range = value_pair("RandomBrightness", value_range)

    def draw(self, x: Tensor) -> Any:
        return self._uniform(x, self.factor) * float(self.value_range[1] - self.value_range[0])

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        return clipped(x + drawn, self.value_range)


class RandomContrast(RandomImageLayer):
    """Differences from each channel's mean, times 1 - ``factor[0]`` to 1 + ``factor[1]``."""

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.factor = factor_range("RandomContrast", "factor", factor, 0, 1)
        self.value_range = value_pair("RandomContrast", value_range)

    def draw(self, x: Tensor) -> Any:
        return self._uniform(x, (1.0 - self.factor[0], 1.0 + self.factor[1]))

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        mean = op.ReduceMean(x, [1, 2], keepdims=1)
        return clipped((x - mean) * drawn + mean, self.value_range)


class RandomGrayscale(RandomImageLayer):
    """Each image grey with the probability ``factor``; it keeps its three channels."""

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        if not isinstance(factor, (int, float)) or not 0 <= factor <= 1:
            raise ArgumentError(
                f"RandomGrayscale(factor={factor!r}): expected a number from 0 to 1"
            )
        self.factor = factor

    def draw(self, x: Tensor) -> Any:
        return op.Less(self._uniform(x, (0.0, 1.0)), float(self.factor))

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        result: Tensor = op.Where(drawn, rgb_to_grayscale(x, "channels_last"), x)
        return result


class ColourLayer(RandomImageLayer):
    """Base of those with a ``factor`` from 0 to 1 for colours in ``value_range``."""

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(type(self).__name__, "factor", factor, 0, 1)
        self.value_range = value_pair(type(self).__name__, value_range)

    def draw(self, x: Tensor) -> Any:
        return self._uniform(x, self.factor)


class RandomColorDegeneration(ColourLayer):
    """Colours moved towards grey: 0 leaves them, 1 leaves none."""

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        grey = rgb_to_grayscale(x, "channels_last")
        return clipped(x + drawn * (grey - x), self.value_range)


class RandomHue(ColourLayer):
    """The hue turned, either way, by up to half of ``factor`` of the circle."""

    def draw(self, x: Tensor) -> Any:
        sign = op.Sign(0.5 - self._uniform(x, (0.0, 1.0)))
        return self._uniform(x, self.factor) * sign * 0.5

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        unit = rescaled(x, self.value_range, (0, 1))
        hue, rest = op.Split(rgb_to_hsv(unit, "channels_last"), [1, 2], axis=-1)
        turned = hue + drawn
        turned = turned - op.Floor(turned)
        colours = hsv_to_rgb(op.Concat(turned, rest, axis=-1), "channels_last")
        return rescaled(clipped(colours, (0, 1)), (0, 1), self.value_range)


class RandomSaturation(ColourLayer):
    """The saturation times f / (1 - f): 0 leaves no colour, 0.5 the image as it is, 1 pure colours.

    Saturation ends at 1. Keras 3.15.1 lets it grow up to the end of ``value_range``, which for bytes
    gives colours far outside of them.
    """

    def draw(self, x: Tensor) -> Any:
        factor = self._uniform(x, self.factor)
        return factor / (1.0 - factor + 1e-7)

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        hue, saturation, value = op.Split(rgb_to_hsv(x, "channels_last"), num_outputs=3, axis=-1)
        more = clipped(saturation * drawn, (0, 1))
        return hsv_to_rgb(op.Concat(hue, more, value, axis=-1), "channels_last")


class RandomInvert(RandomImageLayer):
    """Values subtracted from the largest one, with a probability that is drawn from ``factor``."""

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = (0, 255),
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range("RandomInvert", "factor", factor, 0, 1)
        self.value_range = value_pair("RandomInvert", value_range)

    def draw(self, x: Tensor) -> Any:
        return self._chosen(x, self.factor)

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        result: Tensor = op.Where(drawn, convert(float(self.value_range[1]), x.dtype) - x, x)
        return result


class RandomColorJitter(RandomImageLayer):
    """Brightness, contrast, saturation and hue changed in turn, by those factors that are given."""

    def __init__(
        self,
        value_range: Any = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.value_range = value_pair("RandomColorJitter", value_range)
        factors = (
            (RandomBrightness, brightness_factor), (RandomContrast, contrast_factor),
            (RandomSaturation, saturation_factor), (RandomHue, hue_factor),
        )  # fmt: skip
        self.parts = [
            kind(factor, value_range, seed=self.generator)
            for kind, factor in factors
            if factor is not None
        ]

    def draw(self, x: Tensor) -> Any:
        return [part.draw(x) for part in self.parts]

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        for part, numbers in zip(self.parts, drawn, strict=True):
            x = part.transform(x, numbers)
        return x
