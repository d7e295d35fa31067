"""Fashion-MNIST: 70,000 pictures of clothes (Xiao, Rasul and Vollgraf 2017), MIT licence."""

from __future__ import annotations

from pathlib import Path

from ._files import RemoteFile
from ._idx import Split, load_split

_BASE = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
FILES = [
    RemoteFile("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", _BASE),
    RemoteFile("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe", _BASE),
    RemoteFile("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79", _BASE),
    RemoteFile("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310", _BASE),
]
DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # package dataset-fashion-mnist
LABELS = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
    "Ankle boot",
]  # fmt: skip


def load_data() -> Split:
    """``(x_train, y_train), (x_test, y_test)``: images uint8 [n, 28, 28], labels uint8 [n].

    Read from ``WATERHORSE_DATA``, Debian's package, or the cache, else downloaded with a checksum.
    Raises ``DatasetError`` where none of this works.
    """
    return load_split("fashion_mnist", FILES, [DEBIAN])
