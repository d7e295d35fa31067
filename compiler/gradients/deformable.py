"""The rule for DeformConv, a convolution whose kernel is read at displaced positions.

Source: X. Zhu et al., Deformable ConvNets v2, CVPR 2019.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...errors import GradientError
from .. import op
from ..ir import Dim, Tensor, constant
from .common import numbers
from .composed import composed
from .sampling import (
    bounded,
    crossed,
    extents,
    inside,
    named,
    pitches,
    product,
    real,
    shaped,
    spread,
    weighed,
)


class Layout(NamedTuple):
    """The numbers of a deformable convolution that must be known."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    begins: tuple[int, ...]
    groups: int
    offset_groups: int
    channels: int
    outputs: int

    @property
    def rank(self) -> int:
        return len(self.kernel)

    @property
    def taps(self) -> int:
        return math.prod(self.kernel)


@composed("DeformConv")
def deform_conv(
    x: Tensor, w: Tensor, offset: Tensor, b: Tensor | None = None, weights: Tensor | None = None, *,
    group: int, offset_group: int, dilations: Any = None, kernel_shape: Any = None,
    pads: Any = None, strides: Any = None,
) -> Tensor:  # fmt: skip
    """Read the pixels under each tap, weigh them, and multiply by the kernel as Conv would.

    Raises ``GradientError`` where the shape of the kernel is unknown.
    """
    if not all(isinstance(d, int) for d in w.shape):
        raise GradientError("DeformConv has a gradient rule only for a kernel of known shape")
    outputs, inputs, *kernel = (int(d or 0) for d in w.shape)
    ones = (1,) * len(kernel)
    layout = Layout(
        tuple(kernel), strides or ones, dilations or ones, (pads or (0,) * len(kernel))[: len(kernel)],
        group, offset_group, inputs * group, outputs,
    )  # fmt: skip
    offset = named(offset, "offset")
    x = named(shaped(x, (offset.shape[0], *x.shape[1:])), "x")
    columns = _columns(x, offset, weights, layout)
    flat = op.Reshape(w, [group, outputs // group, inputs * layout.taps])
    y = _folded(op.MatMul(flat, columns), [outputs], offset)
    return y if b is None else y + op.Unsqueeze(b, [*range(1, 1 + layout.rank)])


def _columns(x: Tensor, offset: Tensor, weights: Tensor | None, layout: Layout) -> Tensor:
    """What each tap reads: [batch, groups, channels of a group * taps, positions]."""
    rank, groups = layout.rank, layout.offset_groups
    parts = op.Split(_folded(offset, [groups, layout.taps, rank], offset), num_outputs=rank, axis=3)
    parts = parts if isinstance(parts, tuple) else (parts,)
    axes = range(2, 2 + rank)
    pitch = pitches(x, axes)
    places, shares = [], []
    for i, part in enumerate(parts):
        position = op.Squeeze(part, [3]) + real(_grid(offset, i, layout), part)
        place, share = spread(position)
        size = extents(x, [axes[i]])
        shares.append(share * inside(place, size, share))
        places.append(bounded(place, size) * op.Slice(pitch, [i], [i + 1]))
    every, share = crossed(places, multiply=False), crossed(shares, multiply=True)
    if weights is not None:
        by_group = _folded(weights, [groups, layout.taps], offset)
        share = share * op.Unsqueeze(by_group, [3 + rank])
    read = weighed(_rows(x, layout), every + _starts(x, layout), share)
    # the channels go before the taps, as in the kernel
    turned = op.Transpose(read, perm=(0, 1, 3 + rank, *range(2, 3 + rank)))
    shape = (layout.groups, layout.channels // layout.groups * layout.taps)
    return shaped(op.Reshape(turned, [0, *shape, -1]), (x.shape[0], *shape, "positions"))


def _grid(offset: Tensor, i: int, layout: Layout) -> Tensor:
    """Where each tap would read along one axis without displacement: [taps, 1.., positions, 1..]."""
    rank = layout.rank
    steps = np.indices(layout.kernel)[i].reshape(-1, *(1,) * rank) * layout.dilations[i]
    size = offset.shape[2 + i]
    ones = [k for k in range(rank) if k != i]
    if isinstance(size, int):
        first = np.arange(size).reshape([size if k == i else 1 for k in range(rank)])
        return constant(first * layout.strides[i] - layout.begins[i] + steps)
    count = op.Squeeze(extents(offset, [2 + i]), [0])
    starts = shaped(op.Range(0, count, 1), [size])
    starts = op.Unsqueeze(starts, ones) if ones else starts
    return starts * layout.strides[i] + constant(steps - layout.begins[i])


def _rows(x: Tensor, layout: Layout) -> Tensor:
    """Pixels of each offset group, one a row: [batch * groups * space, channels of a group]."""
    share = layout.channels // layout.offset_groups
    split = op.Reshape(x, [0, layout.offset_groups, share, -1])
    return op.Reshape(op.Transpose(split, perm=(0, 1, 3, 2)), [-1, share])


def _starts(x: Tensor, layout: Layout) -> Tensor:
    """The row at which each image and offset group begins: [batch, groups, 1, ...]."""
    area, groups = product(extents(x, range(2, x.ndim))), layout.offset_groups
    count = product(op.Concat(extents(x, [0]), [groups], axis=0))
    begins = op.Range(0, op.Squeeze(count, [0]), 1) * area
    shape = (groups, *(1,) * (layout.rank + 2))
    return shaped(op.Reshape(begins, [-1, *shape]), (x.shape[0], *shape))


def _folded(x: Tensor, middle: Sequence[int], offset: Tensor) -> Tensor:
    """``x`` in the shape ``[batch, *middle, *positions]``."""
    shape: list[Dim] = [offset.shape[0], *middle, *offset.shape[2:]]
    if sum(not isinstance(d, int) for d in shape) <= 1:
        target = numbers([d if isinstance(d, int) else -1 for d in shape])
    else:
        target = op.Concat(op.Shape(offset, end=1), [*middle], op.Shape(offset, start=2), axis=0)
    return shaped(op.Reshape(x, target), shape)
