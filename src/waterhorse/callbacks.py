"""Hooks into training."""

from . import _boot as _boot
from .runtime.callbacks import *  # noqa: F403
from .runtime.callbacks import __all__ as __all__
from .runtime.callbacks import __getattr__ as __getattr__
