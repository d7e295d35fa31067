"""Models, and reading them from files."""

from . import _boot as _boot
from .runtime.model import Model
from .runtime.saving import load_model
from .runtime.sequential import Sequential

__all__ = ["Model", "Sequential", "load_model"]
