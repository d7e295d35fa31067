"""How many multiply-accumulates (MACs) an operator does, as a polynomial in the sizes that stay open.

Counted are the operators that are linear algebra: convolutions, matrix products, Einsum, recurrent
layers, attention. One MAC is one multiplication and one addition; what is done once per element
(activations, normalisation, pooling) is not counted, as is the custom.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

Dim: TypeAlias = "int | str | None"
Dims: TypeAlias = "tuple[Dim, ...] | None"  # None: not even the rank is known


@dataclass(frozen=True, slots=True)
class Polynomial:
    """A sum of products of sizes: factors (sorted names) -> coefficient."""

    terms: Mapping[tuple[str, ...], int]

    @staticmethod
    def of(*dims: int | str) -> Polynomial:
        """The product of ``dims``."""
        names = tuple(sorted(d for d in dims if isinstance(d, str)))
        number = math.prod(d for d in dims if isinstance(d, int))
        return Polynomial({names: number} if number else {})

    def __add__(self, other: Polynomial) -> Polynomial:
        total = dict(self.terms)
        for names, number in other.terms.items():
            total[names] = total.get(names, 0) + number
        return Polynomial(total)

    def __mul__(self, other: Polynomial) -> Polynomial:
        total: dict[tuple[str, ...], int] = {}
        for names, number in self.terms.items():
            for more, factor in other.terms.items():
                key = tuple(sorted([*names, *more]))
                total[key] = total.get(key, 0) + number * factor
        return Polynomial(total)

    @property
    def names(self) -> set[str]:
        """The sizes that it depends on."""
        return {name for names in self.terms for name in names}

    @property
    def number(self) -> int | None:
        """Its value, None where it depends on a size."""
        return None if self.names else sum(self.terms.values())

    def at_one(self) -> int:
        """Its value where all sizes are 1: for comparing two."""
        return sum(self.terms.values())

    def __bool__(self) -> bool:
        return bool(self.terms)


NOTHING = Polynomial({})
_POINTS, _CHECK = (48, 64, 80), (57, 71)  # sizes for fitting: well above kernels, and one odd pair


def fitted(names: Sequence[str], value: Callable[[Sequence[int]], int]) -> Polynomial | None:
    """The polynomial of degree two in each of at most two sizes that ``value`` is, else None.

    For graphs in which sizes cannot be followed by name (behind a Reshape), but by number. One more
    pair of sizes is tried, so that what only looks like a polynomial (a stride) is not taken for one.
    """
    found: dict[tuple[str, ...], int] = {}
    for exponents, coefficient in _monomials(len(names), value, ()).items():
        if coefficient.denominator != 1 or coefficient < 0:
            return None
        if coefficient:
            key = [n for n, times in zip(names, exponents, strict=True) for _ in range(times)]
            found[tuple(sorted(key))] = int(coefficient)
    polynomial, sizes = Polynomial(found), dict(zip(names, _CHECK, strict=False))
    wanted = sum(c * math.prod(sizes[n] for n in key) for key, c in found.items())
    return polynomial if wanted == value([sizes[n] for n in names]) else None


def _monomials(
    count: int, value: Callable[[Sequence[int]], int], sizes: tuple[int, ...]
) -> dict[tuple[int, ...], Fraction]:
    """Exponents -> coefficient, by Newton's interpolation in one size after the other."""
    if len(sizes) == count:
        return {(): Fraction(value(sizes))}
    a, b, c = _POINTS
    parts = [_monomials(count, value, (*sizes, p)) for p in _POINTS]
    found = {}
    for key in parts[0]:
        u, v, w = (part[key] for part in parts)
        first = (v - u) / (b - a)
        second = ((w - v) / (c - b) - first) / (c - a)
        found[0, *key] = u - a * first + a * b * second
        found[1, *key] = first - (a + b) * second
        found[2, *key] = second
    return found


class UnknownShapeError(Exception):
    """A shape that the count needs is not known."""


Rule: TypeAlias = Callable[[Sequence[Dims], Sequence[Dims], Mapping[str, Any]], Polynomial]
_RULES: dict[tuple[str, str], Rule] = {}


def _counts(*ops: str, domain: str = "") -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        _RULES.update({(domain, op): rule for op in ops})
        return rule

    return register


def counted(domain: str, op: str) -> bool:
    """Whether the operator is one whose MACs are counted."""
    return (domain, op) in _RULES


def macs(
    domain: str, op: str, inputs: Sequence[Dims], outputs: Sequence[Dims], attrs: Mapping[str, Any]
) -> Polynomial:
    """The MACs of one node. Raises ``UnknownShapeError`` where a shape that it takes is not known."""
    rule = _RULES.get((domain, op))
    if rule is None:
        return NOTHING
    try:
        return rule(inputs, outputs, attrs)
    except IndexError as error:  # an operand or an axis that the node does not have
        raise UnknownShapeError from error


def _known(dims: Dims) -> tuple[int | str, ...]:
    if dims is None or any(d is None for d in dims):
        raise UnknownShapeError
    return tuple(d for d in dims if d is not None)


def _product(dims: Iterable[int | str]) -> Polynomial:
    return Polynomial.of(*dims)


# -- convolutions -----------------------------------------------------------------------------


@_counts("Conv", "DeformConv")
@_counts("FusedConv", "NhwcFusedConv", domain="com.microsoft")
def _conv(inputs: Sequence[Dims], outputs: Sequence[Dims], _: Any) -> Polynomial:
    # weights are [out, in / group, *kernel]: each output element is a sum over all but the first
    return _product(_known(outputs[0])) * _product(_known(inputs[1])[1:])


