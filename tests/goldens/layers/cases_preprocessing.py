"""Preprocessing of numbers and of sound.

Normalization with statistics of its own is tried by adapting it (``make_preprocessing_goldens.py``): Keras
does not look at its weights again after they are assigned. And within Pipeline, Keras on torch builds it on
the meta device, so that its statistics are whatever lies in memory.
"""

from __future__ import annotations

from .cases import Given, case, layer


def integers(*shape: int, high: int = 5) -> Given:
    return Given(shape, "integers", high)


_SUMS = "float32 sums of products in another order, logarithms of small ones"
_MEL = "Keras makes the mel weights in float32, here they are rounded once"

CASES = [
    case("normalization_given", "Normalization",
         {"mean": [1.0, 2.0, 3.0], "variance": [0.5, 2.0, 0.0]}, [(4, 3)]),
    case("normalization_scalar", "Normalization", {"mean": 1.5, "variance": 4.0}, [(4, 5, 3)]),
    case("normalization_partly", "Normalization",
         {"axis": [1, 2], "mean": [1.0, 2.0, 3.0], "variance": [0.5, 2.0, 1.0]}, [(4, 2, 3)]),
    case("normalization_invert", "Normalization",
         {"mean": [1.0, 2.0, 3.0], "variance": [0.5, 2.0, 0.0], "invert": True}, [(4, 3)]),
    case("normalization_integers", "Normalization", {"mean": 2.0, "variance": 3.0},
         [integers(4, 3)], gradients=False),
    case("category_multi_hot", "CategoryEncoding", {"num_tokens": 5}, [integers(4, 3)],
         gradients=False),
    case("category_one_hot", "CategoryEncoding", {"num_tokens": 5, "output_mode": "one_hot"},
         [integers(4, 3)], gradients=False),
    case("category_one_hot_column", "CategoryEncoding",
         {"num_tokens": 5, "output_mode": "one_hot"}, [integers(4, 1)], gradients=False),
    case("category_count", "CategoryEncoding", {"num_tokens": 5, "output_mode": "count"},
         [integers(4, 7)], gradients=False, dynamic=(1,), lengths=(3, 9)),
    case("category_count_weights", "CategoryEncoding", {"num_tokens": 5, "output_mode": "count"},
         [integers(4, 7)], kwargs={"count_weights": Given((4, 7))}, gradients=False),
    case("category_three_axes", "CategoryEncoding", {"num_tokens": 5}, [integers(4, 3, 2)],
         gradients=False),
    case("discretization", "Discretization", {"bin_boundaries": [-0.5, 0.0, 0.7]}, [(4, 3)],
         gradients=False),
    case("discretization_one_hot", "Discretization",
         {"bin_boundaries": [-0.5, 0.0, 0.7], "output_mode": "one_hot"}, [(4, 1)],
         gradients=False),
    case("discretization_multi_hot", "Discretization",
         {"bin_boundaries": [-0.5, 0.0, 0.7], "output_mode": "multi_hot"}, [(4, 3)],
         gradients=False),
    case("discretization_count", "Discretization",
         {"bin_boundaries": [-0.5, 0.0, 0.7], "output_mode": "count"}, [(4, 6)],
         gradients=False),
    *(
        case(f"stft_{mode}", "STFTSpectrogram",
             {"mode": mode, "frame_length": 8, "frame_step": 4, "fft_length": 8}, [(2, 30, 2)],
             dynamic=(1,), lengths=(17, 44), rtol=3e-5, why=_SUMS)
        for mode in ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
    ),
    case("stft_defaults", "STFTSpectrogram", {"frame_length": 12}, [(2, 40, 1)], rtol=3e-5,
         why=_SUMS),
    case("stft_same", "STFTSpectrogram",
         {"mode": "magnitude", "frame_length": 9, "frame_step": 4, "padding": "same",
          "window": "hamming", "periodic": True, "scaling": "spectrum"}, [(2, 30, 1)],
         rtol=3e-5, why=_SUMS),
    case("stft_expanded", "STFTSpectrogram",
         {"mode": "psd", "frame_length": 8, "expand_dims": True, "window": "blackman",
          "scaling": None}, [(2, 30, 3)], rtol=3e-5, why=_SUMS),
    case("stft_channels_first", "STFTSpectrogram",
         {"mode": "real", "frame_length": 8, "data_format": "channels_first", "window": None},
         [(2, 3, 30)], rtol=3e-5, why=_SUMS),
    case("stft_channels_first_expanded", "STFTSpectrogram",
         {"mode": "imag", "frame_length": 8, "data_format": "channels_first",
          "expand_dims": True}, [(2, 3, 30)], rtol=3e-5, why=_SUMS),
    case("mel", "MelSpectrogram",
         {"fft_length": 64, "sequence_stride": 16, "num_mel_bins": 8, "sampling_rate": 800},
         [(2, 100)], dynamic=(1,), lengths=(70, 150), rtol=1e-4, why=_MEL),
    case("mel_magnitude", "MelSpectrogram",
         {"fft_length": 64, "sequence_stride": 16, "sequence_length": 40, "num_mel_bins": 6,
          "sampling_rate": 800, "window": "hamming", "power_to_db": False, "mag_exp": 1.0,
          "min_freq": 30.0, "max_freq": 300.0}, [(2, 100)], rtol=1e-4, why=_MEL),
    case("mel_no_window", "MelSpectrogram",
         {"fft_length": 32, "sequence_stride": 8, "sequence_length": 31, "num_mel_bins": 5,
          "sampling_rate": 800, "window": None, "top_db": 10.0, "ref_power": 2.0}, [(2, 60)],
         rtol=1e-4, why=_MEL),
    case("mel_without_batch", "MelSpectrogram",
         {"fft_length": 32, "sequence_stride": 8, "num_mel_bins": 5, "sampling_rate": 800},
         [(60,)], rtol=1e-4, why=_MEL, model="a model's first axis is the batch"),
    case("pipeline", "Pipeline",
         {"layers": [layer("Rescaling", scale=3.0, offset=1.0), layer("Rescaling", scale=0.5)]},
         [(4, 3)]),
]  # fmt: skip
