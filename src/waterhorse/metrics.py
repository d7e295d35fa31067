"""Metrics."""

from . import _boot as _boot
from .compiler.metrics import *  # noqa: F403
from .compiler.metrics import __all__ as __all__
