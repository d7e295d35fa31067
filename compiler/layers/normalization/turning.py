"""Channels at axis 1, where ONNX has them, and back."""

from __future__ import annotations

from ... import op
from ...ir import Tensor
from ...layout import channels_first, channels_last


def channels_at_one(x: Tensor, axis: int) -> Tensor:
    """``x`` with ``axis`` as axis 1. The batch, as the channels' axis, gets one in front of it."""
    if axis == 0:
        return op.Unsqueeze(x, [0])  # type: ignore[no-any-return]
    if axis == 1:
        return x
    if axis == x.ndim - 1:
        return channels_first(x)  # neighbours' transpositions cancel
    return op.Transpose(x, perm=_perm(x.ndim, axis))  # type: ignore[no-any-return]


def channels_back(x: Tensor, axis: int) -> Tensor:
    """The inverse."""
    if axis == 0:
        return op.Squeeze(x, [0])  # type: ignore[no-any-return]
    if axis == 1:
        return x
    if axis == x.ndim - 1:
        return channels_last(x)
    perm = _perm(x.ndim, axis)
    return op.Transpose(x, perm=[perm.index(i) for i in range(x.ndim)])  # type: ignore[no-any-return]


def _perm(rank: int, axis: int) -> list[int]:
    return [0, axis, *(i for i in range(1, rank) if i != axis)]
