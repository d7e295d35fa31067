"""Layers over images: fixed sizes, and random changes whose range is one number."""

from __future__ import annotations

from typing import Any

from .cases import Case, Given, case

_FIRST = {"data_format": "channels_first"}
_UNIT = {"value_range": (0, 1)}
_BATCH, _ONE, _TURNED = (2, 6, 7, 3), (6, 7, 3), (2, 3, 6, 7)


def image(
    name: str, layer: str, config: dict[str, Any], shape: tuple[int, ...] = _BATCH, **more: Any
) -> Case:
    """Values are from 0 to 1. A single image has no batch, so it is tried in no model."""
    if len(shape) == 3:
        more.setdefault("model", "a single image")
    return case(name, layer, config, [Given(shape, "uniform")], **more)


def changed(
    name: str, layer: str, config: dict[str, Any], shape: tuple[int, ...] = _BATCH, **more: Any
) -> Case:
    """The same in training."""
    return image(name, layer, config, shape, training=True, **more)


_ROTATIONS = [
    changed(f"rotation_{fill}_{kind}", "RandomRotation",
            {"factor": (0.1, 0.1), "fill_mode": fill, "interpolation": kind, "fill_value": 0.5})
    for fill in ("reflect", "wrap", "constant", "nearest")
    for kind in ("bilinear", "nearest")
]  # fmt: skip
_PALE = "hue by differences of colours, in float32"

