"""Keras' layers. What Keras has and this package does not raises ``NotImplementedError``."""

from ..functional import Input
from .base import Layer
from .convolution import Conv2D
from .core import Activation, Dense, Embedding, Identity, InputLayer, ReLU, Rescaling, Softmax
from .merging import Add, Concatenate, add, concatenate
from .normalization import BatchNormalization, LayerNormalization
from .pooling import AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D
from .regularization import Dropout
from .reshaping import Flatten, Reshape

Convolution2D = Conv2D
MaxPool2D = MaxPooling2D
AvgPool2D = AveragePooling2D
GlobalAvgPool2D = GlobalAveragePooling2D

__all__ = [
    "Activation", "Add", "AveragePooling2D", "AvgPool2D", "BatchNormalization", "Concatenate",
    "Conv2D", "Convolution2D", "Dense", "Dropout", "Embedding", "Flatten", "GlobalAveragePooling2D",
    "GlobalAvgPool2D", "Identity", "Input", "InputLayer", "Layer", "LayerNormalization",
    "MaxPool2D", "MaxPooling2D", "ReLU", "Rescaling", "Reshape", "Softmax", "add", "concatenate",
]  # fmt: skip
