"""MNIST: 70,000 handwritten digits (LeCun, Cortes and Burges)."""

from __future__ import annotations

from ._files import RemoteFile
from ._idx import Split, load_split

_BASE = "https://ossci-datasets.s3.amazonaws.com/mnist/"
FILES = [
    RemoteFile("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873", _BASE),
    RemoteFile("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432", _BASE),
    RemoteFile("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3", _BASE),
    RemoteFile("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c", _BASE),
]


def load_data() -> Split:
    """``(x_train, y_train), (x_test, y_test)``: images uint8 [n, 28, 28], labels uint8 [n].

    Read from ``WATERHORSE_DATA`` (``mnist.npz`` or the four idx files), else from the cache, else
    downloaded with a checksum. Raises ``DatasetError`` where none of this works.
    """
    return load_split("mnist", FILES, [])
