"""The rule for Einsum: any number of operands, diagonals, ellipses, letters that stand alone."""

from __future__ import annotations

import itertools
import string
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...errors import GradientError
from .. import op
from ..autodiff import unbroadcast, vjp
from ..ir import Dim, Tensor, TensorType, constant, retyped
from .common import expand_like, mask, shape_of


class Operand(NamedTuple):
    """A tensor, one letter for each axis, and the axes of size 1 that were taken out of it."""

    tensor: Tensor
    term: str
    stretched: tuple[int, ...] = ()


@vjp("Einsum")
def einsum(dy: Tensor, y: Tensor, *xs: Tensor, equation: str) -> Any:
    """The product of ``dy`` and the other operands, summed to the letters of this one.

    Raises ``GradientError`` where the equation is none of the standard's.
    """
    terms, out = _letters(equation, xs)
    operands = _narrowed([Operand(x, t) for x, t in zip(xs, terms, strict=True)])
    return tuple(_gradient(Operand(dy, out), operands, k) for k in range(len(xs)))


def _gradient(dy: Operand, operands: Sequence[Operand], k: int) -> Tensor:
    """The gradient of operand ``k``."""
    x, term, narrowed = operands[k]
    factors = [dy, *(o for i, o in enumerate(operands) if i != k)]
    kept = [c for c in dict.fromkeys(term) if any(c in f.term for f in factors)]
    dx = _product(factors, "".join(kept))
    axes = [term.index(letter) for letter in kept]
    unsure = any(a is None or a != x.shape[i] for i, a in zip(axes, dx.shape, strict=True))
    missing = [i for i in range(len(term)) if i not in axes]
    if missing:  # letters summed away alone, and the second and later places of repeated ones
        dx = op.Unsqueeze(dx, missing)
    for letter in dict.fromkeys(term):
        places = [i for i, other in enumerate(term) if other == letter]
        for first, second in itertools.pairwise(places):
            dx = dx * _diagonal(x, first, second)
    dx = expand_like(unbroadcast(dx, x) if unsure else dx, x)
    return op.Unsqueeze(dx, narrowed) if narrowed else dx


def _product(factors: Sequence[Operand], kept: str) -> Tensor:
    first = factors[0]
    if len(factors) == 1:
        order = [first.term.index(letter) for letter in kept]
        return first.tensor if order == sorted(order) else op.Transpose(first.tensor, perm=order)
    left = ",".join(f.term for f in factors)
    dx = op.Einsum(*(f.tensor for f in factors), equation=f"{left}->{kept}")
    return retyped(dx, TensorType(dx.dtype, tuple(_size(letter, factors) for letter in kept)))


def _diagonal(x: Tensor, first: int, second: int) -> Tensor:
    """Ones where the indices of two axes of equal size agree, to be multiplied with ``x``."""
    size = x.shape[first] if isinstance(x.shape[first], int) else x.shape[second]
    shape = [1] * x.ndim
    if isinstance(size, int) and size <= 16:
        shape[first] = shape[second] = size
        return constant(np.eye(size).reshape(shape), x.dtype)
    index = op.Range(0, shape_of(x)[first], 1)
    rows = op.Unsqueeze(index, [i for i in range(x.ndim) if i != first])
    columns = op.Unsqueeze(index, [i for i in range(x.ndim) if i != second])
    return mask(op.Equal(rows, columns), x)


def _letters(equation: str, xs: Sequence[Tensor]) -> tuple[list[str], str]:
    """The terms and the result, with the letters of an ellipsis and of an implicit result written."""
    left, arrow, out = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(xs):
        raise GradientError(f"Einsum: {equation!r} has not one term for each of {len(xs)} operands")
    letters = left.replace(",", "").replace(".", "")
    free = [c for c in string.ascii_letters if c not in letters + out]
    widths = [x.ndim - len(t) + 3 if "..." in t else 0 for t, x in zip(terms, xs, strict=True)]
    width = max(widths)
    if width > len(free):
        raise GradientError(f"Einsum: {equation!r} needs more letters than there are")
    hidden = "".join(free[:width])
    terms = [t.replace("...", hidden[width - w :]) for t, w in zip(terms, widths, strict=True)]
    if not arrow:
        out = "..." + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    out = out.replace("...", hidden)
    if len(set(out)) < len(out):
        raise GradientError(f"Einsum: the result of {equation!r} has a letter twice")
    return terms, out


def _narrowed(operands: Sequence[Operand]) -> list[Operand]:
    """The operands without axes of size 1 that another operand stretches.

    The standard has that in an ellipsis; onnxruntime and NumPy do it for letters as well.
    """
    wide = {c for o in operands for c, d in zip(o.term, o.tensor.shape, strict=True) if d != 1}
    result = []
    for x, term, _ in operands:
        axes = [i for i, c in enumerate(term) if x.shape[i] == 1 and c in wide]
        rest = "".join(c for i, c in enumerate(term) if i not in axes)
        result.append(Operand(op.Squeeze(x, axes) if axes else x, rest, tuple(axes)))
    return result


def _size(letter: str, factors: Sequence[Operand]) -> Dim:
    """The size that a letter takes from ``factors``, or None where they might differ."""
    found = {d for f in factors for c, d in zip(f.term, f.tensor.shape, strict=True) if c == letter}
    numbers = [d for d in found if isinstance(d, int) and d != 1]
    return numbers[0] if numbers else found.pop() if len(found) == 1 else None
