"""Low-rank adapters (LoRA) for imported models."""

from . import _boot as _boot
from .runtime.lora import add, load, merge, remove, save

__all__ = ["add", "load", "merge", "remove", "save"]
