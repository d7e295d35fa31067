"""Boston housing: 506 districts, 13 features, prices (Harrison and Rubinfeld 1978).

One of the features is the share of Black inhabitants, by a formula that assumes that segregation raises
prices. Use ``california_housing`` for anything but reproducing old results.
"""

from __future__ import annotations

from ._archive import ORIGIN, Pair, arrays, check_split, located, parted, shuffled

_HASH = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"


def load_data(
    path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Pair, Pair]:
    """``(x_train, y_train), (x_test, y_test)``: features float64 [n, 13], prices in $1000 float64 [n].

    Read from ``WATERHORSE_DATA`` or the cache, else downloaded with a checksum. Raises ``DatasetError``
    where none of this works, ``ArgumentError`` for a split that is not from 0 to below 1.
    """
    check_split(test_split)
    file = located(path, f"{ORIGIN}boston_housing.npz", _HASH)
    x, y = shuffled(seed, *arrays(file, ("x", "y")))
    return parted(x, y, test_split)
