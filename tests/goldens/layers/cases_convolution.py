"""Convolutions: ranks, paddings, strides, dilations, groups, layouts."""

from __future__ import annotations

from typing import Any

from .cases import Case, case

_L2 = {"kernel_regularizer": "l2", "bias_regularizer": "l1", "activity_regularizer": "l2"}


def conv(name: str, layer: str, shape: tuple[int, ...], **options: Any) -> Case:
    """A case; ``dynamic`` axes are tried with two other sizes."""
    dynamic = options.pop("dynamic", ())
    if "Depthwise" not in layer:
        options.setdefault("filters", 4)
    lengths = (6, 9) if dynamic else ()
    return case(name, layer, options, [shape], dynamic=dynamic, lengths=lengths)


_FIRST = {"data_format": "channels_first"}
_TRANSPOSED = [
    conv(
        f"transpose_1d_{padding}_k{kernel}_s{stride}_p{extra}", "Conv1DTranspose", (2, 4, 2),
        kernel_size=kernel, strides=stride, padding=padding, output_padding=extra,
    )
    for padding in ("valid", "same")
    for kernel, stride in ((1, 1), (3, 1), (3, 2), (2, 3), (4, 3))
    for extra in (None, 0, 1, 2)
    if extra is None or extra < stride
]  # fmt: skip

