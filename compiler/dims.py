"""Names for dims that are not known: equal names are equal sizes.

ONNX's inference forgets a dynamic size at the first convolution, Concat or Slice. Here it gets a name:
what is computed from sizes is named by its formula, so that two branches of a network that shrink an
image alike are known to give the same; what depends on data gets a name of its own ("?7"). A gradient
then need not look while it runs whether something was broadcast.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any

from .dtypes import Dim, Shape, TensorType
from .schema import Attributes, Literal

_counter = itertools.count(1)
_OFFSET = re.compile(r"^(.*?)([+-]\d+)$")
_PLAIN = re.compile(r"^\w+$")


def fresh() -> str:
    """A name for a size that nothing is known of."""
    return f"?{next(_counter)}"


def is_anonymous(dim: Dim) -> bool:
    """Whether a dim has a name that says nothing outside of this process."""
    return dim is None or (isinstance(dim, str) and "?" in dim)


def compatible(a: Shape, b: Shape) -> bool:
    """Whether two shapes can be one: the same rank, and no axis with two different numbers."""
    return len(a) == len(b) and all(
        p == q or not isinstance(p, int) or not isinstance(q, int)
        for p, q in zip(a, b, strict=True)
    )


def written(shape: Shape) -> list[Dim]:
    """A shape as files show it: without names that say nothing, or too much."""
    return [None if is_anonymous(d) or len(str(d)) > 32 else d for d in shape]


def named(kind: TensorType) -> TensorType:
    """The type with a name for each unknown dim."""
    if None not in kind.shape:
        return kind
    return TensorType(kind.dtype, tuple(fresh() if d is None else d for d in kind.shape))


def completed(
    op: str,
    inputs: Sequence[TensorType | None],
    attrs: Attributes,
    values: Sequence[Literal | None],
    found: tuple[TensorType, ...],
) -> tuple[TensorType, ...]:
    """Inferred types with each unknown dim named: by its formula, or freshly."""
    if all(None not in kind.shape for kind in found):
        return found
    formula = _FORMULAS.get(op)
    x = inputs[0] if inputs else None
    if formula is not None and x is not None and len(x.shape) == len(found[0].shape):
        guess = formula(inputs, dict(attrs), values)
        if guess is not None:
            first = TensorType(found[0].dtype, tuple(
                g if d is None else d for d, g in zip(found[0].shape, guess, strict=True)
            ))  # fmt: skip
            found = (first, *found[1:])
            if len(found) > 1 and len(found[1].shape) == len(guess) and op == "MaxPool":
                found = (first, TensorType(found[1].dtype, first.shape), *found[2:])
    return tuple(named(kind) for kind in found)


def plus(dim: Dim, offset: int) -> Dim:
    """``dim + offset``."""
    if dim is None or isinstance(dim, int):
        return None if dim is None else dim + offset
    base = dim
    match = _OFFSET.match(dim)
    if match is not None and match.group(1):
        base, offset = match.group(1), offset + int(match.group(2))
    return base if offset == 0 else f"{base}{offset:+d}"


def _wrapped(dim: str) -> str:
    return dim if _PLAIN.match(dim) or (dim.startswith("?") and dim[1:].isdigit()) else f"({dim})"


def _divided(dim: Dim, divisor: int, up: bool) -> Dim:
    """``dim / divisor``, rounded down (or up)."""
    if divisor == 1 or dim is None:
        return dim
    if isinstance(dim, int):
        return -(-dim // divisor) if up else dim // divisor
    return f"({'ceil' if up else 'floor'}({_wrapped(dim)}/{divisor}))"


def _windows(
    inputs: Sequence[TensorType | None], attrs: dict[str, Any], values: Sequence[Literal | None]
) -> Shape | None:
    """Conv and pooling: how often a window fits."""
    x = inputs[0]
    kernel = attrs.get("kernel_shape")
    if kernel is None:
        weight = inputs[1] if len(inputs) > 1 else None
        kernel = weight.shape[2:] if weight is not None else None
    if x is None or kernel is None:
        return None
    rank = len(x.shape) - 2
    strides, dilations = attrs.get("strides") or (1,) * rank, attrs.get("dilations") or (1,) * rank
    pads, mode = attrs.get("pads") or (0,) * 2 * rank, attrs.get("auto_pad", "NOTSET")
    dims: list[Dim] = []
    for i, (d, k, s) in enumerate(zip(x.shape[2:], kernel, strides, strict=True)):
        if mode in ("SAME_UPPER", "SAME_LOWER"):
            dims.append(_divided(d, s, True))
            continue
        if not isinstance(k, int):
            dims.append(None)
            continue
        total = pads[i] + pads[i + rank] if mode == "NOTSET" else 0
        room = plus(d, total - dilations[i] * (k - 1) - 1)
        dims.append(plus(_divided(room, s, bool(attrs.get("ceil_mode"))), 1))
    return (None, None, *dims)


def _transposed_windows(
    inputs: Sequence[TensorType | None], attrs: dict[str, Any], values: Sequence[Literal | None]
) -> Shape | None:
    """ConvTranspose with explicit pads."""
    x, weight = inputs[:2]
    if x is None or weight is None or attrs.get("output_shape") or "auto_pad" in attrs:
        return None
    rank = len(x.shape) - 2
    kernel = attrs.get("kernel_shape") or weight.shape[2:]
    strides, dilations = attrs.get("strides") or (1,) * rank, attrs.get("dilations") or (1,) * rank
    pads, extra = attrs.get("pads") or (0,) * 2 * rank, attrs.get("output_padding") or (0,) * rank
    dims: list[Dim] = []
    for i, (d, k, s) in enumerate(zip(x.shape[2:], kernel, strides, strict=True)):
        if not isinstance(k, int) or not isinstance(d, str):
            dims.append(None)
            continue
        base: Dim = d if s == 1 else f"({s}*{_wrapped(d)})"
        dims.append(
            plus(base, dilations[i] * (k - 1) + 1 - s + extra[i] - pads[i] - pads[i + rank])
        )
    return (None, None, *dims)


def _joined(
    inputs: Sequence[TensorType | None], attrs: dict[str, Any], values: Sequence[Literal | None]
) -> Shape | None:
    """Concat: the sum of the sizes."""
    kinds = [x for x in inputs if x is not None]
    axis = int(attrs["axis"]) % len(kinds[0].shape)
    sizes = [k.shape[axis] for k in kinds]
    symbols = sorted(str(d) for d in sizes if not isinstance(d, int))
    shape: list[Dim] = [None] * len(kinds[0].shape)
    base = symbols[0] if len(symbols) == 1 else f"({'+'.join(map(_wrapped, symbols))})"
    shape[axis] = plus(base, sum(d for d in sizes if isinstance(d, int))) if symbols else None
    return tuple(shape)


def _padded(
    inputs: Sequence[TensorType | None], attrs: dict[str, Any], values: Sequence[Literal | None]
) -> Shape | None:
    """Pad by known numbers."""
    x, pads = inputs[0], values[1] if len(values) > 1 else None
    axes = values[3] if len(values) > 3 else None
    if x is None or pads is None or (len(inputs) > 3 and inputs[3] is not None and axes is None):
        return None
    rank = len(x.shape)
    places = range(rank) if axes is None else [int(a) % rank for a in axes.array.tolist()]
    numbers = pads.array.tolist()
    shape = [*x.shape]
    for i, axis in enumerate(places):
        shape[axis] = plus(shape[axis], int(numbers[i] + numbers[i + len(numbers) // 2]))
    return tuple(shape)


def _sliced(
    inputs: Sequence[TensorType | None], attrs: dict[str, Any], values: Sequence[Literal | None]
) -> Shape | None:
    """Slice by known numbers: the size is a function of the size before."""
    x = inputs[0]
    if x is None:
        return None
    if any(v is None and k is not None for v, k in zip(values[1:], inputs[1:], strict=True)):
        axes = values[3] if len(values) > 3 else None
        cut = range(len(x.shape)) if axes is None else [*axes.array % len(x.shape)]
        return tuple(None if i in cut else d for i, d in enumerate(x.shape))
    starts, ends, axes, steps = (
        values[i].array.tolist() if i < len(values) and values[i] is not None else None  # type: ignore[union-attr]
        for i in range(1, 5)
    )
    shape = [*x.shape]
    for i, (start, end) in enumerate(zip(starts or (), ends or (), strict=True)):
        axis = i if axes is None else int(axes[i]) % len(shape)
        step = 1 if steps is None else int(steps[i])
        if isinstance(shape[axis], str):
            everything = step == 1 and start == 0 and end >= 1 << 31
            shape[axis] = (
                shape[axis] if everything else f"slice({shape[axis]},{start},{end},{step})"
            )
    return tuple(shape)


def _resized(
    inputs: Sequence[TensorType | None], attrs: dict[str, Any], values: Sequence[Literal | None]
) -> Shape | None:
    """Resize by known scales."""
    x, scales = inputs[0], values[2] if len(values) > 2 else None
    if x is None or scales is None or not scales.array.size:
        return None
    places = attrs.get("axes") or range(len(x.shape))
    shape = [*x.shape]
    for axis, scale in zip(places, scales.array.tolist(), strict=True):
        d = shape[axis]
        if isinstance(d, str) and scale != 1:
            whole = scale == int(scale)
            shape[axis] = (
                f"({int(scale)}*{_wrapped(d)})" if whole else f"(floor({scale}*{_wrapped(d)}))"
            )
    return tuple(shape)


_FORMULAS: dict[str, Callable[..., Shape | None]] = {
    "AveragePool": _windows,
    "Concat": _joined,
    "Conv": _windows,
    "ConvTranspose": _transposed_windows,
    "LpPool": _windows,
    "MaxPool": _windows,
    "Pad": _padded,
    "Resize": _resized,
    "Slice": _sliced,
}
