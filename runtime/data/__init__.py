"""What ``fit``, ``evaluate`` and ``predict`` are fed: arrays, or anything that gives batches.

``make_source`` chooses: ``ArraySource`` for data in memory, ``PyDatasetSource`` for batches by number,
``IterableSource`` for everything else that can be iterated. ``Dataset`` is a lazily read data set of
our own.
"""

from .arrays import ArraySource
from .convert import SparseRows, as_array, check_lengths, dense, is_arrays, to_arrays
from .dataset import Dataset
from .iterables import IterableSource
from .py_dataset import PyDataset, PyDatasetSource
from .sources import make_source, sample_weights
from .structure import NO_TARGETS, Batch, Source, Structure
from .weights import class_weights

__all__ = [
    "NO_TARGETS", "ArraySource", "Batch", "Dataset", "IterableSource", "PyDataset",
    "PyDatasetSource", "Source", "SparseRows", "Structure", "as_array", "check_lengths",
    "class_weights", "dense", "is_arrays", "make_source", "sample_weights", "to_arrays",
]  # fmt: skip
