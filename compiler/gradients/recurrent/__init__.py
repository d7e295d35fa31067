"""Rules for RNN, GRU and LSTM."""

from . import rules

__all__ = ["rules"]
