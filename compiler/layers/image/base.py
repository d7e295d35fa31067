"""What layers over images share: batches or single images, dictionaries with labels, random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....errors import ArgumentError, ShapeError
from ... import layout, op, random
from ...casting import as_type
from ...config import not_supported
from ...ir import Tensor, TensorType, retyped
from ...ops.image.common import extent, vector
from ..spatial import SpatialLayer


class ImageLayer(SpatialLayer):
    """Base of what is done to images, [height, width, channels] with or without a batch.

    The input is a tensor of images, or a dict with "images" and, if there are, "labels"; the output is
    like it. A subclass says in ``draw`` which random numbers it needs in training, and in ``transform``
    what becomes of a batch [batch, height, width, channels] of floats; both see such batches only,
    whatever the input was. Unless ``_always``, nothing is done outside of training. As in Keras, the
    result is of the layer's ``compute_dtype``.
    """

    rank = 2
    _casts_integers = False
    _always = False
    _keeps_shape = True

    def __init__(
        self, data_format: str | None = None, bounding_box_format: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        not_supported(type(self).__name__, bounding_box_format=(bounding_box_format, None))
        self._set_layout(data_format)

    def draw(self, x: Tensor) -> Any:
        """The random numbers for a batch."""
        return None

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        """What becomes of a batch."""
        raise NotImplementedError(f"{type(self).__name__} must define transform(self, x, drawn)")

    def transform_labels(self, labels: Tensor, drawn: Any) -> Tensor:
        """What becomes of the labels of a batch."""
        return labels

    def call(self, data: Any, training: bool = True) -> Any:
        images = data["images"] if isinstance(data, dict) else data
        if images.ndim not in (3, 4):
            raise ShapeError(
                f"layer {self.name!r} takes [height, width, channels], with or without a batch; got "
                f"{images.type}"
            )
        active = training or self._always
        drawn = self.draw(self._opened(images)) if training else None
        result = self._applied(images, drawn) if active else as_type(images, self.compute_dtype)
        if not isinstance(data, dict):
            return result
        self._refuse_boxes(data)
        more = {"images": result}
        if "labels" in data:
            more["labels"] = self._relabelled(data["labels"], images, drawn, active)
        return {**data, **more}

    def _refuse_boxes(self, data: dict[str, Any]) -> None:
        for key in ("bounding_boxes", "segmentation_masks"):
            if key in data:
                raise NotImplementedError(
                    f"{type(self).__name__} does not transform {key!r}: leave the key out, and apply "
                    "the layer to images and labels"
                )

    def _applied(self, images: Tensor, drawn: Any) -> Tensor:
        """Images like those that were given, transformed."""
        x = self._opened(images)
        y = self.transform(x, drawn)
        y = retyped(y, TensorType(y.dtype, x.shape)) if self._keeps_shape else y
        y = layout.channels_first(y) if self.channels_first else y
        return op.Squeeze(y, [0]) if images.ndim == 3 else y

    def _opened(self, images: Tensor) -> Tensor:
        """Images as a batch of floats, [batch, height, width, channels]."""
        x = as_type(images, self.compute_dtype)
        x = op.Unsqueeze(x, [0]) if images.ndim == 3 else x
        return layout.channels_last(x) if self.channels_first else x

    def _relabelled(self, labels: Tensor, images: Tensor, drawn: Any, active: bool) -> Tensor:
        if not active:
            return labels
        if images.ndim == 4:
            return self.transform_labels(labels, drawn)
        result: Tensor = op.Squeeze(self.transform_labels(op.Unsqueeze(labels, [0]), drawn), [0])
        return result


class RandomImageLayer(ImageLayer):
    """Base of those that draw. Each image of a batch has its own numbers."""

    def __init__(self, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        own = isinstance(seed, random.SeedGenerator)
        self.generator = seed if own else random.SeedGenerator(seed)
        if not own:
            self.generator.state.path = f"{self.name}/seed_generator_state"

    def _uniform(
        self, x: Tensor, bounds: Sequence[float], tail: Sequence[int] = (1, 1, 1)
    ) -> Tensor:
        """Numbers within ``bounds`` of shape [batch, *tail]."""
        low, high = bounds
        shape = vector(extent(x, 0), *tail)
        drawn = random.uniform(shape, float(low), float(high), x.dtype, self.generator)
        return retyped(drawn, TensorType(x.dtype, (x.shape[0], *tail)))

    def _chosen(self, x: Tensor, bounds: Sequence[float]) -> Tensor:
        """Which images something happens to: with a probability that is drawn, too, from ``bounds``."""
        probability = self._uniform(x, bounds)
        found: Tensor = op.Less(self._uniform(x, (0.0, 1.0)), probability)
        return found


def factor_range(
    owner: str, label: str, factor: Any, low: float, high: float, mirrored: bool = False
) -> tuple[float, float]:
    """The range that ``factor`` means: itself if it is a pair, else up to it from ``low`` or its negative.

    ``mirrored``: from its negative even where that is below ``low``. Raises ``ArgumentError`` where the
    range does not meet [low, high].
    """
    pair = isinstance(factor, (tuple, list)) and len(factor) == 2
    if pair and all(isinstance(f, (int, float)) for f in factor):
        lower, upper = sorted(factor)
        if lower <= high and upper >= low:
            return lower, upper
    elif isinstance(factor, (int, float)) and low <= factor <= high:
        size = abs(factor)
        return (-size if mirrored else max(-size, low)), size
    raise ArgumentError(
        f"{owner}({label}={factor!r}): expected a number from {low:g} to {high:g}, or a pair of them"
    )


def strict_range(
    owner: str, label: str, factor: Any, low: float, high: float, mirrored: bool = True
) -> tuple[float, float]:
    """As ``factor_range``, but a pair lies within [low, high]."""
    found = factor_range(owner, label, factor, low, high, mirrored)
    if isinstance(factor, (tuple, list)) and not (low <= found[0] and found[1] <= high):
        raise ArgumentError(
            f"{owner}({label}={factor!r}): expected two numbers from {low:g} to {high:g}"
        )
    return found


def value_pair(owner: str, value_range: Any) -> tuple[float, float]:
    """``value_range``, the smaller one first. Raises ``ArgumentError`` unless it is two numbers."""
    if not isinstance(value_range, (tuple, list)) or len(value_range) != 2:
        raise ArgumentError(f"{owner}(value_range={value_range!r}): expected two numbers")
    low, high = sorted(value_range)
    if low == high:
        raise ArgumentError(f"{owner}(value_range={value_range!r}): expected two different numbers")
    return low, high


def rescaled(x: Tensor, before: Sequence[float], after: Sequence[float]) -> Tensor:
    """Values in the range ``before`` as values in the range ``after``."""
    if tuple(before) == tuple(after):
        return x
    unit = (x - float(before[0])) / float(before[1] - before[0])
    return unit * float(after[1] - after[0]) + float(after[0])


def clipped(x: Tensor, bounds: Sequence[float]) -> Tensor:
    """Values no further than ``bounds``."""
    result: Tensor = op.Clip(x, float(bounds[0]), float(bounds[1]))
    return result
