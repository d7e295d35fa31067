"""Layers over images: sizes, and changes at random in training.

They work inside of the graph, on batches and single images, on the device that the model runs on.
"""

# ruff: noqa: F403

from . import colour, filters, geometry, mixing, policies, sizes, tones
from .colour import *
from .filters import *
from .geometry import *
from .mixing import *
from .policies import *
from .sizes import *
from .tones import *

__all__: list[str] = []
__all__ += colour.__all__
__all__ += filters.__all__
__all__ += geometry.__all__
__all__ += mixing.__all__
__all__ += policies.__all__
__all__ += sizes.__all__
__all__ += tones.__all__
