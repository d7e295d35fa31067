"""Keras' layers. What Keras has and this package does not raises ``NotImplementedError``."""

# ruff: noqa: F403

from typing import Any

from ..functional import Input
from . import (
    activation,
    attention,
    base,
    convolution,
    core,
    dense,
    embedding,
    image,
    input_spec,
    merging,
    normalization,
    pooling,
    preprocessing,
    recurrent,
    regularization,
    reshaping,
    serialization,
)
from .activation import *
from .attention import *
from .base import *
from .convolution import *
from .core import *
from .dense import *
from .embedding import *
from .image import *
from .input_spec import *
from .merging import *
from .normalization import *
from .pooling import *
from .preprocessing import *
from .recurrent import *
from .regularization import *
from .reshaping import *
from .serialization import *

# Keras has these and this version does not.
MISSING = (
    "ContrastLimitedAdaptiveHistogramEqualization", "FlaxLayer", "JaxLayer", "MaxNumBoundingBoxes",
    "RandomElasticTransform", "TFSMLayer", "TernaryDense", "TorchModuleWrapper",
)  # fmt: skip


# Layers that run another framework's model inside.
FOREIGN = ("FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper")


def __getattr__(name: str) -> Any:
    if name in FOREIGN:
        raise NotImplementedError(
            f"wh.layers.{name} would need another framework: export the model as ONNX, and use "
            "wh.load_onnx(file), which is a layer"
        )
    if name in MISSING:
        raise NotImplementedError(
            f"wh.layers.{name} is not there yet: subclass wh.layers.Layer and compute it with wh.ops"
        )
    raise AttributeError(f"module 'waterhorse.layers' has no attribute {name!r}")


__all__ = ["Input"]
__all__ += activation.__all__
__all__ += attention.__all__
__all__ += base.__all__
__all__ += convolution.__all__
__all__ += core.__all__
__all__ += dense.__all__
__all__ += embedding.__all__
__all__ += image.__all__
__all__ += input_spec.__all__
__all__ += merging.__all__
__all__ += normalization.__all__
__all__ += pooling.__all__
__all__ += preprocessing.__all__
__all__ += recurrent.__all__
__all__ += regularization.__all__
__all__ += reshaping.__all__
__all__ += serialization.__all__
