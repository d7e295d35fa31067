"""Resize in all its modes, grids and what is sampled at them."""

from __future__ import annotations

from typing import Any

import numpy as np

from waterhorse.compiler import op

from .data import integers, normal
from .harness import Case, case

SCALES = np.array([1, 1, 1.6, 0.45], np.float32)
PLANES = (2, 3, 5, 7)
ROI = np.array([0, 0, 0.1, 0.2, 1, 1, 0.8, 1.1], np.float32)
COORDINATES = (
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
)  # fmt: skip
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


def by_scales(x: Any, scales: Any = SCALES, roi: Any = None, **attrs: Any) -> Any:
    return op.Resize(x, roi, np.asarray(scales, np.float32), **attrs)


def by_sizes(x: Any, sizes: Any, roi: Any = None, **attrs: Any) -> Any:
    return op.Resize(x, roi, None, sizes, **attrs)


def with_tail(x: Any, tail: Any) -> Any:
    """Sizes as exporters write them: the shape's head, and numbers."""
    return op.Concat(op.Slice(op.Shape(x), [0], [2], [0]), tail, axis=0)


# label: (arguments of by_scales, shape of the image)
SCALED: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    **{f"nearest-{r}-{c}": ({"nearest_mode": r, "coordinate_transformation_mode": c}, PLANES)
       for r in ROUNDINGS for c in COORDINATES},
    **{f"{m}-{c}": ({"mode": m, "coordinate_transformation_mode": c}, PLANES)
       for m in ("linear", "cubic") for c in COORDINATES},
    **{f"{m}-antialias": ({"mode": m, "antialias": 1, "scales": [1, 1, 0.6, 0.3]}, PLANES)
       for m in ("linear", "cubic")},
    **{f"{m}-crop": ({"mode": m, "roi": ROI, "extrapolation_value": 7.0,
                      "coordinate_transformation_mode": "tf_crop_and_resize"}, PLANES)
       for m in ("nearest", "linear", "cubic")},
    "cubic-coefficient": ({"mode": "cubic", "cubic_coeff_a": -0.5}, PLANES),
    "cubic-exclude": ({"mode": "cubic", "exclude_outside": 1}, PLANES),
    "axes": ({"mode": "linear", "axes": [3, 2], "scales": [0.45, 1.6]}, PLANES),
    "negative-axis": ({"mode": "linear", "axes": [-1], "scales": [1.7]}, PLANES),
    "channels-last": ({"mode": "linear", "scales": [1, 1.6, 2, 1]}, (2, 4, 5, 3)),
    "batch-too": ({"scales": [2, 1, 2, 3]}, (2, 1, 2, 3)),
    "repeat": ({"scales": [1, 1, 2, 3]}, PLANES),
    "repeat-asymmetric": ({"scales": [1, 1, 2, 3], "nearest_mode": "floor",
                           "coordinate_transformation_mode": "asymmetric"}, PLANES),
    "no-repeat": ({"scales": [1, 1, 3, 3], "coordinate_transformation_mode": "asymmetric"}, PLANES),
    "repeat-3d": ({"scales": [1, 1, 2, 1, 2]}, (1, 2, 2, 3, 2)),
    "repeat-1d": ({"scales": [1, 1, 4]}, (2, 2, 3)),
    "1d": ({"mode": "linear", "scales": [1, 1, 1.5]}, (2, 2, 5)),
    "3d": ({"mode": "linear", "scales": [1, 1, 1.5, 2, 0.7]}, (1, 2, 4, 3, 5)),
    "plane": ({"mode": "cubic", "scales": [1.5, 2]}, (4, 3)),
    "same": ({"scales": [1, 1, 1, 1]}, PLANES),
}  # fmt: skip
SIZED: dict[str, dict[str, Any]] = {
    "nearest": {"sizes": [2, 3, 8, 3]},
    "linear": {"sizes": [2, 3, 8, 3], "mode": "linear"},
    "cubic": {"sizes": [2, 3, 8, 3], "mode": "cubic"},
    "repeat": {"sizes": [2, 3, 10, 14]},
    "single": {"sizes": [2, 3, 1, 1], "mode": "linear",
               "coordinate_transformation_mode": "pytorch_half_pixel"},
    "antialias": {"sizes": [2, 3, 3, 3], "mode": "linear", "antialias": 1},
    "crop": {"sizes": [2, 3, 3, 9], "mode": "linear", "roi": ROI,
             "coordinate_transformation_mode": "tf_crop_and_resize"},
    **{f"{m}-{p}": {"sizes": [9, 4], "axes": [2, 3], "mode": m, "keep_aspect_ratio_policy": p}
       for m in ("nearest", "linear", "cubic") for p in ("not_larger", "not_smaller")},
    "all-axes-not-larger": {"sizes": [2, 3, 8, 14], "keep_aspect_ratio_policy": "not_larger"},
    "crop-not-larger": {
        "sizes": [9, 4], "axes": [2, 3], "mode": "linear", "roi": ROI[[2, 3, 6, 7]],
        "keep_aspect_ratio_policy": "not_larger",
        "coordinate_transformation_mode": "tf_crop_and_resize"},
}  # fmt: skip
EVEN = (  # where ONNX Runtime and onnx.reference agree, whatever the scale
    ("cubic", "half_pixel"), ("linear", "pytorch_half_pixel"), ("linear", "align_corners"),
    ("nearest", "asymmetric"),
)  # fmt: skip
AFFINE = {"2d": ((2, 2, 3), [2, 3, 4, 5]), "3d": ((2, 3, 4), [2, 1, 3, 4, 2])}

GRID = {"2d": ((2, 3, 4, 5), (2, 3, 2, 2)), "3d": ((2, 2, 3, 4, 3), (2, 2, 3, 2, 3))}


