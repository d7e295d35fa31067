"""Activation functions."""

from . import _boot as _boot
from .compiler.activations import *  # noqa: F403
from .compiler.activations import __all__ as __all__
