"""Rules for convolutions, in one to three dimensions, with strides, dilations and groups.

With ``conv(x, w)`` linear in both arguments: the gradient for ``x`` is the transposed convolution of
``dy`` with ``w``; the one for ``w`` is a matrix product of ``dy`` with what the kernel covered, or else a
convolution of ``x`` by ``dy`` in which batch and channels change places and strides and dilations do too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...errors import GradientError
from .. import op
from ..autodiff import vjp
from ..ir import Dim, Tensor, TensorType, constant, retyped
from ..windows import same_total
from .common import numbers, reshape_like, shape_from


class Window(NamedTuple):
    """How a kernel moves over the spatial axes; ``pads`` are all begins, then all ends."""

    kernel: tuple[Dim, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[int, ...]

    @property
    def rank(self) -> int:
        return len(self.kernel)

    @property
    def extent(self) -> tuple[int | None, ...]:
        """The number of positions that the dilated kernel spans along each axis, if it is known."""
        return tuple(
            d * (k - 1) + 1 if isinstance(k, int) else None
            for k, d in zip(self.kernel, self.dilations, strict=True)
        )

    @property
    def begins(self) -> tuple[int, ...]:
        return self.pads[: self.rank]

    @property
    def ends(self) -> tuple[int, ...]:
        return self.pads[self.rank :]


class Margins(NamedTuple):
    """Padding that depends on sizes which are known only when the graph runs: int64 vectors."""

    begins: Tensor
    ends: Tensor


def window(
    kernel: Sequence[Any],
    strides: Sequence[int] | None,
    dilations: Sequence[int] | None,
    pads: Sequence[int] | None,
) -> Window:
    """The window with what the standard takes for granted."""
    rank = len(kernel)
    return Window(
        tuple(kernel),
        tuple(strides or (1,) * rank),
        tuple(dilations or (1,) * rank),
        tuple(pads or (0,) * 2 * rank),
    )


def placed(x: Tensor, win: Window, auto_pad: str, w: Tensor | None = None) -> tuple[Window, Any]:
    """The window with its pads; or without, and the ``Margins`` that it needs instead.

    ``w`` is the kernel, for the case that its size is unknown.
    """
    if auto_pad in ("NOTSET", ""):
        return win, None
    bare = win._replace(pads=(0,) * 2 * win.rank)
    if auto_pad == "VALID":
        return bare, None
    totals = [
        _same_total(size, extent, stride)
        for size, extent, stride in zip(x.shape[2:], win.extent, win.strides, strict=True)
    ]
    known = [t for t in totals if t is not None]
    if len(known) == win.rank:
        return win._replace(pads=_split(known, auto_pad)), None
    size, stride = op.Shape(x, start=2), numbers(win.strides)
    last = op.Div(size + (stride - 1), stride) - 1
    total = op.Max(last * stride + _extents(win, w) - size, 0)
    return bare, _halves(total, auto_pad)


def _same_total(size: Dim, extent: int | None, stride: int) -> int | None:
    if extent is None:
        return None
    if isinstance(size, int):
        return same_total(size, extent, stride)
    return extent - 1 if stride == 1 else None


def _split(totals: Sequence[int], auto_pad: str) -> tuple[int, ...]:
    """Pads of which an odd one is at the end for SAME_UPPER, else at the beginning."""
    small, large = [t // 2 for t in totals], [t - t // 2 for t in totals]
    return (*small, *large) if auto_pad == "SAME_UPPER" else (*large, *small)


def _halves(total: Tensor, auto_pad: str) -> Margins:
    """As ``_split``, for what is known only when it runs."""
    small = op.Div(total, 2)
    large = total - small
    return Margins(small, large) if auto_pad == "SAME_UPPER" else Margins(large, small)


def _extents(win: Window, w: Tensor | None) -> Tensor:
    known = [e for e in win.extent if e is not None]
    if w is None or len(known) == win.rank:
        return numbers(known)
    return (op.Shape(w, start=2) - 1) * numbers(win.dilations) + 1


def enlarged(x: Tensor, margins: Margins) -> Tensor:
    """``x`` with margins of zeros around its spatial axes."""
    return op.Pad(x, op.Concat([0, 0], margins.begins, [0, 0], margins.ends, axis=0))


@vjp("Conv")
def conv(
    dy: Tensor, y: Tensor, x: Tensor, w: Tensor, b: Tensor | None = None, *, auto_pad: str,
    group: int, dilations: Any = None, kernel_shape: Any = None, pads: Any = None,
    strides: Any = None,
) -> Any:  # fmt: skip
    """A transposed convolution of dy with the kernel, dy times what the kernel covered, the sum of dy."""
    win = window(kernel_shape or w.shape[2:], strides, dilations, pads)
    win, margins = placed(x, win, auto_pad, w)
    dx = transposed(dy, w, x, win, group, margins)
    dw = weight_gradient(enlarged(x, margins) if margins else x, dy, w, win, group)
    return (dx, dw) if b is None else (dx, dw, _bias_gradient(dy))


@vjp("ConvTranspose")
def conv_transpose(
    dy: Tensor, y: Tensor, x: Tensor, w: Tensor, b: Tensor | None = None, *, auto_pad: str,
    group: int, dilations: Any = None, kernel_shape: Any = None, output_padding: Any = None,
    output_shape: Any = None, pads: Any = None, strides: Any = None,
) -> Any:  # fmt: skip
    """A convolution of dy with the kernel, what the kernel covered of dy times x, the sum of dy.

    Raises ``GradientError`` for output_padding together with SAME padding.
    """
    win = window(kernel_shape or w.shape[2:], strides, dilations, pads)
    extra = tuple(output_padding or (0,) * win.rank)
    win, margins = _cut(x, w, win, auto_pad, extra, output_shape)
    full = enlarged(dy, margins) if margins else dy
    dx = op.Conv(full, w, group=group, **_moving(win))
    whole = all(e < s for e, s in zip(extra, win.strides, strict=True))  # no window more than x has
    dw = (weight_gradient if whole else _as_convolution)(full, x, w, win, group)
    return (dx, dw) if b is None else (dx, dw, _bias_gradient(dy))


def _cut(
    x: Tensor, w: Tensor, win: Window, auto_pad: str, extra: Sequence[int], output_shape: Any
) -> tuple[Window, Any]:
    """As ``placed``, for a transposed convolution: its pads are cut off from the full result."""
    if output_shape is None and auto_pad in ("NOTSET", ""):
        return win, None
    bare = win._replace(pads=(0,) * 2 * win.rank)
    if output_shape is None and auto_pad == "VALID":
        return bare, None
    if output_shape is None and any(extra):
        raise GradientError(
            f"ConvTranspose with output_padding and auto_pad={auto_pad} has no gradient rule: the "
            "standard's shape inference and its runtimes disagree about the size of the result. "
            "Give explicit pads"
        )
    # without output_shape the size is to be multiplied by the stride: as much is cut off from any
    sizes: Sequence[Dim] = x.shape[2:] if output_shape is not None else (1,) * win.rank
    wanted = win.strides if output_shape is None else output_shape
    if all(isinstance(d, int) for d in (*sizes, *win.kernel)):
        totals = [
            max((int(n or 0) - 1) * s + int(e or 0) + more - out, 0)
            for n, s, e, more, out in zip(
                sizes, win.strides, win.extent, extra, wanted, strict=True
            )
        ]
        return win._replace(pads=_split(totals, auto_pad)), None
    total = _extents(win, w) + numbers([e - n for e, n in zip(extra, wanted, strict=True)])
    if output_shape is not None:
        total = total + (op.Shape(x, start=2) - 1) * numbers(win.strides)
    return bare, _halves(op.Max(total, 0), auto_pad)


def _moving(win: Window) -> dict[str, Any]:
    return {"strides": win.strides, "dilations": win.dilations, "pads": win.pads}


def _bias_gradient(dy: Tensor) -> Tensor:
    return op.ReduceSum(dy, [0, *range(2, dy.ndim)], keepdims=0)


def transposed(
    dy: Tensor, w: Tensor, x: Tensor, win: Window, group: int, margins: Margins | None = None
) -> Tensor:
    """The adjoint of ``Conv(., w)`` at ``dy``, with the spatial size of ``x``."""
    space = x.shape[2:]
    extra = None
    if margins is None and all(isinstance(d, int) for d in (*space, *win.kernel)):
        extra = [
            (int(space[i] or 0) + win.begins[i] + win.ends[i] - int(win.extent[i] or 0))
            % win.strides[i]
            for i in range(win.rank)
        ]
    each = w.shape[1]
    shape = (dy.shape[0], each * group if isinstance(each, int) else None, *space)
    if extra is not None or (margins is None and all(s == 1 for s in win.strides)):
        dx = op.ConvTranspose(dy, w, group=group, output_padding=extra, **_moving(win))
        return retyped(dx, TensorType(dx.dtype, shape))
    # how much of the end the last window left out is known only when it runs
    uncut = win._replace(pads=(*win.begins, *(0,) * win.rank))
    dx = op.ConvTranspose(dy, w, group=group, **_moving(uncut))
    missing = op.Shape(x, start=2) - op.Shape(dx, start=2)
    begins: Any = [0] * win.rank
    if margins is not None:
        begins, missing = op.Neg(margins.begins), missing + margins.begins
    dx = op.Pad(dx, op.Concat([0, 0], begins, [0, 0], missing, axis=0))
    return retyped(dx, TensorType(dx.dtype, shape))


def weight_gradient(x: Tensor, dy: Tensor, w: Tensor, win: Window, group: int) -> Tensor:
    """The gradient of the kernel ``w`` ([out, in / group, ...]) of a convolution of ``x``.

    By one matrix product wherever what each position of ``dy`` saw takes not much more memory than
    ``dy``: a convolution with few outputs and a kernel as large as an image is several times slower.
    """
    if group == 1:
        seen = _seen(x, dy, win)
        if seen is not None:
            return reshape_like(op.Gemm(_channels(dy), _channels(seen), transB=1), w)
    return _as_convolution(x, dy, w, win, group)


LARGEST = 16  # positions of a kernel that is spread out
MORE = 5  # times as many channels as dy has


def _seen(x: Tensor, dy: Tensor, win: Window) -> Tensor | None:
    """For each position of ``dy``, as channels, all that the kernel covered; None where it is too much.

    A kernel of size 1 covered the position itself. Otherwise each channel is convolved with kernels that
    pick one position each: [batch, in * kernel size, ...].
    """
    channels, places, spatial = x.shape[1], dy.shape[1], [*range(2, x.ndim)]
    if all(k == 1 for k in win.kernel) and not any(win.pads):
        if all(s == 1 for s in win.strides):
            return x
        none, rank = [0] * win.rank, win.rank
        return op.Slice(x, none, [2**62] * rank, spatial, list(win.strides))
    if not all(isinstance(d, int) for d in (channels, places, *win.kernel)):
        return None
    kernel = [int(k or 0) for k in win.kernel]
    size, count = int(np.prod(kernel)), int(channels or 0)
    if size > LARGEST or size * count > MORE * int(places or 0):
        return None
    picks = np.tile(np.eye(size).reshape(size, 1, *kernel), (count, 1, *([1] * win.rank)))
    return op.Conv(x, constant(picks, x.dtype), group=count, **_moving(win))


def _channels(x: Tensor) -> Tensor:
    """[batch, channels, ...] as a matrix of one row per channel."""
    if x.shape[0] == 1:
        return op.Flatten(x, axis=2)
    return op.Flatten(op.Transpose(x, perm=(1, 0, *range(2, x.ndim))), axis=1)


def _as_convolution(x: Tensor, dy: Tensor, w: Tensor, win: Window, group: int) -> Tensor:
    """As a convolution of ``x`` by ``dy``, channels as batch; strides and dilations change places."""
    spatial = range(2, 2 + win.rank)
    images = op.Transpose(x, perm=(1, 0, *spatial))
    if group > 1:
        # [group * in, batch, ...] -> [in, group * batch, ...]: each group sees its own channels
        split = op.Reshape(x, shape_from([0, group, -1], x, 2))
        turned = op.Transpose(split, perm=(2, 1, 0, *range(3, 3 + win.rank)))
        images = op.Reshape(turned, shape_from([0, -1], x, 2))
    kernels = op.Transpose(dy, perm=(1, 0, *spatial))
    dw = op.Conv(
        images, kernels, group=group, strides=win.dilations, dilations=win.strides, pads=win.pads
    )
    known = all(isinstance(k, int) for k in win.kernel)
    if not (known and (dw.shape[2:] == win.kernel or all(s == 1 for s in win.strides))):
        # a stride that does not divide the image leaves more positions than the kernel has
        ends = numbers(win.kernel) if known else op.Shape(w, start=2)
        dw = op.Slice(dw, [0] * win.rank, ends, list(spatial))
    turned = op.Transpose(dw, perm=(1, 0, *spatial))
    return retyped(turned, TensorType(w.dtype, w.shape))
