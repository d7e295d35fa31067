"""CIFAR-100: 60,000 colour photographs of 100 classes in 20 groups (Krizhevsky 2009)."""

from __future__ import annotations

from ...errors import ArgumentError
from ._cifar import Split, folder_of, split

_HASH = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"


def load_data(label_mode: str = "fine") -> Split:
    """``(x_train, y_train), (x_test, y_test)``: images uint8 [n, 32, 32, 3], labels int64 [n, 1].

    50,000 images for training, 10,000 for testing. ``label_mode``: "fine" for the 100 classes, "coarse"
    for the 20 groups. Read from the folder ``cifar-100-python`` in ``WATERHORSE_DATA`` or the cache, else
    downloaded with a checksum. Raises ``DatasetError`` where none of this works.
    """
    if label_mode not in ("fine", "coarse"):
        raise ArgumentError(f"label_mode={label_mode!r}: expected 'fine' or 'coarse'")
    origin = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    folder = folder_of("cifar-100-python", "train", origin, _HASH)
    return split(folder, ["train"], "test", f"{label_mode}_labels")
