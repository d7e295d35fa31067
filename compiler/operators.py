"""Python's operators for whatever stands for a tensor: ``Tensor`` and ``Variable``.

They are what Keras' tensors have. ``ir`` fills ``ENGINE`` when it is imported: a tensor is made of its
operators, and the operators make tensors.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import TraceError
from . import dtypes, indexing

if TYPE_CHECKING:
    from .ir import Array, Like, Tensor


class ENGINE:
    """What ``ir`` makes tensors with."""

    apply: ClassVar[Callable[..., Any]]
    convert: ClassVar[Callable[..., Any]]


# ufunc -> operator: ``array * tensor`` reaches NumPy first
_UFUNCS: dict[Any, Callable[..., Any]] = {
    np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul,
    np.true_divide: operator.truediv, np.floor_divide: operator.floordiv, np.remainder: operator.mod,
    np.power: operator.pow, np.matmul: operator.matmul, np.less: operator.lt, np.less_equal: operator.le,
    np.greater: operator.gt, np.greater_equal: operator.ge, np.equal: operator.eq,
    np.not_equal: operator.ne, np.bitwise_and: operator.and_, np.bitwise_or: operator.or_,
    np.bitwise_xor: operator.xor,
}  # fmt: skip


class Operators:
    """Python's operators for whatever stands for a tensor (``Tensor`` and ``Variable``)."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __add__(self, other: Like) -> Tensor:
        return ENGINE.apply("Add", *_pair(self, other))

    def __radd__(self, other: Like) -> Tensor:
        return ENGINE.apply("Add", *_pair(other, self))

    def __sub__(self, other: Like) -> Tensor:
        return ENGINE.apply("Sub", *_pair(self, other))

    def __rsub__(self, other: Like) -> Tensor:
        return ENGINE.apply("Sub", *_pair(other, self))

    def __mul__(self, other: Like) -> Tensor:
        return ENGINE.apply("Mul", *_pair(self, other))

    def __rmul__(self, other: Like) -> Tensor:
        return ENGINE.apply("Mul", *_pair(other, self))

    def __truediv__(self, other: Like) -> Tensor:
        return _divided(*_pair(self, other))

    def __rtruediv__(self, other: Like) -> Tensor:
        return _divided(*_pair(other, self))

    def __pow__(self, other: Like) -> Tensor:
        x = ENGINE.convert(self)
        # the exponent may be of another type, as long as the base is not whole
        return ENGINE.apply("Pow", *((x, other) if dtypes.is_float(x.dtype) else _pair(x, other)))

    def __rpow__(self, other: Like) -> Tensor:
        return ENGINE.apply("Pow", *_pair(other, self))

    def __matmul__(self, other: Like) -> Tensor:
        return ENGINE.apply("MatMul", *_pair(self, other))

    def __rmatmul__(self, other: Like) -> Tensor:
        return ENGINE.apply("MatMul", *_pair(other, self))

    def __neg__(self) -> Tensor:
        return ENGINE.apply("Neg", self)

    def __abs__(self) -> Tensor:
        return ENGINE.apply("Abs", self)

    def __lt__(self, other: Like) -> Tensor:
        return ENGINE.apply("Less", *_pair(self, other))

    def __le__(self, other: Like) -> Tensor:
        return ENGINE.apply("LessOrEqual", *_pair(self, other))

    def __gt__(self, other: Like) -> Tensor:
        return ENGINE.apply("Greater", *_pair(self, other))

    def __ge__(self, other: Like) -> Tensor:
        return ENGINE.apply("GreaterOrEqual", *_pair(self, other))

    def __floordiv__(self, other: Like) -> Tensor:
        return _floor_divided(*_pair(self, other))

    def __rfloordiv__(self, other: Like) -> Tensor:
        return _floor_divided(*_pair(other, self))

    def __mod__(self, other: Like) -> Tensor:
        return _remainder(*_pair(self, other))

    def __rmod__(self, other: Like) -> Tensor:
        return _remainder(*_pair(other, self))

    def __and__(self, other: Like) -> Tensor:
        return _bits("And", self, other)

    def __rand__(self, other: Like) -> Tensor:
        return _bits("And", other, self)

    def __or__(self, other: Like) -> Tensor:
        return _bits("Or", self, other)

    def __ror__(self, other: Like) -> Tensor:
        return _bits("Or", other, self)

    def __xor__(self, other: Like) -> Tensor:
        return _bits("Xor", self, other)

    def __rxor__(self, other: Like) -> Tensor:
        return _bits("Xor", other, self)

    def __invert__(self) -> Tensor:
        tensor: Tensor = ENGINE.convert(self)
        found: Tensor = ENGINE.apply("Not" if tensor.dtype == np.bool_ else "BitwiseNot", tensor)
        return found

    def __round__(self, ndigits: int | None = None) -> Tensor:
        tensor: Tensor = ENGINE.convert(self)
        if not dtypes.is_float(tensor.dtype):
            return tensor
        scale = 10.0 ** (ndigits or 0)
        found: Tensor = ENGINE.apply("Round", tensor * scale) / scale
        return found

    def __eq__(self, other: object) -> Any:
        return _equal(self, other)

    def __ne__(self, other: object) -> Any:
        found = _equal(self, other)
        return found if isinstance(found, bool) or found is NotImplemented else ~found

    def __getitem__(self, index: Any) -> Tensor:
        x = ENGINE.convert(self)
        for op, operands, attrs in indexing.plan(index, x.shape):
            x = ENGINE.apply(op, x, *map(_vector, operands), **attrs)
        return x

    def __len__(self) -> int:
        shape = ENGINE.convert(self).shape
        if not shape or not isinstance(shape[0], int):
            raise TraceError(f"len() of a tensor of shape {shape}: its first dim is not a number")
        return shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(ENGINE.convert(self).numpy())

    def __float__(self) -> float:
        return float(ENGINE.convert(self).numpy())

    def __int__(self) -> int:
        return int(ENGINE.convert(self).numpy())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(ENGINE.convert(self).numpy(), dtype)

    def __index__(self) -> int:
        tensor = ENGINE.convert(self)
        if tensor.dtype.kind not in "iu":
            raise TypeError(f"a tensor of {tensor.dtype} is no index; cast it to int32 first")
        return int(tensor.numpy())

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        return format(ENGINE.convert(self).numpy().item(), spec)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """``array * tensor`` is a tensor; other functions of NumPy take the values."""
        python = _UFUNCS.get(ufunc)
        if python is not None and method == "__call__" and not options:
            return python(*_pair(*inputs))
        arrays = [np.asarray(x) if isinstance(x, Operators) else x for x in inputs]
        return getattr(ufunc, method)(*arrays, **options)


