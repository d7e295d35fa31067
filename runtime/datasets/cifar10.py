"""CIFAR-10: 60,000 colour photographs of ten classes (Krizhevsky 2009)."""

from __future__ import annotations

import numpy as np

from ._cifar import Split, folder_of, split

LABELS = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
]  # fmt: skip
_HASH = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"


def load_data() -> Split:
    """``(x_train, y_train), (x_test, y_test)``: images uint8 [n, 32, 32, 3], labels uint8 [n, 1].

    50,000 images for training, 10,000 for testing. Read from the folder ``cifar-10-batches-py`` in
    ``WATERHORSE_DATA`` or the cache, else downloaded with a checksum. Raises ``DatasetError`` where none
    of this works.
    """
    origin = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    folder = folder_of("cifar-10-batches-py", "data_batch_1", origin, _HASH)
    train = [f"data_batch_{i}" for i in range(1, 6)]
    (x_train, y_train), (x_test, y_test) = split(folder, train, "test_batch", "labels")
    return (x_train, y_train.astype(np.uint8)), (x_test, y_test.astype(np.uint8))
