"""Types of weights and of computation."""

from .compiler.policies import DTypePolicy, Int4DTypePolicy, QuantizedDTypePolicy, get

__all__ = ["DTypePolicy", "Int4DTypePolicy", "QuantizedDTypePolicy", "get"]
