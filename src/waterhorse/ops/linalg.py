"""Linear algebra."""

# ruff: noqa: A004

from .. import _boot as _boot
from ..compiler.ops import (
    cholesky,
    cholesky_inverse,
    det,
    inv,
    lu_factor,
    matrix_power,
    norm,
    qr,
    solve,
    solve_triangular,
)
from ..compiler.ops import __getattr__ as __getattr__

__all__ = [
    "cholesky", "cholesky_inverse", "det", "inv", "lu_factor", "matrix_power", "norm", "qr",
    "solve", "solve_triangular",
]  # fmt: skip
