"""Poolings: ranks, paddings, strides, layouts, masks.

The sizes are such that "same" pads evenly: where it does not, Keras on torch repeats the edge before it
averages, while its other backends average what is there. The test has that case by itself.
"""

from __future__ import annotations

from .cases import Given, case

_FIRST = {"data_format": "channels_first"}
_SHAPES = {1: (2, 7, 3), 2: (2, 7, 5, 3), 3: (2, 5, 3, 7, 2)}
_OPTIONS = {
    "valid": {"pool_size": 2},
    "strided": {"pool_size": 3, "strides": 2},
    "same": {"pool_size": 3, "strides": 2, "padding": "same"},
    "overlapping": {"pool_size": 2, "strides": 1, "padding": "same"},
    "first": {"pool_size": 2, "data_format": "channels_first"},
}

CASES = [
    *(
        case(
            f"{kind.lower()}_{rank}d_{name}", f"{kind}Pooling{rank}D", options, [_SHAPES[rank]],
            dynamic=tuple(range(1, rank + 1)) if name in ("valid", "same") else (),
            lengths=(6, 8) if name in ("valid", "same") else (),
        )
        for kind in ("Max", "Average")
        for rank in (1, 2, 3)
        for name, options in _OPTIONS.items()
    ),
    *(
        case(
            f"global_{kind.lower()}_{rank}d_{'keep_' * keep}{layout[9:]}",
            f"Global{kind}Pooling{rank}D", {"keepdims": keep, "data_format": layout}, [_SHAPES[rank]],
            dynamic=tuple(range(1, rank + 1)) if layout == "channels_last" else (),
            lengths=(4,) if layout == "channels_last" else (),
        )
        for kind in ("Max", "Average")
        for rank in (1, 2, 3)
        for keep in (False, True)
        for layout in ("channels_last", "channels_first")
    ),
    *(
        case(f"adaptive_{kind.lower()}_{rank}d_{size}{'_first' * bool(layout)}",
             f"Adaptive{kind}Pooling{rank}D", {"output_size": size, **layout}, [_SHAPES[rank]])
        for kind in ("Max", "Average")
        for rank in (1, 2, 3)
        for size, layout in ((1, {}), (2, {}), (3, {}), (2, _FIRST))
    ),
    case("adaptive_2d_sizes", "AdaptiveAveragePooling2D", {"output_size": (3, 4)}, [_SHAPES[2]]),
    case("max_2d_default", "MaxPooling2D", {}, [(2, 4, 6, 3)]),
    case("max_2d_sizes", "MaxPooling2D", {"pool_size": (2, 3), "strides": (1, 2)}, [(2, 4, 7, 3)]),
    case("average_2d_sizes", "AveragePooling2D",
         {"pool_size": (2, 3), "strides": (1, 2)}, [(2, 4, 7, 3)]),
    case("masked", "GlobalAveragePooling1D", {}, [(3, 6, 2)], masks={0: Given((3, 6), "prefix")},
         dynamic=(1,), lengths=(3, 8)),
    case("masked_keep", "GlobalAveragePooling1D", {"keepdims": True}, [(3, 6, 2)],
         masks={0: Given((3, 6), "prefix")}),
    case("masked_first", "GlobalAveragePooling1D", dict(_FIRST), [(3, 2, 6)],
         masks={0: Given((3, 6), "prefix")}, dynamic=()),
]  # fmt: skip
