"""Learning-rate schedules."""

from .. import _boot as _boot
from ..compiler.optimizers.schedules import *  # noqa: F403
from ..compiler.optimizers.schedules import __all__ as __all__
