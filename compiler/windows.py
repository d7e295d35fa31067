"""Windows that move over images: their arguments as Keras gives them, as ONNX takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ArgumentError
from .infer import Dim


def sizes(owner: str, label: str, value: Any, rank: int = 2) -> tuple[int, ...]:
    """``3`` or ``(3, 3)`` as a tuple of ``rank`` positive numbers."""
    found = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(found) != rank or not all(isinstance(s, int) and s > 0 for s in found):
        raise ArgumentError(
            f"{owner}({label}={value!r}): expected a number above 0, or {rank} of them"
        )
    return found


def is_channels_first(owner: str, data_format: str | None) -> bool:
    """Whether images are [batch, channels, ...]; None means channels last."""
    if data_format not in (None, "channels_last", "channels_first"):
        raise ArgumentError(
            f"{owner}(data_format={data_format!r}): expected 'channels_last' or 'channels_first'"
        )
    return data_format == "channels_first"


def check_padding(owner: str, padding: str) -> str:
    """``padding`` in lower case. Raises ``ArgumentError`` unless it is "valid" or "same"."""
    if not isinstance(padding, str) or padding.lower() not in ("valid", "same"):
        raise ArgumentError(f"{owner}(padding={padding!r}): expected 'valid' or 'same'")
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
    """ONNX attributes for Keras' "valid" or "same" (whose odd pad goes to the end).

    Explicit pads where they can be known; ``auto_pad`` for strided images of dynamic size.
    """
    if check_padding(owner, padding) == "valid":
        return {}
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
