"""Normalisations of the batch, of groups, of features, of weights."""

from __future__ import annotations

from typing import Any

from .cases import Given, case, layer

_FLAT, _SEQUENCE, _IMAGE = (6, 4), (3, 5, 4), (3, 4, 5, 2)
_PREFIX = Given((3, 5), "prefix")
_CARRIED = "the harness gives a model masks as arguments, and the layer takes none"
_TRAIN: dict[str, Any] = {"training": True}
_TIME: dict[str, Any] = {"dynamic": (1,), "lengths": (1, 6)}
_SPACE: dict[str, Any] = {"dynamic": (1, 2), "lengths": (2, 7)}


def batch(name, config, shape, **more):  # type: ignore[no-untyped-def]
    return case(f"batch_{name}", "BatchNormalization", config, [shape], **more)


def features(name, config, shape, **more):  # type: ignore[no-untyped-def]
    return case(f"layer_{name}", "LayerNormalization", config, [shape], **more)


def group(name, config, shape, **more):  # type: ignore[no-untyped-def]
    return case(f"group_{name}", "GroupNormalization", config, [shape], **more)


CASES = [
    batch("flat", {}, _FLAT),
    batch("flat_train", {"momentum": 0.8}, _FLAT, **_TRAIN),
    batch("sequence", {}, _SEQUENCE, **_TIME),
    batch("sequence_train", {"epsilon": 0.1}, _SEQUENCE, **_TRAIN),
    batch("image", {}, _IMAGE, **_SPACE),
    batch("image_train", {}, _IMAGE, **_TRAIN),
    batch("first", {"axis": 1}, _IMAGE),
    batch("first_train", {"axis": 1}, _IMAGE, **_TRAIN),
    batch("middle", {"axis": 2}, _IMAGE),
    batch("middle_train", {"axis": -2}, _IMAGE, **_TRAIN),
    batch("bare", {"center": False, "scale": False}, _IMAGE),
    batch("bare_train", {"center": False, "scale": False}, _IMAGE, **_TRAIN),
    batch("centred", {"scale": False}, _SEQUENCE, **_TRAIN),
    batch("scaled", {"center": False}, _SEQUENCE, **_TRAIN),
    batch("frozen", {"trainable": False}, _SEQUENCE, **_TRAIN),
    batch("regularized", {"gamma_regularizer": "l1", "beta_regularizer": "l2"}, _FLAT, **_TRAIN),
    batch("mask", {}, _SEQUENCE, masks={0: _PREFIX}),
    batch("mask_train", {}, _SEQUENCE, masks={0: _PREFIX}, **_TRAIN),
    batch("mask_middle_train", {"axis": 1}, _SEQUENCE, masks={0: _PREFIX}, **_TRAIN),
    batch("renorm", {"renorm": True}, _FLAT),
    batch("renorm_train", {"renorm": True, "renorm_momentum": 0.7}, _FLAT, **_TRAIN),
    batch("renorm_clipped", {"renorm": True, "scale": False,
          "renorm_clipping": {"rmin": 0.5, "rmax": 1.5, "dmax": 0.4}}, _IMAGE, **_TRAIN),
    batch("renorm_uncentred", {"renorm": True, "center": False}, _SEQUENCE, **_TRAIN),
    features("flat", {}, _FLAT),
    features("sequence", {}, _SEQUENCE, **_TIME),
    features("sequence_train", {"epsilon": 1e-5}, _SEQUENCE, **_TRAIN),
    features("all_axes", {"axis": [1, 2, 3]}, _IMAGE),
    features("all_axes_train", {"axis": [-1, -2]}, _IMAGE, **_TRAIN),
    # Keras on torch has no axes but the last: test_layers_normalization.py has others
    features("bare", {"center": False, "scale": False}, _SEQUENCE),
    features("centred", {"scale": False}, _SEQUENCE, **_TRAIN),
    features("scaled", {"center": False}, _SEQUENCE, **_TRAIN),
    features("mask", {"gamma_regularizer": "l2"}, _SEQUENCE, masks={0: _PREFIX}, model=_CARRIED),
    group("image", {"groups": 2}, (2, 4, 5, 6), **_SPACE),
    group("image_train", {"groups": 3}, (2, 4, 5, 6), **_TRAIN),
    group("first", {"groups": 2, "axis": 1}, (2, 6, 4, 5)),
    group("first_train", {"groups": 2, "axis": 1}, (2, 6, 4, 5), **_TRAIN),
    group("middle", {"groups": 2, "axis": 2}, (2, 3, 6, 5)),
    group("rows", {"groups": 2}, (3, 8)),
    group("rows_train", {"groups": 2}, (3, 8), **_TRAIN),
    group("sequence", {"groups": 1}, _SEQUENCE, masks={0: _PREFIX}, model=_CARRIED),
    group("each_channel", {"groups": -1}, (2, 4, 5, 3)),
    group("each_channel_train", {"groups": -1}, (2, 4, 5, 3), **_TRAIN),
    group("bare", {"groups": 2, "center": False, "scale": False}, (2, 4, 5, 6)),
    group("bare_train", {"groups": 2, "center": False, "scale": False}, (2, 4, 5, 6), **_TRAIN),
    case("rms", "RMSNormalization", {}, [_SEQUENCE], **_TIME),
    case("rms_epsilon", "RMSNormalization", {"epsilon": 0.1}, [_FLAT]),
    case("rms_axes", "RMSNormalization", {"axis": [1, 2]}, [_SEQUENCE]),
    case("unit", "UnitNormalization", {}, [_SEQUENCE], **_TIME),
    case("unit_axes", "UnitNormalization", {"axis": [1, 2]}, [_IMAGE], **_SPACE),
    case("unit_mask", "UnitNormalization", {}, [_SEQUENCE], masks={0: _PREFIX}, model=_CARRIED),
    case("spectral_dense", "SpectralNormalization", {"layer": layer("Dense", units=3)}, [_FLAT]),
    case("spectral_dense_train", "SpectralNormalization",
         {"layer": layer("Dense", units=3), "power_iterations": 3}, [_FLAT], **_TRAIN),
    case("spectral_conv_train", "SpectralNormalization",
         {"layer": layer("Conv2D", filters=3, kernel_size=2)}, [_IMAGE], **_TRAIN),
]  # fmt: skip
