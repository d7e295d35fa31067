"""Differences between opsets, one function each. Importing this fills the table."""

from . import attributes, later, semantics
from .table import adapter, find, ranges

__all__ = ["adapter", "attributes", "find", "later", "ranges", "semantics"]
