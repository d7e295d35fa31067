"""Splitting, stacking and rearranging."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError
from .. import op
from ..casting import as_type, boolean, pair
from ..dtypes import INT64
from ..ir import Like, Tensor, convert
from .control import map as mapped
from .shapes import concatenate, split


def array_split(x: Like, indices_or_sections: int, axis: int = 0) -> list[Tensor]:
    """Parts along ``axis`` of nearly equal size, the first ones larger."""
    t = convert(x)
    size = t.shape[axis]
    if not isinstance(indices_or_sections, int) or indices_or_sections < 1:
        raise ArgumentError(f"array_split({indices_or_sections!r}): expected a number above 0")
    if not isinstance(size, int):
        raise ShapeError(f"array_split needs a known size of axis {axis}; got {t.type}")
    bounds = np.cumsum([0] + [len(p) for p in np.array_split(np.arange(size), indices_or_sections)])
    return [op.Slice(t, [int(a)], [int(b)], [axis]) for a, b in itertools.pairwise(bounds)]


def hsplit(x: Like, indices_or_sections: Any) -> list[Tensor]:
    """``split`` along the second axis (the first of vectors)."""
    return split(x, indices_or_sections, 0 if convert(x).ndim == 1 else 1)


def vsplit(x: Like, indices_or_sections: Any) -> list[Tensor]:
    """``split`` along the first axis."""
    return split(x, indices_or_sections, 0)


def dsplit(x: Like, indices_or_sections: Any) -> list[Tensor]:
    """``split`` along the third axis."""
    return split(x, indices_or_sections, 2)


def dstack(xs: Sequence[Like]) -> Tensor:
    """Tensors one behind the other along the third axis, which vectors and matrices get."""
    found = []
    for x in xs:
        t = convert(x)
        t = op.Reshape(t, [1, -1]) if t.ndim < 2 else t
        found.append(op.Unsqueeze(t, [2]) if t.ndim == 2 else t)
    return concatenate(found, 2)


def column_stack(xs: Sequence[Like]) -> Tensor:
    """Vectors as the columns of a matrix; matrices side by side."""
    tensors = [convert(x) for x in xs]
    return concatenate([op.Reshape(t, [-1, 1]) if t.ndim < 2 else t for t in tensors], 1)


def get_item(x: Like, key: Any) -> Tensor:
    """``x[key]``."""
    return convert(x)[key]


def select(condlist: Sequence[Like], choicelist: Sequence[Like], default: Like = 0) -> Tensor:
    """The choice whose condition holds first, else ``default``."""
    if len(condlist) != len(choicelist) or not condlist:
        raise ArgumentError(
            f"select takes as many conditions as choices; got {len(condlist)} and {len(choicelist)}"
        )
    found: Like = default
    for condition, choice in reversed([*zip(condlist, choicelist, strict=True)]):
        found = op.Where(boolean(condition), *pair(choice, found))
    return convert(found)


def unravel_index(indices: Like, shape: Sequence[int]) -> tuple[Tensor, ...]:
    """The numbers along each axis for numbers of elements of a flat tensor."""
    rest = convert(indices)
    found = []
    for size in reversed([int(s) for s in shape]):
        found.append(op.Mod(rest, size))
        rest = op.Div(op.Sub(rest, found[-1]), size)
    return tuple(reversed(found))


def argpartition(x: Like, kth: int, axis: int | None = -1) -> Tensor:
    """Indices that put the element that sorting would at ``kth``, smaller ones before it (int32)."""
    t = op.Reshape(x, [-1]) if axis is None else convert(x)
    along = 0 if axis is None else axis % t.ndim
    size = t.shape[along]
    if isinstance(size, int) and not -size <= kth < size:
        raise ArgumentError(f"argpartition(kth={kth}) of {t.type}: out of bounds")
    _, places = op.TopK(
        t, op.Shape(t, start=along, end=along + 1), axis=along, largest=0, outputs=2
    )
    return op.Cast(places, to="int32")


def unique(
    x: Like, sorted: bool = True, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: int | None = None, size: int | None = None,
    fill_value: Any = None,
) -> Any:  # fmt: skip
    """The different elements (or slices along ``axis``), in order or as they first come.

    With the flags also, in this order: where each comes first, for each element which it is, and how
    often each comes. ``size`` cuts them, or fills up with ``fill_value`` (0).
    """
    t = convert(x)
    # ONNX Runtime (1.32) has Unique for floats, doubles, int64 and int8 alone
    known = as_type(t, INT64) if t.dtype.kind in "iub" else t
    values, first, inverse, counts = op.Unique(known, axis=axis, sorted=int(sorted), outputs=4)
    values = as_type(values, t.dtype)
    along = 0 if axis is None else axis % t.ndim
    if size is not None:
        values = _sized(values, along, size, fill_value or 0)
        first, counts = _sized(first, 0, size, 0), _sized(counts, 0, size, 0)
    flags = ((first, return_index), (inverse, return_inverse), (counts, return_counts))
    found = [values, *(part for part, wanted in flags if wanted)]
    return tuple(found) if len(found) > 1 else values


def _sized(x: Tensor, axis: int, size: int, fill: Any) -> Tensor:
    """Exactly ``size`` slices along ``axis``: padded, then cut."""
    widths = [0] * (2 * x.ndim)
    widths[x.ndim + axis] = size
    return op.Slice(op.Pad(x, widths, convert(fill, x.dtype)), [0], [size], [axis])


_GROUP = re.compile(r"\([^()]*\)|\w+")


def rearrange(tensor: Like, pattern: str, **axes_lengths: int) -> Tensor:
    """Axes named, split, reordered and merged: "b (h p) c -> b h (p c)" (einops, Rogozhnikov 2022).

    One size in each parenthesis may be left out of ``axes_lengths``.
    """
    t = convert(tensor)
    left, arrow, right = pattern.partition("->")
    before = [g.strip("()").split() for g in _GROUP.findall(left)]
    after = [g.strip("()").split() for g in _GROUP.findall(right)]
    names, wanted = ([n for g in side for n in g] for side in (before, after))
    if not arrow or len(before) != t.ndim or {*names} != {*wanted}:
        raise ArgumentError(f"rearrange: {pattern!r} does not fit {t.type}")
    unknown = set(axes_lengths) - set(names)
    if unknown or len(set(names)) != len(names):
        raise ArgumentError(f"rearrange: {pattern!r} has no axes {unknown}, or one twice")
    sizes: dict[str, Any] = {}
    shape = op.Shape(t)
    for i, group in enumerate(before):
        free = [n for n in group if n not in axes_lengths]
        if len(free) > 1:
            raise ArgumentError(f"rearrange: give the size of all but one of {group}")
        known = math.prod(axes_lengths[n] for n in group if n in axes_lengths)
        full = t.shape[i]
        if isinstance(full, int) and (full % known if free else full != known):
            raise ShapeError(f"rearrange: {group} with sizes {axes_lengths} do not fit {t.type}")
        sizes |= {n: axes_lengths[n] for n in group if n in axes_lengths}
        for n in free:
            sizes[n] = full // known if isinstance(full, int) else op.Div(shape[i : i + 1], known)
    t = op.Reshape(t, _dims([sizes[n] for n in names]))
    t = op.Transpose(t, perm=[names.index(n) for n in wanted])
    return op.Reshape(t, _dims([_product([sizes[n] for n in g]) for g in after]))


def _product(sizes: Sequence[Any]) -> Any:
    known = math.prod(s for s in sizes if isinstance(s, int))
    found: Any = known
    for s in sizes:
        found = found if isinstance(s, int) else op.Mul(s, found)
    return found


def _dims(sizes: Sequence[Any]) -> Any:
    if sum(not isinstance(s, int) for s in sizes) <= 1:
        return [s if isinstance(s, int) else -1 for s in sizes]
    return op.Concat(*[[s] if isinstance(s, int) else s for s in sizes], axis=0)


def vectorize(
    pyfunc: Callable[..., Any], *, excluded: Any = None, signature: str | None = None
) -> Callable[..., Any]:
    """A function of arrays, of one of scalars: arguments broadcast, one call after the other.

    ``signature``, as "(m,n),(n)->(m)", says how many axes an argument of ``pyfunc`` has. ``excluded``
    are positions of arguments that are handed over as they are.
    """
    left_out = set(excluded or ())
    if not all(isinstance(e, int) for e in left_out):
        raise NotImplementedError("vectorize excludes positions, not names of arguments")
    ranks = _core_ranks(signature)

    def vectorized(*args: Any) -> Any:
        places = [i for i in range(len(args)) if i not in left_out]
        tensors = [convert(args[i]) for i in places]
        inner = ranks if ranks is not None else [0] * len(tensors)
        if len(inner) != len(tensors):
            raise ArgumentError(f"vectorize: {signature!r} for {len(tensors)} arguments")
        lead = max((t.ndim - r for t, r in zip(tensors, inner, strict=True)), default=0)
        loop = _broadcast_lead(tensors, inner, lead)
        flat = [_flattened(t, r, lead, loop) for t, r in zip(tensors, inner, strict=True)]

        def one(xs: list[Tensor]) -> Any:
            given = dict(zip(places, xs, strict=True))
            return pyfunc(*(given.get(i, a) for i, a in enumerate(args)))

        return _unflattened(mapped(one, flat), loop)

    return vectorized


def _core_ranks(signature: str | None) -> list[int] | None:
    if signature is None:
        return None
    left, arrow, _ = signature.partition("->")
    groups = re.findall(r"\(([^()]*)\)", left)
    if not arrow or not groups:
        raise ArgumentError(f"vectorize(signature={signature!r}): expected one like '(n),(n)->()'")
    return [len([n for n in g.split(",") if n.strip()]) for g in groups]


def _broadcast_lead(tensors: Sequence[Tensor], inner: Sequence[int], lead: int) -> Tensor:
    """The shape that the axes before the inner ones have together."""
    total: Tensor | None = None
    for t, r in zip(tensors, inner, strict=True):
        own = op.Shape(t, start=0, end=t.ndim - r)
        ones = op.Concat([1] * (lead - (t.ndim - r)), own, axis=0) if t.ndim - r < lead else own
        total = ones if total is None else op.Max(total, ones)
    if total is None:
        raise ArgumentError("vectorize: there is no argument to go through")
    return total


def _flattened(t: Tensor, rank: int, lead: int, loop: Tensor) -> Tensor:
    core = op.Shape(t, start=t.ndim - rank) if rank else None
    missing = lead - (t.ndim - rank)
    t = op.Unsqueeze(t, [*range(missing)]) if missing else t
    full = loop if core is None else op.Concat(loop, core, axis=0)
    t = op.Expand(t, full)
    return op.Reshape(t, [-1] if core is None else op.Concat([-1], core, axis=0))


def _unflattened(found: Any, loop: Tensor) -> Any:
    if isinstance(found, (list, tuple)):
        return type(found)(_unflattened(f, loop) for f in found)
    rest = op.Shape(found, start=1) if found.ndim > 1 else None
    return op.Reshape(found, loop if rest is None else op.Concat(loop, rest, axis=0))


__all__ = [
    "argpartition", "array_split", "column_stack", "dsplit", "dstack", "get_item", "hsplit",
    "rearrange", "select", "unique", "unravel_index", "vectorize", "vsplit",
]  # fmt: skip
