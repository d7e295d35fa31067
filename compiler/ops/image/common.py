"""What operations on images share: their layout, and sizes that may be numbers or tensors."""

from __future__ import annotations

from typing import Any, NamedTuple

from ....errors import ShapeError
from ... import layout, op, windows
from ...casting import as_type
from ...dtypes import FLOAT32, INT64, DType, is_float
from ...ir import Like, Tensor, convert

Size = Any  # a number, or an int64 scalar where it is found while it runs


class Images(NamedTuple):
    """Images as float [batch, height, width, channels], and what they were."""

    x: Tensor
    dtype: DType
    channels_first: bool
    single: bool

    @property
    def height(self) -> Size:
        return extent(self.x, 1)

    @property
    def width(self) -> Size:
        return extent(self.x, 2)

    def back(self, y: Tensor, rounded: bool = True) -> Tensor:
        """A result (floats, same layout) in the layout and element type of the input."""
        y = layout.channels_first(y) if self.channels_first else y
        y = op.Squeeze(y, [0]) if self.single else y
        whole = rounded and not is_float(self.dtype)
        return as_type(op.Round(y) if whole else y, self.dtype)


def images_of(owner: str, images: Like, data_format: str | None) -> Images:
    """Read an argument. Raises ``ShapeError`` where it is neither one image nor a batch of them."""
    x = convert(images)
    first = windows.is_channels_first(owner, data_format)
    if x.ndim not in (3, 4):
        raise ShapeError(
            f"{owner} takes [height, width, channels], with or without a batch; got {x.type}"
        )
    single = x.ndim == 3
    batch = op.Unsqueeze(x, [0]) if single else x
    batch = layout.channels_last(batch) if first else batch
    return Images(
        batch if is_float(x.dtype) else op.Cast(batch, to=FLOAT32), x.dtype, first, single
    )


def channel_axis(owner: str, x: Tensor, data_format: str | None) -> int:
    """Where the channels are, counted from the end."""
    if x.ndim not in (3, 4):
        raise ShapeError(
            f"{owner} takes [height, width, channels], with or without a batch; got {x.type}"
        )
    return -3 if windows.is_channels_first(owner, data_format) else -1


def extent(x: Tensor, axis: int) -> Size:
    """The size of an axis: a number where it is known."""
    found = x.shape[axis]
    if isinstance(found, int):
        return found
    axis %= x.ndim
    return op.Squeeze(op.Shape(x, start=axis, end=axis + 1), [0])


def whole(value: Size) -> Tensor:
    """A size as an int64 vector of one."""
    return op.Reshape(as_type(convert(value, INT64), INT64), [1])


def vector(*sizes: Size) -> Any:
    """Sizes as a list of numbers, or a tensor."""
    if all(isinstance(s, int) for s in sizes):
        return list(sizes)
    return op.Concat(*[whole(s) for s in sizes], axis=0)


def quotient(a: Size, b: Size) -> Size:
    """``a // b`` of sizes."""
    return a // b if isinstance(a, int) and isinstance(b, int) else op.Div(a, b)


def smaller(a: Size, b: Size) -> Size:
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else op.Min(a, b)


def larger(a: Size, b: Size) -> Size:
    return max(a, b) if isinstance(a, int) and isinstance(b, int) else op.Max(a, b)


__all__: list[str] = []
