"""What reads or writes regions of images."""

from __future__ import annotations

from typing import Any

import numpy as np

from waterhorse.compiler import op

from .data import apart, integers, normal, within
from .harness import Case, case

# by label: the shape of the columns, then image, block, attributes
COLUMNS: dict[str, tuple[tuple[int, ...], list[int], list[int], dict[str, Any]]] = {
    "plain": ((2, 6, 16), [4, 5], [1, 2], {}),
    "overlap": ((1, 18, 12), [5, 6], [3, 3], {}),
    "strides": ((1, 8, 6), [5, 6], [2, 2], {"strides": [2, 2]}),
    "pads": ((1, 12, 20), [4, 5], [2, 3], {"pads": [0, 1, 1, 1]}),
    "dilations": ((1, 8, 8), [5, 5], [2, 2], {"dilations": [3, 1]}),
    "everything": ((2, 8, 6), [6, 7], [2, 2], {
        "dilations": [2, 3], "pads": [1, 0, 0, 1], "strides": [2, 3]}),
    "3d": ((1, 24, 18), [3, 4, 5], [2, 2, 3], {"strides": [1, 2, 1], "pads": [0, 1, 0, 1, 0, 0]}),
}  # fmt: skip
# no sample at a whole pixel, where linear interpolation has its kinks
ROIS = np.array([
    [0.313, 0.441, 5.237, 3.929], [1.123, -1.317, 8.937, 2.219], [2.221, 2.443, 2.957, 7.331],
])  # fmt: skip
BATCH = np.array([0, 1, 1])
ALIGNED: dict[str, dict[str, Any]] = {
    "default": {},
    "adaptive": {"output_height": 2, "output_width": 3, "spatial_scale": 0.9},
    "ratio": {"output_height": 2, "output_width": 2, "sampling_ratio": 2},
    "fine": {"output_height": 3, "output_width": 1, "sampling_ratio": 3, "spatial_scale": 0.7},
}
POOLED = np.array([
    [0, 0, 0, 4, 3], [1, 1, 2, 5, 4], [1, 3, 1, 3, 1], [0, 2, 3, 11, 9], [1, 9, 9, 12, 12],
], np.float32)  # fmt: skip
DEFORMED: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "plain": ((2, 2, 4, 5), (3, 2, 2, 2), {}),
    "pads": ((1, 2, 4, 4), (2, 2, 3, 2), {"pads": [1, 0, 1, 1]}),
    "strides": (
        (1, 2, 5, 6),
        (2, 2, 2, 3),
        {"strides": [2, 1], "dilations": [1, 2], "pads": [0, 1, 1, 0]},
    ),
    "groups": ((2, 4, 4, 4), (6, 2, 2, 2), {"group": 2}),
    "offset-groups": ((2, 4, 4, 4), (3, 4, 2, 2), {"offset_group": 2}),
    "both-groups": ((1, 4, 4, 4), (4, 1, 2, 2), {"group": 4, "offset_group": 2}),
}


def deformed(label: str, dynamic: bool, full: bool) -> Case:
    image, kernel, attrs = DEFORMED[label]
    groups = attrs.get("offset_group", 1)
    pads, steps = attrs.get("pads", [0] * 4), attrs.get("strides", [1, 1])
    wide = attrs.get("dilations", [1, 1])
    out = tuple(
        (image[2 + i] + pads[i] + pads[2 + i] - wide[i] * (kernel[2 + i] - 1) - 1) // steps[i] + 1
        for i in (0, 1)
    )
    taps = groups * kernel[2] * kernel[3]
    offset = (
        integers(3, image[0], 2 * taps, *out) - 1.0 + within(image[0], 2 * taps, *out) / 2.5 + 0.5
    )
    more = (normal(kernel[0]), normal(image[0], taps, *out)) if full else ()
    wide_open = (None,) * 4
    return case(
        "DeformConv", lambda *xs: op.DeformConv(*xs, **attrs), normal(*image), normal(*kernel),
        offset, *more, label=f"{label}{'-dynamic' * dynamic}{'-full' * full}",
        dims=(wide_open, kernel, wide_open, *((None, wide_open) if full else ())) if dynamic else None,
    )  # fmt: skip


CASES: list[Case] = [
    *(
        case("Col2Im", lambda x, i=image, b=block, a=attrs: op.Col2Im(x, i, b, **a),
             normal(*shape), engine="linear", label=label)
        for label, (shape, image, block, attrs) in COLUMNS.items()
    ),
    *(
        case("Col2Im", lambda x, i, b, a=attrs: op.Col2Im(x, i, b, **a), normal(*shape),
             np.array(image), np.array(block), engine="linear", label=f"{label}-dynamic",
             dims=((None, None, None), (len(image),), (len(block),)))
        for label, (shape, image, block, attrs) in COLUMNS.items()
    ),
    *(
        case("RoiAlign", lambda x, r, a=attrs, m=mode, c=where: op.RoiAlign(
                 x, r, BATCH, mode=m, coordinate_transformation_mode=c, **a),
             apart(2, 3, 4, 6), ROIS, label=f"{label}-{mode}-{where}", smooth=mode == "avg")
        for label, attrs in ALIGNED.items() for mode in ("avg", "max")
        for where in ("half_pixel", "output_half_pixel")
    ),
    case("RoiAlign", lambda x, r, b: op.RoiAlign(x, r, b, output_height=2, output_width=2),
         normal(2, 3, 4, 6), ROIS, BATCH, label="dynamic",
         dims=((None,) * 4, (None, 4), (None,))),
    *(
        case("MaxRoiPool", lambda x, r, a=attrs: op.MaxRoiPool(x, r, **a), apart(2, 2, 5, 6), rois,
             engine="single", smooth=False, fixed={1}, label=f"{label}{'-dynamic' * dynamic}",
             dims=((None,) * 4, (None, 5)) if dynamic else None)
        for label, rois, attrs in (
            ("plain", POOLED, {"pooled_shape": [2, 2]}),
            ("uneven", POOLED, {"pooled_shape": [3, 2]}),
            ("scale", POOLED * [1, 1.5, 2, 1.1, 2], {"pooled_shape": [1, 2], "spatial_scale": 0.5}),
        )
        for dynamic in (False, True)
    ),
    *(deformed(label, dynamic, full)
      for label in DEFORMED for dynamic in (False, True) for full in (False, True)),
]  # fmt: skip
