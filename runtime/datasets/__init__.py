"""Data sets to try things with: one in the package, the others read from a local copy or downloaded."""

from . import fashion_mnist, mnist
from .digits import load_digits

__all__ = ["fashion_mnist", "load_digits", "mnist"]
