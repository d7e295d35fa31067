"""Types of weights and of computation."""

from .compiler.policies import DTypePolicy, get

__all__ = ["DTypePolicy", "get"]
