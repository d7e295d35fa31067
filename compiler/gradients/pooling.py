"""Rules for pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import GradientError
from .. import op
from ..autodiff import vjp
from ..ir import Tensor, constant, retyped
from .common import expand_like, mask, numbers, padded, reshape_like, shape_from, shape_of
from .composed import composed
from .convolution import Window, transposed, window


@vjp("MaxPool")
def max_pool(
    dys: Any, ys: Any, x: Tensor, *, auto_pad: str, ceil_mode: int, storage_order: int,
    kernel_shape: Any, dilations: Any = None, pads: Any = None, strides: Any = None,
) -> Any:  # fmt: skip
    """The first maximum of each window takes the gradient, as in torch and TensorFlow."""
    dy = dys[0] if isinstance(dys, tuple) else dys
    if dy is None:
        return None
    _, places = op.MaxPool(
        x, auto_pad=auto_pad, ceil_mode=ceil_mode, kernel_shape=kernel_shape, dilations=dilations,
        pads=pads, strides=strides, outputs=2,
    )  # fmt: skip
    steps = strides or (1,) * len(kernel_shape)
    apart = dilations is None and all(s >= k for s, k in zip(steps, kernel_shape, strict=True))
    zeros = op.Expand(constant(0, x.dtype), op.Reshape(op.Size(x), [1]))
    dx = op.ScatterElements(
        zeros, op.Reshape(places, [-1]), op.Reshape(dy, [-1]), axis=0,
        reduction="none" if apart else "add",
    )  # fmt: skip
    return reshape_like(dx, x)


@vjp("AveragePool")
def average_pool(
    dy: Tensor, y: Tensor, x: Tensor, *, auto_pad: str, ceil_mode: int, count_include_pad: int,
    kernel_shape: Any, dilations: Any = None, pads: Any = None, strides: Any = None,
) -> Tensor:  # fmt: skip
    """Every position of a window takes an equal share: a transposed convolution with ones."""
    win = window("AveragePool", x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad)
    beyond = _beyond(x, y, win) if ceil_mode else (0,) * win.rank
    ends = tuple(p + b for p, b in zip(win.pads[win.rank :], beyond, strict=True))
    whole = win._replace(pads=(*win.pads[: win.rank], *ends))
    counts: Any = float(np.prod(win.sizes))
    if any(beyond) or (any(win.pads) and not count_include_pad):
        counts = _counts(x, win, beyond, count_include_pad)
    ones = constant(np.ones((1, 1, *win.sizes), x.dtype))
    planes = op.Reshape(x, shape_from([-1, 1], x, 2))
    share = op.Reshape(dy, shape_from([-1, 1], dy, 2)) / counts
    return reshape_like(transposed(share, ones, planes, whole, 1), x)


def _beyond(x: Tensor, y: Tensor, win: Window) -> tuple[int, ...]:
    """How far the last window of ``ceil_mode`` reaches over the padded end, along each axis."""
    found = []
    for i, (size, out) in enumerate(zip(x.shape[2:], y.shape[2:], strict=True)):
        if not isinstance(size, int) or not isinstance(out, int):
            raise GradientError(
                "pooling with ceil_mode=1 has a gradient rule only for a known image size"
            )
        padded = size + win.pads[i] + win.pads[i + win.rank]
        found.append(max((out - 1) * win.strides[i] + win.extent[i] - padded, 0))
    return tuple(found)


def _counts(x: Tensor, win: Window, beyond: tuple[int, ...], include_pad: int) -> Tensor:
    """How many positions each window averages over: never those beyond the padded end."""
    inside = op.Expand(constant(1, x.dtype), shape_from([1, 1], x, 2))
    axes = numbers(range(2, x.ndim))
    area = padded(inside, numbers(win.pads), axes, constant(include_pad, x.dtype))
    return op.Conv(
        area, np.ones((1, 1, *win.sizes), x.dtype), strides=win.strides,
        dilations=win.dilations, pads=(*(0,) * win.rank, *beyond),
    )  # fmt: skip


@composed("LpPool")
def lp_pool(
    x: Tensor, *, auto_pad: str, ceil_mode: int, p: int, kernel_shape: Any, dilations: Any = None,
    pads: Any = None, strides: Any = None,
) -> Tensor:  # fmt: skip
    if ceil_mode:
        raise GradientError("LpPool has no gradient rule for ceil_mode=1")
    win = window("LpPool", x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad)
    powers = op.Reshape(_power(x, p), shape_from([-1, 1], x, 2))
    sums = op.Conv(
        powers, np.ones((1, 1, *win.sizes), x.dtype), strides=win.strides,
        dilations=win.dilations, pads=win.pads,
    )  # fmt: skip
    if not all(isinstance(d, int) for d in x.shape[1:2]):
        raise GradientError("LpPool has a gradient rule only for a known number of channels")
    return op.Reshape(_root(sums, p), shape_from([-1, int(x.shape[1] or 0)], sums, 2))


@composed("GlobalLpPool")
def global_lp_pool(x: Tensor, *, p: int) -> Tensor:
    return _root(op.ReduceSum(_power(x, p), [*range(2, x.ndim)], keepdims=1), p)


def _power(x: Tensor, p: int) -> Tensor:
    return x * x if p == 2 else op.Pow(op.Abs(x), float(p))


def _root(x: Tensor, p: int) -> Tensor:
    return op.Sqrt(x) if p == 2 else op.Pow(x, 1.0 / p)


@vjp("MaxUnpool")
def max_unpool(
    dy: Tensor, y: Tensor, x: Tensor, places: Tensor, shape: Tensor | None = None, *,
    kernel_shape: Any, pads: Any = None, strides: Any = None,
) -> Any:  # fmt: skip
    if shape is not None:
        raise GradientError("MaxUnpool has no gradient rule for an explicit output_shape")
    picked = op.GatherElements(op.Reshape(dy, [-1]), op.Reshape(places, [-1]))
    return reshape_like(picked, x), None


@vjp("GlobalAveragePool")
def global_average_pool(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    count = op.Cast(op.ReduceProd(shape_of(x)[2:], keepdims=0), to=x.dtype)
    return expand_like(dy / count, x)


@vjp("GlobalMaxPool")
def global_max_pool(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    hits = mask(op.Equal(x, y), dy)
    count = op.ReduceSum(hits, [*range(2, x.ndim)], keepdims=1)
    return retyped(hits * (dy / count), x.type)