def positions(shape: tuple[int, ...], space: tuple[int, ...], corners: int) -> Any:
    """A grid that reaches beyond the image, clear of the kinks at whole pixels and midway."""
    sizes = np.array(space[::-1])
    pixels = integers(7, *shape) - 1.0 + np.where(integers(2, *shape), 0.27, 0.73)
    pixels = np.minimum(pixels, sizes + 0.73)
    return 2 * pixels / (sizes - 1) - 1 if corners else (2 * pixels + 1) / sizes - 1


CASES: list[Case] = [
    *(
        case("Resize", lambda x, a=attrs: by_scales(x, **a), normal(*shape), engine="linear",
             label=f"scales-{label}")
        for label, (attrs, shape) in SCALED.items()
    ),
    *(
        case("Resize", lambda x, a=attrs: by_scales(x, **a), normal(*shape), engine="linear",
             label=f"scales-{label}-dynamic", dims=((None,) * len(shape),))
        for label, (attrs, shape) in SCALED.items()
    ),
    *(
        case("Resize", lambda x, a=attrs: by_sizes(x, **a), normal(*PLANES), engine="linear",
             label=f"sizes-{label}{'-dynamic' * dynamic}",
             dims=(("n", 3, None, None),) if dynamic else None)
        for label, attrs in SIZED.items() for dynamic in (False, True)
    ),
    *(
        case("Resize", lambda x, m=mode, c=where: by_sizes(
                 x, [1, 2, 6, 3], mode=m, coordinate_transformation_mode=c),
             normal(1, 2, 4, 5), engine="reference", label=f"reference-{mode}-{where}")
        for mode, where in EVEN
    ),
    case("Resize", lambda x, s: op.Resize(x, None, s, mode="linear"), normal(*PLANES), SCALES,
         engine="linear", label="given-scales", fixed={1}, dims=((None, 3, None, None), (4,))),
    case("Resize", lambda x, s: op.Resize(x, None, None, s, mode="linear"), normal(*PLANES),
         np.array([2, 3, 8, 3]), engine="linear", label="given-sizes",
         dims=((None, 3, None, None), (4,))),
    case("Resize", lambda x, s: op.Resize(x, None, None, s, mode="linear", axes=[2, 3],
                                          keep_aspect_ratio_policy="not_smaller"),
         normal(*PLANES), np.array([8, 3]), engine="linear", label="given-sizes-not-smaller",
         dims=((None, 3, None, None), (2,))),
    case("Resize", lambda x, r: by_scales(x, roi=r, mode="linear",
                                          coordinate_transformation_mode="tf_crop_and_resize"),
         normal(*PLANES), ROI, engine="linear", label="given-roi", fixed={1}),
    *(
        case("Resize", lambda x, r, s=sizes: op.Resize(
                 x, r, None, s, mode="linear", extrapolation_value=2.0, axes=[2, 3],
                 coordinate_transformation_mode="tf_crop_and_resize"),
             normal(*PLANES), np.array([0.113, -0.217, 0.829, 1.131]), engine="single",
             label=f"roi-{label}{'-dynamic' * dynamic}",
             dims=((None,) * 4, None) if dynamic else None)
        for label, sizes in (("many", [4, 5]), ("one", [3, 1])) for dynamic in (False, True)
    ),
    case("Resize", lambda x, r: by_scales(x, [1.25, 1.5], r, mode="linear",
                                          coordinate_transformation_mode="tf_crop_and_resize"),
         normal(4, 5), np.array([0.2, 0.15, 0.9, 0.93]), engine="single", label="roi-scales"),
    case("Resize", lambda x: by_sizes(x, with_tail(x, [8, 3]), mode="linear"), normal(*PLANES),
         engine="linear", label="sizes-of-shape", dims=((None, None, 5, 7),)),
    *(
        case("AffineGrid", lambda t, s=size, c=corners: op.AffineGrid(t, s, align_corners=c),
             normal(*shape), label=f"{label}-{corners}")
        for label, (shape, size) in AFFINE.items() for corners in (0, 1)
    ),
    case("AffineGrid", op.AffineGrid, normal(2, 2, 3), np.array([2, 3, 4, 5]), label="dynamic",
         dims=(("n", 2, 3), (4,))),
    *(
        case("GridSample", lambda x, g, m=mode, p=padding, c=corners: op.GridSample(
                 x, g, mode=m, padding_mode=p, align_corners=c),
             normal(*shape), positions(grid, shape[2:], corners),
             label=f"{rank}-{mode}-{padding}-{corners}", smooth=mode != "nearest",
             # only onnx.reference has a cubic in 3-D, and it rounds the grid to float32
             **({"engine": "reference", "fixed": {1}, "tolerance": 1e-5} if rank + mode == "3dcubic"
                else {}))
        for rank, (shape, grid) in GRID.items() for mode in ("linear", "nearest", "cubic")
        for padding in ("zeros", "border", "reflection") for corners in (0, 1)
        # there onnx.reference moves the position itself; ONNX Runtime and torch move each tap
        if (rank, mode, padding) != ("3d", "cubic", "border")
    ),
    case("GridSample", op.GridSample, normal(2, 3, 4, 5), positions((2, 3, 2, 2), (4, 5), 0),
         label="dynamic", dims=((None, None, None, None), (None, None, None, 2))),
    case("GridSample", lambda x, g: op.GridSample(x, g, mode="cubic", padding_mode="reflection"),
         normal(2, 3, 4, 5), positions((2, 3, 2, 2), (4, 5), 0), label="dynamic-cubic",
         dims=(("n", 3, None, None), ("n", None, None, 2))),
]  # fmt: skip
