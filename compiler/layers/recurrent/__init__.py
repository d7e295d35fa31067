"""Recurrent layers, their cells and their wrappers."""

# ruff: noqa: F403

from . import (
    bidirectional,
    convolutional,
    gru,
    lstm,
    rnn,
    simple,
    stack,
    time_distributed,
)
from .bidirectional import *
from .convolutional import *
from .gru import *
from .lstm import *
from .rnn import *
from .simple import *
from .stack import *
from .time_distributed import *

__all__: list[str] = []
__all__ += bidirectional.__all__
__all__ += convolutional.__all__
__all__ += gru.__all__
__all__ += lstm.__all__
__all__ += rnn.__all__
__all__ += simple.__all__
__all__ += stack.__all__
__all__ += time_distributed.__all__
