"""MNIST: 70,000 handwritten digits (LeCun, Cortes and Burges)."""

from __future__ import annotations

from ._idx import ImageSet, Split, load_split

MNIST = ImageSet(
    name="mnist",
    base="https://ossci-datasets.s3.amazonaws.com/mnist/",
    sha256=(
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
    first_labels=(5, 0, 4, 1, 9, 2, 1, 3),
)


def load_data(path: str = "mnist.npz") -> Split:
    """``(x_train, y_train), (x_test, y_test)``: images uint8 [n, 28, 28], labels uint8 [n].

    60,000 images for training and 10,000 for testing. Read from ``path`` where that is a file, else
    from ``WATERHORSE_DATA`` (a file of that name, or the four idx files, also in a folder ``mnist``),
    else from the cache, else downloaded with a checksum. Raises ``DatasetError`` where none of this
    works.
    """
    return load_split(MNIST, path)
