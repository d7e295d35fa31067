"""Keras' layers. What Keras has and this package does not raises ``NotImplementedError``."""

# ruff: noqa: F403

from typing import Any

from ..functional import Input
from . import (
    base,
    convolution,
    core,
    input_spec,
    merging,
    normalization,
    pooling,
    preprocessing,
    regularization,
    reshaping,
)
from .base import *
from .convolution import *
from .core import *
from .input_spec import *
from .merging import *
from .normalization import *
from .pooling import *
from .preprocessing import *
from .regularization import *
from .reshaping import *

# Keras has these and this version does not.
MISSING = (
    "ActivityRegularization", "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D", "AdditiveAttention", "AlphaDropout", "Attention", "AugMix",
    "AutoContrast", "Average", "Bidirectional", "CategoryEncoding", "CenterCrop",
    "ContrastLimitedAdaptiveHistogramEqualization", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D",
    "CutMix", "Discretization", "Dot", "ELU", "EinsumDense", "Equalization", "FlaxLayer", "GRU",
    "GRUCell", "GaussianDropout", "GaussianNoise", "GroupNormalization", "GroupQueryAttention",
    "HashedCrossing", "Hashing", "IntegerLookup", "JaxLayer", "LSTM", "LSTMCell", "Lambda",
    "LeakyReLU", "Masking", "MaxNumBoundingBoxes", "Maximum", "MelSpectrogram", "Minimum", "MixUp",
    "MultiHeadAttention", "Multiply", "Normalization", "PReLU", "Pipeline", "RMSNormalization",
    "RNN", "RandAugment", "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter",
    "RandomContrast", "RandomCrop", "RandomElasticTransform", "RandomErasing", "RandomFlip",
    "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPerspective",
    "RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear",
    "RandomTranslation", "RandomZoom", "Resizing", "ReversibleEmbedding", "STFTSpectrogram",
    "SimpleRNN", "SimpleRNNCell", "Solarization", "SpatialDropout1D", "SpatialDropout2D",
    "SpatialDropout3D", "SpectralNormalization", "StackedRNNCells", "StringLookup", "Subtract",
    "TFSMLayer", "TernaryDense", "TextVectorization", "TimeDistributed", "TorchModuleWrapper",
    "UnitNormalization", "Wrapper", "average", "dot", "maximum", "minimum", "multiply", "subtract",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in MISSING:
        raise NotImplementedError(
            f"wh.layers.{name} is not there yet: subclass wh.layers.Layer and compute it with wh.ops"
        )
    raise AttributeError(f"module 'waterhorse.layers' has no attribute {name!r}")


__all__ = ["Input"]
__all__ += base.__all__
__all__ += convolution.__all__
__all__ += core.__all__
__all__ += input_spec.__all__
__all__ += merging.__all__
__all__ += normalization.__all__
__all__ += pooling.__all__
__all__ += preprocessing.__all__
__all__ += regularization.__all__
__all__ += reshaping.__all__
