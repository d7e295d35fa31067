"""Rules for pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import GradientError
from .. import op
from ..autodiff import vjp
from ..ir import Tensor, constant, retyped
from .common import expand_like, mask, reshape_like, shape_of
from .convolution import transposed, window


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
    zeros = op.Expand(constant(0, x.dtype), op.Reshape(op.Size(x), [1]))
    steps = strides or (1,) * len(kernel_shape)
    apart = dilations is None and all(s >= k for s, k in zip(steps, kernel_shape, strict=True))
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
    if ceil_mode:
        raise GradientError("AveragePool has no gradient rule for ceil_mode=1")
    ones = np.ones((1, 1, *win.kernel), x.dtype)
    planes = op.Reshape(x, op.Concat([-1, 1], shape_of(x)[2:], axis=0))
    counts: Any = float(np.prod(win.kernel))
    if not count_include_pad and any(win.pads):
        inside = op.Expand(constant(1, x.dtype), op.Concat([1, 1], shape_of(x)[2:], axis=0))
        counts = op.Conv(inside, ones, strides=win.strides, dilations=win.dilations, pads=win.pads)
    share = op.Reshape(dy, op.Concat([-1, 1], shape_of(dy)[2:], axis=0)) / counts
    return reshape_like(transposed(share, constant(ones), planes, win, 1), x)


@vjp("GlobalAveragePool")
def global_average_pool(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    count = op.Cast(op.ReduceProd(shape_of(x)[2:], keepdims=0), to=x.dtype)
    return expand_like(dy / count, x)


@vjp("GlobalMaxPool")
def global_max_pool(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    hits = mask(op.Equal(x, y), dy)
    count = op.ReduceSum(hits, [*range(2, x.ndim)], keepdims=1)
    return retyped(hits * (dy / count), x.type)
