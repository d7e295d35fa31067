"""Cases for ``keras.ops``: the call, its inputs (from a seeded generator) and its arguments.

Plain data, imported by the script that asks Keras and by the test that asks us. The inputs follow
from the order of the lines: after a change, ``make_ops_goldens.py`` writes all results again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

RNG = np.random.default_rng(23)


@dataclass(frozen=True)
class OpCase:
    """One line: ``call(*inputs, **kwargs)``; ``wrt`` counts the inputs with a gradient."""

    call: str
    inputs: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    wrt: int = 1
    dynamic: bool = True
    """Whether the first axis of the first input may be unknown."""
    unpacked: bool = False
    """Whether the inputs are one argument, a list."""
    rtol: float = 1e-5

    def __repr__(self) -> str:
        kinds = "_".join("x".join(map(str, np.shape(x))) for x in self.inputs)
        return "-".join([self.call, kinds, *(f"{k}={v}" for k, v in self.kwargs.items())])


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


def unit(*shape: int) -> np.ndarray:
    return RNG.uniform(size=shape).astype("float32")


def whole(low: int, high: int, *shape: int) -> np.ndarray:
    return RNG.integers(low, high, shape).astype("int32")


def positive(*shape: int) -> np.ndarray:
    """Symmetric positive definite matrices."""
    x = normal(*shape)
    return (x @ x.swapaxes(-1, -2) + np.eye(shape[-1], dtype="float32")).astype("float32")


def regular(*shape: int) -> np.ndarray:
    """Matrices that are far from singular."""
    return normal(*shape) + 2 * np.eye(shape[-1], dtype="float32")


def case(call: str, *inputs: Any, wrt: int = 1, dynamic: bool = True, unpacked: bool = False,
         rtol: float = 1e-5, **kwargs: Any) -> OpCase:  # fmt: skip
    return OpCase(call, inputs, kwargs, wrt, dynamic, unpacked, rtol)


IMAGES = normal(2, 5, 6, 3)
BYTES = (whole(0, 16, 2, 5, 6, 3) * 16).astype("uint8")  # no halves to round after resizing
AFFINE = np.array([[0.9, 0.2, 0.3, -0.1, 1.1, 0.4, 0, 0], [1, 0, -1.3, 0, 1, 2.2, 0, 0]], "float32")
CORNERS = np.array([[0, 0], [5, 0], [0, 4], [5, 4]], "float32")
MOVED = np.array([[0.5, 0.2], [4.6, 0.4], [-0.3, 3.9], [5.2, 4.1]], "float32")

IMAGE = [
    *(case("image.resize", IMAGES, size=(7, 4), interpolation=i, antialias=a)
      for i in ("nearest", "bilinear", "bicubic") for a in (False, True)),
    *(case("image.resize", IMAGES, size=(3, 3), interpolation=i, antialias=a)
      for i in ("nearest", "bilinear", "bicubic") for a in (False, True)),
    case("image.resize", IMAGES[0], size=(8, 9)),
    case("image.resize", IMAGES, size=(4, 4), crop_to_aspect_ratio=True),
    case("image.resize", IMAGES, size=(8, 4), crop_to_aspect_ratio=True),
    case("image.resize", IMAGES, size=(4, 4), pad_to_aspect_ratio=True, fill_value=0.5),
    case("image.resize", IMAGES, size=(4, 8), pad_to_aspect_ratio=True),
    case("image.resize", normal(2, 3, 5, 4), size=(3, 7), data_format="channels_first"),
    *(case("image.resize", BYTES, size=(7, 4), interpolation=i, wrt=0)
      for i in ("nearest", "bilinear", "bicubic")),
    *(case("image.affine_transform", IMAGES, AFFINE, interpolation=i, fill_mode=m, fill_value=0.5)
      for i in ("nearest", "bilinear") for m in ("constant", "nearest", "wrap", "mirror", "reflect")),
    case("image.affine_transform", IMAGES[0], AFFINE[0]),
    case("image.affine_transform", normal(2, 3, 5, 6), AFFINE, data_format="channels_first"),
    case("image.affine_transform", BYTES, AFFINE, wrt=0),
    *(case("image.perspective_transform", IMAGES, np.stack([CORNERS, MOVED]),
           np.stack([MOVED, CORNERS]), interpolation=i, fill_value=0.5)
      for i in ("nearest", "bilinear")),
    case("image.perspective_transform", IMAGES[0], CORNERS, MOVED, dynamic=False),
    *(case("image.map_coordinates", normal(4, 5), normal(2, 3, 3) * 4 + 2, order=o, fill_mode=m)
      for o in (0, 1) for m in ("constant", "nearest", "wrap", "mirror", "reflect")),
    case("image.map_coordinates", normal(3, 4, 2), unit(3, 7), order=1, wrt=2),
    case("image.map_coordinates", whole(0, 9, 4, 4), unit(2, 7) * 3, order=1, wrt=0),
    case("image.rgb_to_grayscale", IMAGES), case("image.rgb_to_grayscale", IMAGES[0]),
    case("image.rgb_to_grayscale", normal(2, 3, 4, 4), data_format="channels_first"),
    case("image.rgb_to_hsv", unit(2, 3, 4, 3)),
    case("image.rgb_to_hsv", np.array([[[0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.2]]], "float32"), wrt=0),
    case("image.hsv_to_rgb", unit(2, 3, 4, 3)),
    case("image.hsv_to_rgb", unit(3, 3, 4), data_format="channels_first", dynamic=False),
    case("image.pad_images", IMAGES, top_padding=1, left_padding=2, target_height=9, target_width=9),
    case("image.pad_images", IMAGES[0], bottom_padding=1, right_padding=2, top_padding=0,
         left_padding=1),
    case("image.crop_images", IMAGES, top_cropping=1, left_cropping=2, target_height=3,
         target_width=2),
    case("image.crop_images", IMAGES[0], bottom_cropping=1, right_cropping=2, top_cropping=0,
         left_cropping=1),
    case("image.crop_images", normal(3, 5, 6), bottom_cropping=1, right_cropping=2,
         target_height=3, target_width=3, data_format="channels_first", dynamic=False),
    case("image.extract_patches", IMAGES, size=(2, 3)), case("image.extract_patches", IMAGES, size=2),
    case("image.extract_patches", IMAGES, size=(3, 2), strides=(1, 2), padding="same", dynamic=False),
    case("image.extract_patches", IMAGES[0], size=2, strides=1, dilation_rate=2, dynamic=False),
    case("image.extract_patches", normal(2, 3, 4, 6), size=2, data_format="channels_first"),
    case("image.extract_patches_3d", normal(2, 4, 5, 4, 2), size=(2, 2, 2)),
    case("image.extract_patches_3d", normal(4, 4, 4, 2), size=2, strides=1, dynamic=False),
    case("image.gaussian_blur", IMAGES, kernel_size=(3, 3), sigma=(1.0, 0.5), data_format="channels_last"),
    case("image.gaussian_blur", IMAGES[0], kernel_size=(5, 5), data_format="channels_last"),
    case("image.gaussian_blur", normal(2, 3, 5, 6), data_format="channels_first"),
    case("image.sobel_edges", IMAGES), case("image.sobel_edges", normal(1, 2, 4, 4), data_format="channels_first"),
    case("image.ssim", unit(2, 6, 7, 3), unit(2, 6, 7, 3), filter_size=4, wrt=2),
    case("image.ssim", unit(3, 6, 7), unit(3, 6, 7), filter_size=5, data_format="channels_first", dynamic=False),
    *(case("image.scale_and_translate", IMAGES, output_shape=(2, 8, 4, 3), method=m, antialias=a,
           scale=np.array([1.5, 0.6], "float32"), translation=np.array([0.3, -0.5], "float32"),
           spatial_dims=(1, 2))
      for m in ("linear", "cubic", "lanczos3", "lanczos5") for a in (True, False)),
]  # fmt: skip

MATRICES = [
    case("solve", regular(3, 4, 4), normal(3, 4, 2), wrt=2),
    case("solve", regular(4, 4), normal(4), wrt=2, dynamic=False),
    case("inv", regular(3, 4, 4)), case("inv", regular(3, 3), dynamic=False),
    case("det", regular(3, 3, 3)), case("det", normal(1, 1), dynamic=False),
    case("cholesky", positive(2, 4, 4)), case("cholesky", positive(3, 3), upper=True, dynamic=False),
    # torch's gradient of cholesky_inverse also counts the triangle that is not read
    case("cholesky_inverse", np.linalg.cholesky(positive(3, 3)), wrt=0, dynamic=False),
    case("cholesky_inverse", np.linalg.cholesky(positive(3, 3)).T.copy(), wrt=0, upper=True,
         dynamic=False),
    *(case("solve_triangular", regular(2, 4, 4), normal(2, 4, 3), lower=low, wrt=2)
      for low in (False, True)),
    case("lu_factor", normal(2, 4, 4)), case("lu_factor", normal(3, 3), dynamic=False),
    case("slogdet", normal(3, 4, 4)), case("logdet", positive(2, 3, 3)),
    *(case("qr", normal(2, *s), mode=m, wrt=int(s[0] >= s[1] and m == "reduced"))
      for s in ((4, 3), (3, 3), (3, 5)) for m in ("reduced", "complete")),
]  # fmt: skip

ROWS, IDS = normal(6, 3), np.array([1, 0, 1, 3, -1, 9], "int32")
HOLES = np.where(unit(4, 5) < 0.3, np.nan, normal(4, 5)).astype("float32")
NOTHING = np.array([[np.nan, np.nan], [1, np.nan]], "float32")

NUMBERS = [
    *(case(f"segment_{n}", ROWS, IDS, num_segments=4) for n in ("sum", "max", "min", "prod")),
    case("segment_max", whole(-9, 9, 6), np.array([0, 0, 2, 2, 0, 4]), wrt=0),
    case("segment_sum", normal(6), np.array([0, 0, 2, 2, 0, 4])),
    *(case("quantile", normal(4, 5), q=0.3, axis=1, method=m)
      for m in ("linear", "lower", "higher", "midpoint", "nearest")),
    case("quantile", normal(4, 5), np.array([0.0, 0.25, 1.0], "float32"), axis=0),
    case("quantile", normal(2, 3, 4), np.array([0.1, 0.6], "float32"), axis=(0, 2), keepdims=True),
    case("quantile", normal(2, 3, 4), q=0.6, keepdims=True),
    case("percentile", normal(4, 5), q=30.0, axis=-1), case("median", normal(4, 6), axis=0),
    case("median", normal(3, 4)), case("median", normal(2, 3, 4), axis=(0, 1), keepdims=True),
    case("nanquantile", HOLES, q=0.4, axis=1), case("nanpercentile", HOLES, q=40.0),
    case("nanmedian", HOLES, axis=0, keepdims=True), case("nanmedian", NOTHING, axis=1, wrt=0),
    *(case(f"nan{n}", x, axis=a) for n in ("sum", "prod", "max", "min", "mean", "var", "std")
      for x, a in ((HOLES, 1), (HOLES, None))),
    *(case(f"nan{n}", NOTHING, axis=1, keepdims=True, wrt=0) for n in ("sum", "max", "mean", "var")),
    case("nanargmax", HOLES, axis=1, wrt=0), case("nanargmin", HOLES, axis=0, wrt=0),
    case("nanargmax", NOTHING, axis=1, wrt=0), case("nancumsum", HOLES, axis=1),
    case("nancumprod", HOLES, axis=0), case("nansum", whole(0, 9, 3, 2), wrt=0),
    case("fmax", HOLES, normal(4, 5), wrt=0), case("fmin", normal(4, 5), HOLES, wrt=0),
    case("fmax", normal(4, 5), normal(5), wrt=2),
    case("bincount", np.array([0, 3, 1, 3], "int32"), wrt=0),
    case("bincount", np.array([0, 3, 1, 3], "int32"), minlength=6, wrt=0),
    case("bincount", np.array([0, 3, 1, 3], "int32"), weights=normal(4), wrt=0, dynamic=False),
    case("bincount", whole(0, 4, 2, 5), minlength=5, wrt=0),
    case("digitize", normal(4, 5), np.array([-1.0, 0.0, 0.5], "float32"), wrt=0),
    case("histogram", normal(20), bins=5, wrt=0),
    case("histogram", normal(20), bins=4, range=(-1.0, 0.5), wrt=0),
    case("corrcoef", normal(4, 6)), case("corrcoef", normal(5), wrt=0),
    *(case("correlate", normal(7), normal(3), mode=m, wrt=2, dynamic=False)
      for m in ("valid", "same", "full")),
    case("trapezoid", normal(3, 5)), case("trapezoid", normal(3, 5), dx=0.5, axis=0),
    case("trapezoid", normal(3, 5), x=np.sort(normal(5)), dynamic=False),
    case("cdist", normal(2, 4, 3), normal(2, 5, 3), wrt=2),
    case("psnr", unit(3, 4), unit(3, 4), max_val=1.0, wrt=2),
    *(case("cumprod", normal(4, 5), axis=a) for a in (0, 1, -1, None)),
    case("cumprod", whole(1, 5, 6), wrt=0),
    case("kron", normal(2, 3), normal(3, 2), wrt=2), case("kron", normal(4), normal(3), wrt=2),
    case("gcd", whole(-40, 40, 4, 3), whole(-40, 40, 3), wrt=0),
    case("lcm", whole(-40, 40, 4, 3), whole(-40, 40, 3), wrt=0),
    # torch's gradient of ldexp takes 2 to the power of a negative integer for 0
    case("ldexp", normal(4), whole(-9, 9, 4), wrt=0), case("vander", normal(4), N=3, wrt=0),
    case("vander", normal(4), increasing=True, wrt=0, dynamic=False),
    case("diagflat", normal(2, 3), k=1, dynamic=False),
    case("geomspace", start=1.0, stop=1000.0, num=4, wrt=0, dynamic=False),
    case("left_shift", whole(-9, 9, 5), whole(0, 5, 5), wrt=0),
    case("bitwise_right_shift", whole(-900, 900, 5), whole(0, 5, 5), wrt=0),
    case("array_split", normal(7, 2), indices_or_sections=3, dynamic=False),
    case("hsplit", normal(2, 4), indices_or_sections=2), case("vsplit", normal(4, 2), indices_or_sections=2),
    case("dsplit", normal(2, 3, 4), indices_or_sections=[1, 3]),
    case("dstack", normal(2, 3), normal(2, 3), unpacked=True, wrt=2, dynamic=False),
    case("dstack", normal(3), normal(3), unpacked=True, wrt=2, dynamic=False),
    case("get_item", normal(4, 3), 1, wrt=1),
    case("unravel_index", whole(0, 24, 5), shape=(2, 3, 4), wrt=0),
    case("unique", whole(0, 5, 9), return_counts=True, return_inverse=True, wrt=0),
    case("unique", np.array([[1, 2], [0, 4], [1, 2]], "int32"), axis=0, wrt=0),
    case("unique", whole(0, 5, 9), size=8, fill_value=7, wrt=0),
    case("unique", whole(0, 5, 9), size=3, wrt=0),
    case("rearrange", normal(2, 6, 3), pattern="b (h p) c -> b h (p c)", h=2),
    case("rearrange", normal(2, 3, 4), pattern="b h w -> w (b h)"),
    case("rearrange", normal(2, 3, 4), pattern="b h w -> (w h b)"),
]  # fmt: skip

SIGNAL = [
    case("fft", normal(2, 5), normal(2, 5), unpacked=True, wrt=2, dynamic=False),
    case("fft", normal(3, 8), normal(3, 8), unpacked=True, wrt=2),
    case("fft2", normal(2, 3, 4), normal(2, 3, 4), unpacked=True, wrt=2),
    case("ifft2", normal(2, 3, 4), normal(2, 3, 4), unpacked=True, wrt=2),
    *(case("rfft", normal(3, 6), fft_length=n) for n in (None, 4, 9)),
    *(case("irfft", normal(3, 5), normal(3, 5), unpacked=True, fft_length=n, wrt=2)
      for n in (None, 9, 5, 12)),
    case("extract_sequences", normal(2, 11), sequence_length=4, sequence_stride=3),
    *(case("stft", normal(2, 20), sequence_length=n, sequence_stride=s, fft_length=f, window=w, center=c)
      for n, s, f, w, c in ((8, 3, 8, "hann", True), (6, 2, 9, "hamming", True), (8, 4, 8, None, False),
                            (5, 2, 8, "hann", False))),
    *(case("istft", normal(2, k, f // 2 + 1), normal(2, k, f // 2 + 1), unpacked=True, wrt=2,
           sequence_length=n, sequence_stride=s, fft_length=f, window=w, center=c, length=t)
      for k, n, s, f, w, c, t in (
          (6, 8, 2, 8, "hann", True, None), (6, 8, 2, 8, "hann", True, 9), (6, 6, 2, 8, "hann", True, None),
          (5, 8, 4, 8, "hamming", False, None), (5, 8, 4, 8, None, True, 12))),
    *(case(w, x, wrt=0, dynamic=False) for w in ("bartlett", "blackman", "hamming", "hanning")
      for x in (7, 4, 1)),
    case("kaiser", 8, 5.0, wrt=0, dynamic=False), case("kaiser", 5, 14.0, wrt=0, dynamic=False),
]  # fmt: skip

SPECIAL = [
    case("erfinv", np.array([-0.9999, -0.9, -0.3, 0.0, 1e-3, 0.5, 0.99, 0.999999], "float32"), rtol=3e-5),
    case("i0", np.array([-9.0, -3.7, -0.5, 0.0, 0.1, 2.0, 3.8, 30.0], "float32")),
    # only where one class is left: for more, Keras 3.15 sums the running sums (test_ops_more.py)
    case("sparsemax", normal(4, 5) * 5, axis=0),
    case("isreal", normal(3), wrt=0), case("real", normal(3)), case("conj", normal(3)),
    case("angle", normal(5), wrt=0),
    *(case(f"adaptive_{n}_pool", normal(2, *s, 3), output_size=o) for n in ("average", "max")
      for s, o in (((7,), 3), ((6, 5), (3, 2)), ((4, 5, 3), 2), ((4, 6), (1, 6)))),
    case("adaptive_average_pool", normal(2, 3, 7), output_size=3, data_format="channels_first"),
    case("unfold", normal(2, 3, 5, 6), kernel_size=(2, 3), padding=1, stride=2),
    case("unfold", normal(1, 2, 5, 5), kernel_size=2, dilation=2),
    case("fold", normal(2, 12, 9), output_size=(4, 4), kernel_size=2),
    case("fold", normal(1, 8, 4), output_size=3, kernel_size=2, padding=1, stride=2, dilation=1,
         dynamic=False),
    case("svd", normal(2, 4, 3), compute_uv=False), case("svd", normal(3, 5), compute_uv=False, dynamic=False),
    case("pinv", normal(2, 4, 3)), case("pinv", normal(3, 5), dynamic=False),
    case("lstsq", normal(5, 3), normal(5, 2), wrt=2, dynamic=False),
    case("lstsq", normal(5, 3), normal(5), wrt=0, dynamic=False),
    case("matrix_rank", (normal(4, 2) @ normal(2, 4)).astype("float32"), wrt=0, dynamic=False),
    *(case("norm", normal(3, 4), ord=o, dynamic=False) for o in (2, -2, "nuc")),
    case("norm", normal(2, 3, 4), ord=2, axis=(0, 2), keepdims=True, dynamic=False),
]  # fmt: skip

CASES = [*IMAGE, *MATRICES, *NUMBERS, *SIGNAL, *SPECIAL]
