"""Arrays from what users have: lists, tensors of any framework, data frames, sparse matrices, text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...compiler.ir import Array, Operators
from ...errors import DataError


class SparseRows:
    """The rows of a SciPy sparse matrix: they become dense a batch at a time.

    It takes what the loop asks of an array: ``len``, ``shape``, ``dtype``, slices (which stay sparse)
    and ``take`` (which does not).
    """

    def __init__(self, matrix: Any) -> None:
        self._matrix = matrix
        self.shape: tuple[int, ...] = tuple(matrix.shape)
        self.dtype: np.dtype[Any] = np.dtype(matrix.dtype)
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> SparseRows:
        return SparseRows(self._matrix[rows])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self._matrix.toarray(), dtype)

    def take(self, rows: Any) -> Array:
        """These rows (a slice, or their numbers), dense."""
        return np.asarray(self._matrix[rows].toarray())


def dense(value: Array | SparseRows) -> Array:
    """``value`` as an array in memory."""
    return value if isinstance(value, np.ndarray) else np.asarray(value)


def _is_sparse(value: Any) -> bool:
    return hasattr(value, "toarray") and hasattr(value, "tocsr")


def columns(value: Any) -> dict[str, Any] | None:
    """The columns of a table (pandas, Polars, Arrow), or None for what is no table."""
    if hasattr(value, "column_names") and hasattr(value, "column"):  # an Arrow table or batch
        return {str(n): value.column(i) for i, n in enumerate(value.column_names)}
    if hasattr(value, "columns") and hasattr(value, "dtypes"):
        return {str(n): value[n] for n in value.columns}
    return None


def as_array(value: Any, what: str) -> Array:
    """An array for what a user may give: arrays, lists, tensors, data frames, series, text.

    Strings become a NumPy array of strings, or of objects that are all ``str``. Raises ``DataError``
    for objects of other kinds, ragged lists, single numbers, and columns that hold no numbers.
    """
    table = columns(value)
    found = _of_table(table, what) if table is not None else _of_one(value, what)
    if found.dtype == object:
        found = _text(found, what)
    if found.ndim == 0:
        raise DataError(f"{what} is a single number; expected one entry per example")
    return found


def _of_one(value: Any, what: str) -> Array:
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "detach"):  # a torch tensor, perhaps with a gradient or on a GPU
        value = value.detach().cpu()
    if hasattr(value, "to_tensor"):  # a ragged tensor of TensorFlow: padded with zeros
        value = value.to_tensor()
    if isinstance(value, Operators) or hasattr(value, "__array__"):
        return np.asarray(value)
    if hasattr(value, "toarray"):
        return np.asarray(value.toarray())
    if callable(getattr(value, "numpy", None)):
        return np.asarray(value.numpy())
    try:
        return np.asarray(value)
    except ValueError as error:
        raise DataError(f"{what} is no rectangular array: {error}") from error


def _of_table(table: Mapping[str, Any], what: str) -> Array:
    """A table's columns side by side: [rows, columns], all numbers or all text."""
    if not table:
        raise DataError(f"{what} is a table without columns")
    found = {name: np.asarray(column) for name, column in table.items()}
    wrong = {name: a.dtype for name, a in found.items() if a.dtype.kind not in "fiub"}
    if wrong and len(wrong) < len(found):
        names = ", ".join(f"{n!r} ({d})" for n, d in wrong.items())
        raise DataError(
            f"{what}: the columns {names} hold no numbers; encode or drop them, or give a dict of "
            "columns to a model with an input for each"
        )
    return np.stack(list(found.values()), 1)


def _text(found: Array, what: str) -> Array:
    """An array of objects that are all strings (bytes are decoded). Raises ``DataError`` otherwise."""
    kinds = {type(v) for v in found.flat}
    if not kinds:
        raise DataError(f"{what} is empty and has no element type (dtype object)")
    if kinds <= {str, np.str_}:
        return found
    if kinds <= {bytes, str, np.bytes_, np.str_}:
        decoded = [v.decode() if isinstance(v, bytes) else str(v) for v in found.flat]
        return np.array(decoded, object).reshape(found.shape)
    names = ", ".join(sorted(k.__name__ for k in kinds))
    raise DataError(
        f"{what} holds objects (dtype object: {names}); expected numbers of one type, or strings"
    )


def _is_list_of_numbers(value: Any) -> bool:
    first = value[0] if value else None
    return isinstance(first, (int, float, complex, str, list, tuple)) and not hasattr(
        first, "shape"
    )


def to_arrays(value: Any, what: str, sparse: bool = False) -> Any:
    """Every leaf of ``value`` as an array; a list of numbers (or of lists of them) is one array.

    Where ``sparse`` is True, sparse matrices become ``SparseRows``, else dense arrays.
    """
    if isinstance(value, Mapping):
        return {k: to_arrays(v, f"{what}[{k!r}]", sparse) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and not _is_list_of_numbers(value):
        parts = (to_arrays(v, f"{what}[{i}]", sparse) for i, v in enumerate(value))
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, SparseRows):
        return value if sparse else dense(value)
    if sparse and _is_sparse(value):
        return SparseRows(value.tocsr())
    return as_array(value, what)


def is_arrays(x: Any) -> bool:
    """Whether ``x`` is data in memory, in contrast to something that gives batches."""
    if isinstance(x, (np.ndarray, Operators, Mapping, list, tuple, SparseRows)):
        return True
    return hasattr(x, "toarray") or hasattr(x, "__array__") or columns(x) is not None


def check_lengths(arrays: Sequence[Any]) -> int:
    """The common number of examples. Raises ``DataError`` where it differs or is 0."""
    counts = {len(a) for a in arrays}
    if len(counts) > 1:
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise DataError(f"all arrays must have the same number of examples; got shapes {shapes}")
    count = counts.pop() if counts else 0
    if count == 0:
        raise DataError("the data is empty: there is not one example to work on")
    return count
