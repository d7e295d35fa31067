"""Optimizers and learning-rate schedules."""

from .. import _boot as _boot
from ..compiler.optimizers import *  # noqa: F403
from ..compiler.optimizers import __all__ as __all__
