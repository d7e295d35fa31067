"""Rules for RNN, GRU and LSTM."""

from .rules import time_first

__all__ = ["time_first"]
