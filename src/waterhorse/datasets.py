"""Data sets to try things with."""

from . import _boot as _boot
from .runtime.datasets import *  # noqa: F403
from .runtime.datasets import __all__ as __all__
