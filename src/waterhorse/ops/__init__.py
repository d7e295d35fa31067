"""Functions over tensors."""

from .. import _boot as _boot
from ..compiler.ops import *  # noqa: F403
from ..compiler.ops import __all__ as __all__
from ..compiler.ops import __getattr__ as __getattr__
from . import image as image
from . import linalg as linalg
from . import nn as nn
from . import numpy as numpy
