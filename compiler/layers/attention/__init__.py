"""Attention layers."""

# ruff: noqa: F403

from . import dot_product, grouped, multi_head
from .dot_product import *
from .grouped import *
from .multi_head import *

__all__: list[str] = []
__all__ += dot_product.__all__
__all__ += grouped.__all__
__all__ += multi_head.__all__
