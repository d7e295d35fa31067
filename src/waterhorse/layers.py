"""Layers."""

from . import _boot as _boot
from .compiler.layers import *  # noqa: F403
from .compiler.layers import __all__ as __all__
from .compiler.layers import __getattr__ as __getattr__