CASES = [
    conv("1d", "Conv1D", (2, 7, 3), kernel_size=3, dynamic=(1,)),
    conv("1d_same", "Conv1D", (2, 7, 3), kernel_size=4, padding="same", dynamic=(1,)),
    conv("1d_same_strided", "Conv1D", (2, 7, 3), kernel_size=3, strides=2, padding="same", dynamic=(1,)),
    conv("1d_causal", "Conv1D", (2, 7, 3), kernel_size=3, padding="causal", dynamic=(1,), **_L2),
    conv("1d_causal_strided", "Conv1D", (2, 7, 3), kernel_size=3, padding="causal", strides=2, dynamic=(1,)),
    conv("1d_causal_dilated", "Conv1D", (2, 7, 3), kernel_size=3, padding="causal", dilation_rate=2),
    conv("1d_causal_first", "Conv1D", (2, 3, 7), kernel_size=3, padding="causal", dynamic=(2,), **_FIRST),
    conv("1d_groups", "Conv1D", (2, 7, 4), kernel_size=3, groups=2, activation="tanh"),
    conv("1d_first", "Conv1D", (2, 3, 7), kernel_size=3, use_bias=False, **_FIRST),
    conv("2d", "Conv2D", (2, 6, 7, 3), kernel_size=(3, 2), dynamic=(1, 2)),
    conv("2d_strided", "Conv2D", (2, 6, 7, 3), kernel_size=3, strides=(2, 3), dynamic=(1, 2)),
    conv("2d_same", "Conv2D", (2, 6, 7, 3), kernel_size=(3, 2), padding="SAME", dynamic=(1, 2)),
    conv("2d_same_strided", "Conv2D", (2, 6, 7, 3), kernel_size=(3, 4), strides=2, padding="same"),
    conv("2d_same_strided_dynamic", "Conv2D", (2, 6, 7, 3), kernel_size=3, strides=2, padding="same",
         dynamic=(1, 2)),
    conv("2d_dilated", "Conv2D", (2, 7, 7, 3), kernel_size=3, dilation_rate=(2, 1), padding="same"),
    conv("2d_groups", "Conv2D", (2, 5, 5, 6), kernel_size=2, filters=9, groups=3, activation="relu"),
    conv("2d_first", "Conv2D", (2, 3, 6, 5), kernel_size=2, activation="softplus", **_FIRST),
    conv("2d_no_bias", "Conv2D", (2, 5, 4, 2), kernel_size=1, use_bias=False, **_L2),
    conv("3d", "Conv3D", (2, 4, 5, 4, 2), kernel_size=(2, 3, 2)),
    conv("3d_same", "Conv3D", (2, 4, 5, 4, 2), kernel_size=3, strides=2, padding="same"),
    conv("3d_dilated", "Conv3D", (1, 5, 5, 5, 2), kernel_size=2, dilation_rate=2, padding="same"),
    conv("3d_first", "Conv3D", (2, 4, 4, 3, 4), kernel_size=2, groups=2, **_FIRST),
    conv("1d_lora", "Conv1D", (2, 7, 3), kernel_size=3, padding="causal", lora_rank=2, dynamic=(1,)),
    conv("2d_lora", "Conv2D", (2, 5, 5, 4), kernel_size=(3, 2), groups=2, lora_rank=3, lora_alpha=5.0,
         activation="tanh", dynamic=(1, 2)),
    conv("3d_lora_first", "Conv3D", (2, 3, 4, 4, 3), kernel_size=2, lora_rank=1, lora_alpha=2, **_FIRST),
    *_TRANSPOSED,
    conv("transpose_1d_dynamic", "Conv1DTranspose", (2, 4, 2), kernel_size=3, strides=2, padding="same",
         dynamic=(1,)),
    conv("transpose_1d_dilated", "Conv1DTranspose", (2, 4, 2), kernel_size=3, dilation_rate=2),
    conv("transpose_1d_dilated_same", "Conv1DTranspose", (2, 4, 2), kernel_size=3, dilation_rate=2,
         padding="same"),
    conv("transpose_2d", "Conv2DTranspose", (2, 3, 4, 3), kernel_size=3, strides=2, dynamic=(1, 2)),
    conv("transpose_2d_same", "Conv2DTranspose", (2, 3, 4, 3), kernel_size=(3, 4), strides=2,
         padding="same", activation="relu", **_L2),
    conv("transpose_2d_more", "Conv2DTranspose", (2, 3, 4, 3), kernel_size=3, strides=(2, 3),
         padding="same", output_padding=(1, 2)),
    conv("transpose_2d_first", "Conv2DTranspose", (2, 3, 4, 3), kernel_size=2, strides=2,
         use_bias=False, **_FIRST),
    conv("transpose_3d", "Conv3DTranspose", (2, 2, 3, 2, 2), kernel_size=(2, 3, 1), strides=2),
    conv("transpose_3d_same", "Conv3DTranspose", (2, 2, 3, 2, 2), kernel_size=3, strides=2,
         padding="same", output_padding=1, data_format="channels_last"),
    conv("depthwise_1d", "DepthwiseConv1D", (2, 7, 3), kernel_size=3, padding="same", dynamic=(1,)),
    conv("depthwise_1d_first", "DepthwiseConv1D", (2, 3, 7), kernel_size=3, depth_multiplier=2,
         strides=2, **_FIRST),
    conv("depthwise_2d", "DepthwiseConv2D", (2, 5, 6, 3), kernel_size=(3, 2), depth_multiplier=2,
         depthwise_regularizer="l2", activation="tanh", dynamic=(1, 2)),
    conv("depthwise_2d_dilated", "DepthwiseConv2D", (2, 6, 6, 3), kernel_size=3, dilation_rate=2,
         padding="same", use_bias=False),
    conv("depthwise_2d_strided", "DepthwiseConv2D", (2, 6, 5, 3), kernel_size=3, strides=2, padding="same"),
    conv("separable_1d", "SeparableConv1D", (2, 7, 3), kernel_size=3, padding="same", dynamic=(1,)),
    conv("separable_1d_more", "SeparableConv1D", (2, 7, 3), kernel_size=2, depth_multiplier=2,
         strides=2, pointwise_regularizer="l1"),
    conv("separable_2d", "SeparableConv2D", (2, 5, 6, 3), kernel_size=3, dynamic=(1, 2), activation="relu"),
    conv("separable_2d_first", "SeparableConv2D", (2, 3, 5, 6), kernel_size=(2, 3), strides=2,
         padding="same", depth_multiplier=2, use_bias=False, depthwise_regularizer="l2", **_FIRST),
]  # fmt: skip
