"""Convolution and pooling, in one to three dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

from waterhorse.compiler import op

from .data import apart, normal
from .harness import Case, case

CONV: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "plain": ((2, 2, 5, 6), (3, 2, 3, 2), {}),
    "strides": ((1, 2, 7, 6), (3, 2, 3, 2), {"strides": [3, 2]}),
    "pads": ((1, 2, 5, 6), (3, 2, 3, 2), {"pads": [1, 0, 2, 1]}),
    "strides-pads": ((1, 2, 6, 7), (3, 2, 3, 3), {"strides": [2, 3], "pads": [0, 1, 1, 2]}),
    "dilations": ((1, 2, 7, 8), (3, 2, 3, 2), {"dilations": [2, 3]}),
    "everything": ((2, 4, 8, 9), (6, 2, 3, 2), {
        "dilations": [2, 3], "strides": [2, 2], "pads": [1, 2, 0, 1], "group": 2}),
    "groups": ((2, 4, 5, 5), (6, 2, 3, 3), {"group": 2}),
    "depthwise": ((2, 3, 5, 5), (3, 1, 3, 3), {"group": 3, "pads": [1, 1, 1, 1]}),
    "same-upper": ((1, 2, 5, 6), (3, 2, 2, 4), {"auto_pad": "SAME_UPPER"}),
    "same-lower": ((1, 2, 5, 6), (3, 2, 2, 4), {"auto_pad": "SAME_LOWER"}),
    "same-strides": ((1, 2, 6, 7), (3, 2, 3, 3), {"auto_pad": "SAME_UPPER", "strides": [2, 3]}),
    "valid": ((1, 2, 5, 6), (3, 2, 3, 2), {"auto_pad": "VALID", "strides": [2, 2]}),
    "pointwise": ((2, 3, 4, 4), (5, 3, 1, 1), {"strides": [2, 2]}),
    "same-wide-strides": ((1, 2, 7, 7), (3, 2, 2, 3), {"auto_pad": "SAME_LOWER", "strides": [3, 2]}),
    "1d": ((2, 2, 7), (3, 2, 3), {"strides": [2], "pads": [1, 1]}),
    "3d": ((1, 2, 4, 5, 4), (2, 2, 2, 3, 2), {"strides": [1, 2, 2], "pads": [0, 1, 0, 1, 0, 1]}),
}  # fmt: skip
TRANSPOSED: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "plain": ((2, 2, 3, 4), (2, 3, 3, 2), {}),
    "strides": ((1, 2, 3, 4), (2, 3, 3, 2), {"strides": [2, 3]}),
    "output-padding": ((1, 2, 3, 4), (2, 3, 3, 3), {
        "strides": [2, 3], "pads": [1, 0, 1, 1], "output_padding": [1, 2]}),
    "dilations": ((1, 2, 3, 4), (2, 3, 2, 3), {"dilations": [2, 3], "strides": [1, 2]}),
    "groups": ((2, 4, 3, 3), (4, 3, 3, 3), {"group": 2, "strides": [2, 2]}),
    "same-upper": ((1, 2, 4, 5), (2, 3, 3, 4), {"auto_pad": "SAME_UPPER", "strides": [2, 3]}),
    "same-lower": ((1, 2, 4, 5), (2, 3, 3, 4), {
        "auto_pad": "SAME_LOWER", "strides": [2, 1], "dilations": [2, 1]}),
    "same-wide-strides": ((1, 2, 4, 5), (2, 3, 3, 2), {"auto_pad": "SAME_UPPER", "strides": [2, 3]}),
    "valid": ((1, 2, 4, 5), (2, 3, 3, 2), {"auto_pad": "VALID", "strides": [2, 1]}),
    "shape": ((1, 2, 4, 5), (2, 3, 3, 2), {"output_shape": [8, 9], "strides": [2, 2]}),
    "shape-upper": ((1, 2, 4, 5), (2, 3, 3, 4), {
        "output_shape": [8, 9], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    "shape-lower": ((1, 2, 4, 5), (2, 3, 3, 4), {
        "output_shape": [8, 11], "strides": [2, 2], "auto_pad": "SAME_LOWER"}),
    "shape-padded": ((1, 2, 4, 5), (2, 3, 3, 3), {
        "output_shape": [9, 12], "strides": [2, 2], "output_padding": [1, 1]}),
    "1d": ((2, 2, 5), (2, 3, 3), {"strides": [2]}),
    "3d": ((1, 2, 2, 3, 2), (2, 2, 2, 2, 2), {"strides": [2, 1, 1]}),
}  # fmt: skip
MAX_POOL: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "plain": ((2, 2, 4, 6), {"kernel_shape": [2, 2], "strides": [2, 2]}),
    "overlap": ((2, 2, 5, 5), {"kernel_shape": [3, 3]}),
    "pads": ((1, 2, 5, 6), {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1]}),
    "dilations": ((1, 2, 7, 6), {"kernel_shape": [3, 2], "dilations": [2, 3]}),
    "ceil": ((1, 2, 5, 6), {"kernel_shape": [2, 3], "strides": [2, 2], "ceil_mode": 1}),
    "ceil-pads": ((1, 2, 6, 6), {
        "kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 0, 0, 1], "ceil_mode": 1}),
    "ceil-dilations": ((1, 2, 9, 7), {
        "kernel_shape": [2, 3], "strides": [3, 2], "dilations": [2, 2], "pads": [1, 1, 1, 1],
        "ceil_mode": 1}),
    "same": ((1, 2, 5, 6), {"kernel_shape": [3, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    "same-lower": ((1, 2, 5, 6), {
        "kernel_shape": [2, 4], "strides": [2, 2], "auto_pad": "SAME_LOWER"}),
    "same-apart": ((1, 2, 7, 6), {
        "kernel_shape": [1, 2], "strides": [2, 3], "auto_pad": "SAME_UPPER"}),
    "valid": ((1, 2, 5, 6), {"kernel_shape": [2, 3], "strides": [2, 2], "auto_pad": "VALID"}),
    "1d": ((2, 2, 7), {"kernel_shape": [2], "strides": [2]}),
    "3d": ((1, 2, 4, 4, 4), {"kernel_shape": [2, 2, 2], "strides": [2, 1, 2]}),
}  # fmt: skip
AVERAGE_POOL: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    **dict(MAX_POOL.items()),
    "include-pad": ((1, 2, 5, 6), {
        "kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1], "count_include_pad": 1}),
    "ceil-include-pad": ((1, 2, 6, 6), {
        "kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 0, 0, 1], "ceil_mode": 1,
        "count_include_pad": 1}),
    "same-include-pad": ((1, 2, 5, 6), {
        "kernel_shape": [3, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER",
        "count_include_pad": 1}),
}  # fmt: skip

CASES: list[Case] = [
    *(
        case("Conv", lambda x, w, b, a=attrs: op.Conv(x, w, b, **a), normal(*image),
             normal(*kernel), normal(kernel[0]), engine="linear", label=label)
        for label, (image, kernel, attrs) in CONV.items()
    ),
    *(
        case("Conv", lambda x, w, a=attrs: op.Conv(x, w, **a), normal(*image), normal(*kernel),
             engine="linear", label=f"{label}-dynamic",
             dims=((None, image[1], *(None for _ in image[2:])), kernel))
        for label, (image, kernel, attrs) in CONV.items()
    ),
    *(
        case("Conv", lambda x, w, a=attrs: op.Conv(x, w, **a), normal(*image), normal(*kernel),
             engine="linear", label=f"{label}-unknown-kernel",
             dims=((None, image[1], *(None for _ in image[2:])),
                   (*kernel[:2], *(None for _ in kernel[2:]))))
        for label, (image, kernel, attrs) in CONV.items()
    ),
    case("Conv", lambda x, w: op.Conv(x, w, auto_pad="SAME_UPPER", strides=[2, 2]),
         normal(3, 2, 5, 6), normal(3, 2, 3, 3), engine="linear", label="same-batch",
         dims=(("n", 2, 5, 6), None)),
    *(
        case("ConvTranspose", lambda x, w, b, a=attrs: op.ConvTranspose(x, w, b, **a),
             normal(*image), normal(*kernel), normal(kernel[1] * attrs.get("group", 1)),
             engine="linear", label=label)
        for label, (image, kernel, attrs) in TRANSPOSED.items()
    ),
    *(
        case("ConvTranspose", lambda x, w, b, a=attrs: op.ConvTranspose(x, w, b, **a),
             normal(*image), normal(*kernel), normal(kernel[1] * attrs.get("group", 1)),
             engine="linear", label=f"{label}-{what}",
             dims=((None, image[1], *(None for _ in image[2:])),
                   (*kernel[:2], *(None for _ in kernel[2:])) if what == "unknown-kernel" else None,
                   None))
        for label, (image, kernel, attrs) in TRANSPOSED.items()
        for what in ("dynamic", "unknown-kernel")
    ),
    *(
        case("MaxPool", lambda x, a=attrs: op.MaxPool(x, **a), apart(*image),
             label=f"{label}{'-dynamic' * dynamic}",
             dims=((None, image[1], *(None for _ in image[2:])),) if dynamic else None,
             smooth=False)
        for label, (image, attrs) in MAX_POOL.items() for dynamic in (False, True)
    ),
    case("MaxPool", lambda x: op.MaxPool(x, kernel_shape=[2, 2], outputs=2)[0] * 2.0,
         apart(1, 1, 3, 4), label="indices"),
    *(
        case("AveragePool", lambda x, a=attrs: op.AveragePool(x, **a), normal(*image),
             engine="linear", label=label)
        for label, (image, attrs) in AVERAGE_POOL.items()
    ),
    *(
        case("AveragePool", lambda x, a=attrs: op.AveragePool(x, **a), normal(*image),
             engine="linear", label=f"{label}-dynamic",
             dims=((None, image[1], *(None for _ in image[2:])),))
        for label, (image, attrs) in AVERAGE_POOL.items()
    ),
    *(
        case("AveragePool", lambda x, a=attrs: op.AveragePool(x, **a), normal(*image),
             engine="reference", label=f"{label}-reference")
        for label, (image, attrs) in AVERAGE_POOL.items() if label.startswith(("ceil", "include"))
    ),
    case("AveragePool", lambda x: op.AveragePool(x, kernel_shape=[2, 2], strides=[3, 3], ceil_mode=1,
                                                 pads=[0, 0, 1, 1]),
         normal(1, 2, 5, 6), engine="linear", label="ceil-beyond-dynamic", dims=((None,) * 4,)),
    case("GlobalAveragePool", op.GlobalAveragePool, normal(2, 3, 4, 5), engine="linear"),
    case("GlobalAveragePool", op.GlobalAveragePool, normal(2, 3, 4, 5), engine="linear",
         dims=((None, 3, None, None),), label="dynamic"),
    case("GlobalMaxPool", op.GlobalMaxPool, apart(2, 3, 2, 3), engine="reference", smooth=False),
    *(
        case("LpPool", lambda x, a=attrs: op.LpPool(x, **a), apart(*image) * 4, engine="single",
             label=f"{label}{'-dynamic' * dynamic}",
             dims=((None,) * len(image),) if dynamic else None)
        for label, (image, attrs) in MAX_POOL.items() for dynamic in (False, True)
    ),
    *(
        case("LpPool", lambda x, p=power: op.LpPool(x, kernel_shape=[2], p=p), apart(2, 2, 5) * 4,
             engine="single", dims=((None, None, None),), label=f"p{power}", smooth=power == 2)
        for power in (1, 2, 3, 4)
    ),
    case("GlobalLpPool", op.GlobalLpPool, apart(2, 2, 3, 2), engine="single"),
    case("GlobalLpPool", lambda x: op.GlobalLpPool(x, p=3), apart(2, 2, 3) * 4, engine="single",
         label="cubes"),
    case("MaxUnpool", lambda x: op.MaxUnpool(x, [[[[0, 3], [8, 15]]]], kernel_shape=[2, 2],
                                             strides=[2, 2]),
         normal(1, 1, 2, 2), engine="linear"),
    *(
        case("MaxUnpool", lambda x, i: op.MaxUnpool(x, i, [2, 1, 5, 5], kernel_shape=[2, 2],
                                                    strides=[2, 2]),
             normal(2, 1, 2, 2), np.array([[[[0, 3], [8, 15]]], [[[16, 19], [24, 31]]]]),
             engine="linear", label=f"shape{'-dynamic' * dynamic}",
             dims=((None,) * 4, (None,) * 4) if dynamic else None)
        for dynamic in (False, True)
    ),
    *(
        case(name, lambda x, n=name, o=options: getattr(op, n)(
                 x, kernel_shape=[3], strides=[3], pads=[1, 1], ceil_mode=1, **o), normal(1, 2, size),
             label=f"window-in-the-padding-{size}-{len(options)}", engine="single")
        for name, options in (("AveragePool", {}), ("AveragePool", {"count_include_pad": 1}),
                              ("LpPool", {}), ("MaxPool", {}))
        for size in (5, 6)
    ),
]  # fmt: skip
