"""Images made sharper or less sharp."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....errors import ArgumentError
from ... import op, random, windows
from ...ir import Tensor, constant
from ...ops.convolution import depthwise_conv
from ...ops.image.filters import gaussian_blur
from ..core import known_size
from .base import RandomImageLayer, clipped, factor_range, value_pair
from .colour import ColourLayer

__all__ = ["RandomGaussianBlur", "RandomSharpness"]

_SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13


class RandomSharpness(ColourLayer):
    """Differences from a smoothed image, times 2 f: 0 smooths, 0.5 leaves it, 1 sharpens."""

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        channels = known_size("RandomSharpness", x.shape[3], "the number of channels")
        kernel = constant(np.tile(_SMOOTH[..., None, None], (1, 1, channels, 1)), x.dtype)
        smooth = depthwise_conv(x, kernel, 1, "same", "channels_last")
        return clipped(x + (1.0 - drawn * 2.0) * (smooth - x), self.value_range)


class RandomGaussianBlur(RandomImageLayer):
    """Images blurred with a bell, with a probability that is drawn from ``factor``.

    ``kernel_size`` is odd: a number or (height, width). The bell's two widths are drawn for the whole
    batch: up to ``sigma``, or from this range.
    """

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        owner = "RandomGaussianBlur"
        self.factor = factor_range(owner, "factor", factor, 0, 1)
        self.sigma = factor_range(owner, "sigma", sigma, 0, 1)
        self.value_range = value_pair(owner, value_range)
        self.kernel_size = windows.sizes(owner, "kernel_size", kernel_size)
        if any(size % 2 == 0 for size in self.kernel_size):
            raise ArgumentError(f"{owner}(kernel_size={kernel_size!r}): expected odd numbers")

    def draw(self, x: Tensor) -> Any:
        low, high = self.sigma
        widths = random.uniform((2,), float(low), float(high), x.dtype, self.generator)
        return self._chosen(x, self.factor), widths + 1e-6

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        chosen, widths = drawn
        smooth = gaussian_blur(x, self.kernel_size, (widths[0], widths[1]), "channels_last")
        return clipped(op.Where(chosen, smooth, x), self.value_range)
