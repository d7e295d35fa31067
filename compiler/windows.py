"""Windows that move over images: their arguments as Keras gives them, as ONNX takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ArgumentError, ShapeError
from . import settings
from .infer import Dim


def sizes(owner: str, label: str, value: Any, rank: int = 2, least: int = 1) -> tuple[int, ...]:
    """``3`` or ``(3, 3)`` as a tuple of ``rank`` numbers of at least ``least``."""
    found = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(found) != rank or not all(isinstance(s, int) and s >= least for s in found):
        raise ArgumentError(
            f"{owner}({label}={value!r}): expected a number of at least {least}, or {rank} of them"
        )
    return found


def count(owner: str, label: str, value: Any) -> int:
    """``value``, a number above 0, or an ``ArgumentError``."""
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ArgumentError(f"{owner}({label}={value!r}): expected a number above 0")
    return value


def margins(owner: str, label: str, value: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """How much before and after along each axis: from a number, one per axis, or pairs (in 1D: a pair)."""
    entries = [value] * rank if isinstance(value, int) or rank == 1 else list(value)
    found = tuple((e, e) if isinstance(e, int) else tuple(e) for e in entries)
    whole = all(len(p) == 2 and all(isinstance(n, int) and n >= 0 for n in p) for p in found)
    if len(found) != rank or not whole:
        raise ArgumentError(
            f"{owner}({label}={value!r}): expected a number of at least 0, or for each of {rank} axes "
            "one or (before, after)"
        )
    return found


def layout_name(owner: str, data_format: str | None) -> str:
    """The layout, channels_last or channels_first; None means ``config.image_data_format()``."""
    data_format = settings.image_data_format() if data_format is None else data_format.lower()
    if data_format not in ("channels_last", "channels_first"):
        raise ArgumentError(
            f"{owner}(data_format={data_format!r}): expected 'channels_last' or 'channels_first'"
        )
    return data_format


def is_channels_first(owner: str, data_format: str | None) -> bool:
    """Whether images are [batch, channels, ...]; None means ``config.image_data_format()``."""
    return layout_name(owner, data_format) == "channels_first"


_SPACES = {
    1: "sequences [batch, steps, channels]",
    2: "images [batch, height, width, channels]",
    3: "volumes [batch, depth, height, width, channels]",
}


def check_space(owner: str, shape: Any, rank: int = 2) -> None:
    """Raise ``ShapeError`` unless ``shape`` has a batch, ``rank`` axes of space, and channels."""
    if len(shape) != rank + 2:
        hint = "; add a channel axis: x[..., None]" if len(shape) == rank + 1 else ""
        raise ShapeError(
            f"{owner} takes {_SPACES[rank]}; got a tensor of shape {tuple(shape)}{hint}"
        )


def check_padding(owner: str, padding: str, causal: bool = False) -> str:
    """``padding`` in lower case: "valid", "same" or, where allowed, "causal"; else an ``ArgumentError``."""
    known = ("valid", "same", "causal") if causal else ("valid", "same")
    if not isinstance(padding, str) or padding.lower() not in known:
        raise ArgumentError(
            f"{owner}(padding={padding!r}): expected {' or '.join(repr(k) for k in known)}"
        )
    return padding.lower()


def same_total(size: int, extent: int, stride: int) -> int:
    """How much padding makes ``ceil(size / stride)`` positions of a window that spans ``extent``."""
    return max((-(-size // stride) - 1) * stride + extent - size, 0)


def padding_attributes(
    owner: str,
    padding: str,
    space: Sequence[Dim],
    extents: Sequence[int],
    strides: Sequence[int],
) -> dict[str, Any]:
    """ONNX attributes for Keras' "valid", "same" (whose odd pad goes to the end) or, in 1D, "causal".

    Explicit pads where they can be known; ``auto_pad`` for strided images of dynamic size.
    """
    padding = check_padding(owner, padding, causal=len(space) == 1)
    if padding == "valid":
        return {}
    if padding == "causal":
        return {"pads": (extents[0] - 1, 0)}
    begins, ends = [], []
    for size, extent, stride in zip(space, extents, strides, strict=True):
        if isinstance(size, int):
            total = same_total(size, extent, stride)
        elif stride == 1:
            total = extent - 1
        else:
            return {"auto_pad": "SAME_UPPER"}
        begins.append(total // 2)
        ends.append(total - total // 2)
    return {"pads": (*begins, *ends)}


def transposed_attributes(
    owner: str, padding: str, extents: Sequence[int], strides: Sequence[int], extra: Any = None
) -> dict[str, Any]:
    """ONNX attributes of a transposed convolution with Keras' ``padding`` and ``output_padding``.

    With ``extra`` (``output_padding``) None, n becomes ``n * stride`` ("same") or what the windows
    reach, but no less than ``n * stride`` ("valid"). Otherwise (n - 1) * stride + the window ("valid")
    or + its size modulo 2 ("same"), and ``extra`` on top. What "same" takes away is taken from the end
    first.
    """
    same = check_padding(owner, padding) == "same"
    added = (
        [None] * len(extents)
        if extra is None
        else sizes(owner, "output_padding", extra, len(extents), 0)
    )
    begins, ends, beyond = [], [], []
    for extent, stride, more in zip(extents, strides, added, strict=True):
        if more is not None and more >= stride:
            raise ArgumentError(
                f"{owner}(output_padding={extra!r}): each must be less than its stride {tuple(strides)}"
            )
        surplus = 0
        if more is None:
            surplus = extent - stride if same else min(extent - stride, 0)
        else:
            surplus = (extent - extent % 2 if same else 0) - more
        begin = max(surplus // 2, 0)
        begins.append(begin)
        ends.append(max(surplus - begin, 0))
        beyond.append(max(begin - surplus, 0))
    return {"pads": (*begins, *ends), "output_padding": beyond if any(beyond) else None}
