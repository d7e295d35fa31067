"""Random tensors and seeds."""

from . import _boot as _boot
from .compiler import binomial as _binomial
from .compiler import random as _random
from .compiler import variates as _variates
from .compiler.binomial import *  # noqa: F403
from .compiler.random import *  # noqa: F403
from .compiler.variates import *  # noqa: F403

__all__: list[str] = []
__all__ += _binomial.__all__
__all__ += _random.__all__
__all__ += _variates.__all__
