"""Convolutions and poolings in one to three dimensions, in Keras' layouts.

Inputs are [batch, ..., channels] unless ``data_format`` is "channels_first", kernels are
[..., in, out]. Padding is "valid", "same", whose odd element goes to the end, or "causal" (1D). Beyond
Keras, convolutions take a ``bias`` [out], which is part of their one node.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...errors import ShapeError
from .. import layout, op, windows
from ..casting import floating
from ..infer import Dim
from ..ir import Like, Tensor


class _Images(NamedTuple):
    """An input turned to channels-first, and what it takes to turn a result back."""

    x: Tensor
    channels_first: bool

    @property
    def rank(self) -> int:
        return self.x.ndim - 2

    @property
    def space(self) -> tuple[Dim, ...]:
        return self.x.shape[2:]

    def back(self, y: Tensor) -> Tensor:
        return y if self.channels_first else layout.channels_last(y)


def _images(owner: str, inputs: Like, data_format: str | None) -> _Images:
    x = floating(inputs)
    first = windows.is_channels_first(owner, data_format)
    if not 3 <= x.ndim <= 5:
        raise ShapeError(f"{owner} takes [batch, 1 to 3 axes, channels]; got {x.type}")
    return _Images(x if first else layout.channels_first(x), first)


def _kernel(owner: str, kernel: Like, rank: int) -> tuple[Tensor, tuple[int, ...]]:
    w = floating(kernel)
    space = tuple(d for d in w.shape[:-2] if isinstance(d, int))
    if w.ndim != rank + 2 or len(space) != rank:
        raise ShapeError(f"{owner} needs a kernel of rank {rank + 2} and known size; got {w.type}")
    return w, space


def _window(
    owner: str, images: _Images, kernel: tuple[int, ...], strides: Any, padding: str, dilation: Any
) -> dict[str, Any]:
    steps = windows.sizes(owner, "strides", strides, images.rank)
    apart = windows.sizes(owner, "dilation_rate", dilation, images.rank)
    extents = tuple(d * (k - 1) + 1 for k, d in zip(kernel, apart, strict=True))
    pads = windows.padding_attributes(owner, padding, images.space, extents, steps)
    return {"strides": steps, "dilations": apart, **pads}


def conv(
    inputs: Like, kernel: Like, strides: Any = 1, padding: str = "valid",
    data_format: str | None = None, dilation_rate: Any = 1, *, bias: Like | None = None,
) -> Tensor:  # fmt: skip
    """Convolution with a kernel [..., in / groups, out]; the groups follow from the channels."""
    images = _images("conv", inputs, data_format)
    w, space = _kernel("conv", kernel, images.rank)
    channels, per_group = images.x.shape[1], w.shape[-2]
    if not (isinstance(channels, int) and isinstance(per_group, int)) or channels % per_group:
        raise ShapeError(f"conv: a kernel {w.type} does not fit {channels} channels")
    window = _window("conv", images, space, strides, padding, dilation_rate)
    turned = op.Transpose(w, perm=(w.ndim - 1, w.ndim - 2, *range(images.rank)))
    return images.back(op.Conv(images.x, turned, bias, group=channels // per_group, **window))


def depthwise_conv(
    inputs: Like, kernel: Like, strides: Any = 1, padding: str = "valid",
    data_format: str | None = None, dilation_rate: Any = 1, *, bias: Like | None = None,
) -> Tensor:  # fmt: skip
    """Each channel convolved by itself, with a kernel [..., in, multiplier]."""
    images = _images("depthwise_conv", inputs, data_format)
    w, space = _kernel("depthwise_conv", kernel, images.rank)
    channels = images.x.shape[1]
    if channels != w.shape[-2] or not isinstance(channels, int):
        raise ShapeError(f"depthwise_conv: a kernel {w.type} does not fit {channels} channels")
    window = _window("depthwise_conv", images, space, strides, padding, dilation_rate)
    turned = op.Transpose(w, perm=(w.ndim - 2, w.ndim - 1, *range(images.rank)))
    single = op.Reshape(turned, [-1, 1, *space])
    return images.back(op.Conv(images.x, single, bias, group=channels, **window))


def separable_conv(
    inputs: Like, depthwise_kernel: Like, pointwise_kernel: Like, strides: Any = 1,
    padding: str = "valid", data_format: str | None = None, dilation_rate: Any = 1, *,
    bias: Like | None = None,
) -> Tensor:  # fmt: skip
    """``depthwise_conv``, then a convolution with windows of size 1."""
    y = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(y, pointwise_kernel, 1, "valid", data_format, bias=bias)


def conv_transpose(
    inputs: Like, kernel: Like, strides: Any = 1, padding: str = "valid",
    output_padding: Any = None, data_format: str | None = None, dilation_rate: Any = 1, *,
    bias: Like | None = None,
) -> Tensor:  # fmt: skip
    """The adjoint of ``conv``, with a kernel [..., out, in]: images grow by ``strides``.

    Without ``output_padding``, "same" gives the size times the stride, "valid" what the kernel adds on
    top of that.
    """
    owner = "conv_transpose"
    images = _images(owner, inputs, data_format)
    w, space = _kernel(owner, kernel, images.rank)
    if images.x.shape[1] != w.shape[-1]:
        raise ShapeError(f"{owner}: a kernel {w.type} does not fit {images.x.shape[1]} channels")
    steps = windows.sizes(owner, "strides", strides, images.rank)
    apart = windows.sizes(owner, "dilation_rate", dilation_rate, images.rank)
    extents = [d * (k - 1) + 1 for k, d in zip(space, apart, strict=True)]
    pads = windows.transposed_attributes(owner, padding, extents, steps, output_padding)
    turned = op.Transpose(w, perm=(w.ndim - 1, w.ndim - 2, *range(images.rank)))
    y = op.ConvTranspose(images.x, turned, bias, strides=steps, dilations=apart, **pads)
    return images.back(y)


def _pool(
    operator: Any, owner: str, inputs: Like, pool_size: Any, strides: Any, padding: str,
    data_format: str | None,
) -> Tensor:  # fmt: skip
    images = _images(owner, inputs, data_format)
    kernel = windows.sizes(owner, "pool_size", pool_size, images.rank)
    steps = kernel if strides is None else windows.sizes(owner, "strides", strides, images.rank)
    pads = windows.padding_attributes(owner, padding, images.space, kernel, steps)
    return images.back(operator(images.x, kernel_shape=kernel, strides=steps, **pads))


def max_pool(
    inputs: Like, pool_size: Any, strides: Any = None, padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """The largest element of each window; ``strides`` default to ``pool_size``."""
    return _pool(op.MaxPool, "max_pool", inputs, pool_size, strides, padding, data_format)


def average_pool(
    inputs: Like, pool_size: Any, strides: Any = None, padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """The mean of each window; padding does not count."""
    return _pool(op.AveragePool, "average_pool", inputs, pool_size, strides, padding, data_format)


def depth_to_space(x: Like, block_size: int, data_format: str | None = "channels_last") -> Tensor:
    """Channels laid out as blocks of pixels: [b, h, w, c n^2] to [b, h n, w n, c]."""
    images = _images("depth_to_space", x, data_format)
    return images.back(op.DepthToSpace(images.x, blocksize=block_size, mode="DCR"))


def space_to_depth(x: Like, block_size: int, data_format: str | None = "channels_last") -> Tensor:
    """Blocks of pixels as channels: the inverse of ``depth_to_space``."""
    images = _images("space_to_depth", x, data_format)
    return images.back(op.SpaceToDepth(images.x, blocksize=block_size))


__all__ = [
    "average_pool", "conv", "conv_transpose", "depth_to_space", "depthwise_conv", "max_pool",
    "separable_conv", "space_to_depth",
]  # fmt: skip
