"""Layers that prepare data: numbers, categories, text, sound. Images have a package of their own."""

# Names are listed once more at the end because editors read a plain list only.
# ruff: noqa: F403, F405

from .audio import *
from .discretization import *
from .encoding import *
from .hashing import *
from .lookup import *
from .normalization import *
from .pipeline import *
from .text import *

__all__ = [
    "CategoryEncoding", "Discretization", "HashedCrossing", "Hashing", "IntegerLookup",
    "MelSpectrogram", "Normalization", "Pipeline", "STFTSpectrogram", "StringLookup",
    "TextVectorization",
]  # fmt: skip
