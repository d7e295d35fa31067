"""Layers that make one tensor of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from ...errors import ArgumentError, ShapeError
from .. import dtypes, op
from ..ir import Tensor, constant
from ..ops.normalization import normalize
from .base import Layer

__all__ = [
    "Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract", "add",
    "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract",
]  # fmt: skip


class Merge(Layer):
    """Base of the layers that take a list of tensors, whose shapes broadcast.

    Tensors of fewer axes get axes of size 1 behind the batch. Where all inputs have masks, the
    output's is where any of them is True.
    """

    least = 1  # how many tensors it takes
    most: int | None = None
    same_rank = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = self.built = True

    def call(self, inputs: Any) -> Tensor:
        count = len(inputs) if isinstance(inputs, (list, tuple)) else 0
        if count < self.least or (self.most is not None and count > self.most):
            raise ArgumentError(
                f"layer {self.name!r} merges a list of {'two ' if self.most else ''}tensors; got "
                + (f"{count}" if count else f"a {type(inputs).__name__}")
            )
        alike = _of_one_type(inputs)
        return self.merge(alike if self.same_rank else _of_one_rank(alike))

    def merge(self, inputs: list[Tensor]) -> Tensor:
        """Combine the tensors. Subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} must define merge(self, inputs)")

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Where any of the masks is True; None unless all inputs have one."""
        if previous_mask is None or any(m is None for m in previous_mask):
            return None
        return reduce(op.Or, previous_mask)


def _of_one_type(inputs: Sequence[Tensor]) -> list[Tensor]:
    """Integers beside floats become floats, as in ``wh.ops``."""
    kind = reduce(dtypes.common, (x.dtype for x in inputs))
    return [x if x.dtype == kind else op.Cast(x, to=kind).with_mask(x.mask) for x in inputs]


def _of_one_rank(inputs: Sequence[Tensor]) -> list[Tensor]:
    rank = max(x.ndim for x in inputs)
    return [
        op.Unsqueeze(x, [*range(1, 1 + rank - x.ndim)]).with_mask(x.mask) if x.ndim < rank else x
        for x in inputs
    ]


def _wide(mask: Tensor, x: Tensor) -> Tensor:
    """A mask with the axes of ``x``, of size 1 where it lacks them."""
    return op.Unsqueeze(mask, [*range(mask.ndim, x.ndim)]) if mask.ndim < x.ndim else mask


class Add(Merge):
    """The sum."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return reduce(op.Add, inputs)


class Subtract(Merge):
    """The first of two tensors less the second."""

    least = most = 2

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return inputs[0] - inputs[1]


class Multiply(Merge):
    """The product; what an input's mask hides counts as 1, and as 0 where all hide it."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        product = reduce(op.Mul, [self._visible(x) for x in inputs])
        masks = [x.mask for x in inputs if x.mask is not None]
        if len(masks) < len(inputs):
            return product
        anywhere = _wide(reduce(op.Or, masks), product)
        result: Tensor = op.Where(anywhere, product, constant(0, product.dtype))
        return result

    def _visible(self, x: Tensor) -> Tensor:
        if x.mask is None:
            return x
        result: Tensor = op.Where(_wide(x.mask, x), x, constant(1, x.dtype))
        return result


class Average(Merge):
    """The mean."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return reduce(op.Add, inputs) / len(inputs)


class _Extreme(Merge):
    """Base of Maximum and Minimum. What an input's mask hides does not take part."""

    _op: Callable[..., Any]

    def merge(self, inputs: list[Tensor]) -> Tensor:
        chosen = type(self)._op
        if all(x.mask is None for x in inputs):
            return chosen(*inputs)  # type: ignore[no-any-return]
        result, kept = inputs[0], inputs[0].mask
        for x in inputs[1:]:
            shown = x if x.mask is None else op.Where(_wide(x.mask, x), x, result)
            before = result if kept is None else op.Where(_wide(kept, result), result, shown)
            kept = None if x.mask is None or kept is None else op.Or(kept, x.mask)
            result = chosen(before, shown)
        return result


class Maximum(_Extreme):
    """The largest, element by element."""

    _op = staticmethod(op.Max)


class Minimum(_Extreme):
    """The smallest, element by element."""

    _op = staticmethod(op.Min)


