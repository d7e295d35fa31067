"""``InputSpec``: what a layer demands of its inputs, checked before each call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import ShapeError
from .. import dtypes, tree
from ..ir import Tensor
from .arguments import public_shape

__all__ = ["InputSpec"]


class InputSpec:
    """Rank, shape, dtype that a layer's input must have; None where anything goes.

    Args:
        axes: sizes by axis number, {-1: 64}.
        allow_last_axis_squeeze: a last axis of size 1 may be there or not.
        optional: whether None may be given.
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Sequence[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = dtypes.as_dtype(dtype) if dtype is not None else None
        self.shape = tuple(shape) if shape is not None else None
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = {int(k): v for k, v in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name, self.optional = name, optional

    def problem(self, x: Tensor) -> str | None:
        """What is wrong with ``x``; None if it fits."""
        found = public_shape(x.shape)
        rank = len(found)
        if self.ndim is not None and not self.allow_last_axis_squeeze and rank != self.ndim:
            return f"{self.ndim} axes"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"at most {self.max_ndim} axes"
        if self.min_ndim is not None and rank < self.min_ndim:
            return f"at least {self.min_ndim} axes"
        if self.dtype is not None and x.dtype != self.dtype:
            return f"dtype {self.dtype.name}"
        for axis, size in self.axes.items():
            if size is not None and found[axis] not in (size, None):
                return f"size {size} along axis {axis}"
        return self._unlike(found)

    def _unlike(self, found: tuple[int | None, ...]) -> str | None:
        if self.shape is None:
            return None
        wanted = self.shape
        if self.allow_last_axis_squeeze:
            found = found[:-1] if found and found[-1] == 1 else found
            wanted = wanted[:-1] if wanted and wanted[-1] == 1 else wanted
        same = len(found) == len(wanted) and all(
            a is None or b is None or a == b for a, b in zip(found, wanted, strict=False)
        )
        return None if same else f"shape {self.shape}"

    def __repr__(self) -> str:
        facts = {k: v for k, v in vars(self).items() if v not in (None, {}, False)}
        return f"InputSpec({', '.join(f'{k}={v}' for k, v in facts.items())})"


def check(owner: str, spec: Any, inputs: Any) -> None:
    """Raises ``ShapeError`` where ``inputs`` is not what ``spec`` (one, or nested ones) says."""
    specs = tree.leaves(spec)
    if isinstance(spec, Mapping) and isinstance(inputs, Mapping):
        inputs = [inputs.get(k) for k in spec]
    given = tree.leaves(inputs)
    if len(given) != len(specs):
        raise ShapeError(f"layer {owner!r} takes {len(specs)} inputs; got {len(given)} tensors")
    for i, (wanted, x) in enumerate(zip(specs, given, strict=True)):
        if wanted is None or (x is None and wanted.optional) or not isinstance(x, Tensor):
            continue
        problem = wanted.problem(x)
        if problem is not None:
            which = f"input {wanted.name or i}" if len(specs) > 1 else "an input"
            raise ShapeError(f"layer {owner!r} takes {which} with {problem}; got {x.type}")
