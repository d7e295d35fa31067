"""Where compiler and runtime meet: tables of rules are filled, and tensors get their values."""

from .compiler import execution, gradients, simplify
from .runtime import eager

__all__ = ["gradients", "simplify"]

execution.install(eager.evaluate)
