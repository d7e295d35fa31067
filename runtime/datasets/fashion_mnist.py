"""Fashion-MNIST: 70,000 pictures of clothes (Xiao, Rasul and Vollgraf 2017), MIT licence."""

from __future__ import annotations

from pathlib import Path

from ._idx import ImageSet, Split, load_split

FASHION_MNIST = ImageSet(
    name="fashion_mnist",
    base="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    sha256=(
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
    first_labels=(9, 0, 0, 3, 0, 2, 7, 2),
    places=(Path("/usr/share/datasets/fashion-mnist"),),  # Debian's dataset-fashion-mnist
)
LABELS = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
    "Ankle boot",
]  # fmt: skip


def load_data() -> Split:
    """``(x_train, y_train), (x_test, y_test)``: images uint8 [n, 28, 28], labels uint8 [n].

    60,000 images for training and 10,000 for testing; what the labels mean: ``LABELS``. Read from
    ``WATERHORSE_DATA`` (``fashion_mnist.npz`` or the four idx files, also in a folder
    ``fashion-mnist``), Debian's package, or the cache, else downloaded with a checksum. Raises
    ``DatasetError`` where none of this works.
    """
    return load_split(FASHION_MNIST)