CASES = [
    *(
        image(f"resizing_{kind}{'_antialias' * smooth}", "Resizing",
              {"height": 4, "width": 9, "interpolation": kind, "antialias": smooth}, dynamic=(1, 2),
              lengths=(5, 8))
        for kind in ("nearest", "bilinear", "bicubic")
        for smooth in (False, True)
        if not (smooth and kind == "nearest")
    ),
    image("resizing_first", "Resizing", {"height": 4, "width": 9, **_FIRST}, _TURNED),
    image("resizing_one", "Resizing", {"height": 3, "width": 3}, _ONE),
    image("resizing_crop", "Resizing", {"height": 4, "width": 9, "crop_to_aspect_ratio": True}),
    image("resizing_pad", "Resizing",
          {"height": 4, "width": 9, "pad_to_aspect_ratio": True, "fill_value": 0.5}),
    case("resizing_integers", "Resizing", {"height": 4, "width": 9}, [Given(_BATCH, "integers", 255)],
         gradients=False),
    image("center_crop", "CenterCrop", {"height": 3, "width": 4}),
    image("center_crop_dynamic", "CenterCrop", {"height": 3, "width": 4}, dynamic=(1, 2), lengths=(5, 8)),
    image("center_crop_first", "CenterCrop", {"height": 3, "width": 4, **_FIRST}, _TURNED),
    image("center_crop_one", "CenterCrop", {"height": 5, "width": 5}, _ONE),
    image("center_crop_enlarged", "CenterCrop", {"height": 8, "width": 4}),
    image("crop_middle", "RandomCrop", {"height": 6, "width": 7}, training=True),
    *_ROTATIONS,
    changed("rotation_first", "RandomRotation", {"factor": (-0.3, -0.3), **_FIRST}, _TURNED),
    changed("rotation_one", "RandomRotation", {"factor": (0.2, 0.2)}, _ONE),
    image("rotation_idle", "RandomRotation", {"factor": 0.3}),
    changed("zoom", "RandomZoom", {"height_factor": (0.3, 0.3)}),
    changed("zoom_both", "RandomZoom", {"height_factor": (-0.3, -0.3), "width_factor": (0.4, 0.4),
                                        "fill_mode": "constant", "fill_value": 0.2}),
    changed("zoom_one", "RandomZoom", {"height_factor": (0.3, 0.3), "interpolation": "nearest"}, _ONE),
    changed("translation", "RandomTranslation",
            {"height_factor": (0.3, 0.3), "width_factor": (-0.15, -0.15)}),
    changed("translation_first", "RandomTranslation",
            {"height_factor": (-0.2, -0.2), "width_factor": (0.35, 0.35), "fill_mode": "wrap", **_FIRST},
            _TURNED),
    image("translation_idle", "RandomTranslation", {"height_factor": 0.3, "width_factor": 0.3}),
    changed("perspective_none", "RandomPerspective", {"factor": (0.0, 0.0)}),
    changed("perspective_flat", "RandomPerspective", {"factor": (1.0, 1.0), "scale": 0.0},
            rtol=1e-4, why="places come out of a system of equations"),
    changed("contrast", "RandomContrast", {"factor": (0.0, 0.0), **_UNIT}),
    changed("contrast_clipped", "RandomContrast", {"factor": (0.0, 0.0), "value_range": (0.2, 0.7)}),
    changed("brightness", "RandomBrightness", {"factor": (0.2, 0.2), **_UNIT}, gradients=False),
    changed("brightness_less", "RandomBrightness", {"factor": (-0.3, -0.3), **_UNIT}, _ONE,
            gradients=False),
    image("brightness_idle", "RandomBrightness", {"factor": 0.3}),
    changed("grayscale", "RandomGrayscale", {"factor": 1.0}),
    changed("grayscale_none", "RandomGrayscale", {"factor": 0.0}),
    changed("grayscale_first", "RandomGrayscale", {"factor": 1.0, **_FIRST}, _TURNED),
    changed("hue_none", "RandomHue", {"factor": (0.0, 0.0), **_UNIT}, gradients=False),
    changed("hue_opposite", "RandomHue", {"factor": (1.0, 1.0), **_UNIT}, gradients=False,
            rtol=5e-5, why=_PALE),
    changed("saturation", "RandomSaturation", {"factor": (0.3, 0.3), **_UNIT}, gradients=False),
    changed("saturation_more", "RandomSaturation", {"factor": (0.6, 0.6), **_UNIT}, gradients=False),
    changed("saturation_first", "RandomSaturation", {"factor": (0.3, 0.3), **_UNIT, **_FIRST}, _TURNED,
            gradients=False),
    changed("degeneration", "RandomColorDegeneration", {"factor": (0.4, 0.4), **_UNIT}),
    changed("invert_none", "RandomInvert", {"factor": (0.0, 0.0), **_UNIT}),
    changed("invert", "RandomInvert", {"factor": (1.0, 1.0), **_UNIT}),
    changed("jitter", "RandomColorJitter",
            {**_UNIT, "brightness_factor": (0.1, 0.1), "contrast_factor": (0.0, 0.0),
             "saturation_factor": (0.4, 0.4), "hue_factor": (0.0, 0.0)}, gradients=False),
    changed("posterization", "RandomPosterization", {"factor": (2, 2), **_UNIT}, gradients=False),
    changed("posterization_3", "RandomPosterization", {"factor": (3, 3), **_UNIT}, gradients=False),
    changed("solarization", "Solarization", {**_UNIT}),
    image("solarization_idle", "Solarization", {"addition_factor": 0.3, "threshold_factor": 0.4}),
    image("auto_contrast", "AutoContrast", {**_UNIT}, gradients=False),
    changed("auto_contrast_one", "AutoContrast", {**_UNIT}, _ONE, gradients=False),
    changed("equalization", "Equalization", {**_UNIT}, gradients=False),
    changed("equalization_bins", "Equalization", {"bins": 16, **_UNIT}, gradients=False),
    changed("equalization_first", "Equalization", {**_UNIT, **_FIRST}, _TURNED, gradients=False),
    image("equalization_idle", "Equalization", {**_UNIT}),
    changed("sharpness", "RandomSharpness", {"factor": (0.9, 0.9), **_UNIT}),
    changed("sharpness_less", "RandomSharpness", {"factor": (0.2, 0.2), **_UNIT}),
    changed("blur", "RandomGaussianBlur", {"factor": (1.0, 1.0), "sigma": (0.7, 0.7), "kernel_size": 5, **_UNIT}),
    changed("blur_none", "RandomGaussianBlur", {"factor": (0.0, 0.0), **_UNIT}),
    changed("erasing_all", "RandomErasing", {"factor": (1.0, 1.0), "scale": (1.0, 1.0),
                                             "fill_value": 0.3, **_UNIT}),
    changed("erasing_none", "RandomErasing", {"factor": (0.0, 0.0), **_UNIT}),
]  # fmt: skip
