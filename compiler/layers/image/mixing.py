"""Images with parts of others, or of none."""

from __future__ import annotations

from typing import Any

from ....errors import ArgumentError
from ... import op, random, variates
from ...casting import as_type, floating
from ...ir import Tensor, constant, convert
from ...ops.image.common import extent, vector
from .base import RandomImageLayer, clipped, factor_range, value_pair

__all__ = ["CutMix", "MixUp", "RandomErasing"]


class BoxLayer(RandomImageLayer):
    """Base of those that do something within a rectangle of each image."""

    def _side(self, x: Tensor, axis: int, ratio: Tensor) -> tuple[Tensor, Tensor]:
        """Where a part of ``ratio`` of an axis begins and ends, anywhere on it; [batch, 1, 1, 1]."""
        size = as_type(convert(extent(x, axis)), x.dtype)
        length = ratio * size
        start = self._uniform(x, (0.0, 1.0)) * (size - length)
        return start, start + length

    def _inside(self, x: Tensor, across: Any, down: Any) -> Tensor:
        """Which pixels are in the rectangle, [batch, height, width, 1]."""
        found = None
        for axis, (start, end) in ((2, across), (1, down)):
            numbers = op.Cast(op.Range(0, extent(x, axis), 1), to=x.dtype)
            places = op.Reshape(numbers, [1, -1, 1] if axis == 2 else [1, -1, 1, 1])
            within = op.And(op.GreaterOrEqual(places, start), op.Less(places, end))
            found = within if found is None else op.And(found, within)
        if found is None:
            raise ArgumentError("a rectangle has two axes")
        return found


class RandomErasing(BoxLayer):
    """A rectangle of each image filled, with a probability that is drawn from ``factor``.

    Its area is drawn from ``scale``, as a part of the image's. ``fill_value`` is a number, one per
    channel, or None: normal noise with the largest of ``value_range`` as deviation, clipped.
    Zhong et al. 2020.
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = (0, 255),
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range("RandomErasing", "factor", factor, 0, 1)
        self.scale = factor_range("RandomErasing", "scale", scale, 0, 1)
        self.value_range = value_pair("RandomErasing", value_range)
        if isinstance(fill_value, (tuple, list)) and len(fill_value) != 3:
            raise ArgumentError(
                f"RandomErasing(fill_value={fill_value!r}): expected a number, three of them, or None"
            )
        self.fill_value = fill_value

    def draw(self, x: Tensor) -> Any:
        across, down = (op.Sqrt(self._uniform(x, self.scale)) for _ in range(2))
        box = self._inside(x, self._side(x, 2, across), self._side(x, 1, down))
        if self.fill_value is None:
            deviation = float(self.value_range[1])
            filling = random.normal(op.Shape(x), 0.0, deviation, x.dtype, self.generator)
        else:
            filling = constant(self.fill_value, x.dtype)
        return op.And(self._chosen(x, self.factor), box), clipped(filling, self.value_range)

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        erased, filling = drawn
        result: Tensor = op.Where(erased, filling, x)
        return result


def _order(x: Tensor, seed: random.SeedGenerator) -> Tensor:
    """The numbers of the images in random order."""
    return random.shuffle(op.Range(0, extent(x, 0), 1), seed=seed)


def _mixed(labels: Tensor, order: Tensor, weight: Tensor) -> Tensor:
    """Labels and those of the images mixed in, by the weight of each image."""
    values = floating(labels)
    own = as_type(op.Reshape(weight, [-1, *(1,) * (values.ndim - 1)]), values.dtype)
    return own * values + (1.0 - own) * op.Gather(values, order, axis=0)


class MixUp(RandomImageLayer):
    """Each image and its label mixed with another's of the batch; the weights are of Beta(alpha, alpha).

    Zhang et al. 2018. Labels are floats: one-hot, or numbers.
    """

    def __init__(
        self, alpha: float = 0.2, data_format: str | None = None, seed: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        if not alpha > 0:
            raise ArgumentError(f"MixUp(alpha={alpha!r}): expected a number above 0")
        self.alpha = alpha

    def draw(self, x: Tensor) -> Any:
        shape = vector(extent(x, 0), 1, 1, 1)
        weight = variates.beta(shape, self.alpha, self.alpha, x.dtype, self.generator)
        return _order(x, self.generator), weight

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        order, weight = drawn
        return weight * x + (1.0 - weight) * op.Gather(x, order, axis=0)

    def transform_labels(self, labels: Tensor, drawn: Any) -> Tensor:
        return _mixed(labels, *drawn)


class CutMix(BoxLayer):
    """A rectangle of each image from another of the batch; labels are mixed by its area.

    Its area is 1 - w with w of Beta(f, f), where f is drawn from ``factor``. A single image stays.
    Yun et al. 2019.
    """

    def __init__(
        self, factor: Any = 1.0, seed: Any = None, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range("CutMix", "factor", factor, 0, 1)

    def draw(self, x: Tensor) -> Any:
        low, high = self.factor
        alpha = random.uniform((), float(low), float(high), "float32", self.generator) + 1e-6
        shape = vector(extent(x, 0), 1, 1, 1)
        kept = variates.beta(shape, alpha, alpha, x.dtype, self.generator)
        ratio = op.Sqrt(1.0 - kept)
        order = _order(x, self.generator)
        box = self._inside(x, self._side(x, 2, ratio), self._side(x, 1, ratio))
        return order, 1.0 - ratio * ratio, box

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        order, _, box = drawn
        result: Tensor = op.Where(box, op.Gather(x, order, axis=0), x)
        return result

    def transform_labels(self, labels: Tensor, drawn: Any) -> Tensor:
        return _mixed(labels, *drawn[:2])
