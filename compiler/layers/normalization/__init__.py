"""Normalisation layers."""

# ruff: noqa: F403

from . import batch, features, group, spectral
from .batch import *
from .features import *
from .group import *
from .spectral import *

__all__: list[str] = []
__all__ += batch.__all__
__all__ += features.__all__
__all__ += group.__all__
__all__ += spectral.__all__
