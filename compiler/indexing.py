"""Python indexing (numbers, slices, ``...``, ``None``, integer tensors) as ONNX operators."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from ..errors import OpError
from .infer import Shape

Step: TypeAlias = "tuple[str, tuple[Any, ...], dict[str, Any]]"
_FAR = np.iinfo(np.int64).max


def plan(index: Any, shape: Shape) -> list[Step]:
    """The operators, with their further operands and attributes, that compute ``x[index]``.

    One index tensor at most; boolean masks are not supported (the result's shape would be unknown).
    """
    items = _expanded(index if isinstance(index, tuple) else (index,), len(shape))
    sliced: list[tuple[int, Any, Any, int]] = []
    dropped: list[int] = []
    added: list[int] = []
    gathered: list[tuple[int, Any]] = []
    axis = kept = 0
    for item in items:
        if item is None:
            added.append(kept)
            kept += 1
            continue
        if isinstance(item, slice):
            if item != slice(None):
                sliced.append((axis, *_bounds(item)))
            kept += 1
        elif isinstance(item, (int, np.integer)) and not isinstance(item, bool):
            _check_bounds(int(item), axis, shape)
            sliced.append((axis, int(item), int(item) + 1 if item != -1 else _FAR, 1))
            dropped.append(axis)
        else:
            gathered.append((axis - len(dropped), item))
            kept += 1
        axis += 1
    if len(gathered) > 1:
        raise OpError("only one index tensor is supported: use op.GatherND for more")
    return _steps(sliced, dropped, gathered, added)


def _steps(
    sliced: list[tuple[int, Any, Any, int]],
    dropped: list[int],
    gathered: list[tuple[int, Any]],
    added: list[int],
) -> list[Step]:
    steps: list[Step] = []
    if sliced:
        axes, starts, ends, strides = (list(c) for c in zip(*sliced, strict=True))
        steps.append(("Slice", (starts, ends, axes, strides), {}))
    if dropped:
        steps.append(("Squeeze", (dropped,), {}))
    steps += [("Gather", (item,), {"axis": axis}) for axis, item in gathered]
    if added:
        steps.append(("Unsqueeze", (added,), {}))
    return steps


def _expanded(items: tuple[Any, ...], rank: int) -> tuple[Any, ...]:
    """``items`` with the ellipsis written out and one entry per axis."""
    for item in items:
        _check_kind(item)
    used = sum(item is not None and item is not Ellipsis for item in items)
    if used > rank:
        raise OpError(f"{used} indices for a tensor of rank {rank}")
    fill = (slice(None),) * (rank - used)
    for i, item in enumerate(items):
        if item is Ellipsis:
            return items[:i] + fill + items[i + 1 :]
    return items + fill


def _check_kind(item: Any) -> None:
    if item is None or item is Ellipsis or isinstance(item, (slice, int, np.integer)):
        if not isinstance(item, bool):
            return
        raise OpError("boolean indices are not supported: use op.Where or op.Compress")
    dtype = getattr(item, "dtype", None)
    kind = np.asarray(item).dtype if dtype is None else np.dtype(dtype)
    if kind.kind == "b":
        raise OpError("boolean indices are not supported: use op.Where or op.Compress")
    if kind.kind not in "iu":
        raise OpError(f"a {type(item).__name__} of {kind.name} is no index; expected integers, "
                      "slices, ... or None")  # fmt: skip


def _check_bounds(item: int, axis: int, shape: Shape) -> None:
    size = shape[axis]
    if isinstance(size, int) and not -size <= item < size:
        raise OpError(f"index {item} is out of bounds for axis {axis} with size {size}")


def _bounds(item: slice) -> tuple[Any, Any, int]:
    step = 1 if item.step is None else int(item.step)
    if step == 0:
        raise OpError("a slice step cannot be 0")
    start = item.start if item.start is not None else (0 if step > 0 else _FAR)
    stop = item.stop if item.stop is not None else (_FAR if step > 0 else -_FAR)
    return _bound(start), _bound(stop), step


def _bound(place: Any) -> Any:
    """A number, or a scalar tensor as it is: ``table[:length]``."""
    return place if hasattr(place, "dtype") and not isinstance(place, np.generic) else int(place)
