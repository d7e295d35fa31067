"""Images mirrored, turned, enlarged, moved, bent: pixels come from other places."""

from __future__ import annotations

import math
from typing import Any

from ....errors import ArgumentError
from ... import op
from ...casting import as_type
from ...ir import Tensor, constant, convert
from ...ops.image.common import extent
from ...ops.image.warping import affine_transform, perspective_transform
from ...ops.shapes import flip
from .base import RandomImageLayer, factor_range, strict_range

__all__ = [
    "RandomFlip",
    "RandomPerspective",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
]

_FILLS = ("reflect", "wrap", "constant", "nearest")
_INTERPOLATIONS = ("nearest", "bilinear")
_AXES = {"horizontal": (2,), "vertical": (1,), "horizontal_and_vertical": (2, 1)}


class RandomFlip(RandomImageLayer):
    """Each image mirrored or not, with equal probability; in both directions at once if in both."""

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        if mode not in _AXES:
            raise ArgumentError(f"RandomFlip(mode={mode!r}): expected one of {', '.join(_AXES)}")
        self.mode = mode

    def draw(self, x: Tensor) -> Any:
        return op.LessOrEqual(self._uniform(x, (0.0, 1.0)), 0.5)

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        result: Tensor = op.Where(drawn, flip(x, _AXES[self.mode]), x)
        return result


class AffineLayer(RandomImageLayer):
    """Base of those that read pixel (x, y) at (a0 x + a1 y + a2, b0 x + b1 y + b2).

    ``fill_mode`` says what is read outside of the image: "reflect" (d c b a | a b c d | d c b a), "wrap",
    "nearest", or "constant" (``fill_value``).
    """

    def __init__(
        self,
        fill_mode: str,
        interpolation: str,
        fill_value: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        owner = type(self).__name__
        if fill_mode not in _FILLS:
            raise ArgumentError(f"{owner}(fill_mode={fill_mode!r}): expected one of {_FILLS}")
        _check_interpolation(owner, interpolation)
        self.fill_mode, self.fill_value = fill_mode, fill_value
        self.interpolation = interpolation

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        return affine_transform(
            x, drawn, self.interpolation, self.fill_mode, self.fill_value, "channels_last"
        )

    def _matrix(self, *numbers: Any) -> Tensor:
        """The first six numbers, [batch, 1] or constants, as transforms [batch, 8]."""
        zero = next(n for n in numbers if isinstance(n, Tensor)) * 0.0
        parts = [n if isinstance(n, Tensor) else zero + n for n in numbers]
        return op.Concat(*parts, zero, zero, axis=1)


def _check_interpolation(owner: str, interpolation: str) -> None:
    if interpolation not in _INTERPOLATIONS:
        raise ArgumentError(
            f"{owner}(interpolation={interpolation!r}): expected one of {_INTERPOLATIONS}"
        )


def _last(x: Tensor, axis: int) -> Tensor:
    """The number of the last row or column, as a float."""
    return as_type(convert(extent(x, axis)), x.dtype) - 1.0


class RandomRotation(AffineLayer):
    """Images turned about their middle by ``factor`` times a full turn, counter-clockwise if positive."""

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: Any = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs
        )
        self.factor = factor_range("RandomRotation", "factor", factor, -1, 1)

    def draw(self, x: Tensor) -> Any:
        angle = self._uniform(x, self.factor, (1,)) * (2 * math.pi)
        cos, sin = op.Cos(angle), op.Sin(angle)
        cx, cy = _last(x, 2) * 0.5, _last(x, 1) * 0.5
        return self._matrix(cos, -sin, cx - cx * cos + cy * sin, sin, cos, cy - cx * sin - cy * cos)


class RandomZoom(AffineLayer):
    """Images scaled about their middle: by 1 + ``height_factor`` and 1 + ``width_factor``.

    What is positive makes them smaller. Without ``width_factor`` the proportions are kept.
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: Any = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs
        )
        self.height_factor, self.width_factor = height_factor, width_factor
        self._rows = _zooms("height_factor", height_factor)
        self._columns = None if width_factor is None else _zooms("width_factor", width_factor)

    def draw(self, x: Tensor) -> Any:
        down = self._uniform(x, self._rows, (1,))
        along = down if self._columns is None else self._uniform(x, self._columns, (1,))
        cx, cy = _last(x, 2) * 0.5, _last(x, 1) * 0.5
        return self._matrix(along, 0.0, cx * (1.0 - along), 0.0, down, cy * (1.0 - down))


def _zooms(label: str, factor: Any) -> tuple[float, float]:
    low, high = strict_range("RandomZoom", label, factor, -1, 1)
    if low <= -1 and factor != 1:
        raise ArgumentError(f"RandomZoom({label}={factor!r}): expected more than -1")
    return 1.0 + low, 1.0 + high


class RandomTranslation(AffineLayer):
    """Images moved down and right, by ``height_factor`` and ``width_factor`` of their size."""

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: Any = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs
        )
        self.height_factor, self.width_factor = height_factor, width_factor
        self._down = strict_range("RandomTranslation", "height_factor", height_factor, -1, 1)
        self._right = strict_range("RandomTranslation", "width_factor", width_factor, -1, 1)

    def draw(self, x: Tensor) -> Any:
        down = self._uniform(x, self._down, (1,)) * (_last(x, 1) + 1.0)
        right = self._uniform(x, self._right, (1,)) * (_last(x, 2) + 1.0)
        return self._matrix(1.0, 0.0, -right, 0.0, 1.0, -down)


class RandomShear(AffineLayer):
    """Images bent: pixel (x, y) comes from (x + sx y, y + sy x), with factors of either sign."""

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs
        )
        self.x_factor = x_factor
        self.y_factor = y_factor
        self._along = strict_range("RandomShear", "x_factor", x_factor, 0, 1)
        self._down = strict_range("RandomShear", "y_factor", y_factor, 0, 1)

    def draw(self, x: Tensor) -> Any:
        sign = op.Sign(0.5 - self._uniform(x, (0.0, 1.0), (1,)))
        along = self._uniform(x, self._along, (1,)) * sign
        down = self._uniform(x, self._down, (1,)) * sign
        return self._matrix(1.0, along, 0.0, down, 1.0, 0.0)


class RandomPerspective(RandomImageLayer):
    """Images seen from aside: each corner moved by up to ``scale`` / 2 of its coordinates.

    ``factor`` is the probability that it happens to an image, or the range that this is drawn from.
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        if not 0 <= scale <= 1:
            raise ArgumentError(
                f"RandomPerspective(scale={scale!r}): expected a number from 0 to 1"
            )
        _check_interpolation("RandomPerspective", interpolation)
        self.factor = factor_range("RandomPerspective", "factor", factor, 0, 1)
        self.scale, self.interpolation, self.fill_value = scale, interpolation, fill_value

    def draw(self, x: Tensor) -> Any:
        bounds = (1 - self.scale / 2, 1 + self.scale / 2)
        return self._chosen(x, self.factor), self._uniform(x, bounds, (4, 2))

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        chosen, moved = drawn
        sides = op.Concat(*[op.Reshape(_last(x, a), [1]) for a in (2, 1)], axis=0)
        unit = constant([[[0, 0], [1, 0], [0, 1], [1, 1]]], x.dtype)
        corners = unit * sides
        seen = perspective_transform(
            x, corners + moved * 0.0, corners * moved, self.interpolation, self.fill_value,
            "channels_last",
        )  # fmt: skip
        result: Tensor = op.Where(chosen, seen, x)
        return result
