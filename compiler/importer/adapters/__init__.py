"""Differences between opsets, one function each. Importing this fills the table."""

from ...schema import OPSET
from . import attention, attributes, half, kernels, later, semantics
from .table import adapter, find, ranges

adapter(*half.learned(), since=OPSET + 1)(half.half)  # last: adapters of their own come first

__all__ = [
    "adapter",
    "attention",
    "attributes",
    "find",
    "half",
    "kernels",
    "later",
    "ranges",
    "semantics",
]
