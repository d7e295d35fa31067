"""Functions over images."""

from .. import _boot as _boot
from ..compiler.ops.image import *  # noqa: F403
from ..compiler.ops.image import __all__ as __all__
from ..compiler.ops.image import __getattr__ as __getattr__
