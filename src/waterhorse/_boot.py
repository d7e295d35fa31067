"""Where compiler and runtime meet: gradient rules are loaded, and tensors get their values."""

from .compiler import execution, gradients
from .runtime import eager

__all__ = ["gradients"]

execution.install(eager.evaluate)
