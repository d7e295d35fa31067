"""Layers that move elements about: other shapes, margins, repetition."""

# ruff: noqa: F403

from . import margins, shapes, upsampling
from .margins import *
from .shapes import *
from .upsampling import *

__all__: list[str] = []
__all__ += margins.__all__
__all__ += shapes.__all__
__all__ += upsampling.__all__
