"""Models, and reading them from files."""

from . import _boot as _boot
from .runtime import feature_space as feature_space  # files may hold one
from .runtime.cloning import clone_model, model_from_json
from .runtime.model import Model
from .runtime.saving import load_model, save_model
from .runtime.sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]
