"""Linear algebra."""

from .. import _boot as _boot
from ..compiler.ops import __getattr__ as __getattr__
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

__all__ = [
    "cholesky", "cholesky_inverse", "det", "inv", "lu_factor", "matrix_power", "norm", "qr",
    "solve", "solve_triangular",
]  # fmt: skip
