"""Convolutions in one to three dimensions: plain, transposed, depthwise, separable."""

# ruff: noqa: F403

from . import depthwise, forward, separable, transposed
from .depthwise import *
from .forward import *
from .separable import *
from .transposed import *

__all__: list[str] = []
__all__ += depthwise.__all__
__all__ += forward.__all__
__all__ += separable.__all__
__all__ += transposed.__all__
