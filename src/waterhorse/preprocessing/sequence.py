"""Sequences of different lengths."""

from ..runtime.utils.arrays import pad_sequences

__all__ = ["pad_sequences"]
