"""Losses."""

from . import _boot as _boot
from .compiler.losses import *  # noqa: F403
from .compiler.losses import __all__ as __all__
