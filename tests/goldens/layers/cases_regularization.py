"""What layers that draw at random do in inference, and penalties of activities."""

from __future__ import annotations

from .cases import Given, case

_SEQUENCE = (3, 5, 4)
_PREFIX = Given((3, 5), "prefix")
_CARRIED = "the harness gives a model masks as arguments, and the layer takes none"

CASES = [
    case("dropout", "Dropout", {"rate": 0.4}, [_SEQUENCE], masks={0: _PREFIX}, model=_CARRIED),
    case("dropout_shape", "Dropout", {"rate": 0.4, "noise_shape": (None, 1, 4), "seed": 3}, [_SEQUENCE]),
    case("dropout_none", "Dropout", {"rate": 0.0}, [_SEQUENCE], training=True),
    case("dropout_all", "Dropout", {"rate": 1.0}, [_SEQUENCE], training=True),
    case("alpha_dropout", "AlphaDropout", {"rate": 0.4}, [_SEQUENCE], masks={0: _PREFIX}, model=_CARRIED),
    case("alpha_dropout_none", "AlphaDropout", {"rate": 0.0}, [_SEQUENCE], training=True),
    case("gaussian_dropout", "GaussianDropout", {"rate": 0.4}, [_SEQUENCE], masks={0: _PREFIX}, model=_CARRIED),
    case("gaussian_noise", "GaussianNoise", {"stddev": 0.4}, [_SEQUENCE], masks={0: _PREFIX}, model=_CARRIED),
    case("spatial_1d", "SpatialDropout1D", {"rate": 0.4}, [_SEQUENCE], masks={0: _PREFIX}, model=_CARRIED),
    case("spatial_2d", "SpatialDropout2D", {"rate": 0.4}, [(2, 3, 4, 5)]),
    case("spatial_3d", "SpatialDropout3D", {"rate": 0.4}, [(2, 3, 4, 2, 3)]),
    case("activity", "ActivityRegularization", {"l1": 0.3, "l2": 0.2}, [_SEQUENCE]),
    case("activity_l2", "ActivityRegularization", {"l2": 0.2}, [_SEQUENCE], training=True),
    case("activity_mask", "ActivityRegularization", {"l1": 0.2}, [_SEQUENCE], masks={0: _PREFIX}, model=_CARRIED),
]  # fmt: skip
