"""Random tensors and seeds."""

from . import _boot as _boot
from .compiler.random import *  # noqa: F403
from .compiler.random import __all__ as __all__
