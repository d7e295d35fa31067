"""Pooling to a given size, and windows as columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ShapeError
from .. import op, windows
from ..casting import floating
from ..ir import Like, Tensor, constant


def adaptive_average_pool(inputs: Like, output_size: Any, data_format: str | None = None) -> Tensor:
    """The means of as many windows of nearly equal size as ``output_size`` says, for each axis."""
    return _adaptive("adaptive_average_pool", inputs, output_size, data_format, _means)


def adaptive_max_pool(inputs: Like, output_size: Any, data_format: str | None = None) -> Tensor:
    """The largest elements of as many windows of nearly equal size as ``output_size`` says."""
    return _adaptive("adaptive_max_pool", inputs, output_size, data_format, _largest)


def _adaptive(
    owner: str, inputs: Like, output_size: Any, data_format: str | None, reduce: Any
) -> Tensor:
    x = floating(inputs)
    first = windows.is_channels_first(owner, data_format)
    if not 3 <= x.ndim <= 5:
        raise ShapeError(f"{owner} takes [batch, 1 to 3 axes, channels]; got {x.type}")
    wanted = windows.sizes(owner, "output_size", output_size, x.ndim - 2)
    for i, count in enumerate(wanted):
        axis = i + (2 if first else 1)
        size = x.shape[axis]
        if not isinstance(size, int):
            raise ShapeError(f"{owner} needs a known size of axis {axis}; got {x.type}")
        if count != size:
            starts = np.arange(count) * size // count
            ends = -(-(np.arange(count) + 1) * size // count)
            x = reduce(x, axis, starts, ends)
    return x


def _means(x: Tensor, axis: int, starts: Any, ends: Any) -> Tensor:
    places = np.arange(ends[-1])[:, None]
    inside = (places >= starts) & (places < ends)
    weights = constant((inside / (ends - starts)).astype(x.dtype))
    order = [i for i in range(x.ndim) if i != axis] + [axis]
    back = [order.index(i) for i in range(x.ndim)]
    return op.Transpose(op.MatMul(op.Transpose(x, perm=order), weights), perm=back)


def _largest(x: Tensor, axis: int, starts: Any, ends: Any) -> Tensor:
    # windows differ in size by one: the last element of a shorter one is looked at twice
    places = np.minimum(starts[:, None] + np.arange(int((ends - starts).max())), ends[:, None] - 1)
    return op.ReduceMax(op.Gather(x, places.astype(np.int64), axis=axis), [axis + 1], keepdims=0)


def unfold(
    x: Like, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Windows of [batch, channels, h, w] as columns: [batch, channels x window, places]."""
    t = floating(x)
    size, apart, steps = _window("unfold", kernel_size, dilation, stride)
    channels = t.shape[1] if t.ndim == 4 else None
    if not isinstance(channels, int):
        raise ShapeError(f"unfold takes [batch, channels, h, w] with known channels; got {t.type}")
    count = size[0] * size[1]
    single = np.eye(count, dtype=t.dtype).reshape(count, 1, *size)
    kernel = constant(np.tile(single, (channels, 1, 1, 1)))
    pads = _pads(padding)
    y = op.Conv(t, kernel, group=channels, dilations=apart, strides=steps, pads=pads)
    return op.Reshape(y, [0, channels * count, -1])


def fold(
    x: Like,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Tensor:
    """Columns [batch, channels x window, places] added up to images: the adjoint of ``unfold``."""
    t = floating(x)
    size, apart, steps = _window("fold", kernel_size, dilation, stride)
    if t.ndim != 3:
        raise ShapeError(f"fold takes [batch, channels x window, places]; got {t.type}")
    target = windows.sizes("fold", "output_size", output_size)
    return op.Col2Im(
        t, list(target), list(size), dilations=apart, strides=steps, pads=_pads(padding)
    )


def _window(owner: str, size: Any, dilation: Any, stride: Any) -> tuple[tuple[int, ...], ...]:
    found = (("kernel_size", size), ("dilation", dilation), ("stride", stride))
    return tuple(windows.sizes(owner, name, value) for name, value in found)


def _pads(padding: Any) -> list[int]:
    pads = [padding, padding] if isinstance(padding, int) else list(padding)
    return [*pads, *pads]


__all__ = ["adaptive_average_pool", "adaptive_max_pool", "fold", "unfold"]
