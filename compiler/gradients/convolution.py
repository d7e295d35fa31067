"""Rules for convolutions, in one to three dimensions, with strides, dilations and groups.

With ``conv(x, w)`` linear in both arguments: the gradient for ``x`` is the transposed convolution of
``dy`` with ``w``; the one for ``w`` is a convolution of ``x`` by ``dy`` in which batch and channels
change places and strides and dilations do too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ...errors import GradientError
from .. import op
from ..autodiff import vjp
from ..ir import Dim, Tensor, TensorType, retyped
from ..windows import same_total
from .common import numbers, padded, shape_from


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
    def extent(self) -> tuple[int, ...]:
        """The number of positions that the dilated kernel spans along each axis."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.sizes, self.dilations, strict=True))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The kernel, if it is known. Raises ``GradientError`` where it is not."""
        known = tuple(k for k in self.kernel if isinstance(k, int))
        if len(known) < self.rank:
            raise GradientError("this gradient exists only for a kernel of known size")
        return known


def window(
    name: str,
    space: Sequence[Dim],
    kernel: Sequence[Any],
    strides: Sequence[int] | None,
    dilations: Sequence[int] | None,
    pads: Sequence[int] | None,
    auto_pad: str,
) -> Window:
    """The window with explicit padding. Raises ``GradientError`` where it depends on unknown sizes."""
    rank = len(space)
    kernel = tuple(kernel)
    strides = tuple(strides or (1,) * rank)
    dilations = tuple(dilations or (1,) * rank)
    found = Window(kernel, strides, dilations, tuple(pads or (0,) * 2 * rank))
    if auto_pad in ("NOTSET", ""):
        return found
    if auto_pad == "VALID":
        return found._replace(pads=(0,) * 2 * rank)
    begins, ends = [], []
    for size, stride, extent in zip(space, strides, found.extent, strict=True):
        if isinstance(size, int):
            total = same_total(size, extent, stride)
        elif stride == 1:
            total = extent - 1
        else:
            raise GradientError(
                f"{name} with auto_pad={auto_pad} and strides has a gradient rule only for a known "
                "image size: give the input a fixed height and width, or use padding='valid'"
            )
        small, large = total // 2, total - total // 2
        begins.append(small if auto_pad == "SAME_UPPER" else large)
        ends.append(large if auto_pad == "SAME_UPPER" else small)
    return found._replace(pads=(*begins, *ends))


@vjp("Conv")
def conv(
    dy: Tensor, y: Tensor, x: Tensor, w: Tensor, b: Tensor | None = None, *, auto_pad: str,
    group: int, dilations: Any = None, kernel_shape: Any = None, pads: Any = None,
    strides: Any = None,
) -> Any:  # fmt: skip
    win = window(
        "Conv", x.shape[2:], kernel_shape or w.shape[2:], strides, dilations, pads, auto_pad
    )
    dx = transposed(dy, w, x, win, group)
    dw = weight_gradient(x, dy, w, win, group)
    return (dx, dw) if b is None else (dx, dw, _bias_gradient(dy))


@vjp("ConvTranspose")
def conv_transpose(
    dy: Tensor, y: Tensor, x: Tensor, w: Tensor, b: Tensor | None = None, *, auto_pad: str,
    group: int, dilations: Any = None, kernel_shape: Any = None, output_padding: Any = None,
    output_shape: Any = None, pads: Any = None, strides: Any = None,
) -> Any:  # fmt: skip
    if output_shape is not None or auto_pad not in ("NOTSET", "VALID"):
        raise GradientError(
            "ConvTranspose has a gradient rule only for explicit pads (no output_shape, no auto_pad)"
        )
    space = x.shape[2:]
    win = window("ConvTranspose", space, kernel_shape or w.shape[2:], strides, dilations, pads, "")
    dx = op.Conv(dy, w, group=group, **_moving(win))
    dw = weight_gradient(dy, x, w, win, group)
    return (dx, dw) if b is None else (dx, dw, _bias_gradient(dy))


def _moving(win: Window) -> dict[str, Any]:
    return {"strides": win.strides, "dilations": win.dilations, "pads": win.pads}


def _bias_gradient(dy: Tensor) -> Tensor:
    return op.ReduceSum(dy, [0, *range(2, dy.ndim)], keepdims=0)


def transposed(dy: Tensor, w: Tensor, x: Tensor, win: Window, group: int) -> Tensor:
    """The adjoint of ``Conv(., w)`` at ``dy``, with the size of ``x``."""
    space = x.shape[2:]
    extra = None
    if all(isinstance(d, int) for d in (*space, *win.kernel)):
        extra = [
            (int(space[i] or 0) + win.pads[i] + win.pads[i + win.rank] - win.extent[i])
            % win.strides[i]
            for i in range(win.rank)
        ]
    if extra is not None or all(s == 1 for s in win.strides):
        dx = op.ConvTranspose(dy, w, group=group, output_padding=extra, **_moving(win))
        return retyped(dx, x.type)
    # how much of the end the last window left out is known only when it runs
    uncut = win._replace(pads=(*win.pads[: win.rank], *(0,) * win.rank))
    dx = op.ConvTranspose(dy, w, group=group, **_moving(uncut))
    missing = op.Shape(x, start=2) - op.Shape(dx, start=2)
    ends = op.Concat([0] * win.rank, missing, axis=0)
    return retyped(padded(dx, ends, numbers(range(2, x.ndim))), x.type)


def weight_gradient(x: Tensor, dy: Tensor, w: Tensor, win: Window, group: int) -> Tensor:
    """The gradient of the kernel ``w`` ([out, in / group, ...]) of a convolution of ``x``."""
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
    # a stride that does not divide the image leaves more positions than the kernel has
    known = all(isinstance(k, int) for k in win.kernel)
    ends = numbers(win.kernel) if known else op.Shape(w, start=2)
    dw = op.Slice(dw, [0] * win.rank, ends, list(spatial))
    turned = op.Transpose(dw, perm=(1, 0, *spatial))
    return retyped(turned, TensorType(w.dtype, w.shape))
