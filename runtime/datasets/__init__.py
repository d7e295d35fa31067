"""Data sets to try things with: one in the package, the others read from a local copy or downloaded."""

from . import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)
from .digits import load_digits

__all__ = [
    "boston_housing", "california_housing", "cifar10", "cifar100", "fashion_mnist", "imdb",
    "load_digits", "mnist", "reuters",
]  # fmt: skip
