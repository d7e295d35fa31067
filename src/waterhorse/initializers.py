"""Initial values of weights."""

from . import _boot as _boot
from .compiler.initializers import *  # noqa: F403
from .compiler.initializers import __all__ as __all__