def _vector(numbers: Any) -> Any:
    """Starts or ends of slices: one tensor where some of them are tensors."""
    if not isinstance(numbers, list) or not any(isinstance(n, Operators) for n in numbers):
        return numbers
    parts = [
        ENGINE.apply("Cast", n, to="int64") if isinstance(n, Operators) else n for n in numbers
    ]
    return ENGINE.apply("Concat", *(ENGINE.apply("Reshape", p, [1]) for p in parts), axis=0)


def _pair(x: Like, y: Like) -> tuple[Tensor, Tensor]:
    """Both as tensors of one type, as in ``wh.ops``: whole numbers become floats beside floats."""
    if not isinstance(x, Operators):
        second, first = _pair(y, x)
        return first, second
    a: Tensor = ENGINE.convert(x)
    b: Tensor
    if isinstance(y, Operators):
        b = ENGINE.convert(y)
    elif dtypes.is_float(a.dtype):
        b = ENGINE.convert(_plain(y), a.dtype)
    else:
        a, b = _beside(a, _plain(y))
    if a.dtype == b.dtype:
        return a, b
    kind = dtypes.common(a.dtype, b.dtype)
    return _cast(a, kind), _cast(b, kind)


def _beside(x: Tensor, y: Like) -> tuple[Tensor, Tensor]:
    """A tensor that is not of floats, and numbers: these take its type if they are whole, too."""
    found = np.asarray(y)
    kind = x.dtype
    if found.dtype.kind == "f":
        kind = dtypes.FLOAT32 if found.dtype == np.float64 else found.dtype
    elif kind == dtypes.BOOL and found.dtype.kind in "iu":
        kind = dtypes.INT64
    return _cast(x, kind), ENGINE.convert(y, kind)


def _cast(x: Tensor, kind: dtypes.DType) -> Tensor:
    return x if x.dtype == kind else ENGINE.apply("Cast", x, to=kind)


def _plain(x: Like) -> Like:
    return x.item() if isinstance(x, np.generic) else x


def _divided(x: Tensor, y: Tensor) -> Tensor:
    """Whole numbers give float32, as in Python and Keras; ``wh.op.Div`` cuts off the fraction."""
    if not dtypes.is_float(x.dtype):
        x, y = (ENGINE.apply("Cast", t, to=dtypes.FLOAT32) for t in (x, y))
    found: Tensor = ENGINE.apply("Div", x, y)
    return found


def _floor_divided(x: Tensor, y: Tensor) -> Tensor:
    found: Tensor
    if dtypes.is_float(x.dtype):
        found = ENGINE.apply("Floor", x / y)
    else:
        found = ENGINE.apply("Div", x - ENGINE.apply("Mod", x, y), y)
    return found


def _remainder(x: Tensor, y: Tensor) -> Tensor:
    found: Tensor
    found = (
        x - y * ENGINE.apply("Floor", x / y)
        if dtypes.is_float(x.dtype)
        else ENGINE.apply("Mod", x, y)
    )
    return found


def _bits(name: str, x: Like, y: Like) -> Tensor:
    """And, Or or Xor: of truths, or bit by bit of whole numbers."""
    a, b = _pair(x, y)
    found: Tensor = ENGINE.apply(name if a.dtype == np.bool_ else f"Bitwise{name}", a, b)
    return found


def _equal(x: Any, y: object) -> Any:
    """Element by element; what is no number at all (None, say) is simply another thing.

    Two variables are equal where they are the same one: lists and sets are asked for variables.
    """
    if not isinstance(y, (Operators, bool, int, float, np.ndarray, np.generic)):
        return NotImplemented
    if isinstance(y, Operators) and hasattr(x, "assign") and hasattr(y, "assign"):
        return x is y
    return ENGINE.apply("Equal", *_pair(x, y))
