"""Linear algebra."""

# Names are listed once, because editors read a plain list only.
# ruff: noqa: F403, F405

from .. import _boot as _boot
from ..compiler.ops import *
from ..compiler.ops import __getattr__ as __getattr__

__all__ = [
    "cholesky", "cholesky_inverse", "det", "eigh", "inv", "jvp", "lstsq", "lu_factor",
    "matrix_power", "matrix_rank", "norm", "pinv", "qr", "solve", "solve_triangular", "svd",
]  # fmt: skip
