"""Projections of weights after an update."""

from . import _boot as _boot
from .compiler.constraints import *  # noqa: F403
from .compiler.constraints import __all__ as __all__
