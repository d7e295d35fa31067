"""Shapes, margins, repetition."""

from __future__ import annotations

from .cases import Given, case

_FIRST = {"data_format": "channels_first"}
_2D, _3D = (2, 5, 6, 3), (2, 4, 5, 6, 2)


def image(name, layer, config, shape=_2D, dynamic=(1, 2), **more):  # type: ignore[no-untyped-def]
    return case(
        name, layer, config, [shape], dynamic=dynamic, lengths=(5, 8) if dynamic else (), **more
    )


CASES = [
    case("flatten", "Flatten", {}, [(2, 3, 4)]),
    case("flatten_images", "Flatten", {}, [_2D], dynamic=(1,), lengths=(3,)),
    case("flatten_first", "Flatten", _FIRST, [_2D]),
    case("flatten_first_sequence", "Flatten", _FIRST, [(2, 3, 4)], dynamic=(2,), lengths=(3,)),
    case("flatten_flat", "Flatten", {}, [(2, 4)]),
    case("flatten_vector", "Flatten", {}, [(4,)]),
    case("flatten_integers", "Flatten", {}, [Given((2, 3, 4), "integers", 9)], gradients=False),
    case("reshape", "Reshape", {"target_shape": (6, 2)}, [(2, 3, 4)]),
    case("reshape_rest", "Reshape", {"target_shape": (2, -1)}, [(2, 3, 4)]),
    case("reshape_dynamic", "Reshape", {"target_shape": (-1, 2)}, [(2, 3, 4)], dynamic=(1,), lengths=(2, 5)),
    case("reshape_flat", "Reshape", {"target_shape": (-1,)}, [(2, 3, 4)]),
    case("reshape_scalars", "Reshape", {"target_shape": ()}, [(2, 1)]),
    case("reshape_integers", "Reshape", {"target_shape": (4, 3)}, [Given((2, 3, 4), "integers", 9)],
         gradients=False),
    case("permute", "Permute", {"dims": (2, 1)}, [(2, 3, 4)], dynamic=(1,), lengths=(2,)),
    case("permute_3d", "Permute", {"dims": (3, 1, 2)}, [(2, 3, 4, 5)]),
    case("repeat_vector", "RepeatVector", {"n": 3}, [(2, 4)]),
    case("cropping_1d", "Cropping1D", {}, [(2, 5, 3)], dynamic=(1,), lengths=(4, 7)),
    case("cropping_1d_number", "Cropping1D", {"cropping": 2}, [(2, 6, 3)]),
    case("cropping_1d_end", "Cropping1D", {"cropping": (0, 2)}, [(2, 6, 3)]),
    image("cropping_2d", "Cropping2D", {"cropping": ((1, 0), (2, 1))}),
    image("cropping_2d_default", "Cropping2D", {}),
    image("cropping_2d_number", "Cropping2D", {"cropping": 1}),
    image("cropping_2d_symmetric", "Cropping2D", {"cropping": (1, 2)}),
    image("cropping_2d_first", "Cropping2D", {"cropping": ((0, 1), (1, 0)), **_FIRST}, dynamic=()),
    image("cropping_3d", "Cropping3D", {}, _3D, (1, 2, 3)),
    image("cropping_3d_pairs", "Cropping3D", {"cropping": ((0, 1), (1, 0), (2, 1))}, _3D, (1, 2, 3)),
    image("cropping_3d_first", "Cropping3D", {"cropping": 1, **_FIRST}, (2, 2, 3, 4, 5), ()),
    case("padding_1d", "ZeroPadding1D", {}, [(2, 5, 3)], dynamic=(1,), lengths=(4, 7)),
    case("padding_1d_pair", "ZeroPadding1D", {"padding": (0, 2)}, [(2, 5, 3)]),
    case("padding_1d_first", "ZeroPadding1D", {"padding": 2, **_FIRST}, [(2, 3, 5)]),
    image("padding_2d", "ZeroPadding2D", {}),
    image("padding_2d_pairs", "ZeroPadding2D", {"padding": ((1, 0), (2, 3))}),
    image("padding_2d_symmetric", "ZeroPadding2D", {"padding": (0, 2)}),
    image("padding_2d_first", "ZeroPadding2D", {"padding": 2, **_FIRST}, dynamic=()),
    image("padding_3d", "ZeroPadding3D", {}, _3D, (1, 2, 3)),
    image("padding_3d_pairs", "ZeroPadding3D", {"padding": ((0, 1), (1, 0), (2, 1))}, _3D, ()),
    image("padding_3d_first", "ZeroPadding3D", {"padding": (1, 0, 2), **_FIRST}, (2, 2, 3, 4, 5), ()),
    case("padding_integers", "ZeroPadding1D", {}, [Given((2, 3, 4), "integers", 9)], gradients=False),
    case("up_1d", "UpSampling1D", {}, [(2, 5, 3)], dynamic=(1,), lengths=(4, 7)),
    case("up_1d_3", "UpSampling1D", {"size": 3}, [(2, 5, 3)]),
    case("up_1d_integers", "UpSampling1D", {}, [Given((2, 3, 4), "integers", 9)], gradients=False),
    image("up_2d", "UpSampling2D", {}),
    image("up_2d_sizes", "UpSampling2D", {"size": (2, 3)}),
    image("up_2d_first", "UpSampling2D", dict(_FIRST), dynamic=()),
    image("up_2d_bilinear", "UpSampling2D", {"size": (2, 3), "interpolation": "bilinear"}),
    image("up_2d_bilinear_first", "UpSampling2D", {"interpolation": "bilinear", **_FIRST}, dynamic=()),
    image("up_2d_bicubic", "UpSampling2D", {"size": 3, "interpolation": "bicubic"}),
    image("up_3d", "UpSampling3D", {}, _3D, (1, 2, 3)),
    image("up_3d_sizes", "UpSampling3D", {"size": (1, 2, 3)}, _3D, ()),
    image("up_3d_first", "UpSampling3D", {"size": 2, **_FIRST}, (2, 2, 2, 3, 2), ()),
]  # fmt: skip
