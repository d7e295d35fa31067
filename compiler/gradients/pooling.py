"""Rules for pooling."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ...errors import GradientError
from .. import dtypes, op
from ..autodiff import vjp
from ..ir import Array, Tensor, constant, retyped
from .common import expand_like, flat_zeros, mask, reshape_like, shape_from, shape_of
from .convolution import Margins, Window, placed, transposed, window


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
    dx = op.ScatterElements(
        flat_zeros(x), op.Reshape(places, [-1]), op.Reshape(dy, [-1]), axis=0,
        reduction="none" if apart else "add",
    )  # fmt: skip
    return reshape_like(dx, x)


@vjp("AveragePool")
def average_pool(
    dy: Tensor, y: Tensor, x: Tensor, *, auto_pad: str, ceil_mode: int, count_include_pad: int,
    kernel_shape: Any, dilations: Any = None, pads: Any = None, strides: Any = None,
) -> Tensor:  # fmt: skip
    """Every position of a window takes an equal share: a transposed convolution with ones.

    Raises ``GradientError`` for dilations together with SAME padding.
    """
    win = window(kernel_shape, strides, dilations, pads)
    win, margins, rounds_up = _windows("AveragePool", x, win, auto_pad, ceil_mode)
    counts: Any = float(np.prod(kernel_shape))
    if rounds_up or (not count_include_pad and (margins is not None or any(win.pads))):
        counts = _counts(x, y, win, margins, rounds_up, count_include_pad)
    return _summed_back(dy / counts, x, win, margins, rounds_up)


@vjp("LpPool")
def lp_pool(
    dy: Tensor, y: Tensor, x: Tensor, *, auto_pad: str, ceil_mode: int, p: int, kernel_shape: Any,
    dilations: Any = None, pads: Any = None, strides: Any = None,
) -> Tensor:  # fmt: skip
    """``dy`` x abs(x)^(p - 2) / y^(p - 1), summed over the windows; zero where the norm is.

    Raises ``GradientError`` for dilations together with SAME padding.
    """
    win = window(kernel_shape, strides, dilations, pads)
    win, margins, rounds_up = _windows("LpPool", x, win, auto_pad, ceil_mode)
    return _slope(x, p) * _summed_back(_per_norm(dy, y, p), x, win, margins, rounds_up)


@vjp("GlobalLpPool")
def global_lp_pool(dy: Tensor, y: Tensor, x: Tensor, *, p: int) -> Tensor:
    """``dy`` x abs(x)^(p - 2) / y^(p - 1); zero where the norm is."""
    return _slope(x, p) * _per_norm(dy, y, p)


def _slope(x: Tensor, p: int) -> Tensor:
    """The derivative of ``abs(x) ** p / p``."""
    if p == 1:
        return op.Sign(x)
    return x if p == 2 else x * op.Pow(op.Abs(x), float(p - 2))


def _per_norm(dy: Tensor, y: Tensor, p: int) -> Tensor:
    """``dy / y ** (p - 1)``; where the norm is zero, so are all that it is of, and their slopes."""
    if p == 1:
        return dy
    safe = y + mask(op.Equal(y, 0.0), y)
    return dy / (safe if p == 2 else op.Pow(safe, float(p - 1)))


def _windows(
    name: str, x: Tensor, win: Window, auto_pad: str, ceil_mode: int
) -> tuple[Window, Margins | None, bool]:
    """The windows with pads, or margins, and whether their number is rounded up.

    Raises ``GradientError`` where the standard and its runtimes disagree about them.
    """
    if auto_pad.startswith("SAME") and any(d > 1 for d in win.dilations):
        raise GradientError(
            f"{name} with dilations and auto_pad={auto_pad} has no gradient rule: ONNX Runtime pads "
            "such windows otherwise than the standard says. Give explicit pads"
        )
    win, margins = placed(x, win, auto_pad)
    rounds_up = bool(ceil_mode) and not auto_pad.startswith("SAME")
    return win, margins, rounds_up


def _number(size: int, win: Window, i: int, rounds_up: bool) -> int:
    """How many windows there are along one axis."""
    room, stride = size + win.begins[i] + win.ends[i] - int(win.extent[i] or 0), win.strides[i]
    if not rounds_up:
        return room // stride + 1
    number = -(-room // stride) + 1
    # a last window that would begin in the padding is left out
    return number - 1 if (number - 1) * stride >= size + win.begins[i] else number


def _counts(
    x: Tensor, y: Tensor, win: Window, margins: Margins | None, rounds_up: bool, include_pad: int
) -> Tensor:
    """How many positions each window averages over: never those beyond the padded end."""
    factors: list[Any] = []
    for i, size in enumerate(x.shape[2:]):
        steps = np.arange(int(win.kernel[i] or 0)) * win.dilations[i]
        beside = (1,) * (win.rank - 1 - i)
        if isinstance(size, int) and margins is None:
            first = np.arange(_number(size, win, i, rounds_up)) * win.strides[i] - win.begins[i]
            low, high = (-win.begins[i], size + win.ends[i]) if include_pad else (0, size)
            places = first[:, None] + steps
            inside: Any = ((places >= low) & (places < high)).sum(axis=1, dtype=x.dtype)
            factors.append(inside.reshape(-1, *beside))
        else:
            found = _counts_when_run(x, y, win, margins, i, steps, include_pad)
            factors.append(op.Unsqueeze(found, [*range(1, 1 + len(beside))]) if beside else found)
    if all(isinstance(f, np.ndarray) for f in factors):
        return constant(functools.reduce(np.multiply, factors))
    result: Tensor = functools.reduce(op.Mul, factors)
    return result


def _counts_when_run(
    x: Tensor, y: Tensor, win: Window, margins: Margins | None, i: int, steps: Array,
    include_pad: int,
) -> Tensor:  # fmt: skip
    """As ``_counts``, along one axis of unknown size."""
    begin: Any = win.begins[i] if margins is None else op.Gather(margins.begins, i)
    end: Any = win.ends[i] if margins is None else op.Gather(margins.ends, i)
    size = op.Squeeze(op.Shape(x, start=2 + i, end=3 + i), [0])
    number = op.Squeeze(op.Shape(y, start=2 + i, end=3 + i), [0])
    places = op.Unsqueeze(op.Range(0, number, 1) * win.strides[i], [1]) + steps
    # from the beginning of the padding
    low, high = (0, size + begin + end) if include_pad else (begin, size + begin)
    inside = op.And(op.GreaterOrEqual(places, low), op.Less(places, high))
    return op.ReduceSum(op.Cast(inside, to=x.dtype), [1], keepdims=0)


def _summed_back(
    share: Tensor, x: Tensor, win: Window, margins: Margins | None, rounds_up: bool
) -> Tensor:
    """What the windows give back to each position of ``x``: the adjoint of summing over windows."""
    ends = [*win.ends]
    for i, size in enumerate(x.shape[2:]):
        if rounds_up and isinstance(size, int):
            reach = (_number(size, win, i, rounds_up) - 1) * win.strides[i] + int(
                win.extent[i] or 0
            )
            ends[i] = max(ends[i], reach - size - win.begins[i])
    ones = constant(np.ones((1, 1, *(int(k or 0) for k in win.kernel)), x.dtype))
    planes = op.Reshape(x, shape_from([-1, 1], x, 2))
    summed = transposed(
        op.Reshape(share, shape_from([-1, 1], share, 2)), ones, planes,
        win._replace(pads=(*win.begins, *ends)), 1, margins,
    )  # fmt: skip
    return reshape_like(summed, x)


EXACT = 2**24  # up to which float32 holds every integer


@vjp("MaxUnpool")
def max_unpool(
    dy: Tensor, y: Tensor, x: Tensor, places: Tensor, shape: Tensor | None = None, *,
    kernel_shape: Any, pads: Any = None, strides: Any = None,
) -> Any:  # fmt: skip
    """With an explicit shape, MaxUnpool itself is asked where it puts each number.

    ONNX Runtime counts the places in the shape that is asked for, the standard in the default one.
    """
    if shape is None:
        picked = op.GatherElements(op.Reshape(dy, [-1]), op.Reshape(places, [-1]))
        return reshape_like(picked, x), None

    def unpooled(numbered: Tensor) -> Tensor:
        put = op.MaxUnpool(
            op.Cast(numbered, to=x.dtype), places, shape, kernel_shape=kernel_shape, pads=pads,
            strides=strides,
        )  # fmt: skip
        return op.Reshape(op.Cast(put, to=dtypes.INT64), [-1])

    count = op.Size(x)
    number = op.Reshape(op.Range(1, count + 1, 1), shape_of(x))
    high = op.Div(number, EXACT)
    origin = unpooled(number - high * EXACT) + unpooled(high) * EXACT
    zeros = op.Expand(constant(0, x.dtype), op.Reshape(count + 1, [1]))
    found = op.ScatterElements(zeros, origin, op.Reshape(dy, [-1]), axis=0, reduction="add")
    return reshape_like(op.Slice(found, [1], [2**62], [0]), x), None, None


@vjp("GlobalAveragePool")
def global_average_pool(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``dy`` / n to all n pixels."""
    count = op.Cast(op.ReduceProd(shape_of(x)[2:], keepdims=0), to=x.dtype)
    return expand_like(dy / count, x)


@vjp("GlobalMaxPool")
def global_max_pool(dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Ties share the gradient evenly."""
    hits = mask(op.Equal(x, y), dy)
    count = op.ReduceSum(hits, [*range(2, x.ndim)], keepdims=1)
    return retyped(hits * (dy / count), x.type)
