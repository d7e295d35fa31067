"""California housing: 20,640 districts, 8 features, prices (Pace and Barry 1997)."""

from __future__ import annotations

from ...errors import ArgumentError
from ._archive import ORIGIN, Pair, arrays, check_split, located, parted, shuffled

_HASH = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"
_SMALL = 600


def load_data(
    version: str = "large", path: str = "california_housing.npz", test_split: float = 0.2,
    seed: int = 113,
) -> tuple[Pair, Pair]:  # fmt: skip
    """``(x_train, y_train), (x_test, y_test)``: features float32 [n, 8], prices in $ float32 [n].

    ``version``: "large", or "small" for the first 600 districts. Read from ``WATERHORSE_DATA`` or the
    cache, else downloaded with a checksum. Raises ``DatasetError`` where none of this works,
    ``ArgumentError`` for a version or a split that is none.
    """
    check_split(test_split)
    if version not in ("large", "small"):
        raise ArgumentError(f"version={version!r}: expected 'large' or 'small'")
    file = located(path, f"{ORIGIN}california_housing.npz", _HASH)
    x, y = arrays(file, ("x", "y"))
    if version == "small":
        x, y = x[:_SMALL], y[:_SMALL]
    x, y = shuffled(seed, x, y)
    return parted(x, y, test_split)