@_counts("ConvInteger")
def _conv_integer(inputs: Sequence[Dims], outputs: Sequence[Dims], _: Any) -> Polynomial:
    return _conv(inputs, outputs, _)


@_counts("QLinearConv")
def _quantized_conv(inputs: Sequence[Dims], outputs: Sequence[Dims], _: Any) -> Polynomial:
    return _product(_known(outputs[0])) * _product(_known(inputs[3])[1:])


@_counts("ConvTranspose")
def _conv_transpose(inputs: Sequence[Dims], outputs: Sequence[Dims], _: Any) -> Polynomial:
    # weights are [in, out / group, *kernel]: each input element is added to so many outputs
    return _product(_known(inputs[0])) * _product(_known(inputs[1])[1:])


# -- products ---------------------------------------------------------------------------------


@_counts("MatMul", "MatMulInteger")
def _matmul(inputs: Sequence[Dims], outputs: Sequence[Dims], _: Any) -> Polynomial:
    return _product(_known(outputs[0])) * _product(_known(inputs[0])[-1:])


@_counts("QLinearMatMul")
@_counts("MatMulNBits", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", domain="com.microsoft")
def _quantized_matmul(inputs: Sequence[Dims], outputs: Sequence[Dims], _: Any) -> Polynomial:
    return _product(_known(outputs[0])) * _product(_known(inputs[0])[-1:])


@_counts("FusedMatMul", "TransposeMatMul", domain="com.microsoft")
def _fused_matmul(
    inputs: Sequence[Dims], outputs: Sequence[Dims], attrs: Mapping[str, Any]
) -> Polynomial:
    axis = -2 if attrs.get("transA") else -1
    return _product(_known(outputs[0])) * _product([_known(inputs[0])[axis]])


@_counts("Gemm")
@_counts("FusedGemm", domain="com.microsoft")
def _gemm(inputs: Sequence[Dims], outputs: Sequence[Dims], attrs: Mapping[str, Any]) -> Polynomial:
    a = _known(inputs[0])
    return _product(_known(outputs[0])) * _product([a[0 if attrs.get("transA") else 1]])


@_counts("Einsum")
def _einsum(inputs: Sequence[Dims], _: Any, attrs: Mapping[str, Any]) -> Polynomial:
    """Two operands at a time, from the left; one operand alone is summed, not multiplied."""
    terms, result = _labels(str(attrs["equation"]), [_known(x) for x in inputs])
    sizes: dict[str, int | str] = {}
    for term in terms:
        for label, size in term:
            if sizes.get(label, 1) == 1:
                sizes[label] = size
    present = {label for label, _ in terms[0]}
    total = NOTHING
    for i, term in enumerate(terms[1:], 2):
        present |= {label for label, _ in term}
        total += _product(sizes[label] for label in sorted(present))
        later = {label for t in terms[i:] for label, _ in t} | set(result)
        present &= later
    return total


def _labels(
    equation: str, shapes: Sequence[tuple[int | str, ...]]
) -> tuple[list[list[tuple[str, int | str]]], list[str]]:
    """The labelled sizes of each operand, and the labels of the result."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    written = left.split(",")
    terms: list[list[tuple[str, int | str]]] = []
    for term, shape in zip(written, shapes, strict=True):
        before, dots, after = term.partition("...")
        hidden = len(shape) - len(before) - len(after) if dots else 0
        names = [*before, *(f"...{hidden - i}" for i in range(hidden)), *after]
        if len(names) != len(shape):
            raise UnknownShapeError
        terms.append(list(zip(names, shape, strict=True)))
    everything = [label for term in terms for label, _ in term]
    dotted = sorted({x for x in everything if x.startswith("...")})
    if arrow:
        return terms, [*dotted, *right.replace("...", "")]
    single = [x for x in everything if not x.startswith("...") and everything.count(x) == 1]
    return terms, [*dotted, *sorted(single)]


# -- recurrent layers, attention --------------------------------------------------------------

_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def _recurrent(gates: int) -> Rule:
    def rule(inputs: Sequence[Dims], _: Any, attrs: Mapping[str, Any]) -> Polynomial:
        first, second = _known(inputs[0])[:2]  # time and batch, in either layout
        weights, recurrence = _known(inputs[1]), _known(inputs[2])
        total = _product(weights) + _product(recurrence)
        if gates == 4 and len(inputs) > 7 and inputs[7] is not None:
            total += _product(_known(inputs[7]))  # peepholes
        return total * _product([first, second])

    return rule


for _name, _count in _GATES.items():
    _counts(_name)(_recurrent(_count))


@_counts("Attention")
def _attention(
    inputs: Sequence[Dims], outputs: Sequence[Dims], attrs: Mapping[str, Any]
) -> Polynomial:
    """Queries by keys, then probabilities by values (opset 23), whatever a mask leaves out."""
    q, k, v = (_known(x) for x in inputs[:3])
    past = _known(inputs[4])[2] if len(inputs) > 4 and inputs[4] is not None else 0
    kept = k[1 if len(k) == 3 else 2]
    if past != 0:
        if not isinstance(past, int) or not isinstance(kept, int):
            raise UnknownShapeError
        kept += past
    if len(q) == 4:
        return Polynomial.of(*q, kept) + Polynomial.of(*q[:3], kept, v[3])
    heads, groups = attrs.get("q_num_heads"), attrs.get("kv_num_heads")
    if not heads or not groups or not isinstance(v[2], int):
        raise UnknownShapeError
    return Polynomial.of(*q, kept) + Polynomial.of(*q[:2], kept, v[2] // groups * heads)


__all__ = ["NOTHING", "Dim", "Dims", "Polynomial", "UnknownShapeError", "counted", "fitted", "macs"]
