"""Penalties on weights."""

from . import _boot as _boot
from .compiler.regularizers import *  # noqa: F403
from .compiler.regularizers import __all__ as __all__