class Concatenate(Merge):
    """Tensors of one rank put one behind the other along ``axis``."""

    same_rank = True

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def merge(self, inputs: list[Tensor]) -> Tensor:
        ranks = {x.ndim for x in inputs}
        if len(ranks) > 1:
            raise ShapeError(
                f"layer {self.name!r} concatenates tensors of one rank; got "
                + ", ".join(str(x.type) for x in inputs)
            )
        result: Tensor = op.Concat(*inputs, axis=self.axis)
        return result

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The masks put together likewise; along the last axis, where any of them is True."""
        if previous_mask is None or all(m is None for m in previous_mask):
            return None
        parts = [_steps(x, m) for x, m in zip(inputs, previous_mask, strict=True)]
        axis = self.axis % inputs[0].ndim
        if axis == inputs[0].ndim - 1:
            return reduce(op.Or, parts)
        wide = op.Concat(*(op.Cast(p, to="int32") for p in parts), axis=axis)
        return op.Cast(wide, to=bool)


def _steps(x: Tensor, mask: Tensor | None) -> Tensor:
    """A mask of all axes of ``x`` but the last; True where ``x`` has none."""
    if mask is not None and mask.ndim == x.ndim:
        return op.Cast(op.ReduceMax(op.Cast(mask, to="int32"), [-1], keepdims=0), to=bool)
    kept = constant(True) if mask is None else mask
    if 0 < kept.ndim < x.ndim - 1:
        kept = op.Unsqueeze(kept, [*range(kept.ndim, x.ndim - 1)])
    elif kept.ndim == x.ndim - 1:
        return kept
    result: Tensor = op.Expand(kept, op.Slice(op.Shape(x), [0], [x.ndim - 1]))
    return result


class Dot(Merge):
    """For each example the products of two tensors summed along ``axes``.

    Args:
        axes: the axis (from 1 on) of both, or one of each; sizes must agree.
        normalize: divide by the norms along the axes first: the cosine.
    """

    least = most = 2
    same_rank = True

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        both = (axes, axes) if isinstance(axes, int) else tuple(axes)
        if len(both) != 2 or not all(isinstance(a, int) for a in both):
            raise ArgumentError(f"Dot(axes={axes!r}): expected a number, or two of them")
        self.axes, self.normalize = axes, normalize
        self._both = both

    def merge(self, inputs: list[Tensor]) -> Tensor:
        axes = [a % x.ndim for a, x in zip(self._both, inputs, strict=True)]
        if self.normalize:
            inputs = [normalize(x, a) for x, a in zip(inputs, axes, strict=True)]
        return _batch_dot(self.name, inputs[0], inputs[1], axes)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: the axes that a mask is for may be gone."""
        return None


def _batch_dot(owner: str, x: Tensor, y: Tensor, axes: Sequence[int]) -> Tensor:
    """The axes of ``x`` without the one summed over, then those of ``y`` without it and the batch."""
    sizes = x.shape[axes[0]], y.shape[axes[1]]
    if min(axes) < 1:
        raise ArgumentError(f"layer {owner!r} cannot sum over axis 0, the batch; axes are {axes}")
    if all(isinstance(d, int) for d in sizes) and sizes[0] != sizes[1]:
        raise ShapeError(
            f"layer {owner!r} sums over axis {axes[0]} of {x.type} and axis {axes[1]} of {y.type}, "
            "which have different sizes"
        )
    if x.ndim == y.ndim == 2:
        return op.ReduceSum(x * y, [1], keepdims=1)
    if max(x.ndim, y.ndim) > 3:
        left = "".join(chr(98 + i) for i in range(x.ndim - 1))
        right = "".join(chr(110 + i) for i in range(y.ndim - 1))
        right = right[: axes[1] - 1] + left[axes[0] - 1] + right[axes[1] :]
        kept = [c for c in left + right if c != left[axes[0] - 1]]
        return op.Einsum(x, y, equation=f"a{left},a{right}->a{''.join(kept)}")
    rows = op.Unsqueeze(x, [1]) if x.ndim == 2 else x
    columns = op.Unsqueeze(y, [2]) if y.ndim == 2 else y
    if x.ndim == 3 and axes[0] == 1:
        rows = op.Transpose(rows, perm=(0, 2, 1))
    if y.ndim == 3 and axes[1] == 2:
        columns = op.Transpose(columns, perm=(0, 2, 1))
    product = op.MatMul(rows, columns)
    if min(x.ndim, y.ndim) == 3:
        return product
    return op.Squeeze(product, [1 if x.ndim == 2 else 2])


def add(inputs: list[Tensor], **kwargs: Any) -> Tensor:
    """``Add`` as a function."""
    return Add(**kwargs)(inputs)  # type: ignore[no-any-return]


def subtract(inputs: list[Tensor], **kwargs: Any) -> Tensor:
    """``Subtract`` as a function."""
    return Subtract(**kwargs)(inputs)  # type: ignore[no-any-return]


def multiply(inputs: list[Tensor], **kwargs: Any) -> Tensor:
    """``Multiply`` as a function."""
    return Multiply(**kwargs)(inputs)  # type: ignore[no-any-return]


def average(inputs: list[Tensor], **kwargs: Any) -> Tensor:
    """``Average`` as a function."""
    return Average(**kwargs)(inputs)  # type: ignore[no-any-return]


def maximum(inputs: list[Tensor], **kwargs: Any) -> Tensor:
    """``Maximum`` as a function."""
    return Maximum(**kwargs)(inputs)  # type: ignore[no-any-return]


def minimum(inputs: list[Tensor], **kwargs: Any) -> Tensor:
    """``Minimum`` as a function."""
    return Minimum(**kwargs)(inputs)  # type: ignore[no-any-return]


def concatenate(inputs: list[Tensor], axis: int = -1, **kwargs: Any) -> Tensor:
    """``Concatenate`` as a function."""
    return Concatenate(axis=axis, **kwargs)(inputs)  # type: ignore[no-any-return]


def dot(inputs: list[Tensor], axes: int | Sequence[int] = -1, **kwargs: Any) -> Tensor:
    """``Dot`` as a function."""
    return Dot(axes=axes, **kwargs)(inputs)  # type: ignore[no-any-return]
