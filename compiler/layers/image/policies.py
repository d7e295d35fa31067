"""Augmentations chosen at random among many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import op, random, variates, windows
from ...ir import Tensor, retyped
from ...ops.control import switch
from .base import ImageLayer, RandomImageLayer, clipped, factor_range, value_pair
from .colour import RandomBrightness, RandomColorDegeneration, RandomContrast
from .filters import RandomSharpness
from .geometry import RandomRotation, RandomShear, RandomTranslation
from .tones import AutoContrast, Equalization, RandomPosterization, Solarization

__all__ = ["AugMix", "RandAugment"]


class PolicyLayer(RandomImageLayer):
    """Base of those that have other layers, one of which is applied to a whole batch at a time."""

    def _make_parts(self, interpolation: str, all_ops: bool = True) -> None:
        seed, factor, values = self.generator, self.factor, self.value_range
        moving: dict[str, Any] = {"interpolation": interpolation, "seed": seed}
        toned: dict[str, Any] = {"value_range": values, "seed": seed}
        self.parts: list[ImageLayer] = [
            RandomShear(factor, factor, **moving),
            RandomTranslation(factor, factor, **moving),
            RandomRotation(factor, **moving),
            Solarization(factor, factor, **toned),
            RandomPosterization(max(1, int(8 * factor[1])), **toned),
            AutoContrast(values),
            Equalization(values),
        ]
        if all_ops:
            colours = (RandomBrightness, RandomColorDegeneration, RandomContrast, RandomSharpness)
            self.parts += [kind(factor, **toned) for kind in colours]

    factor: tuple[float, float]
    value_range: tuple[float, float]

    def _draws(self, x: Tensor) -> list[Any]:
        """The numbers of each part."""
        return [part.draw(x) for part in self.parts]

    def _one_of(self, x: Tensor, number: Tensor, draws: list[Any], idle: int = 0) -> Tensor:
        """The part of this number applied; ``idle`` numbers beyond them do nothing."""

        def branch(part: ImageLayer, drawn: Any) -> Callable[[Tensor], Tensor]:
            return lambda images: retyped(part.transform(images, drawn), x.type)

        branches = [branch(*pair) for pair in zip(self.parts, draws, strict=True)]
        branches += [lambda images: images] * idle
        return retyped(switch(number, branches, x), x.type)


class RandAugment(PolicyLayer):
    """``num_ops`` times one of eleven augmentations, chosen for the whole batch (Cubuk et al. 2020).

    ``factor`` is how strong they are; numbers are drawn for each image.
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.value_range = value_pair("RandAugment", value_range)
        self.num_ops = windows.count("RandAugment", "num_ops", num_ops)
        self.factor = factor_range("RandAugment", "factor", factor, 0, 1)
        self.interpolation = interpolation
        self._make_parts(interpolation)

    def draw(self, x: Tensor) -> Any:
        numbers = random.randint((self.num_ops,), 0, len(self.parts), seed=self.generator)
        return numbers, self._draws(x)

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        numbers, draws = drawn
        for i in range(self.num_ops):
            x = self._one_of(x, numbers[i], draws)
        return x


class AugMix(PolicyLayer):
    """Images mixed with ``num_chains`` augmented versions of themselves (Hendrycks et al. 2020).

    Each chain applies up to ``chain_depth`` augmentations, chosen for the whole batch; weights are of
    Dirichlet and Beta distributions with ``alpha``. ``all_ops=False`` leaves out what changes brightness,
    contrast, sharpness and colours.
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.value_range = value_pair("AugMix", value_range)
        self.num_chains = windows.count("AugMix", "num_chains", num_chains)
        self.chain_depth = windows.count("AugMix", "chain_depth", chain_depth)
        self.factor = factor_range("AugMix", "factor", factor, 0, 1)
        self.alpha, self.all_ops, self.interpolation = alpha, all_ops, interpolation
        self._make_parts(interpolation, all_ops)

    def draw(self, x: Tensor) -> Any:
        shares = variates.gamma((self.num_chains,), self.alpha, x.dtype, self.generator)
        kept = variates.beta((), self.alpha, self.alpha, x.dtype, self.generator)
        steps = self.num_chains * self.chain_depth
        numbers = random.randint((steps,), 0, len(self.parts) + 1, seed=self.generator)
        draws = [self._draws(x) for _ in range(steps)]
        return shares / op.ReduceSum(shares, None, keepdims=1), kept, numbers, draws

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        shares, kept, numbers, draws = drawn
        mixed: Any = 0.0
        for chain in range(self.num_chains):
            y = x
            for step in range(chain * self.chain_depth, (chain + 1) * self.chain_depth):
                y = self._one_of(y, numbers[step], draws[step], idle=1)
            mixed = y * shares[chain] + mixed
        return clipped(kept * x + (1.0 - kept) * mixed, self.value_range)
